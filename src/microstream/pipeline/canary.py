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
BEHIND_MS = 3_000
"""A stream whose last frame is so much older than the reply is behind it."""


class Finding(Enum):
    """What a comparison has shown."""

    AGREES = "agrees"
    UNSURE = "unsure"
    DISAGREES = "disagrees"
    BEHIND = "behind"
    """The stream is confirmed and has kept a change back."""


class Canary:
    """Counts disagreements in a row by contract and kind, and keeps what was compared last; bounded by both."""

    def __init__(self) -> None:
        self._in_a_row: dict[tuple[str, Kind], int] = {}
        self._last: dict[tuple[str, Kind], tuple[AnyEvent, AnyEvent]] = {}

    def compare(self, state: State, polled: AnyEvent) -> Finding:
        """Compare a polled value with the stream's."""
        own = state.value(polled.kind)
        place = (polled.key, polled.kind)
        if own is None or _is_old(polled, own):
            return Finding.UNSURE
        if _agree(own, polled):
            self.forget(*place)
            return Finding.AGREES
        if not self._is_witness(own, polled):
            return Finding.UNSURE
        count = self._in_a_row[place] = self._in_a_row.get(place, 0) + 1
        if count < IN_A_ROW:
            return Finding.UNSURE
        line = state.lines[polled.kind]
        heard_at = line.heard_at if line.whole else own.received_at
        return Finding.BEHIND if polled.received_at - heard_at > BEHIND_MS else Finding.DISAGREES

    def forget(self, key: str, kind: Kind) -> None:
        """Drop what is known of a value."""
        self._in_a_row.pop((key, kind), None)
        self._last.pop((key, kind), None)

    def _is_witness(self, own: AnyEvent, polled: AnyEvent) -> bool:
        """Whether a poll may speak against a stream: not if it says the same again while the stream has moved."""
        place = (polled.key, polled.kind)
        before = self._last.get(place)
        self._last[place] = (own, polled)
        return before is None or _said(before[1]) != _said(polled) or _said(before[0]) == _said(own)


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
