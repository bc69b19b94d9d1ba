"""A column of a live table: what it shows, sorts by and means by its colour."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from rich.style import Style

Order = float | str | tuple[float, ...] | None

PLAIN = Style()
LONGS_PAY = Style(color="green")
SHORTS_PAY = Style(color="red")
EXTREME = Style(bold=True)
TROUBLE = Style(color="white", bgcolor="red", bold=True)
LATE = Style(dim=True)

EXTREME_APR = 1.0
"""From 100 % a year up a rate stands out: it pays, or costs, the position within a year."""


class Shown(Protocol):
    """A row of a table."""

    @property
    def key(self) -> tuple[str, ...]:
        """What orders rows that are equal in the column sorted by."""
        ...

    @property
    def names(self) -> set[str]:
        """What the row goes by in a filter, in lower case."""
        ...

    def late(self, now_ms: int) -> bool:
        """Return whether the row is not to be trusted any more, or over: it is drawn dim."""
        ...


R = TypeVar("R", bound=Shown)


@dataclass(frozen=True, kw_only=True)
class Column(Generic[R]):
    """One column.

    `text`, `order` and `style` take the row and now (ms UTC); `order` gives what is sorted by, None for unknown,
    and `ascending` the direction of the first sort. `floor` and `ceiling` bound the width, which follows the
    contents. When the terminal gets narrower, a column with `cut` is first cut down to its floor; then the columns of
    the lowest `rank` go.
    """

    name: str
    title: str
    text: Callable[[R, int], str]
    order: Callable[[R, int], Order]
    style: Callable[[R, int], Style] = lambda *_: PLAIN
    floor: int
    ceiling: int
    rank: int
    left: bool = False
    cut: bool = False
    ascending: bool = False


def by_sign(value: float | None) -> Style:
    """Return the colour of a rate or change: above 0 green, below 0 red."""
    if not value:
        return PLAIN
    return LONGS_PAY if value > 0 else SHORTS_PAY


def by_rate(rate: float | None, apr: float | None) -> Style:
    """Return the colour of a funding rate by its sign, bold where the APR is extreme."""
    return by_sign(rate) + (EXTREME if apr is not None and abs(apr) >= EXTREME_APR else PLAIN)
