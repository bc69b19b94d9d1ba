"""Funding intervals of settled rates: venues do not state them, the spacing of settlements does."""

import polars as pl

from microstream.history.ledger import Ledger, Subject
from microstream.history.versions import CONTRACT
from microstream.model.formulas import HOURS_PER_YEAR

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
LOOK_BACK_MS = 24 * HOUR_MS + MINUTE_MS
"""How long before a row the settlement before it may lie."""
HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
"""Intervals that divide a day. Any other distance is no interval: a settlement is missing, or was an exception."""


def with_intervals(settled: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Add `funding_interval_hours`, `funding_rate_8h` and `funding_apr` to settled rates, sorted by contract and time.

    The interval is the distance to the settlement before, null where the venue was not asked for all of the time
    between the two (a settlement may be missing), or where the distance is none of `HOURS`.
    """
    before = pl.col("timestamp").shift(1).over(CONTRACT)
    spaced = settled.with_columns(before.alias("_before"), (before + MINUTE_MS).alias("_from"))
    sought = spaced.with_row_index("_row").filter(pl.col("_from").is_not_null()).sort("_from")
    joined = sought.join_asof(
        _answered(settled, ledger),
        left_on="_from",
        right_on="_start",
        by=CONTRACT,
        check_sortedness=False,
    )
    sure = joined.filter((pl.col("_end") >= pl.col("timestamp")) | (pl.col("_from") >= pl.col("timestamp")))
    distance = pl.col("timestamp") - pl.col("_before")
    known = sure.filter(distance.is_in([hours * HOUR_MS for hours in HOURS])).select(
        "_row", (distance // HOUR_MS).cast(pl.Float64).alias("_hours")
    )
    interval, rate = pl.col("_hours"), pl.col("settled_rate")
    return (
        spaced.with_row_index("_row")
        .join(known, on="_row", how="left", maintain_order="left")
        .with_columns(
            interval.alias("funding_interval_hours"),
            (rate * 8 / interval).alias("funding_rate_8h"),
            (rate * HOURS_PER_YEAR / interval).alias("funding_apr"),
        )
        .drop("_row", "_before", "_from", "_hours")
    )


def _answered(settled: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return the spans that a venue has answered, of the contracts that there are rows of."""
    rows = [
        (exchange, symbol, *span)
        for exchange, symbol in settled.select(CONTRACT).unique().iter_rows()
        for span in ledger.spans(Subject(exchange, symbol, "funding"), "answered")
    ]
    schema = {"exchange": pl.String, "symbol": pl.String, "_start": pl.Int64, "_end": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("_start")
