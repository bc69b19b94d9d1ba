"""Which values may be believed. A verdict is a reason to keep a value out, or None."""

from collections.abc import Callable

from microstream.model.events import (
    AnyEvent,
    FundingRate,
    FundingSettled,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    SpotQuote,
)
from microstream.model.formulas import inverse_value, linear_value
from microstream.model.frame import EMPTY, LATE
from microstream.model.state import State

MAX_PRICE = 1e12
MAX_RATIO = 3.0
"""Prices of one coin (mark and index; bid, ask and last of spot) further apart than this factor: one is wrong."""
MAX_RATE = 0.25
"""No venue's cap per interval comes near; what is beyond is a unit error or garbage."""
RATE_TOLERANCE = 1e-9
MAX_CONTRACTS = 1e18
MAX_VALUE = 1e12
"""No contract comes near a trillion dollars of open interest; what is beyond is a unit error or garbage."""
JUMP, JUMP_VALUE, JUMP_MS = 100.0, 1e8, 600_000
"""Open interest of 100 million and more does not grow a hundredfold within ten minutes."""
FUTURE_MS = 60_000
MAX_TO_SETTLEMENT_MS = 31 * 24 * 3_600_000

OLDER = "older"
"""The venue answered from an older cache: no news, and no fault of the value."""
SETTLEMENT_PASSED = "settlement_passed"
"""The row still names the settlement that has just happened."""
QUIET = frozenset({OLDER, SETTLEMENT_PASSED, EMPTY, LATE})
"""Reasons that are counted but are no quality event."""


def _price(_state: State, event: MarkPrice | IndexPrice) -> str | None:
    return None if 0 < event.price < MAX_PRICE else "price_out_of_range"


def _funding(state: State, event: FundingRate) -> str | None:
    if event.settles_at is not None:
        if event.timestamp is not None and event.settles_at < event.timestamp:
            return SETTLEMENT_PASSED
        if event.settles_at - event.received_at > MAX_TO_SETTLEMENT_MS:
            return "settlement_out_of_range"
    cap = event.cap if event.cap is not None else state.instrument.rate_cap
    floor = event.floor if event.floor is not None else state.instrument.rate_floor
    return None if event.rate is None else _rate(event.rate, cap, floor)


def _rate(rate: float, cap: float | None, floor: float | None) -> str | None:
    if abs(rate) > MAX_RATE:
        return "rate_out_of_range"
    if cap and rate > cap + RATE_TOLERANCE:
        return "rate_above_cap"
    if floor and rate < floor - RATE_TOLERANCE:
        return "rate_below_floor"
    return None


def limits(state: State, event: FundingRate) -> tuple[float, float]:
    """Return the lowest and the highest rate that is believed beside the terms of `event`."""
    cap = event.cap if event.cap is not None else state.instrument.rate_cap
    floor = event.floor if event.floor is not None else state.instrument.rate_floor
    highest = min(cap + RATE_TOLERANCE, MAX_RATE) if cap else MAX_RATE
    lowest = max(floor - RATE_TOLERANCE, -MAX_RATE) if floor else -MAX_RATE
    return lowest, highest


def _settled(_state: State, event: FundingSettled) -> str | None:
    return _rate(event.rate, None, None)


def _open_interest(state: State, event: OpenInterest) -> str | None:
    for amount in (event.contracts, event.base, event.value):
        if amount is not None and not 0 <= amount < MAX_CONTRACTS:
            return "open_interest_out_of_range"
    worth = _worth(state, event)
    if worth is not None and (worth >= MAX_VALUE or (worth >= JUMP_VALUE and _leapt(state, event))):
        return "open_interest_out_of_range"
    return None


def _worth(state: State, event: OpenInterest) -> float | None:
    """Return about how many units of quote currency (inverse: dollars) an open interest stands for."""
    instrument = state.instrument
    if event.contracts is None or instrument.contract_size is None:
        return event.value
    if instrument.inverse:
        return inverse_value(event.contracts, instrument.contract_size)
    mark = state.mark.price if state.mark else None
    return linear_value(event.contracts * instrument.contract_size, mark)


def _leapt(state: State, event: OpenInterest) -> bool:
    """Return whether open interest is a hundred times what it was a moment ago."""
    last = state.open_interest
    if last is None or not last.contracts or event.contracts is None:
        return False
    return event.contracts > JUMP * last.contracts and event.received_at - last.received_at < JUMP_MS


def _spot(_state: State, event: SpotQuote) -> str | None:
    prices = [price for price in (event.bid, event.ask, event.last) if price is not None]
    if not all(0 < price < MAX_PRICE for price in prices):
        return "price_out_of_range"
    if event.bid is not None and event.ask is not None and event.bid > event.ask:
        return "crossed"
    return None if max(prices) <= MAX_RATIO * min(prices) else "spot_apart"


CHECKS: dict[type[AnyEvent], Callable[..., str | None]] = {
    MarkPrice: _price,
    IndexPrice: _price,
    FundingRate: _funding,
    FundingSettled: _settled,
    OpenInterest: _open_interest,
    SpotQuote: _spot,
}


def check(state: State, event: AnyEvent, last: AnyEvent | None, offset_ms: int) -> str | None:
    """Return why `event` must not be believed, or None.

    `last` is the newest accepted event of the same kind, `offset_ms` by how much the venue's clock is ahead of ours.
    A last value from what is the future by now shows that the venue has set its clock back, not that `event` is old.
    """
    timestamp = event.timestamp
    if timestamp is not None:
        latest = event.received_at + max(offset_ms, 0) + FUTURE_MS
        if timestamp > latest:
            return "time_in_future"
        if last is not None and last.timestamp is not None and timestamp < last.timestamp <= latest:
            return OLDER
    return CHECKS[type(event)](state, event)


def wrong_prices(state: State, mark: AnyEvent | None, index: AnyEvent | None) -> frozenset[Kind]:
    """Return which of a new mark and a new index to keep out because they are too far from each other.

    The one that left its own last value is wrong; without last values nobody can tell, and both are kept out.
    Contracts that are re-denominated move both together, which is no fault.
    """
    new_mark = mark.price if isinstance(mark, MarkPrice) else None
    new_index = index.price if isinstance(index, IndexPrice) else None
    now = max([event.received_at for event in (mark, index) if event is not None])
    last_mark, last_index = state.fresh_mark(now), state.fresh_index(now)
    price = last_mark if new_mark is None else new_mark
    reference = last_index if new_index is None else new_index
    if price is None or reference is None or _near(price, reference):
        return frozenset()
    wrong: set[Kind] = set()
    if new_mark is not None and (last_mark is None or not _near(new_mark, last_mark)):
        wrong.add("mark")
    if new_index is not None and (last_index is None or not _near(new_index, last_index)):
        wrong.add("index")
    return frozenset(wrong)


def _near(price: float, other: float) -> bool:
    return other / MAX_RATIO <= price <= other * MAX_RATIO
