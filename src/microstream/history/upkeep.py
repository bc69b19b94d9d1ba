"""Looks after the tables: few files, in the order of search; old days deleted; disk space given back."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import polars as pl
import structlog

from microstream.clock import Clock, SystemClock
from microstream.errors import StoreDown
from microstream.history.store import Store
from microstream.history.tables import FILE_SIZE, Table

EVERY_S = 60.0
CLEAN_EVERY_S = 3600.0
MANY_FILES = 60
"""Small files of the current day that are merged: ten minutes of them."""
SMALL = FILE_SIZE // 4
SETTLED_MS = 600_000
"""So long after midnight a day counts as finished."""
LEDGER_ROOM = 2000
"""Rows of the ledger beyond those that its merged spans need."""

log = structlog.get_logger()


class Upkeep:
    """Goes through the tables of a store, one step after the other, in a thread.

    `keep_s` is how old recorded days may become, `max_total` how many bytes all tables may have: beyond it the oldest
    recorded days are deleted, what the venues told of the past and the ledger never.
    """

    def __init__(self, store: Store, *, keep_s: float, max_total: int, clock: Clock | None = None) -> None:
        self._store = store
        self._keep_s = keep_s
        self._max_total = max_total
        self._clock = clock or SystemClock()
        self._sorted: dict[tuple[str, date], int] = {}
        """How many files the sorting of a day has left."""
        self._clean_at = self._clock.monotonic() + CLEAN_EVERY_S
        self._failing: set[str] = set()
        self._too_large = False

    async def run(self) -> None:
        """Look after the tables until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            for name, step in self.steps():
                await self._try(name, step)

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what there is to do now, named; every step blocks, and raises `StoreDown`."""
        yield "retention", self.retain
        for family, table in self._store.published.items():
            yield family, lambda table=table: self.compact(table)  # type: ignore[misc]
        yield "ledger", self.shorten_ledger
        if self._clock.monotonic() >= self._clean_at:
            self._clean_at = self._clock.monotonic() + CLEAN_EVERY_S
            for table in self._tables():
                yield table.location, table.clean

    def compact(self, table: Table) -> None:
        """Merge the small files of the current day when they are many; sort the days that are finished."""
        files = table.files()
        today = self._today()
        for [day], of_day in files.group_by("partition"):
            if day >= today:
                small = of_day.filter(pl.col("size_bytes") < SMALL)
                if small.height >= MANY_FILES:
                    table.compact(day)
            elif of_day.height > 1 + of_day["size_bytes"].sum() // FILE_SIZE:
                self._sort(table, day, of_day.height)

    def _sort(self, table: Table, day: date, files: int) -> None:
        """Sort a finished day, unless that is what made these files: they come out a little smaller than asked for."""
        if self._sorted.get((table.location, day)) == files:
            return
        table.compact(day, sort=True)
        left = table.files().filter(pl.col("partition") == day).height
        self._sorted[table.location, day] = left

    def retain(self) -> None:
        """Delete the recorded days that are too old, then the oldest until the rest fits."""
        published = {family: table.files() for family, table in self._store.published.items()}
        others = [table.files() for table in (*self._store.past.values(), self._store.ledger.table)]
        days = pl.concat(list(published.values())).group_by("partition").agg(pl.col("size_bytes").sum())
        fixed = sum(int(files["size_bytes"].sum()) for files in others)
        gone = self._too_old(days, fixed)
        self._say_too_large(days.filter(~pl.col("partition").is_in(gone)), fixed)
        if not gone:
            return
        for family, files in published.items():
            mine = sorted(set(files["partition"]) & set(gone))
            self._store.published[family].drop(mine)
        log.info("recorded days are deleted", days=[day.isoformat() for day in gone])

    def shorten_ledger(self) -> None:
        """Write the notes anew where they are many more than the spans they make."""
        ledger = self._store.ledger
        frame = ledger.table.read(ledger.table.scan())
        rows = frame.height
        if rows <= LEDGER_ROOM:
            return
        merged = _merged(frame)
        if rows > merged.height * 2 + LEDGER_ROOM:
            ledger.table.replace(merged)

    def _too_old(self, days: pl.DataFrame, fixed: int) -> list[date]:
        oldest = self._today() - timedelta(seconds=self._keep_s)
        total = fixed + int(days["size_bytes"].sum())
        gone = []
        for day, size in days.sort("partition").iter_rows():
            if day < self._today() and (day < oldest or total > self._max_total):
                gone.append(day)
                total -= size
        return gone

    def _say_too_large(self, days: pl.DataFrame, fixed: int) -> None:
        size = fixed + int(days["size_bytes"].sum())
        too_large = size > self._max_total
        if too_large and not self._too_large:
            log.warning(
                "history is larger than history.max_total, and there is no recorded day to delete",
                size_bytes=size,
                of_it_venues_and_ledger=fixed,
                max_total=self._max_total,
            )
        self._too_large = too_large

    def _tables(self) -> list[Table]:
        return [*self._store.published.values(), *self._store.past.values(), self._store.ledger.table]

    def _today(self) -> date:
        return datetime.fromtimestamp((self._clock.now_ms() - SETTLED_MS) / 1000, UTC).date()

    async def _try(self, name: str, step: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(step)
        except StoreDown as error:
            if name not in self._failing:
                self._failing.add(name)
                log.warning("upkeep of the history has failed, it is tried again", of=name, why=str(error))
        else:
            self._failing.discard(name)


def _merged(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the notes with those that touch or overlap as one; rows are added up, the newest time of noting stays."""
    about = ["exchange", "symbol", "kind", "answer"]
    ordered = frame.sort([*about, "start"]).with_columns(
        pl.col("end").cum_max().shift(1).over(about).alias("until")
    )
    begins = (pl.col("until").is_null() | (pl.col("start") > pl.col("until"))).cum_sum().over(about)
    spans = ordered.with_columns(begins.alias("number")).group_by([*about, "number"])
    return spans.agg(
        pl.col("start").min(), pl.col("end").max(), pl.col("rows").sum(), pl.col("noted_at").max()
    ).drop("number")
