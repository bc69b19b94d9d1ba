"""Which rows of the past may be believed (pure): the bounds are those of live values."""

from collections.abc import Iterable

from microstream.model.frame import Reject
from microstream.model.past import AnyPast, PastCandle, PastFunding, PastKind
from microstream.pipeline.check import MAX_CONTRACTS, MAX_PRICE, MAX_RATE

MAX_PREMIUM = 1.0
"""A mark of twice its index, or of nothing: a unit error or garbage."""


def believed(kind: PastKind, rows: Iterable[AnyPast]) -> tuple[list[AnyPast], list[Reject]]:
    """Return the rows that can be true, and why the others cannot."""
    good: list[AnyPast] = []
    rejects: list[Reject] = []
    for row in rows:
        reason = _doubt(kind, row)
        if reason is None:
            good.append(row)
        else:
            rejects.append(Reject(row.symbol, None, reason, f"{row.timestamp}"))
    return good, rejects


def _doubt(kind: PastKind, row: AnyPast) -> str | None:
    if isinstance(row, PastFunding):
        if row.mark_price is not None and not 0 < row.mark_price < MAX_PRICE:
            return "price_out_of_range"
        return None if abs(row.settled_rate) <= MAX_RATE else "rate_out_of_range"
    if isinstance(row, PastCandle):
        return _doubt_candle(kind, row)
    amounts = (row.open_interest, row.open_interest_base, row.open_value)
    known = [amount for amount in amounts if amount is not None]
    return None if all(0 <= amount < MAX_CONTRACTS for amount in known) else "open_interest_out_of_range"


def _doubt_candle(kind: PastKind, row: PastCandle) -> str | None:
    prices = [price for price in (row.open, row.high, row.low, row.close) if price is not None]
    if kind == "premium":
        if not all(abs(price) < MAX_PREMIUM for price in prices):
            return "premium_out_of_range"
    elif not all(0 < price < MAX_PRICE for price in prices):
        return "price_out_of_range"
    if row.high is not None and row.low is not None and not row.low <= min(prices) <= max(prices) <= row.high:
        return "bad_candle"
    return None
