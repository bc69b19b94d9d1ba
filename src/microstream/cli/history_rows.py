"""Rows of the history on standard output or in a file, or why there are none."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, cast

from microstream.cli.asked import Asked
from microstream.cli.session import forsake_output, tell
from microstream.errors import ConfigError
from microstream.history import History
from microstream.history.absence import why_no_past, why_nothing_recorded
from microstream.history.joined import VALUES
from microstream.history.lookup import check_exchange
from microstream.history.moments import between
from microstream.history.output import Format, by_time, encoded, plain_columns, table_lines
from microstream.model.messages import PAYLOADS
from microstream.model.past import ROWS, Span
from microstream.model.times import text_from_ms

NOTHING_THERE = 1
DAY_MS = 86_400_000
PIPED_ROWS = 40
"""Rows of a table that goes to a file or a pipe, without --limit."""
VIEWS = ("joined", "forecasts")
CANDLES = ("mark", "index", "premium")
OF_NAMES = {"signal": "name", "alert": "rule"}


def print_rows(asked: Asked) -> int:
    """Print the rows and return the exit code: 1 if there are none. Raises `ConfigError`, `StoreDown`."""
    kind = _kind(asked)
    if asked.instrument is None:
        raise ConfigError(f"of what? microstream history {kind} SOL/USDT:USDT (or all)")
    if asked.every != "1m" and (asked.recorded or kind not in {*CANDLES, "joined"}):
        raise ConfigError(f"--every is for {', '.join(CANDLES)} and joined")
    if asked.form == "parquet" and asked.output is None and sys.stdout.isatty():
        raise ConfigError("--format parquet is not for a terminal; name a file with --output, or pipe it")
    span = _span(asked, kind)
    history = History(asked.url)
    frame = _recorded(history, asked, kind, span) if asked.recorded else _past(history, asked, kind, span)
    if not frame.height:
        tell(f"microstream: no rows of {_said(asked, kind, span)} in {history.store.url}")
        for line in _why(history, asked, kind, span).splitlines():
            tell(f"microstream: {line}")
        return NOTHING_THERE
    family = kind if asked.recorded else None
    return _write(
        asked, _table(asked, frame) if asked.form == "table" else encoded(frame, _form(asked), family)
    )


def _kind(asked: Asked) -> str:
    kinds = list(PAYLOADS) if asked.recorded else [*ROWS, *VIEWS]
    kind = asked.kind
    what = "family" if asked.recorded else "kind"
    if kind is None:
        raise ConfigError(f"which {what}? there are {', '.join(kinds)}")
    if kind in kinds:
        return kind
    if not asked.recorded and kind in PAYLOADS:
        raise ConfigError(f"{kind} is a family of messages; add --recorded")
    near = get_close_matches(kind, kinds, n=3, cutoff=0.4)
    raise ConfigError(
        f"there is no {what} '{kind}'; {'nearest' if near else 'there are'}: {', '.join(near or kinds)}"
    )


def _span(asked: Asked, kind: str) -> Span:
    """Return the time that is asked for: the last day (of funding 30), of forecasts with what is to come."""
    days = 30 if kind == "funding" and not asked.recorded else 1
    end = asked.end if asked.end is not None else asked.now + (DAY_MS if kind == "forecasts" else 0)
    start = asked.start if asked.start is not None else min(asked.now, end) - days * DAY_MS
    if start >= end:
        raise ConfigError(f"--from {text_from_ms(start)} is not before --to {text_from_ms(end)}")
    return between(start, end)


def _past(history: History, asked: Asked, kind: str, span: Span) -> Any:
    assert asked.instrument is not None  # noqa: S101
    options: dict[str, Any] = {
        "exchange": asked.exchange,
        "start": span.start,
        "end": span.end,
        "as_of": asked.as_of,
    }
    if kind in {*CANDLES, "joined"}:
        options["every"] = asked.every
    frame = getattr(history, "open_interest" if kind == "oi" else kind)(asked.instrument, **options)
    if kind == "joined":  # ticks at which nothing was known are no rows
        known = [age for value in VALUES.values() if (age := value.age) in frame.columns]
        return (
            frame
            if frame.select(known).null_count().row(0) != (frame.height,) * len(known)
            else frame.clear()
        )
    return frame


def _recorded(history: History, asked: Asked, kind: str, span: Span) -> Any:
    options: dict[str, Any] = {"start": span.start, "end": span.end, "as_of": asked.as_of}
    if asked.name is not None:
        options[OF_NAMES.get(kind, "name")] = asked.name
    if asked.timeframe is not None:
        options["timeframe"] = asked.timeframe
    instrument = asked.instrument
    if kind in OF_NAMES and instrument is not None and "/" not in instrument:
        if instrument.lower() != "all":
            options["subject"] = instrument.lower()
        instrument = None
    return history.recorded(kind, instrument, exchange=asked.exchange, **options)


def _why(history: History, asked: Asked, kind: str, span: Span) -> str:
    exchange = check_exchange(asked.exchange)
    if asked.recorded or kind == "forecasts":
        return why_nothing_recorded(history.store, "funding" if kind == "forecasts" else kind, exchange, span)
    kinds = VALUES if kind == "joined" else [kind]
    assert asked.instrument is not None  # noqa: S101
    lines = [
        why_no_past(history.store, cast("Any", each), asked.instrument, exchange, span, asked.now)
        for each in kinds
    ]
    if asked.as_of is not None:
        lines.append(f"only what was known at {text_from_ms(asked.as_of)} was looked for (--as-of)")
    return "\n".join(lines)


def _said(asked: Asked, kind: str, span: Span) -> str:
    start, end = (text_from_ms(at, seconds=False) for at in span)
    return f"{kind} of {asked.instrument} from {start} to {end}"


def _form(asked: Asked) -> Format:
    return cast("Format", asked.form)


def _table(asked: Asked, frame: Any) -> Iterator[bytes]:
    drawn = asked.output is None and sys.stdout.isatty()
    size = shutil.get_terminal_size()
    screenful = max(size.lines - 4, 10) if drawn else PIPED_ROWS
    limit = screenful if asked.limit is None else asked.limit or None
    for line in table_lines(by_time(plain_columns(frame)), limit, size.columns if drawn else None):
        yield f"{line}\n".encode()


def _write(asked: Asked, pieces: Iterable[bytes]) -> int:
    if asked.output is not None:
        try:
            with asked.output.open("wb") as file:
                file.writelines(pieces)
        except OSError as error:
            raise ConfigError(f"--output {asked.output}: {error.strerror}") from error
        return 0
    try:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        forsake_output()
    return 0
