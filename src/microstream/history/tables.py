"""A Delta table: appended to with the position that it then covers, read lazily, kept in few files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from microstream.errors import StoreChanged, StoreDown

Partition = Literal["day", "month"]

ROW_GROUP = 16_384
"""Rows that a reader takes or leaves together: small enough to find one contract among all."""
FILE_SIZE = 128 << 20
_WRITER = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP)
_LOG_KEPT = {"delta.logRetentionDuration": "interval 1 days"}
"""A commit every few seconds is a file each; nobody asks for the table of a week ago."""
_UNREADABLE = (DeltaError, OSError, pl.exceptions.PolarsError)


@contextmanager
def _at(location: str) -> Iterator[None]:
    """Turn what the libraries raise into errors that say where."""
    try:
        yield
    except CommitFailedError as error:
        raise StoreChanged(
            f"{location}: another process has written there at the same time: {error}"
        ) from error
    except _UNREADABLE as error:
        raise StoreDown(f"{location}: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what the libraries make of a full disk now and then
            raise
        raise StoreDown(f"{location}: {error}") from error


class Table:
    """One table of a history; it comes into being with its first rows.

    `schema` names the columns, without the partition's, which is derived from `time` (a column with ms UTC): a date, or
    of `month` its first day. `sort` are the columns that rows are sought by. All methods block, and raise `StoreDown`
    when the table cannot be read or written, `StoreChanged` when another process was faster.
    """

    def __init__(
        self,
        location: str,
        schema: Mapping[str, Any],
        *,
        time: str,
        sort: Sequence[str],
        partition: Partition = "day",
    ) -> None:
        self.location = location
        self.schema = {**schema, partition: pl.Date}
        self._time = time
        self._sort = list(sort)
        self._partition: Partition = partition
        self._table: DeltaTable | None = None

    def append(
        self,
        frame: pl.DataFrame,
        positions: Mapping[str, int] | None = None,
        *,
        after: Mapping[str, int | None] | None = None,
    ) -> None:
        """Add rows, and note the positions that the table then covers: both or nothing.

        `after` are the positions that it must have before; others raise `StoreChanged`.
        """
        transactions = [Transaction(name, at) for name, at in (positions or {}).items()]
        rows = frame.with_columns(self._partition_of()).sort(self._sort).select(list(self.schema))
        with _at(self.location):
            # what upkeep has rewritten since, and its cleaned log, would fail a commit on an older state for ever
            table = self._refreshed() or self._made(rows)
            for name, at in (after or {}).items():
                if table.transaction_version(name) != at:
                    raise StoreChanged(f"{self.location}: another process has written {name}")
            write_deltalake(
                table,
                rows,
                mode="append",
                schema_mode="merge",
                partition_by=[self._partition],
                writer_properties=_WRITER,
                commit_properties=CommitProperties(app_transactions=transactions),
            )

    def replace(self, frame: pl.DataFrame) -> None:
        """Put these rows in the place of all that are there."""
        rows = frame.with_columns(self._partition_of()).select(list(self.schema))
        with _at(self.location):
            write_deltalake(
                self._refreshed() or self._made(rows),
                rows,
                mode="overwrite",
                writer_properties=_WRITER,
            )

    def position(self, name: str) -> int | None:
        """Return the last position that was noted under a name, as other processes see it."""
        with _at(self.location):
            table = self._refreshed()
            return None if table is None else table.transaction_version(name)

    def scan(self) -> pl.LazyFrame:
        """Return all rows, to be filtered; none while there is no table."""
        with _at(self.location):
            if self._refreshed() is None:
                return pl.LazyFrame(schema=self.schema)
            found = pl.scan_delta(self.location)
            missing = [
                pl.lit(None, dtype=dtype).alias(name)
                for name, dtype in self.schema.items()
                if name not in found.collect_schema()
            ]
            return found.with_columns(missing)

    def read(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Return what a query of the table finds."""
        with _at(self.location):
            return query.collect()

    def files(self) -> pl.DataFrame:
        """Return the files of the table: `path`, `partition`, `size_bytes`, `num_records`."""
        with _at(self.location):
            table = self._refreshed()
            if table is None:
                return pl.DataFrame(schema=_FILES)
            found = pl.DataFrame(table.get_add_actions(flatten=True))
            return found.select(
                "path", pl.col(f"partition.{self._partition}").alias("partition"), "size_bytes", "num_records"
            )

    def compact(self, partition: date, *, sort: bool = False) -> None:
        """Make few files of the many of one partition; with `sort` all is written anew, in the order of search."""
        with _at(self.location):
            table = self._refreshed()
            if table is None:
                return
            chosen: list[tuple[str, str, Any]] = [(self._partition, "=", partition.isoformat())]
            if sort:
                table.optimize.z_order(
                    self._sort[:2], partition_filters=chosen, target_size=FILE_SIZE, writer_properties=_WRITER
                )
            else:
                table.optimize.compact(
                    partition_filters=chosen, target_size=FILE_SIZE, writer_properties=_WRITER
                )

    def drop(self, partitions: Sequence[date]) -> None:
        """Delete whole partitions; the disk space comes back with `clean`."""
        with _at(self.location):
            table = self._refreshed()
            for each in partitions if table is not None else ():
                table.delete(f"{self._partition} = '{each.isoformat()}'")  # type: ignore[union-attr]

    def clean(self, keep_hours: int = 1) -> None:
        """Delete files that no version of the last hours has, and the log before its last checkpoint."""
        with _at(self.location):
            table = self._refreshed()
            if table is None:
                return
            table.vacuum(retention_hours=keep_hours, enforce_retention_duration=False, dry_run=False)
            table.create_checkpoint()
            table.cleanup_metadata()

    def _partition_of(self) -> pl.Expr:
        moment = pl.from_epoch(pl.col(self._time), time_unit="ms").dt.date()
        return (moment.dt.month_start() if self._partition == "month" else moment).alias(self._partition)

    def _opened(self) -> DeltaTable | None:
        if self._table is None:
            try:
                self._table = DeltaTable(self.location)
            except TableNotFoundError:
                return None
        elif "://" not in self.location and not Path(self.location, "_delta_log").is_dir():
            # writing on would leave a table without its beginning
            raise StoreDown(f"{self.location} is gone; bring it back, or start again for a new one")
        return self._table

    def _refreshed(self) -> DeltaTable | None:
        table = self._opened()
        if table is None:
            return None
        try:
            table.update_incremental()
        except DeltaError:  # the log no longer reaches back to what we have
            table = self._table = DeltaTable(self.location)
        return table

    def _made(self, rows: pl.DataFrame) -> DeltaTable:
        """Make the table without rows: a commit that made it with rows would not see who was faster."""
        if "://" not in self.location:
            Path(self.location).mkdir(parents=True, exist_ok=True)
        write_deltalake(
            self.location,
            rows.clear(),
            mode="ignore",
            partition_by=[self._partition],
            configuration=_LOG_KEPT,
        )
        self._table = DeltaTable(self.location)
        return self._table


_FILES = {"path": pl.String, "partition": pl.Date, "size_bytes": pl.Int64, "num_records": pl.Int64}
