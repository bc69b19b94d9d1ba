"""Folding: what a value did within a piece of time, and longer pieces made of shorter ones. Pure.

Nothing here is tracked by the garbage collector: a second of the full market makes ten thousand of these.
"""

from msgspec import Struct

from microstream.model.events import Source

FIELDS = ("mark", "index", "basis_bps", "funding_rate", "open_interest", "open_value")
"""The values of a bar, in the order of its keys."""


class Cell(Struct, gc=False):
    """What one value did; `at` is the venue's time of the newest sample, in it or before it (ms UTC)."""

    open: float
    high: float
    low: float
    close: float
    samples: int
    at: int


class Fold(Struct, gc=False):
    """A bar in the making: the fold of the closed shorter bars that it has met so far.

    `cells` has one for each of `FIELDS`, None where nothing was known. `live_ms` is how long everything was live,
    `late` counts samples that came too late, `received_at` and `source` are those of the newest message behind it.
    """

    open_time: int
    cells: list[Cell | None]
    live_ms: int = 0
    late: int = 0
    received_at: int = 0
    source: Source = "ws"

    def add(self, shorter: "Fold") -> None:
        """Take in the bar that follows."""
        self.cells = list(map(joined, self.cells, shorter.cells))
        self.live_ms += shorter.live_ms
        self.late += shorter.late
        if shorter.received_at >= self.received_at:
            self.received_at, self.source = shorter.received_at, shorter.source


def empty(open_time: int) -> Fold:
    """Return the fold of nothing."""
    return Fold(open_time, [None] * len(FIELDS))


def joined(first: Cell | None, second: Cell | None) -> Cell | None:
    """Return what a value did in two pieces of time that follow one another."""
    if first is None or second is None:
        return first or second
    return Cell(
        first.open,
        second.high if second.high > first.high else first.high,
        second.low if second.low < first.low else first.low,
        second.close,
        first.samples + second.samples,
        second.at,
    )
