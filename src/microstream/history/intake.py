"""Intake: answers of the venues -> rows in the tables, then notes in the ledger."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import sleep

import polars as pl

from microstream.clock import Clock
from microstream.errors import StoreChanged
from microstream.history.columns import Columns
from microstream.history.gaps import Gap
from microstream.history.ledger import Note
from microstream.history.store import Store
from microstream.model.past import ROWS, AnyPast, PastKind, Span

POSITION = "backfill"
"""Name of the position of writes: tables that are ahead of the ledger have rows that nobody noted."""
FLUSH_ROWS = 250_000
FLUSH_S = 5.0
MOST_WAITING = 200
"""Answers that wait for the next write."""
KEY = ("exchange", "symbol", "timestamp")
PAUSES_S = (0.2, 1.0, 3.0)
"""Before a write that came in another's way is tried again."""

_COLUMNS = {kind: Columns(row) for kind, row in ROWS.items()}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request brought: all rows of a span, as they were fetched; none are left of before `gone_until`."""

    gap: Gap
    span: Span
    rows: Sequence[AnyPast]
    fetched_at: int
    gone_until: int = 0

    def notes(self) -> Iterator[Note]:
        """Yield what the ledger is to know of it."""
        border = max(self.span.start, self.gone_until)
        if border > self.span.start:
            yield Note(self.gap.subject, Span(self.span.start, border), "gone")
        if border < self.span.end:
            yield Note(self.gap.subject, Span(border, self.span.end), "answered", len(self.rows))


class Intake:
    """Gathers answers and writes them: rows first, so that a crash asks once more and loses nothing.

    One that begins after such a crash, or with `careful`, compares with the rows that are there: what is the same is
    left out, and what differs is a correction, known since it was fetched.
    """

    def __init__(self, store: Store, clock: Clock, *, careful: bool = False) -> None:
        self.rows = 0
        """Rows that were written."""
        self.corrections = 0
        self.touched: dict[PastKind, set[int]] = {}
        """Times (ms UTC, whole days) of what was written, by kind."""
        self._store = store
        self._clock = clock
        self._careful = careful
        self._waiting: asyncio.Queue[Answered | None] = asyncio.Queue(MOST_WAITING)
        self._serial = 0
        self._noted: int | None = None
        self._written: dict[PastKind, int | None] = {}
        """Positions of the ledger and of the tables: nobody else may move them meanwhile."""

    async def begin(self) -> None:
        """Find out where an earlier run has stopped. Raises `StoreDown`."""
        await asyncio.to_thread(self._find_position)

    async def put(self, answered: Answered) -> None:
        """Hand over an answer; waits while too many wait to be written."""
        await self._waiting.put(answered)

    async def end(self) -> None:
        """Let `run` write what waits, and return."""
        await self._waiting.put(None)

    async def run(self) -> None:
        """Write until `end`. Raises `StoreDown`; what was not written is asked for again another time."""
        goes_on = True
        while goes_on:
            batch, goes_on = await self._gather()
            if batch:
                await asyncio.to_thread(self._write, batch)

    async def _gather(self) -> tuple[list[Answered], bool]:
        """Return what came in within the time of a write, and whether more will come."""
        batch: list[Answered] = []
        rows = 0
        try:
            async with asyncio.timeout(FLUSH_S):
                while rows < FLUSH_ROWS:
                    answered = await self._waiting.get()
                    if answered is None:
                        return batch, False
                    batch.append(answered)
                    rows += len(answered.rows)
        except TimeoutError:
            pass
        return batch, True

    def _find_position(self) -> None:
        self._noted = self._store.ledger.position(POSITION)
        self._written = {kind: table.position(POSITION) for kind, table in self._store.past.items()}
        written = max(at or 0 for at in self._written.values())
        self._serial = max(self._noted or 0, written)
        self._careful = self._careful or written > (self._noted or 0)

    def _write(self, batch: Sequence[Answered]) -> None:
        self._serial += 1
        position = {POSITION: self._serial}
        for kind in ROWS:
            frame = _frame(kind, [item for item in batch if item.gap.history.kind == kind])
            if self._careful and frame.height:
                frame = self._news(kind, frame)
            if frame.height:
                after = {POSITION: self._written[kind]}
                _insist(partial(self._store.past[kind].append, frame, position, after=after))
                self._written[kind] = self._serial
                self.rows += frame.height
                days = frame["timestamp"].unique() // 86_400_000 * 86_400_000
                self.touched.setdefault(kind, set()).update(days.unique())
        notes = [note for item in batch for note in item.notes()]
        after = {POSITION: self._noted}
        _insist(partial(self._store.ledger.note, notes, self._clock.now_ms(), position, after=after))
        self._noted = self._serial

    def _news(self, kind: PastKind, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that say something new: of what is not there, or other than what is there."""
        table = self._store.past[kind]
        values = [name for name in _COLUMNS[kind].schema if name not in KEY]
        there = (
            table.scan()
            .filter(
                pl.col("exchange").is_in(frame["exchange"].unique().to_list()),
                pl.col("symbol").is_in(frame["symbol"].unique().to_list()),
                pl.col("timestamp").is_between(frame["timestamp"].min(), frame["timestamp"].max()),
            )
            .sort("known_at")
            .unique(KEY, keep="last", maintain_order=True)
            .select(*KEY, *values, pl.lit(True).alias("is_there"))
        )
        both = frame.join(table.read(there), on=KEY, how="left", suffix="_there")
        differs = pl.any_horizontal([pl.col(name).ne_missing(pl.col(f"{name}_there")) for name in values])
        is_there = pl.col("is_there").fill_null(value=False)
        self.corrections += both.filter(is_there & differs).height
        known_at = pl.when(is_there).then("fetched_at").otherwise("known_at").alias("known_at")
        return both.filter(~is_there | differs).with_columns(known_at).select(frame.columns)


def _insist(step: Callable[[], None]) -> None:
    """Take a step of writing, again when upkeep in another process has changed the table meanwhile (blocking)."""
    for pause_s in PAUSES_S:
        try:
            return step()
        except StoreChanged:
            sleep(pause_s)
    return step()


def _frame(kind: PastKind, answers: Iterable[Answered]) -> pl.DataFrame:
    """Return the rows of answers, each with the time since when it could be known, and when it was fetched."""
    rows: list[AnyPast] = []
    fetched: list[int] = []
    known: list[int] = []
    for item in answers:
        length = (item.gap.history.step_ms or 0) if kind in {"mark", "index", "premium"} else 0
        rows += item.rows
        fetched += [item.fetched_at] * len(item.rows)
        known += [row.timestamp + length for row in item.rows]
    columns = _COLUMNS[kind].series(rows)
    return pl.DataFrame(
        [*columns, pl.Series("known_at", known, pl.Int64), pl.Series("fetched_at", fetched, pl.Int64)]
    )
