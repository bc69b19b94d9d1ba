"""The columns of the table of contracts."""

from rich.style import Style

from microstream.cli import figures
from microstream.cli.board import Row
from microstream.cli.column import PLAIN, TROUBLE, Column, by_rate


def _rate_style(row: Row, _: int) -> Style:
    return by_rate(row.funding.funding_rate, row.funding.funding_apr)


def _flag_style(row: Row, _: int) -> Style:
    return TROUBLE if set(row.flags) - {"recovered"} else PLAIN


COLUMNS: tuple[Column[Row], ...] = (
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
