"""Tables and the ledger: rows with their position, few files, notes that survive."""

from pathlib import Path

import polars as pl
import pytest

from microstream.errors import StoreChanged, StoreDown
from microstream.history.ledger import Note, Subject
from microstream.history.store import Store
from microstream.model.past import Span

DAY = 86_400_000
T0 = 1_790_000_000_000 // DAY * DAY
SUBJECT = Subject("okx", "sol-usdt", "mark")


def _candles(*times: int, close: float = 1.0) -> pl.DataFrame:
    rows = len(times)
    return pl.DataFrame(
        {
            "exchange": ["okx"] * rows,
            "symbol": ["sol-usdt"] * rows,
            "instrument": ["SOL/USDT:USDT"] * rows,
            "timestamp": times,
            **{name: [close] * rows for name in ("open", "high", "low", "close")},
            "known_at": times,
            "fetched_at": times,
        }
    )


def test_rows_and_position_come_together(tmp_path: Path) -> None:
    """A table that is not there has no rows and no position; one that is has both of the last commit."""
    table = Store(str(tmp_path)).past["mark"]
    assert table.read(table.scan()).height == 0
    assert table.position("stream") is None
    table.append(_candles(T0), {"stream": 7})
    table.append(_candles(T0 + DAY), {"stream": 9})
    other = Store(str(tmp_path)).past["mark"]
    assert other.position("stream") == 9
    assert other.read(other.scan())["timestamp"].sort().to_list() == [T0, T0 + DAY]
    assert sorted(other.files()["partition"].cast(str)) == ["2026-09-21", "2026-09-22"]


def test_one_who_was_slower_learns_it(tmp_path: Path) -> None:
    """Two writers with the same position cannot both commit."""
    Store(str(tmp_path)).past["mark"].append(_candles(T0), {"stream": 1})
    one, other = Store(str(tmp_path)).past["mark"], Store(str(tmp_path)).past["mark"]
    assert one.position("stream") == other.position("stream") == 1
    one.append(_candles(T0 + 1), {"stream": 2}, after={"stream": 1})
    with pytest.raises(StoreChanged, match="another process"):
        other.append(_candles(T0 + 1), {"stream": 2}, after={"stream": 1})
    assert other.position("stream") == 2


def test_compaction_keeps_rows_and_positions(tmp_path: Path) -> None:
    """Many files of a day become one; nothing else changes, also for one who reads anew."""
    table = Store(str(tmp_path)).past["mark"]
    for number in range(5):
        table.append(_candles(T0 + number), {"stream": number})
    [day] = set(table.files()["partition"])
    for sort in (False, True):
        table.compact(day, sort=sort)
        table.clean(keep_hours=0)
        assert table.files()["num_records"].to_list() == [5]
    again = Store(str(tmp_path)).past["mark"]
    assert again.position("stream") == 4
    assert again.read(again.scan()).height == 5
    assert len(list((tmp_path / "venue" / "mark").rglob("day=*/*.parquet"))) == 1


def test_upkeep_by_another_process_stops_no_writer(tmp_path: Path) -> None:
    """One who has not looked for long goes on, whatever was rewritten, and deleted of the log, meanwhile."""
    writer, upkeep = Store(str(tmp_path)), Store(str(tmp_path)).past["mark"]
    table = writer.past["mark"]
    for number in range(3):
        table.append(_candles(T0 + number), {"stream": number})
    upkeep.compact(upkeep.files()["partition"][0], sort=True)
    upkeep.clean(keep_hours=0)
    for commit in (tmp_path / "venue" / "mark" / "_delta_log").glob("*.json"):
        if not list(commit.parent.glob(commit.stem + "*.checkpoint.parquet")):
            commit.unlink()  # as a day later
    table.append(_candles(T0 + 3), {"stream": 3}, after={"stream": 2})
    assert table.read(table.scan()).height == 4
    ledger = writer.ledger
    ledger.note([Note(SUBJECT, Span(0, 10), "recorded")], now=T0)
    other = Store(str(tmp_path)).ledger.table
    other.replace(other.read(other.scan()))
    ledger.note([Note(SUBJECT, Span(10, 20), "recorded")], now=T0)
    assert other.read(other.scan()).height == 2


def test_a_dropped_day_is_gone(tmp_path: Path) -> None:
    """Retention takes whole days, and their files."""
    table = Store(str(tmp_path)).past["mark"]
    table.append(_candles(T0, T0 + DAY))
    first = min(table.files()["partition"])
    table.drop([first])
    table.clean(keep_hours=0)
    assert table.read(table.scan())["timestamp"].to_list() == [T0 + DAY]
    assert not list((tmp_path / "venue" / "mark" / f"day={first}").glob("*.parquet"))


def test_the_ledger_knows_three_answers(tmp_path: Path) -> None:
    """Answered, gone and never asked are told apart, also after a restart."""
    ledger = Store(str(tmp_path)).ledger
    ledger.load()
    ledger.note([Note(SUBJECT, Span(10, 20), "answered"), Note(SUBJECT, Span(0, 5), "gone")], now=T0)
    ledger.note([Note(SUBJECT, Span(20, 30), "answered", rows=3)], now=T0)
    again = Store(str(tmp_path)).ledger
    again.load()
    for each in (ledger, again):
        assert list(each.spans(SUBJECT, "answered")) == [Span(10, 30)]
        assert each.holes(SUBJECT, Span(0, 40)) == [Span(5, 10), Span(30, 40)]
        assert each.subjects() == {SUBJECT}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error says which table, and is one that is tried again."""
    (tmp_path / "venue").write_text("not a folder")
    with pytest.raises(StoreDown, match="venue/mark"):
        Store(str(tmp_path)).past["mark"].append(_candles(T0))
