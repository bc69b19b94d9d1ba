"""How the recorded messages of contracts did: how much of the time was live, how old values were, what is missing."""

import polars as pl
from msgspec import Struct

from microstream.history.checksum import Key, checksums
from microstream.model.messages import PAYLOADS
from microstream.model.past import Span

VALUES = ("funding", "mark_price", "oi")
"""The families that have something to say at every moment, so that silence counts."""
KEPT_INTERVALS = 3
"""A value counts as live for so many of its intervals, as in the flag `stale`."""


class Grade(Struct, frozen=True):
    """A family of a contract in a span.

    `live` is the share of the time, None of families that are silent by nature. Ages are `received_at` - `timestamp`
    in ms, None where nothing has a time.
    `missing` counts the numbers that lack in `seq` between the first and the last of each run, `stale` and `outliers`
    the messages with these flags.
    """

    rows: int
    live: float | None
    age_p50_ms: int | None
    age_p99_ms: int | None
    missing: int
    stale: int
    outliers: int
    sha256: str


def graded(
    rows: pl.DataFrame, family: str, names: tuple[str, str], span: Span, interval_ms: int
) -> dict[Key, Grade]:
    """Return the grade of every key; rows of before the span count for what they make live in it.

    A message without the flag `stale` makes the time from its receipt live, until the next message, or until three
    intervals have passed. The interval is the configured one; of a contract that is asked for less often the median
    distance of its messages.
    """
    sums = checksums(rows.filter(pl.col("written_at") >= span.start), family, names)
    live = _live(rows, names, span, interval_ms)
    values = _values(rows.filter(pl.col("written_at") >= span.start), family, names)
    found = values.join(live, on=names, how="left")
    return {
        (row[names[0]], row[names[1]]): Grade(
            rows=row["rows"],
            live=(row["live_ms"] or 0) / (span.end - span.start) if family in VALUES else None,
            age_p50_ms=row["age_p50_ms"],
            age_p99_ms=row["age_p99_ms"],
            missing=row["missing"],
            stale=row["stale"],
            outliers=row["outliers"],
            sha256=sums[row[names[0]], row[names[1]]],
        )
        for row in found.iter_rows(named=True)
    }


def _live(rows: pl.DataFrame, names: tuple[str, str], span: Span, interval_ms: int) -> pl.DataFrame:
    received = pl.col("received_at")
    following = received.shift(-1).over(names)
    until = following.fill_null(span.end)
    usual = (following - received).median().over(names).cast(pl.Int64).fill_null(0)
    lasting = KEPT_INTERVALS * pl.max_horizontal(pl.lit(interval_ms), usual)
    begin = pl.max_horizontal(received, pl.lit(span.start))
    finish = pl.min_horizontal(until, received + lasting, pl.lit(span.end))
    is_live = ~pl.col("flags").list.contains("stale")
    return (
        rows.select(*names, "received_at", "flags", "written_at", "entry", "place")
        .sort(*names, "received_at", "written_at", "entry", "place")
        .with_columns(pl.when(is_live).then((finish - begin).clip(0)).otherwise(0).alias("live_ms"))
        .group_by(names)
        .agg(pl.col("live_ms").sum())
    )


def _values(rows: pl.DataFrame, family: str, names: tuple[str, str]) -> pl.DataFrame:
    age = pl.col("received_at") - pl.col("timestamp")
    flags, seq = pl.col("flags").list, pl.col("seq")
    channel = [name for name in ("timeframe",) if name in PAYLOADS[family].__struct_fields__]
    missing = (
        rows.group_by(*names, *channel, "run")
        .agg((seq.max() - seq.min() + 1 - seq.n_unique()).alias("missing"))
        .group_by(names)
        .agg(pl.col("missing").sum())
    )
    return (
        rows.group_by(names)
        .agg(
            pl.len().alias("rows"),
            age.quantile(0.5, "nearest").cast(pl.Int64).alias("age_p50_ms"),
            age.quantile(0.99, "nearest").cast(pl.Int64).alias("age_p99_ms"),
            flags.contains("stale").sum().alias("stale"),
            flags.contains("outlier").sum().alias("outliers"),
        )
        .join(missing, on=names, how="left")
    )
