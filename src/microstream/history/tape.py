"""Reads what was published in a span, in its original order, a bounded piece at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import polars as pl

from microstream.history.published import COLUMNS
from microstream.history.store import Store
from microstream.history.tables import Table
from microstream.model.channels import Channel, channel
from microstream.model.messages import InstrumentMessage, Message
from microstream.model.past import Span

ORDER = ("instrument", "quality", "funding", "mark_price", "oi", "spot", "bars", "signal", "alert")
"""Which family goes first where the ids of entries are equal: what others are made of before these."""
ROWS = 200_000
"""Rows of one piece: 100 to 200 MB while it is worked on. A minute with more is read whole."""
CHUNK = 4_000
"""Rows that are made into messages at a time: some 20 ms."""
MINUTE_MS = 60_000

Wants = Callable[[str, str, str | None], bool]
"""Whether a contract is wanted: exchange, symbol, instrument."""

_OWNERS = {
    "bars": pl.concat_str(["exchange", "timeframe"], separator=":"),
    "signal": pl.col("name"),
    "alert": pl.col("rule"),
}
_KEY = ["written_at", "entry", "rank", "owner", "place"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream: when it was written (ms UTC), and what it said in the order of its fields."""

    written_at: int
    messages: Sequence[tuple[Channel, Message]]


class Piece(NamedTuple):
    """The rows of a part of the span, by family, and their order."""

    frames: Mapping[str, pl.DataFrame]
    order: pl.DataFrame

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in their order."""
        known: dict[tuple[str, str, str], Channel] = {}
        key: tuple[Any, ...] = ()
        messages: list[tuple[Channel, Message]] = []
        for row, message in self._messages():
            written_at, entry, rank, owner, item = row
            family = ORDER[rank]
            where = known.get((family, owner, item))
            if where is None:
                where = known[family, owner, item] = channel(family, owner, item)
            if key != (written_at, entry, where.group):
                if messages:
                    yield Entry(key[0], messages)
                key, messages = (written_at, entry, where.group), []
            messages.append((where, message))
        if messages:
            yield Entry(key[0], messages)

    def _messages(self) -> Iterator[tuple[Any, Message]]:
        """Yield place and message of every row, made from a bounded number of rows at a time."""
        for chunk in self.order.iter_slices(CHUNK):
            made = {}
            for [rank], rows in chunk.partition_by("rank", as_dict=True).items():
                family = ORDER[rank]
                chosen = self.frames[family][rows["row"]]
                made[rank] = iter(COLUMNS[family].structs(chosen))
            for row in chunk.select("written_at", "entry", "rank", "owner", "item").iter_rows():
                yield row, next(made[row[2]])


class Tape:
    """What of the published messages is read: families, and contracts (None: all). Its methods block.

    Raises `StoreDown`.
    """

    def __init__(self, store: Store, families: Iterable[str] = ORDER, wants: Wants | None = None) -> None:
        self._tables = {family: store.published[family] for family in ORDER if family in set(families)}
        self._registry = store.published["instrument"]
        self._wants = wants
        self._verdicts: dict[tuple[str, str, str | None], bool] = {}

    def recorded(self) -> Span | None:
        """Return the time of the first message and that behind the last one, None where there is none."""
        spans = [span for table in self._tables.values() if (span := _recorded(table)) is not None]
        if not spans:
            return None
        return Span(min(span.start for span in spans), max(span.end for span in spans))

    def parts(self, span: Span) -> Iterator[Span]:
        """Yield the parts of a span that hold anything, each small enough to be read at once."""
        for day in self._days(span):
            minutes = self._minutes(day, span)
            start = rows = end = 0
            for minute, count in minutes:
                if rows and rows + count > ROWS:
                    yield _cut(Span(start, end), span)
                    rows = 0
                start = start if rows else minute
                rows, end = rows + count, minute + MINUTE_MS
            if rows:
                yield _cut(Span(start, end), span)

    def read(self, part: Span) -> Piece:
        """Return the rows of a part."""
        frames = {}
        for family, table in self._tables.items():
            found = self._chosen(table.read(_within(table.scan(), part)))
            if found.height:
                frames[family] = found
        orders = [_order(family, frame) for family, frame in frames.items()]
        order = pl.concat(orders).sort(_KEY, maintain_order=True) if orders else pl.DataFrame()
        return Piece(frames, order)

    def registry(self, before: int) -> list[InstrumentMessage]:
        """Return the last row of the registry of every contract before a time."""
        rows = self._registry.scan().filter(pl.col("written_at") < before)
        rows = rows.sort("written_at", "entry", "place").group_by("exchange", "symbol").last()
        found = self._chosen(self._registry.read(rows.sort("exchange", "symbol")))
        made = COLUMNS["instrument"].structs(found)
        return [row for row in made if isinstance(row, InstrumentMessage)]

    def _days(self, span: Span) -> list[date]:
        """Return the days of the span that have files."""
        first, last = _day(span.start), _day(max(span.start, span.end - 1))
        days: set[date] = set()
        for table in self._tables.values():
            days.update(table.files()["partition"].to_list())
        return sorted(day for day in days if first <= day <= last)

    def _minutes(self, day: date, span: Span) -> list[tuple[int, int]]:
        """Return the minutes of a day that have rows, and how many."""
        counts: dict[int, int] = {}
        minute = pl.col("written_at") // MINUTE_MS * MINUTE_MS
        for table in self._tables.values():
            rows = table.scan().filter(pl.col("day") == day, _is_in(span))
            found = table.read(rows.group_by(minute.alias("minute")).agg(pl.len()))
            for at, count in found.iter_rows():
                counts[at] = counts.get(at, 0) + count
        return sorted(counts.items())

    def _chosen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of the contracts that are wanted."""
        if self._wants is None or not frame.height:
            return frame
        contract = ["exchange", "symbol", "instrument"]
        wanted = frame.select(contract).unique()
        kept = [self._is_wanted(row) for row in wanted.iter_rows()]
        return frame.join(
            wanted.filter(pl.Series(kept, dtype=pl.Boolean)),
            on=contract,
            how="semi",
            nulls_equal=True,
            maintain_order="left",
        )

    def _is_wanted(self, row: tuple[str, str, str | None]) -> bool:
        if row not in self._verdicts:
            self._verdicts[row] = self._wants is None or self._wants(*row)
        return self._verdicts[row]


def _recorded(table: Table) -> Span | None:
    """Return the span of a table, of which the first and the last day are read."""
    days = table.files()["partition"]
    if days.is_empty():
        return None
    at, ends = pl.col("written_at"), [days.min(), days.max()]
    rows = table.scan().filter(pl.col("day").is_in(ends))
    first, last = table.read(rows.select(at.min().alias("first"), at.max().alias("last"))).row(0)
    return None if first is None else Span(first, last + 1)


def _order(family: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return where the rows of a family stand among all."""
    item = pl.col("subject") if family in {"signal", "alert"} else pl.col("symbol")
    return frame.select(
        "written_at",
        "entry",
        pl.lit(ORDER.index(family), dtype=pl.Int64).alias("rank"),
        _OWNERS.get(family, pl.col("exchange")).alias("owner"),
        "place",
        item.alias("item"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
    )


def _within(rows: pl.LazyFrame, part: Span) -> pl.LazyFrame:
    """Return the rows of a part; the day is named too, because it is what files are found by."""
    days = pl.col("day").is_between(_day(part.start), _day(max(part.start, part.end - 1)))
    return rows.filter(days, _is_in(part))


def _is_in(span: Span) -> pl.Expr:
    return pl.col("written_at").is_between(span.start, span.end, closed="left")


def _cut(part: Span, span: Span) -> Span:
    return Span(max(part.start, span.start), min(part.end, span.end))


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()
