"""History against plain loops: versions, joins, intervals, candles, checksums."""

import itertools
from hashlib import sha256
from typing import Any

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.history.kept import HOUR, MINUTE, SOL, T0, mark_message

from microstream.history.candles import resampled
from microstream.history.checksum import checksums
from microstream.history.columns import Columns
from microstream.history.intervals import HOURS, with_intervals
from microstream.history.joined import clock, with_value
from microstream.history.ledger import Ledger, Subject
from microstream.history.published import COLUMNS
from microstream.history.store import Store
from microstream.history.versions import newest
from microstream.model.past import PastCandle, PastFunding, Span

QUICK = settings(max_examples=60, deadline=None)
VERSIONS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=25, unique=True
)
"""Minute of a candle, how many half minutes after its close it was known, and how much later it was fetched."""
Row = dict[str, Any]


def _rows(versions: list[tuple[int, int, int]]) -> list[Row]:
    return [
        {
            **SOL,
            "timestamp": T0 + minute * MINUTE,
            "open": 1.0,
            "high": 2.0,
            "low": 0.5,
            "close": float(number),
            "known_at": T0 + (minute + 1) * MINUTE + late * 30_000,
            "fetched_at": T0 + (minute + 1) * MINUTE + late * 30_000 + later,
        }
        for number, (minute, late, later) in enumerate(versions)
    ]


def _frame(rows: list[Row]) -> pl.DataFrame:
    schema = Columns(PastCandle).schema | {"known_at": pl.Int64, "fetched_at": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def _known(rows: list[Row], at: int) -> dict[int, Row]:
    """Return by time the version that was known last at a moment."""
    found: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: (row["known_at"], row["fetched_at"])):
        if row["known_at"] <= at:
            found[row["timestamp"]] = row
    return found


@QUICK
@given(VERSIONS, st.integers(0, 30))
def test_as_of_is_the_last_version_known_then(
    versions: list[tuple[int, int, int]], half_minutes: int
) -> None:
    """Whatever the order of the rows."""
    rows, at = _rows(versions), T0 + half_minutes * 30_000
    found = newest(_frame(rows[::-1]).filter(pl.col("known_at") <= at))
    wanted = _known(rows, at)
    assert found["timestamp"].to_list() == sorted(wanted)
    assert found["close"].to_list() == [wanted[time]["close"] for time in sorted(wanted)]


@QUICK
@given(VERSIONS, st.integers(0, 6))
def test_a_tick_shows_what_was_known_then(versions: list[tuple[int, int, int]], limit: int) -> None:
    """The newest candle that was known at the tick, in the version of then; null when it is too old."""
    rows = _rows(versions)
    contracts = pl.DataFrame([SOL])
    ticks = clock(contracts, Span(T0, T0 + 20 * MINUTE), MINUTE)
    found = with_value(ticks, "mark", _frame(rows), MINUTE, limit * MINUTE)
    for tick, price, age in found.select("timestamp", "mark_price", "mark_price_age_ms").iter_rows():
        known = _known(rows, tick)
        row = known[max(known)] if known else None
        if row is None or tick - row["timestamp"] - MINUTE > limit * MINUTE:
            assert (price, age) == (None, None)
        else:
            assert (price, age) == (row["close"], tick - row["timestamp"] - MINUTE)


@QUICK
@given(
    st.lists(st.sampled_from([1, 2, 4, 5, 8, 16]), min_size=1, max_size=15),
    st.lists(st.tuples(st.integers(0, 72), st.integers(1, 40)), max_size=4),
)
def test_intervals_are_the_distance_to_an_asked_neighbour(
    steps: list[int], asked: list[tuple[int, int]]
) -> None:
    """Through changes of the interval and holes in what was asked."""
    times = [T0 + sum(steps[:count]) * HOUR for count in range(len(steps) + 1)]
    ledger = Ledger(Store("nowhere").ledger.table)
    subject = Subject(SOL["exchange"], SOL["symbol"], "funding")
    spans = ledger.spans(subject, "answered")
    for start, length in asked:
        spans.add(Span(T0 + start * HOUR, T0 + (start + length) * HOUR))
    rows = [PastFunding(**SOL, timestamp=at, settled_time=at, settled_rate=0.0003) for at in times]
    found = with_intervals(pl.DataFrame(Columns(PastFunding).series(rows)), ledger)
    wanted: list[int | None] = [None]
    for before, at in itertools.pairwise(times):
        between = Span(before + MINUTE, at)
        hours = (at - before) // HOUR
        wanted.append(hours if hours in HOURS and spans.covers(between) else None)
    assert found["funding_interval_hours"].to_list() == wanted
    assert found["funding_rate_8h"].to_list() == [hours and 0.0003 * 8 / hours for hours in wanted]


@QUICK
@given(
    st.dictionaries(st.integers(0, 200), st.integers(1, 10**6).map(lambda number: number / 100), min_size=1),
    st.sampled_from([5, 15, 60]),
)
def test_longer_candles_are_those_of_a_loop(closes: dict[int, float], minutes: int) -> None:
    """Open of the first, close of the last, extremes of all; complete only where none is missing."""
    rows = [
        row | {"close": close, "open": close - 0.5, "high": close + 1, "low": close - 1}
        for (minute, close), row in zip(
            sorted(closes.items()), _rows([(minute, 0, 0) for minute in sorted(closes)]), strict=True
        )
    ]
    found = resampled(_frame(rows), minutes * MINUTE)
    wanted: dict[int, list[Row]] = {}
    for row in rows:
        wanted.setdefault(row["timestamp"] // (minutes * MINUTE) * (minutes * MINUTE), []).append(row)
    columns = ("timestamp", "open", "high", "low", "close", "candles", "complete")
    assert found.select(columns).rows() == [
        (
            opened,
            members[0]["open"],
            max(row["high"] for row in members),
            min(row["low"] for row in members),
            members[-1]["close"],
            len(members),
            len(members) == minutes,
        )
        for opened, members in wanted.items()
    ]


@QUICK
@given(st.data())
def test_a_checksum_does_not_know_the_order_of_rows(data: st.DataObject) -> None:
    """Nor how they are cut; it is that of the payloads as they were published."""
    messages = [
        mark_message(T0 + number, number, number / 7) for number in range(data.draw(st.integers(1, 20)))
    ]
    places = [pl.Series("written_at", range(T0, T0 + len(messages)), pl.Int64)]
    places += [pl.Series(name, [0] * len(messages), pl.Int64) for name in ("entry", "place")]
    frame = pl.DataFrame([*places, *COLUMNS["mark_price"].series(messages)])
    order = data.draw(st.permutations(range(len(messages))))
    whole = sha256(b"".join(msgspec.json.encode(message) + b"\n" for message in messages)).hexdigest()
    key = (SOL["exchange"], SOL["symbol"])
    assert checksums(frame[order], "mark_price", ("exchange", "symbol")) == {key: whole}
