"""Frames as people and programs read them: an aligned table, CSV, JSON lines, Parquet."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Literal, get_args

import msgspec
import polars as pl

from microstream.history.moments import TIME, is_time, untyped
from microstream.history.payloads import json_lines
from microstream.history.published import COLUMNS
from microstream.model.times import text_from_ms

Format = Literal["table", "csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
UNKNOWN = "-"
GAP = "  "
_ENCODE = msgspec.json.Encoder().encode


def encoded(frame: pl.DataFrame, form: Format, family: str | None = None) -> Iterator[bytes]:
    """Yield a frame in pieces: CSV with a header, a JSON object a line (both with integers, ms UTC), or Parquet.

    `family` is whose messages they are: then objects that are kept as text are objects again in JSON.
    """
    if form == "parquet":
        buffer = BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        yield buffer.getvalue()
    elif form == "csv":
        yield _flat(untyped(frame)).write_csv().encode()
    else:
        texts = COLUMNS[family].texts if family is not None else frozenset()
        for line in json_lines(untyped(frame), texts):
            yield line + b"\n"


def table_lines(frame: pl.DataFrame, limit: int | None, width: int | None) -> Iterator[str]:
    """Yield an aligned table of the newest rows, times in UTC, and what was left out.

    `limit` is how many rows there may be, `width` how many letters a line; None is no limit.
    """
    shown = frame if limit is None else frame.tail(limit)
    cells = {name: _cells(shown[name]) for name in shown.columns}
    columns = {name: _aligned(name, texts, shown.schema[name]) for name, texts in cells.items()}
    fitting = _fitting(columns, width)
    for row in zip(*(columns[name] for name in fitting), strict=True):
        yield GAP.join(row).rstrip()
    if shown.height < frame.height:
        yield f"{shown.height:,} of {frame.height:,} rows, the newest; --limit 0 shows all"
    hidden = [name for name in columns if name not in fitting]
    if hidden:
        yield f"no room for {', '.join(hidden)}"


def _fitting(columns: dict[str, list[str]], width: int | None) -> Sequence[str]:
    """Return the columns that have room beside one another, from the left."""
    if width is None:
        return list(columns)
    fitting: list[str] = []
    room = width
    for name, texts in columns.items():
        room -= len(texts[0]) + len(GAP)
        if room < -len(GAP) and fitting:
            break
        fitting.append(name)
    return fitting


def _aligned(name: str, texts: Sequence[str], dtype: pl.DataType) -> list[str]:
    wide = max(map(len, (name, *texts)))
    pad = str.rjust if dtype.is_numeric() else str.ljust
    return [pad(text, wide) for text in (name, *texts)]


def _cells(column: pl.Series) -> list[str]:
    if column.dtype == TIME:
        moments = column.dt.timestamp("ms").to_list()
        return [UNKNOWN if moment is None else text_from_ms(moment) for moment in moments]
    return [_cell(value) for value in column.to_list()]


def _cell(value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    return (
        value if isinstance(value, str) else str(value) if isinstance(value, int) else _ENCODE(value).decode()
    )


def _number(value: float) -> str:
    """Return a number without an exponent where it is legible so."""
    text = repr(value)
    if "e" in text and abs(value) < 1:
        text = f"{value:.12f}".rstrip("0")
    return text.removesuffix(".0") if "e" not in text else text


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose lists and objects are JSON text."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    texts = [
        pl.Series(
            name, [None if value is None else _ENCODE(value).decode() for value in frame[name].to_list()]
        )
        for name in nested
    ]
    return frame.with_columns(texts)


def by_time(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows of several contracts in the order of time, so that the newest are the last."""
    first = [name for name in ("next_funding_time", "written_at", "timestamp") if name in frame.columns][:1]
    return frame.sort(first, maintain_order=True)


def plain_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the columns that people look for: time and contract first, without those of upkeep."""
    left_out = {"entry", "place", "v", "run", "seq", "fetched_at", "settled_time", "known_at"}
    kept = [name for name in frame.columns if name not in left_out]
    front = [name for name in kept if is_time(name, frame.schema[name])][:1]
    return frame.select(*front, *(name for name in kept if name not in front))
