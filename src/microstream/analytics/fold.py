"""Folding: what a value did within a piece of time, and longer pieces made of shorter ones. Pure."""

from collections.abc import Sequence

from microstream.model.events import Source

FIELDS = ("mark", "index", "basis_bps", "funding_rate", "open_interest", "open_value")
"""The values of a bar, in the order of its keys."""

Cell = tuple[float, float, float, float, int, int]
"""Open, high, low, close, samples, and the venue's time of the newest value in it (ms UTC)."""
Cells = Sequence[Cell | None]
"""A cell for each of `FIELDS`; None where nothing was known."""


class Fold:
    """A bar in the making: the fold of the closed shorter bars that it has met so far.

    `live_ms` is how long everything was live, `late` counts samples that came too late, `received_at` and `source` are
    those of the newest message behind it.
    """

    __slots__ = ("cells", "late", "live_ms", "open_time", "received_at", "source")

    def __init__(self, open_time: int) -> None:
        self.open_time = open_time
        self.cells: list[Cell | None] = [None] * len(FIELDS)
        self.live_ms = 0
        self.late = 0
        self.received_at = 0
        self.source: Source = "ws"

    def add(self, shorter: "Fold") -> None:
        """Take in the bar that follows."""
        self.cells = list(map(joined, self.cells, shorter.cells))
        self.live_ms += shorter.live_ms
        self.late += shorter.late
        if shorter.received_at >= self.received_at:
            self.received_at, self.source = shorter.received_at, shorter.source


def joined(first: Cell | None, second: Cell | None) -> Cell | None:
    """Return what a value did in two pieces of time that follow one another."""
    if first is None or second is None:
        return first or second
    opening, high, low, _, count, _ = first
    _, other_high, other_low, closing, other_count, at = second
    return (
        opening,
        other_high if other_high > high else high,
        other_low if other_low < low else low,
        closing,
        count + other_count,
        at,
    )
