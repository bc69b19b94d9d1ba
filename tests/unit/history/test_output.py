"""Frames as text: what is aligned, what has no room, and what is not lost on the way."""

import json
from pathlib import Path

import polars as pl
from tests.unit.history.kept import T0, mark_message, publish, quality_message

from microstream.history import History
from microstream.history.moments import TIME
from microstream.history.output import encoded, table_lines
from microstream.history.store import Store

FRAME = pl.DataFrame(
    {
        "symbol": ["sol-usdt", "btc"],
        "timestamp": [T0, None],
        "rate": [0.000012, 1e-9],
        "price": [64123.0, None],
        "size": [1.5e21, -2.25],
        "complete": [True, False],
    },
    schema_overrides={"timestamp": TIME},
)


def test_numbers_stand_to_the_right_and_unknown_is_no_number() -> None:
    """Small ones without an exponent, whole ones without a fraction."""
    assert list(table_lines(FRAME, None, None)) == [
        "symbol    timestamp                   rate  price     size  complete",
        "sol-usdt  2026-09-21 00:00:00     0.000012  64123  1.5e+21  yes",
        "btc       -                    0.000000001      -    -2.25  no",
    ]


def test_what_has_no_room_is_named() -> None:
    """Columns go from the right; what a line has more than the width is cut off whole columns."""
    lines = list(table_lines(FRAME, 1, 45))
    assert lines[0] == "symbol  timestamp         rate  price   size"
    assert max(map(len, lines[:2])) <= 45
    assert lines[2:] == ["1 of 2 rows, the newest; --limit 0 shows all", "no room for complete"]


def test_lists_and_values_of_several_types_survive(tmp_path: Path) -> None:
    """As JSON text in CSV, as themselves in JSON."""
    store = Store(str(tmp_path))
    publish(store, "mark_price", [mark_message(T0, 1, flags=("stale", "frozen"))])
    publish(store, "quality", [quality_message(T0, 1, "gap")])
    history = History(store.url)
    marks, quality = history.recorded("mark_price"), history.recorded("quality")
    table = pl.read_csv(b"".join(encoded(marks, "csv", "mark_price")))
    assert json.loads(table["flags"][0]) == ["stale", "frozen"]
    assert table["received_at"][0] == T0
    row = json.loads(b"".join(encoded(quality, "json", "quality")))
    assert (row["expected"], row["observed"], row["flags"]) == (0.5, "text", [])
