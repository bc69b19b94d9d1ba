"""Values that are confirmed again and again and never move, while the market's others do."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from microstream.model.events import AnyEvent, Kind, OpenInterest
from microstream.model.state import State

WATCHED: tuple[Kind, ...] = ("mark", "index")
"""Kinds that move all the time while a market lives. Funding rates rest at their base rate, open interest by night."""
SHORTEST_MS = 30_000
UNTRIED_MS = 300_000
"""For a value that has never been seen to move."""
PAUSES = 10
"""Times the longest pause that the value itself has made lately."""
FADES = 20
LIVELY_MS = 15_000
LIVELY_PAUSES = 2
"""A value that has moved so lately, or within so many of its own pauses, is lively."""
LIVELY = 0.5
"""Part of a venue's values of the kind that must be lively: the market's others."""
HEARD_MS = 30_000
"""A value that is not confirmed for so long, or for the age at which it is stale, is not frozen."""

Judged = Callable[[State, Kind, bool, int, int], None]
"""Told state, kind, whether it is frozen now, since when, and the time."""


class Sample(Struct):
    """A value as it was seen last: when it last moved, and about the longest pause between two moves.

    `still_from` is since when it has been confirmed without moving: what nobody confirms does not rest.
    """

    said: float | None
    moved_at: int
    still_from: int
    pause_ms: int = 0
    has_moved: bool = False
    frozen: bool = False
    unheard: bool = False


class Frozen:
    """Looks at every watched value once a second; bounded by contracts and kinds."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._samples: dict[tuple[str, Kind], Sample] = {}

    def tick(self, states: Iterable[State], now: int) -> None:
        """Compare all values with what they were; `states` are those of one venue."""
        for kind in WATCHED:
            seen: list[tuple[State, Sample]] = []
            lively = 0
            for state in states:
                event = state.value(kind)
                if event is None:
                    continue
                if state.instrument.status != "live":
                    self._rest(event, now)
                    continue
                sample = self._look(event, now)
                lively += sample.has_moved and now - sample.moved_at <= max(
                    LIVELY_MS, LIVELY_PAUSES * sample.pause_ms
                )
                seen.append((state, sample))
            if seen:
                self._judge(kind, seen, lively, now)

    def forget(self, key: str) -> None:
        """Drop what is known of a contract."""
        for kind in WATCHED:
            self._samples.pop((key, kind), None)

    def _rest(self, event: AnyEvent, now: int) -> None:
        """Let a value be that nobody has to confirm now."""
        sample = self._samples.get((event.key, event.kind))
        if sample is not None and not sample.frozen:
            sample.still_from = now

    def _look(self, event: AnyEvent, now: int) -> Sample:
        said = _said(event)
        sample = self._samples.get((event.key, event.kind))
        if sample is None:
            sample = self._samples[event.key, event.kind] = Sample(said, now, now)
        elif sample.said != said:
            sample.pause_ms = max(now - sample.still_from, sample.pause_ms - sample.pause_ms // FADES)
            sample.said, sample.moved_at, sample.has_moved = said, now, True
            sample.still_from = now
        return sample

    def _judge(self, kind: Kind, seen: list[tuple[State, Sample]], lively: int, now: int) -> None:
        market_moves = len(seen) > 1 and lively >= LIVELY * len(seen)
        for state, sample in seen:
            still_ms = now - sample.still_from
            if sample.frozen:
                if still_ms < SHORTEST_MS:
                    sample.frozen = False
                    sample.pause_ms = 0
                    self._judged(state, kind, False, sample.moved_at, now)
            elif still_ms >= SHORTEST_MS or sample.unheard:
                event = state.value(kind)
                heard_at = 0 if event is None else _heard_at(state, event)
                sample.unheard = now - heard_at > _life_ms(state)
                if sample.unheard:
                    sample.still_from = now
                elif market_moves and _is_frozen(sample, heard_at - sample.still_from):
                    sample.frozen = True
                    self._judged(state, kind, True, sample.still_from, now)


def _is_frozen(sample: Sample, still_ms: int) -> bool:
    if not sample.has_moved:
        return still_ms >= UNTRIED_MS
    return still_ms >= max(SHORTEST_MS, PAUSES * sample.pause_ms)


def _heard_at(state: State, event: AnyEvent) -> int:
    line = state.lines.get(event.kind)
    if line is not None and line.whole and line.vouches(event.received_at, line.heard_at):
        return line.heard_at
    return event.received_at


def _life_ms(state: State) -> int:
    upkeep = state.upkeep.get("mark_price")
    return HEARD_MS if upkeep is None else max(HEARD_MS, upkeep.max_age_ms)


def _said(event: AnyEvent) -> float | None:
    if isinstance(event, OpenInterest):
        return event.contracts
    return getattr(event, "price", None)
