"""The columns of the live table: what each shows, sorts by and means by its colour."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.style import Style

from microstream.cli import figures
from microstream.cli.board import EXTREME_APR, Row

Order = float | str | None

PLAIN = Style()
LONGS_PAY = Style(color="green")
SHORTS_PAY = Style(color="red")
EXTREME = Style(bold=True)
TROUBLE = Style(color="white", bgcolor="red", bold=True)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    `text` and `order` take the row and now (ms UTC); `order` gives what is sorted by, None for unknown, and
    `ascending` the direction of the first sort. `floor` and `ceiling` bound the width, which follows the
    contents. `rank` says how long the column stays when the terminal gets narrower: the lowest goes first.
    """

    name: str
    title: str
    text: Callable[[Row, int], str]
    order: Callable[[Row, int], Order]
    style: Callable[[Row], Style] = lambda _: PLAIN
    floor: int
    ceiling: int
    rank: int
    left: bool = False
    ascending: bool = False


def _signed(value: float | None) -> Style:
    if not value:
        return PLAIN
    return LONGS_PAY if value > 0 else SHORTS_PAY


def _rate_style(row: Row) -> Style:
    apr = row.funding.funding_apr
    return _signed(row.funding.funding_rate) + (
        EXTREME if apr is not None and abs(apr) >= EXTREME_APR else PLAIN
    )


def _flag_style(row: Row) -> Style:
    return TROUBLE if set(row.flags) - {"recovered"} else PLAIN


COLUMNS = (
    Column(
        name="instrument",
        title="instrument",
        text=lambda row, _: row.instrument,
        order=lambda row, _: row.instrument,
        floor=10,
        ceiling=24,
        rank=12,
        left=True,
        ascending=True,
    ),
    Column(
        name="venue",
        title="venue",
        text=lambda row, _: row.exchange,
        order=lambda row, _: row.exchange,
        floor=5,
        ceiling=8,
        rank=11,
        left=True,
        ascending=True,
    ),
    Column(
        name="rate",
        title="rate",
        text=lambda row, _: figures.per_cent(row.funding.funding_rate),
        order=lambda row, _: row.funding.funding_rate,
        style=_rate_style,
        floor=8,
        ceiling=9,
        rank=10,
    ),
    Column(
        name="per",
        title="per",
        text=lambda row, _: figures.interval(row.funding.funding_interval_hours),
        order=lambda row, _: row.funding.funding_interval_hours,
        floor=3,
        ceiling=4,
        rank=5,
    ),
    Column(
        name="apr",
        title="APR",
        text=lambda row, _: figures.annual(row.funding.funding_apr),
        order=lambda row, _: row.funding.funding_apr,
        style=_rate_style,
        floor=7,
        ceiling=9,
        rank=9,
    ),
    Column(
        name="next",
        title="next",
        text=lambda row, now: figures.countdown(row.funding.next_funding_time, now),
        order=lambda row, _: row.funding.next_funding_time,
        floor=7,
        ceiling=8,
        rank=4,
        ascending=True,
    ),
    Column(
        name="mark",
        title="mark",
        text=lambda row, _: figures.price(row.prices.mark_price),
        order=lambda row, _: row.prices.mark_price,
        floor=8,
        ceiling=13,
        rank=8,
    ),
    Column(
        name="index",
        title="index",
        text=lambda row, _: figures.price(row.prices.index_price),
        order=lambda row, _: row.prices.index_price,
        floor=8,
        ceiling=13,
        rank=1,
    ),
    Column(
        name="basis",
        title="basis",
        text=lambda row, _: figures.basis_points(row.mark_price.basis_bps),
        order=lambda row, _: row.mark_price.basis_bps,
        floor=6,
        ceiling=8,
        rank=2,
    ),
    Column(
        name="oi",
        title="OI $",
        text=lambda row, _: figures.amount(row.oi.open_value),
        order=lambda row, _: row.oi.open_value,
        floor=6,
        ceiling=7,
        rank=7,
    ),
    Column(
        name="age",
        title="age",
        text=lambda row, now: figures.age(row.received_at, now),
        order=lambda row, now: None if row.received_at is None else now - row.received_at,
        floor=4,
        ceiling=4,
        rank=3,
    ),
    Column(
        name="flags",
        title="flags",
        text=lambda row, _: " ".join(row.flags),
        order=lambda row, _: " ".join(row.flags) or None,
        style=_flag_style,
        floor=5,
        ceiling=22,
        rank=6,
        left=True,
        ascending=True,
    ),
)
