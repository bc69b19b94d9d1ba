"""Contracts of all three venues by their own names, read by the venues' naming rules."""

from collections.abc import Callable

from msgspec.structs import replace

from microstream import venues
from microstream.model.instruments import Instrument

NAMES = {
    "binance": (
        "BTCUSDT",
        "BTCUSDC",
        "ETHUSDT",
        "SOLUSDT",
        "1000PEPEUSDT",
        "1MBABYDOGEUSDT",
        "1INCHUSDT",
        "币安人生USDT",
        "BTCUSDT_270326",
    ),
    "bybit": ("BTCUSDT", "BTCPERP", "ETHUSDT", "SOLUSDT", "10000SATSUSDT", "SHIB1000USDT", "BTCUSDT-26MAR27"),
    "okx": (
        "BTC-USDT-SWAP",
        "BTC-USDC-SWAP",
        "BTC-USD-SWAP",
        "BTC-USD_UM-SWAP",
        "BTC-USD_UM_XPERP-310404",
        "ETH-USDT-SWAP",
        "SOL-USDT-SWAP",
        "PEPE-USDT-SWAP",
        "BTC-USDT-270326",
    ),
}
"""What the venues of the tests list, live; the dated contracts end on 2027-03-26."""

NOON = 1_795_176_000_000
"""2026-11-20 12:00:00 UTC."""

Contract = Callable[..., Instrument]


def contract(venue: str, name: str, **changes: object) -> Instrument:
    """Return a contract by its venue's own name, funding every eight hours, with changes."""
    known = venues.load(venue).guess(name)
    assert known is not None, name
    terms: dict[str, object] = {"funding_interval_hours": 8.0} if known.kind == "perpetual" else {}
    if known.contract_size is None:
        terms["contract_size"] = 100.0 if known.inverse else 0.01
    return replace(known, **{**terms, **changes})


def catalogue() -> list[Instrument]:
    """Return the contracts of `NAMES` and two on stocks."""
    listed = [contract(venue, name) for venue, names in NAMES.items() for name in names]
    return [*listed, contract("binance", "TSLAUSDT", tradfi=True), contract("bybit", "TSLAUSDT", tradfi=True)]
