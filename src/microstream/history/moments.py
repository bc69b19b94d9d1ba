"""Times in frames: typed for people who compute with them, integers (ms UTC) inside and in text formats."""

from datetime import UTC, datetime

import polars as pl

from microstream.errors import ConfigError
from microstream.model.past import Span
from microstream.model.times import ms_from_datetime, ms_from_text

Moment = datetime | str | int
"""A time as the methods of `History` take it: aware, or naive and then UTC; ISO 8601 text; integer ms UTC."""

TIME = pl.Datetime("ms", "UTC")
NOWHERE = Span(0, 4_102_444_800_000)
"""From 1970 to 2100: a span that leaves nothing out."""


def moment(name: str, value: Moment | None, default: int) -> int:
    """Return a time in ms UTC. Raises `ConfigError`, which names the argument."""
    if value is None:
        return default
    if isinstance(value, datetime):
        return ms_from_datetime(value)
    if isinstance(value, int):
        return value
    try:
        return ms_from_text(value)
    except ValueError:
        right = "2026-11-24, 2026-11-24T13:00Z, a datetime or integer ms UTC"
        raise ConfigError(f"{name} {value!r} is no time; give {right}") from None


def between(start: Moment | None, end: Moment | None) -> Span:
    """Return the span of two times, open where one is None. Raises `ConfigError`."""
    span = Span(moment("start", start, NOWHERE.start), moment("end", end, NOWHERE.end))
    if span.start >= span.end:
        raise ConfigError(f"start {start} is not before end {end}")
    return span


def is_time(name: str, dtype: pl.DataType | type[pl.DataType]) -> bool:
    """Whether a column has times: whole numbers called timestamp or since, or ending in _timestamp, _at, _time."""
    whole = dtype in {pl.Int64, TIME}
    return whole and (name in {"timestamp", "since"} or name.endswith(("_timestamp", "_at", "_time")))


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose times are `Datetime("ms", "UTC")`."""
    times = [name for name, dtype in frame.schema.items() if is_time(name, dtype)]
    return frame.with_columns(pl.col(times).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"))


def untyped(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose times are integers, ms UTC."""
    times = [name for name, dtype in frame.schema.items() if dtype == TIME]
    return frame.with_columns(pl.col(times).dt.timestamp("ms"))


def within(table_partition: str, column: str, span: Span) -> pl.Expr:
    """Return the condition that a time lies in a span, and its partition where such rows are."""
    first, last = (datetime.fromtimestamp(at / 1000, UTC).date() for at in (span.start, span.end - 1))
    if table_partition == "month":
        first, last = first.replace(day=1), last.replace(day=1)
    at = pl.col(column)
    days = pl.col(table_partition).is_between(first, last)
    return days & (at >= span.start) & (at < span.end)
