"""A recorded day in pieces that fit into memory: all rows of some contracts at a time."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import polars as pl

from microstream.history.checksum import Key
from microstream.history.moments import within
from microstream.history.tables import Table
from microstream.model.past import Span

BATCH_ROWS = 250_000


def batches(
    table: Table,
    names: Sequence[str],
    span: Span,
    *,
    exchange: str | None = None,
    before_ms: int = 0,
    most: int = BATCH_ROWS,
) -> Iterator[pl.DataFrame]:
    """Yield the rows that were written in a span, whole keys at a time, at most `most` rows or those of one key.

    `names` are the two columns of the key. Rows of up to `before_ms` before the span come along.
    """
    longer = Span(span.start - before_ms, span.end)
    of_venue = [] if exchange is None else [pl.col("exchange") == exchange]
    day = within("day", "written_at", span)
    counts = table.read(table.scan().filter(day, *of_venue).group_by(names).len().sort(names))
    owner, item = names
    for first, last in _pieces(list(counts.iter_rows()), most):
        keys = (pl.col(owner) == first[0]) & (pl.col(item) >= first[1]) & (pl.col(item) <= last[1])
        query = table.scan().filter(within("day", "written_at", longer), keys, *of_venue).drop("day")
        yield table.read(query)


def _pieces(counts: Sequence[tuple[str, str, int]], most: int) -> Iterator[tuple[Key, Key]]:
    """Yield the first and the last key of pieces; a piece has one owner."""
    for owner, group in groupby(counts, key=lambda row: row[0]):
        first = last = None
        rows = 0
        for _, item, count in group:
            if first is not None and last is not None and rows + count > most:
                yield (owner, first), (owner, last)
                first, rows = None, 0
            first = item if first is None else first
            last = item
            rows += count
        if first is not None and last is not None:
            yield (owner, first), (owner, last)
