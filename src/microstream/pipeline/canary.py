"""What polls say of values that a stream is in charge of: they compare, and report where the two differ."""

from enum import Enum

from microstream.model.events import (
    AnyEvent,
    FundingRate,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    SpotQuote,
)
from microstream.model.state import State

PRICE = 0.003
"""Prices may be so far apart, as a part: a poll and a push are never of the same moment."""
RATE = 2e-5
OPEN_INTEREST = 0.01
SETTLEMENT_MS = 60_000
IN_A_ROW = 2
"""Polls that must disagree one after the other."""
CACHED_MS = 5_000
"""A reply whose value is so much older than the stream's is no witness."""
STILL, STILL_MS = 3, 15_000
"""Polls that must each say something new while the stream says the same, over at least so long, for it to be frozen."""


Place = tuple[str, Kind]
Pair = tuple[AnyEvent, AnyEvent]
"""What stream and poll said."""


class Finding(Enum):
    """What a comparison has shown."""

    AGREES = "agrees"
    UNSURE = "unsure"
    DISAGREES = "disagrees"
    FROZEN = "frozen"
    """The stream speaks, and says the same again and again, while polls move."""


class Canary:
    """Counts disagreements in a row by contract and kind, and keeps what was compared last; bounded by both."""

    def __init__(self) -> None:
        self._in_a_row: dict[Place, int] = {}
        self._still: dict[Place, tuple[int, int]] = {}
        self._last: dict[Place, Pair] = {}

    def compare(self, state: State, polled: AnyEvent) -> Finding:
        """Compare a polled value with the stream's."""
        own = state.value(polled.kind)
        place = (polled.key, polled.kind)
        if own is None or _is_old(polled, own):
            return Finding.UNSURE
        before = self._last.get(place)
        self._last[place] = (own, polled)
        if before is not None and self._is_still(place, before, (own, polled)):
            return Finding.FROZEN
        if _agree(own, polled):
            self._in_a_row.pop(place, None)
            return Finding.AGREES
        if before is not None and _said(before[1]) == _said(polled) and _said(before[0]) != _said(own):
            return Finding.UNSURE  # it says the same again while the stream has moved: no witness
        count = self._in_a_row[place] = self._in_a_row.get(place, 0) + 1
        return Finding.UNSURE if count < IN_A_ROW else Finding.DISAGREES

    def forget(self, key: str, kind: Kind) -> None:
        """Drop what is known of a value."""
        self._in_a_row.pop((key, kind), None)
        self._still.pop((key, kind), None)
        self._last.pop((key, kind), None)

    def _is_still(self, place: Place, before: Pair, now: Pair) -> bool:
        """Count polls that have moved while the stream has not."""
        if _said(before[0]) != _said(now[0]) or _said(now[0]) == _said(now[1]):
            self._still.pop(place, None)
            return False
        count, since = self._still.get(place, (0, before[1].received_at))
        if _said(before[1]) != _said(now[1]):
            self._still[place] = (count + 1, since)
            return count + 1 >= STILL and now[1].received_at - since >= STILL_MS
        return False


def _is_old(polled: AnyEvent, own: AnyEvent) -> bool:
    return (
        polled.timestamp is not None
        and own.timestamp is not None
        and polled.timestamp < own.timestamp - CACHED_MS
    )


def _said(event: AnyEvent) -> float | None:
    if isinstance(event, FundingRate):
        return event.rate
    if isinstance(event, OpenInterest):
        return event.contracts
    return event.bid if isinstance(event, SpotQuote) else getattr(event, "price", None)


def _agree(own: AnyEvent, polled: AnyEvent) -> bool:
    if isinstance(own, MarkPrice | IndexPrice) and isinstance(polled, MarkPrice | IndexPrice):
        return _near(own.price, polled.price, PRICE)
    if isinstance(own, FundingRate) and isinstance(polled, FundingRate):
        return _same_funding(own, polled)
    if isinstance(own, OpenInterest) and isinstance(polled, OpenInterest):
        return _near(own.contracts, polled.contracts, OPEN_INTEREST)
    if isinstance(own, SpotQuote) and isinstance(polled, SpotQuote):
        return _near(own.bid, polled.bid, PRICE)
    return True


def _same_funding(own: FundingRate, polled: FundingRate) -> bool:
    if own.rate is None or polled.rate is None or own.settles_at is None or polled.settles_at is None:
        return True
    return abs(own.rate - polled.rate) <= RATE and abs(own.settles_at - polled.settles_at) <= SETTLEMENT_MS


def _near(own: float | None, polled: float | None, part: float) -> bool:
    if own is None or polled is None:
        return True
    return abs(own - polled) <= part * max(abs(own), abs(polled))
