"""Arithmetic that must hold for any numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.model import formulas

RATES = st.floats(-0.25, 0.25)
HOURS = st.sampled_from([1.0, 2.0, 4.0, 6.0, 8.0])
PRICES = st.floats(1e-9, 1e7)
AMOUNTS = st.floats(0.0, 1e12)


@given(RATES, HOURS)
def test_rates_of_any_interval_agree(rate: float, hours: float) -> None:
    """A year has 1095 times eight hours."""
    rate_8h, apr = formulas.funding_rate_8h(rate, hours), formulas.funding_apr(rate, hours)
    assert rate_8h is not None
    assert apr == pytest.approx(rate_8h * 1095, rel=1e-12, abs=1e-300)


@given(PRICES, PRICES)
def test_basis_and_its_relative_agree(mark: float, index: float) -> None:
    """The relative basis has the sign of the basis and is one of the index."""
    basis, bps = formulas.basis(mark, index), formulas.basis_bps(mark, index)
    assert basis == mark - index
    assert bps == pytest.approx(basis / index * 1e4, rel=1e-9)


@given(AMOUNTS, st.sampled_from([0.001, 0.01, 1.0, 10.0, 1e7]), st.sampled_from([1.0, 1000.0, 1e6]), PRICES)
def test_value_is_coins_times_price_of_a_coin(
    contracts: float, size: float, multiplier: float, mark: float
) -> None:
    """Whatever the contract size and the multiplier."""
    coins = formulas.coins(contracts, size, multiplier)
    value = formulas.linear_value(contracts * size, mark)
    assert coins is not None
    assert value == pytest.approx(coins * (mark / multiplier), rel=1e-9)


@given(AMOUNTS, st.sampled_from([10.0, 100.0]), PRICES)
def test_inverse_coins_are_worth_their_dollars(contracts: float, size: float, mark: float) -> None:
    """Coins times mark is the dollar value again."""
    value = formulas.inverse_value(contracts, size)
    coins = formulas.inverse_coins(value, mark)
    assert coins is not None
    assert coins * mark == pytest.approx(value, rel=1e-9, abs=1e-300)
