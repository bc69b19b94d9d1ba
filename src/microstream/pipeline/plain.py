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

CLOSER = 0
"""Look closely. Otherwise the value has been taken, and its bit is returned: once if it says what the last one said,
and as news besides, `NEWS_SHIFT` places further up, if it says something else."""
NEWS_SHIFT = 6
HEARD = (1 << NEWS_SHIFT) - 1
"""The bits of what was heard."""

LATE_MS = 2_000
"""A stamp that lies further back is looked at closely."""
EARLY_MS = 900
"""A stamp that lies further ahead is looked at closely; a second is a clock skew."""
GAP_MS = 2_500
"""So long after the last one a value may end a silence."""
NEAR = 1.5
"""Factor between a value and the last one: less than what any check minds."""

_NEW = 1 | 1 << NEWS_SHIFT
_MARK, _NEW_MARK = MarkPrice.bit, MarkPrice.bit * _NEW
_INDEX, _NEW_INDEX = IndexPrice.bit, IndexPrice.bit * _NEW
_FUNDING, _NEW_FUNDING = FundingRate.bit, FundingRate.bit * _NEW
_SETTLED = FundingSettled.bit
_OPEN_INTEREST, _NEW_OPEN_INTEREST = OpenInterest.bit, OpenInterest.bit * _NEW
_SPOT, _NEW_SPOT = SpotQuote.bit, SpotQuote.bit * _NEW


def _in_order(state: State, last: AnyEvent, event: AnyEvent) -> bool:
    """Whether an event follows the last one without anything to notice."""
    now, timestamp, before = event.received_at, event.timestamp, last.timestamp
    if event.source != last.source or not (
        0 <= now - last.received_at <= GAP_MS or _paused(state, last, now)
    ):
        return False
    if timestamp is None or before is None:
        return timestamp is before
    return before <= timestamp and -EARLY_MS <= now - timestamp <= LATE_MS


def _paused(state: State, last: AnyEvent, now: int) -> bool:
    """Whether a longer pause is no silence: the stream's topics speak no more often, and it has been sound since."""
    if last.source != "ws" or now < last.received_at:
        return False
    line = state.lines.get(last.kind)
    if line is None or line.since is None or last.received_at < line.since:
        return False
    return now - last.received_at <= line.deadline_ms


def _mark(state: State, event: MarkPrice) -> int:
    # `_in_order` and `_near`, written out here and in `_index`: most of all values are prices
    last = state.mark
    if last is None or event.source != last.source:
        return CLOSER
    now, timestamp, before = event.received_at, event.timestamp, last.timestamp
    if timestamp is None or before is None or timestamp < before:
        return CLOSER
    if not (-EARLY_MS <= now - timestamp <= LATE_MS and 0 <= now - last.received_at <= GAP_MS):
        return CLOSER
    price, was = event.price, last.price
    if price != was and not (was < price * NEAR and price < was * NEAR):
        return CLOSER
    state.mark = event
    return _MARK if price == was else _NEW_MARK


def _index(state: State, event: IndexPrice) -> int:
    last = state.index
    if last is None or event.source != last.source:
        return CLOSER
    now, timestamp, before = event.received_at, event.timestamp, last.timestamp
    if timestamp is None or before is None or timestamp < before:
        return CLOSER
    if not (-EARLY_MS <= now - timestamp <= LATE_MS and 0 <= now - last.received_at <= GAP_MS):
        return CLOSER
    price, was = event.price, last.price
    if price != was and not (was < price * NEAR and price < was * NEAR):
        return CLOSER
    state.index = event
    return _INDEX if price == was else _NEW_INDEX


def _funding(state: State, event: FundingRate) -> int:
    last = state.funding
    if last is None or not _in_order(state, last, event):
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
    state.funding = event
    return _FUNDING if rate == before else _NEW_FUNDING


def _settled(state: State, event: FundingSettled) -> int:
    last = state.settled
    if last is None or not _in_order(state, last, event):
        return CLOSER
    if event.rate != last.rate or event.settled_at != last.settled_at:
        return CLOSER
    state.settled = event
    return _SETTLED


def _near(amount: float | None, before: float | None) -> bool:
    if amount is None or before is None:
        return amount is before
    return amount == before or (before < amount * NEAR and amount < before * NEAR and amount < LARGE)


LARGE = 2e11
"""Open interest beyond, in whatever unit, is looked at closely."""


def _open_interest(state: State, event: OpenInterest) -> int:
    last = state.open_interest
    if last is None or not _in_order(state, last, event):
        return CLOSER
    if event.contracts == last.contracts and event.value == last.value and event.base == last.base:
        state.open_interest = event
        return _OPEN_INTEREST
    near = _near(event.contracts, last.contracts) and _near(event.base, last.base)
    if not near or not _near(event.value, last.value):
        return CLOSER
    state.open_interest = event
    return _NEW_OPEN_INTEREST


def _spot(state: State, event: SpotQuote) -> int:
    last = state.spot
    if last is None or not _in_order(state, last, event):
        return CLOSER
    bid, ask = event.bid, event.ask
    if bid == last.bid and ask == last.ask and event.last == last.last:
        state.spot = event
        return _SPOT
    if bid is None or ask is None or not bid <= ask:
        return CLOSER
    if not (_near(bid, last.bid) and _near(ask, last.ask) and _near(event.last, last.last)):
        return CLOSER
    state.spot = event
    return _NEW_SPOT


PLAIN: dict[type[AnyEvent], Callable[..., int]] = {
    MarkPrice: _mark,
    IndexPrice: _index,
    FundingRate: _funding,
    FundingSettled: _settled,
    OpenInterest: _open_interest,
    SpotQuote: _spot,
}
