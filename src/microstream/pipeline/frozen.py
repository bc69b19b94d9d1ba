"""Values that are confirmed again and again and never move, while the market's others do."""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

from msgspec import Struct

from microstream.model.events import AnyEvent, IndexPrice, Kind, MarkPrice
from microstream.model.state import PORTION, State

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

    said: float
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
        self._samples: dict[Kind, dict[str, Sample]] = {kind: {} for kind in WATCHED}

    def forget(self, key: str) -> None:
        """Drop what is known of a contract."""
        for samples in self._samples.values():
            samples.pop(key, None)

    def ticking(self, kind: Kind, states: Iterable[State], now: int) -> Iterator[None]:
        """Compare all values of a watched kind with what they were; `states` are those of one venue."""
        samples, value = self._samples[kind], attrgetter(kind)
        resting: list[tuple[State, AnyEvent, Sample]] = []
        count = lively = 0
        for number, state in enumerate(states, 1):
            if number % PORTION == 0:
                yield
            event: MarkPrice | IndexPrice | None = value(state)
            if event is None or state.gone:
                continue
            sample = samples.get(event.key)
            if sample is None:
                sample = samples[event.key] = Sample(event.price, now, now)
            if state.instrument.status != "live":
                _rest(sample, now)
                continue
            if sample.said != event.price:
                _move(sample, event.price, now)
            count += 1
            if sample.has_moved:
                moved_ms = now - sample.moved_at
                lively += moved_ms <= LIVELY_MS or moved_ms <= LIVELY_PAUSES * sample.pause_ms
            if sample.frozen or sample.unheard or now - sample.still_from >= SHORTEST_MS:
                resting.append((state, event, sample))
        market_moves = count > 1 and lively >= LIVELY * count
        for state, still, sample in resting:
            if state.gone or value(state) is not still:  # it may have moved since it was looked at
                continue
            self._judge(state, still, sample, now, market_moves=market_moves)
        yield

    def _judge(self, state: State, event: AnyEvent, sample: Sample, now: int, *, market_moves: bool) -> None:
        if sample.frozen:
            if now - sample.still_from < SHORTEST_MS:
                sample.frozen = False
                sample.pause_ms = 0
                self._judged(state, event.kind, False, sample.moved_at, now)
            return
        heard_at = _heard_at(state, event)
        sample.unheard = now - heard_at > _life_ms(state)
        if sample.unheard:
            sample.still_from = now
        elif market_moves and _is_frozen(sample, heard_at - sample.still_from):
            sample.frozen = True
            self._judged(state, event.kind, True, sample.still_from, now)


def _rest(sample: Sample, now: int) -> None:
    """Let a value be that nobody has to confirm now."""
    if not sample.frozen:
        sample.still_from = now


def _move(sample: Sample, price: float, now: int) -> None:
    sample.pause_ms = max(now - sample.still_from, sample.pause_ms - sample.pause_ms // FADES)
    sample.said, sample.has_moved = price, True
    sample.moved_at = sample.still_from = now


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
