"""Which columns fit beside one another, and how wide each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from microstream.cli.column import Column

WIDE_GAP = 2
GAP = 1
LEAST_RANKS = 3
"""Columns up to this rank go before names are shortened."""

SHORTEST_NAME = 14
"""Room for `BTC/USDT:USDT`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns from left to right with their widths, and the blanks between two of them."""

    columns: tuple[tuple[Column[Any], int], ...]
    gap: int

    def width(self) -> int:
        """Return the width of a line."""
        return sum(width for _, width in self.columns) + self.gap * (len(self.columns) - 1)

    def column_at(self, x: int) -> Column[Any] | None:
        """Return the column that a place on the line belongs to."""
        right = 0
        for column, width in self.columns:
            right += width + self.gap
            if x < right:
                return column
        return None


def arrange(columns: Sequence[Column[Any]], widths: Mapping[str, int], available: int) -> Layout:
    """Return the layout of as many columns as fit, those of the lowest rank left out.

    `widths` has the wanted width of every column by its name. What may be cut is cut first; long names are shortened
    before columns that matter go. Columns of one rank go together.
    """
    chosen = [(column, column.floor if column.cut else widths[column.name]) for column in columns]
    if (wide := Layout(tuple(chosen), WIDE_GAP)).width() <= available:
        return _stretched(wide, widths, available)
    while (layout := Layout(tuple(chosen), GAP)).width() > available and len(chosen) > 1:
        least = min(chosen, key=lambda pair: pair[0].rank)
        name, width = chosen[0]
        shorter = width - (layout.width() - available)
        if least[0].rank > LEAST_RANKS and shorter >= SHORTEST_NAME:
            chosen[0] = (name, shorter)
        else:
            chosen = [pair for pair in chosen if pair[0].rank > least[0].rank] or chosen[:1]
    return _stretched(layout, widths, available)


def _stretched(layout: Layout, widths: Mapping[str, int], available: int) -> Layout:
    """Return the layout with the columns that were cut as wide as there is room."""
    room = max(available - layout.width(), 0)
    columns = []
    for column, width in layout.columns:
        more = min(room, widths[column.name] - width) if column.cut else 0
        room -= more
        columns.append((column, width + more))
    return Layout(tuple(columns), layout.gap)
