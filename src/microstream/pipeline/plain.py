"""Is a value what is normally heard? Nearly all are, and a look at the last one tells in a microsecond.

A plain value comes the same way as the last one of its kind, is stamped after it and about now, and is near it: then
none of the checks of `check.py` can have anything against it, nothing has recovered or turned stale, and the terms of
a contract are as they were. Whatever is not plain is looked at closely, which may well find that nothing is wrong.
"""

from collections.abc import Callable

from microstream.model.events import (
    AnyEvent,
    FundingRate,
    FundingSettled,
    IndexPrice,
    MarkPrice,
    OpenInterest,
    SpotQuote,
)
from microstream.model.state import State

CLOSER, SAME, NEWS = 0, 1, 2
"""Look closely; it says what the last one said; it says something else."""

LATE_MS = 2_000
"""A stamp that lies further back is looked at closely."""
EARLY_MS = 900
"""A stamp that lies further ahead is looked at closely; a second is a clock skew."""
GAP_MS = 2_500
"""So long after the last one a value may end a silence."""
NEAR = 1.5
"""Factor between a value and the last one: less than what any check minds."""


def _in_order(last: AnyEvent, event: AnyEvent) -> bool:
    """Whether an event follows the last one without anything to notice."""
    now = event.received_at
    if event.source != last.source or not 0 <= now - last.received_at <= GAP_MS:
        return False
    timestamp, before = event.timestamp, last.timestamp
    if timestamp is None or before is None:
        return timestamp is before
    return before <= timestamp and -EARLY_MS <= now - timestamp <= LATE_MS


def _price(last: MarkPrice | IndexPrice | None, event: MarkPrice | IndexPrice) -> int:
    # `_in_order`, written out: most of all values are prices
    if last is None or event.source != last.source:
        return CLOSER
    now, timestamp, before = event.received_at, event.timestamp, last.timestamp
    if timestamp is None or before is None or timestamp < before:
        return CLOSER
    if not (0 <= now - last.received_at <= GAP_MS and -EARLY_MS <= now - timestamp <= LATE_MS):
        return CLOSER
    price, was = event.price, last.price
    if price == was:
        return SAME
    return NEWS if was < price * NEAR and price < was * NEAR else CLOSER


def _mark(state: State, event: MarkPrice) -> int:
    return _price(state.mark, event)


def _index(state: State, event: IndexPrice) -> int:
    return _price(state.index, event)


def _funding(state: State, event: FundingRate) -> int:
    last = state.funding
    if last is None or not _in_order(last, event):
        return CLOSER
    settles_at, rate, before = event.settles_at, event.rate, last.rate
    if (
        settles_at != last.settles_at
        or event.interval_h != last.interval_h
        or event.cap != last.cap
        or event.floor != last.floor
        or settles_at is None
        or settles_at < event.received_at
        or rate is None
        or before is None
    ):
        return CLOSER
    if not state.rate_floor <= rate <= state.rate_cap:
        return CLOSER
    return SAME if rate == before else NEWS


def _settled(state: State, event: FundingSettled) -> int:
    last = state.settled
    if last is None or not _in_order(last, event):
        return CLOSER
    return SAME if event.rate == last.rate and event.settled_at == last.settled_at else CLOSER


def _near(amount: float | None, before: float | None) -> bool:
    if amount is None or before is None:
        return amount is before
    return amount == before or (before < amount * NEAR and amount < before * NEAR and amount < LARGE)


LARGE = 2e11
"""Open interest beyond, in whatever unit, is looked at closely."""


def _open_interest(state: State, event: OpenInterest) -> int:
    last = state.open_interest
    if last is None or not _in_order(last, event):
        return CLOSER
    if event.contracts == last.contracts and event.value == last.value and event.base == last.base:
        return SAME
    near = _near(event.contracts, last.contracts) and _near(event.base, last.base)
    return NEWS if near and _near(event.value, last.value) else CLOSER


def _spot(state: State, event: SpotQuote) -> int:
    last = state.spot
    if last is None or not _in_order(last, event):
        return CLOSER
    bid, ask = event.bid, event.ask
    if bid == last.bid and ask == last.ask and event.last == last.last:
        return SAME
    if bid is None or ask is None or not bid <= ask:
        return CLOSER
    return NEWS if _near(bid, last.bid) and _near(ask, last.ask) and _near(event.last, last.last) else CLOSER


PLAIN: dict[type[AnyEvent], Callable[..., int]] = {
    MarkPrice: _mark,
    IndexPrice: _index,
    FundingRate: _funding,
    FundingSettled: _settled,
    OpenInterest: _open_interest,
    SpotQuote: _spot,
}
