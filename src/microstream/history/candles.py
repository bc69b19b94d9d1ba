"""Longer candles of a venue's own."""

import polars as pl

from microstream.history.versions import CONTRACT

DAY_MS = 86_400_000
MINUTE_MS = 60_000


def resampled(candles: pl.DataFrame, every_ms: int, step_ms: int = MINUTE_MS) -> pl.DataFrame:
    """Return candles of `every_ms` from those of a venue, which are `step_ms` long and sorted by contract and time.

    A candle opens at a multiple of its length (UTC) and is never left out: `candles` says how many it was made of, and
    `complete` whether none is missing. Where one of these has no high (single points), neither has the whole: unknown
    stays unknown.
    """
    opened = pl.col("timestamp") // every_ms * every_ms
    of_all = (pl.col(name).null_count() == 0 for name in ("high", "low"))
    has_high, has_low = of_all
    return (
        candles.with_columns(opened.alias("_opened"))
        .group_by(*CONTRACT, "_opened", maintain_order=True)
        .agg(
            pl.col("instrument").last(),
            pl.col("open").first(),
            pl.when(has_high).then(pl.col("high").max()).alias("high"),
            pl.when(has_low).then(pl.col("low").min()).alias("low"),
            pl.col("close").last(),
            pl.len().cast(pl.Int64).alias("candles"),
            (pl.len() * step_ms >= every_ms).alias("complete"),
            pl.col("known_at").max(),
            pl.col("fetched_at").max(),
        )
        .rename({"_opened": "timestamp"})
        .select(COLUMNS)
    )


COLUMNS = (
    *("exchange", "symbol", "instrument", "timestamp", "open", "high", "low", "close"),
    *("candles", "complete", "known_at", "fetched_at"),
)
"""Columns of longer candles."""
