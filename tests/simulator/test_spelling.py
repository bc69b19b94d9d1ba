"""How venues write numbers: decimals, zeros, exact products."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream_sim.coins import coin
from microstream_sim.contracts import Contract, decimal_text, step_text, trimmed, with_decimals
from microstream_sim.spelling import cap_text, open_interest_text, price_text, rate_text

_BTC = with_decimals(
    Contract(
        venue="okx", symbol="BTC-USDT-SWAP", kind="perpetual", coin=coin("BTC"), quote="USDT", settle="USDT",
        status="live", live=True, contract_size=Decimal("0.01"),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("venue", "rate", "text"),
    [
        ("binance", 0.0001, "0.00010000"),
        ("binance", -1e-12, "0.00000000"),
        ("bybit", 0.0001, "0.0001"),
        ("bybit", -1e-12, "0"),
        ("bybit", -0.00291, "-0.00291"),
        ("okx", 0.0000182221218054, "0.0000182221218054"),
    ],
)
def test_rates(venue: str, rate: float, text: str) -> None:
    """Each venue has its own decimals, and zero has no sign."""
    assert rate_text(venue, rate) == text


def test_prices_and_caps() -> None:
    """Binance eight decimals, Bybit the tick's, OKX the tick's without zeros."""
    assert price_text(replace(_BTC, venue="binance"), 64280.0) == "64280.00000000"
    assert price_text(replace(_BTC, venue="bybit"), 64280.0) == "64280.0"
    assert price_text(_BTC, 64280.0) == "64280"
    assert (cap_text("binance", Decimal("0.02")), cap_text("okx", Decimal("0.00375"))) == (
        "0.02000000",
        "0.00375",
    )


@given(st.floats(-1e9, 1e9), st.integers(0, 14))
def test_trimmed_is_plain_and_near(value: float, decimals: int) -> None:
    """No exponent, no trailing zeros, no signed zero, and off by half a step at most."""
    text = trimmed(value, decimals)
    assert re.fullmatch(r"-?\d+(\.\d*[1-9])?", text)
    assert text != "-0"
    assert abs(Decimal(text) - Decimal(value)) <= Decimal(step_text(decimals)) / 2


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**12), max_value=10**12))
def test_decimal_text_is_exact(value: Decimal) -> None:
    """A decimal survives its spelling."""
    assert Decimal(decimal_text(value)) == value


@given(units=st.floats(0.001, 1e7), mark=st.floats(1.0, 1e6))
def test_open_interest_of_okx_is_exact(units: float, mark: float) -> None:
    """Coins are contracts times contract value to the last digit; dollars follow from the mark shown."""
    text = open_interest_text(_BTC, units, mark)
    coins = Decimal(text.venue) * Decimal("0.01")
    assert Decimal(text.coins) == coins
    assert text.usd is not None
    assert Decimal(text.usd) == round(coins * Decimal(price_text(_BTC, mark)), 12)


@given(units=st.floats(0.01, 1e7), mark=st.floats(1.0, 1e6))
def test_open_interest_of_bybit_counts_both_sides(units: float, mark: float) -> None:
    """The main field is exactly twice the single one, on linear and on inverse contracts."""
    linear = replace(_BTC, venue="bybit", multiplier=1000)
    text = open_interest_text(linear, units, mark)
    assert Decimal(text.venue) == 2 * Decimal(text.single)
    assert Decimal(text.coins) == 1000 * Decimal(text.single)
    inverse = open_interest_text(replace(linear, inverse=True, multiplier=1), units, mark)
    assert Decimal(inverse.venue) == 2 * Decimal(inverse.single)
    assert inverse.usd == inverse.single
