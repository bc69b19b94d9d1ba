"""Page `spreads`: what the best pair of venues of every coin pays, and what it costs."""

from collections.abc import Sequence

from microstream.cli import figures
from microstream.cli.column import Column
from microstream.cli.pages.published import Record
from microstream.cli.pages.signal_page import REASONS, SignalPage, SignalRow, value_column
from microstream.cli.signal_lines import leg
from microstream.cli.signal_values import number, word


class SpreadsPage(SignalPage):
    """The best pair of every coin."""

    name = "spreads"
    about = "best pair of venues per coin; costs of four fills, break-even pro rata and by settlements"
    signal = "funding_spread"
    feeds = ("signal:funding_spread",)
    channels = ("signal:funding_spread:*",)
    needs = "it takes a coin on two venues and a few seconds"
    sort = "apr"

    def columns(self, sort: str) -> Sequence[Column[SignalRow]]:
        """Return the columns."""
        return COLUMNS

    def subject(self, row: SignalRow) -> Record:
        """Return the coin."""
        return {"coin": row.symbol}


def _leg_column(side: str) -> Column[SignalRow]:
    return Column(
        name=side,
        title=side,
        text=lambda row, _: leg(row.signal.values, side),
        order=lambda row, _: word(row.signal.values, side, "exchange"),
        floor=8,
        ceiling=26,
        rank=90,
        left=True,
        ascending=True,
    )


def _break_even_at(row: SignalRow) -> float | None:
    return number(row.signal.values, "break_even_time")


COLUMNS: tuple[Column[SignalRow], ...] = (
    Column(
        name="coin",
        title="coin",
        text=lambda row, _: row.instrument,
        order=lambda row, _: row.instrument,
        floor=6,
        ceiling=14,
        rank=100,
        left=True,
        ascending=True,
    ),
    _leg_column("short"),
    _leg_column("long"),
    value_column("apr", "gross APR", ("gross_apr",), figures.annual, rank=95),
    value_column("costs", "costs", ("costs",), figures.share, rank=70, ascending=True),
    value_column("even", "even in", ("break_even_hours",), figures.hours, rank=80, ascending=True),
    Column(
        name="even_at",
        title="even at UTC",
        text=lambda row, now: figures.moment(_break_even_at(row), now),
        order=lambda row, _: _break_even_at(row),
        floor=11,
        ceiling=11,
        rank=75,
        ascending=True,
    ),
    value_column("net_24h", "net 24h", ("net_return", "24h"), figures.per_cent, rank=85, signed=True),
    value_column("net_168h", "net 168h", ("net_return", "168h"), figures.per_cent, rank=84, signed=True),
    REASONS,
)
