"""Contracts: names, keys and what means anything when."""

import pytest
from tests.unit.model.contracts import contract

from microstream.model.instruments import REGISTRY_KEYS, unified


def test_both_names() -> None:
    """The venue's own name without case and `-SWAP`, and the cross-venue one."""
    item = contract("okx", "SOL-USDT-SWAP")
    assert (item.symbol, item.instrument, item.key) == ("sol-usdt", "SOL/USDT:USDT", "okx:sol-usdt")


@pytest.mark.parametrize(
    ("venue", "name", "instrument", "multiplier"),
    [
        ("binance", "1000PEPEUSDT", "PEPE/USDT:USDT", 1000.0),
        ("binance", "1MBABYDOGEUSDT", "BABYDOGE/USDT:USDT", 1e6),
        ("binance", "1INCHUSDT", "1INCH/USDT:USDT", 1.0),
        ("binance", "BTCUSDT_270326", "BTC/USDT:USDT-270326", 1.0),
        ("binance", "币安人生USDT", "币安人生/USDT:USDT", 1.0),
        ("bybit", "BTCPERP", "BTC/USDC:USDC", 1.0),
        ("bybit", "SHIB1000USDT", "SHIB/USDT:USDT", 1000.0),
        ("bybit", "BTCUSDT-26MAR27", "BTC/USDT:USDT-270326", 1.0),
        ("okx", "BTC-USD-SWAP", "BTC/USD:BTC", 1.0),
        ("okx", "BTC-USD_UM-SWAP", "BTC/USD:USD", 1.0),
        ("okx", "BTC-USD_UM_XPERP-310404", "BTC/USD:USD-310404", 1.0),
    ],
)
def test_cross_venue_names(venue: str, name: str, instrument: str, multiplier: float) -> None:
    """The field's notation; a multiplier contract keeps its unit coin."""
    item = contract(venue, name)
    assert (item.instrument, item.multiplier) == (instrument, multiplier)


def test_unified_names() -> None:
    """Linear, inverse and dated."""
    assert unified("SOL", "USDT", "USDT") == "SOL/USDT:USDT"
    assert unified("BTC", "USD", "BTC") == "BTC/USD:BTC"
    assert unified("BTC", "USDT", "USDT", "270326") == "BTC/USDT:USDT-270326"


@pytest.mark.parametrize(
    ("status", "priced", "funds"),
    [
        ("live", True, True),
        ("prelaunch", True, False),
        ("suspended", False, False),
        ("settling", False, False),
        ("delisted", False, False),
    ],
)
def test_what_a_status_means(status: str, priced: bool, funds: bool) -> None:
    """Only a live perpetual funds; prices are heard from its pre-launch on."""
    item = contract("bybit", "SOLUSDT", status=status)
    assert (item.priced, item.funds) == (priced, funds)


def test_dated_contracts_never_fund() -> None:
    """They are priced all the same; X-Perps have a date and fund."""
    dated, x_perp = contract("bybit", "BTCUSDT-26MAR27"), contract("okx", "BTC-USD_UM_XPERP-310404")
    assert (dated.priced, dated.funds) == (True, False)
    assert x_perp.funds


def test_the_registry_row_is_the_documented_one() -> None:
    """Section 3 of the contract, family `instrument`."""
    assert REGISTRY_KEYS == (
        "base",
        "quote",
        "settle",
        "kind",
        "multiplier",
        "contract_size",
        "tick_size",
        "funding_interval_hours",
        "rate_cap",
        "rate_floor",
        "status",
        "listed_at",
        "delisted_at",
    )
