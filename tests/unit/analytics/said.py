"""Messages of one contract, as the service publishes them."""

from typing import Any

from microstream.model.messages import (
    FundingMessage,
    InstrumentMessage,
    MarkPriceMessage,
    OpenInterestMessage,
)

NOON = 1_795_608_000_000
"""2026-11-25T12:00:00Z: every timeframe up to twelve hours begins here."""


def mark_price(at: int, mark: float | None, index: float | None = None, **keys: Any) -> MarkPriceMessage:
    """Return a mark stamped and received at a time."""
    basis_bps = None if mark is None or index is None else (mark - index) / index * 10_000
    values = {"basis": None, "basis_bps": basis_bps, "index_timestamp": at} | keys
    return MarkPriceMessage(**_head(at, values), mark_price=mark, index_price=index, **values)


def funding(at: int, rate: float | None, **keys: Any) -> FundingMessage:
    """Return a rate stamped and received at a time, to be paid every eight hours."""
    names = (
        "funding_rate_pct funding_rate_8h funding_apr next_funding_time settled_rate settled_time"
        " rate_cap rate_floor mark_price index_price"
    )
    values = dict.fromkeys(names.split()) | {"funding_interval_hours": 8.0} | keys
    head = _head(at, values)
    return FundingMessage(**head, funding_rate=rate, **values)


def open_interest(
    at: int, base: float | None, value: float | None = None, **keys: Any
) -> OpenInterestMessage:
    """Return open interest stamped and received at a time."""
    return OpenInterestMessage(
        **_head(at, keys),
        open_interest=base,
        open_interest_base=base,
        open_value=value,
        open_value_ccy="USD",
        open_value_source="venue",
    )


def instrument(**keys: Any) -> InstrumentMessage:
    """Return the registry's row of a live perpetual."""
    row: dict[str, Any] = {
        "base": "SOL",
        "quote": "USDT",
        "settle": "USDT",
        "kind": "perpetual",
        "multiplier": 1.0,
        "contract_size": 1.0,
        "tick_size": 0.01,
        "funding_interval_hours": 8.0,
        "rate_cap": 0.003,
        "rate_floor": -0.003,
        "status": "live",
        "listed_at": None,
        "delisted_at": None,
        "changed": {},
    }
    row |= keys
    return InstrumentMessage(**_head(NOON, row), **row)


def _head(at: int, keys: dict[str, Any]) -> dict[str, Any]:
    """Return the common keys, and take those that are among the others out of them."""
    head: dict[str, Any] = {
        "v": 1,
        "exchange": "bybit",
        "symbol": "solusdt",
        "instrument": "SOL/USDT:USDT",
        "timestamp": at,
        "received_at": at,
        "source": "ws",
        "run": 0,
        "seq": 0,
        "flags": (),
    }
    return {key: keys.pop(key, value) for key, value in head.items()}
