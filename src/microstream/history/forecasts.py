"""What was said of a funding payment before it was made, and what was paid."""

import polars as pl

from microstream.history.versions import CONTRACT

MINUTE_MS = 60_000
COLUMNS = (
    *("exchange", "symbol", "instrument", "next_funding_time", "received_at", "lead_ms", "funding_rate"),
    *("funding_interval_hours", "flags", "settled_rate", "settled_known_at"),
)


def with_settled(forecasts: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """Put what was paid beside what was said before, in the order of settlements and then of receipt.

    `settled_rate` is null where no rate of that settlement is there (yet); the forecast never stands in its place.
    """
    paid = settled.select(
        *CONTRACT,
        pl.col("timestamp").alias("_minute"),
        "settled_rate",
        pl.col("known_at").alias("settled_known_at"),
    )
    minute = (pl.col("next_funding_time") // MINUTE_MS * MINUTE_MS).alias("_minute")
    return (
        forecasts.drop("settled_rate")
        .with_columns(minute, (pl.col("next_funding_time") - pl.col("received_at")).alias("lead_ms"))
        .join(paid, on=(*CONTRACT, "_minute"), how="left", maintain_order="left")
        .sort(*CONTRACT, "next_funding_time", "written_at", "entry", "place")
        .select(COLUMNS)
    )
