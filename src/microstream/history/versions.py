"""Versions of a row: a venue may say something else of the same moment later, and both are kept."""

import polars as pl

KEY = ("exchange", "symbol", "timestamp")
CONTRACT = ("exchange", "symbol")
_AGE = ("known_at", "fetched_at")


def newest(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the last known version of every row, in the order of exchange, symbol and time."""
    ordered = frame.sort(*KEY, *_AGE)
    return ordered.unique(KEY, keep="last", maintain_order=True)


def as_they_came(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that at some moment were the newest known of their contract, in the order of `known_at`.

    The last of them with `known_at` not after a moment is what was known then: a correction of an older row changes
    nothing about the newest, and a correction of the newest takes its place.
    """
    ordered = frame.sort(*_AGE[:1], "timestamp", "fetched_at")
    return ordered.filter(pl.col("timestamp") >= pl.col("timestamp").cum_max().over(CONTRACT))
