"""Funding, mark, index and open interest on one clock: at every tick what was known by then, and nothing later."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import polars as pl

from microstream.history.versions import CONTRACT, as_they_came
from microstream.model.past import PastKind, Span

JoinedKind = Literal["funding", "mark", "index", "oi"]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class Value(NamedTuple):
    """What a kind adds to a tick: its columns by their names there, and how old it may be."""

    columns: Mapping[str, str]
    age: str
    tolerance_ms: int


VALUES: Mapping[JoinedKind, Value] = {
    "funding": Value(
        {"settled_rate": "settled_rate", "funding_interval_hours": "funding_interval_hours"},
        "settled_rate_age_ms",
        24 * HOUR_MS,
    ),
    "mark": Value({"close": "mark_price"}, "mark_price_age_ms", 5 * MINUTE_MS),
    "index": Value({"close": "index_price"}, "index_price_age_ms", 5 * MINUTE_MS),
    "oi": Value(
        {name: name for name in ("open_interest", "open_interest_base", "open_value")},
        "open_interest_age_ms",
        HOUR_MS,
    ),
}
"""What is joined. `tolerance_ms` are the defaults: a value that is older is null."""


def clock(contracts: pl.DataFrame, span: Span, every_ms: int) -> pl.DataFrame:
    """Return the ticks of a span at multiples of `every_ms`, for every contract (exchange, symbol, instrument)."""
    first = span.start + -span.start % every_ms
    ticks = pl.DataFrame({"timestamp": pl.int_range(first, span.end, every_ms, eager=True)})
    return contracts.join(ticks, how="cross").sort("timestamp", *CONTRACT)


def with_value(
    ticks: pl.DataFrame, kind: JoinedKind, rows: pl.DataFrame, length_ms: int, tolerance_ms: int
) -> pl.DataFrame:
    """Add the value of a kind to every tick, and its age: since the settlement, the close of the candle, the reading.

    `rows` are all versions, `length_ms` the length of a candle.
    """
    value = VALUES[kind]
    known = as_they_came(rows).select(
        *CONTRACT,
        pl.col("known_at").alias("_known_at"),
        (pl.col("timestamp") + length_ms).alias("_stood_for"),
        *(pl.col(name).alias(column) for name, column in value.columns.items()),
    )
    joined = ticks.join_asof(
        known, left_on="timestamp", right_on="_known_at", by=CONTRACT, check_sortedness=False
    )
    age = pl.col("timestamp") - pl.col("_stood_for")
    fresh = age <= tolerance_ms
    return joined.with_columns(
        *(pl.when(fresh).then(column) for column in value.columns.values()),
        pl.when(fresh).then(age).alias(value.age),
    ).drop("_known_at", "_stood_for")


def is_candle(kind: PastKind) -> bool:
    """Whether rows of a kind stand for a minute from their timestamp on, and not for the moment."""
    return kind in {"mark", "index", "premium"}
