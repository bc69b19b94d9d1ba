"""Upkeep: many files become few, old days and what is too much go, venues' past and ledger stay."""

from pathlib import Path

import polars as pl
import pytest
from structlog.testing import capture_logs
from tests.integration.recorded import message

from microstream.errors import StoreDown
from microstream.history import upkeep as module
from microstream.history.ledger import Note, Subject
from microstream.history.published import COLUMNS, PLACE
from microstream.history.store import Store
from microstream.history.upkeep import Upkeep
from microstream.model.past import Span

DAY = 86_400_000
T0 = 1_790_000_000_000 // DAY * DAY
S = Subject("okx", "*", "funding")


class Then:
    """A clock that stands at noon of the third day."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds UTC."""
        return T0 + 2 * DAY + DAY // 2

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return 0.0


def _add(store: Store, family: str, at: int, rows: int = 1) -> None:
    places = [pl.Series(name, [at] * rows, dtype=dtype) for name, dtype in PLACE.items()]
    series = COLUMNS[family].series([message(family, f"coin{number}") for number in range(rows)])
    store.published[family].append(pl.DataFrame([*places, *series]), {f"{family}:okx": at})


def _days(store: Store, family: str) -> list[str]:
    return sorted(set(store.published[family].files()["partition"].cast(str)))


def _upkeep(store: Store, keep_days: float = 365, max_total: int = 1 << 40) -> Upkeep:
    return Upkeep(store, keep_s=keep_days * 86_400, max_total=max_total, clock=Then())


def test_many_files_become_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of today when they are many, of a finished day always, once; rows and position stay."""
    monkeypatch.setattr(module, "MANY_FILES", 3)
    store = Store(str(tmp_path))
    table, upkeep = store.published["oi"], _upkeep(store)
    for at in (T0, T0 + 1, T0 + 2 * DAY, T0 + 2 * DAY + 1):
        _add(store, "oi", at)
    upkeep.compact(table)
    assert sorted(table.files()["num_records"]) == [1, 1, 2]
    _add(store, "oi", T0 + 2 * DAY + 2)
    upkeep.compact(table)
    assert sorted(table.files()["num_records"]) == [2, 3]
    before = set(table.files()["path"])
    upkeep.compact(table)
    assert set(table.files()["path"]) == before
    assert table.position("oi:okx") == T0 + 2 * DAY + 2
    assert table.read(table.scan())["written_at"].n_unique() == 5


def test_days_that_are_too_old_go(tmp_path: Path) -> None:
    """Of every family; the day in which the limit falls stays."""
    store = Store(str(tmp_path))
    for day in range(3):
        _add(store, "oi", T0 + day * DAY)
    _add(store, "bars", T0)
    _upkeep(store, keep_days=1).retain()
    assert _days(store, "oi") == ["2026-09-22", "2026-09-23"]
    assert _days(store, "bars") == []


def test_what_is_too_much_goes_from_the_oldest_day_on(tmp_path: Path) -> None:
    """As many days as it takes, of all families alike; today, the venues' past and the ledger never, which is told."""
    store = Store(str(tmp_path))
    for day in range(3):
        _add(store, "oi", T0 + day * DAY)
        _add(store, "funding", T0 + day * DAY)
    store.ledger.note([Note(S, Span(0, 1), "lost")], T0)
    total = sum(int(table.files()["size_bytes"].sum()) for table in _upkeep(store)._tables())
    _upkeep(store, max_total=total).retain()
    assert _days(store, "oi") == ["2026-09-21", "2026-09-22", "2026-09-23"]
    _upkeep(store, max_total=total - 1).retain()
    assert _days(store, "oi") == _days(store, "funding") == ["2026-09-22", "2026-09-23"]
    with capture_logs() as logs:
        small = _upkeep(store, max_total=1)
        small.retain()
        small.retain()
    assert _days(store, "oi") == ["2026-09-23"]
    assert [line["log_level"] for line in logs if line["event"].startswith("history is larger")] == [
        "warning"
    ]
    assert store.ledger.table.files().height == 1


def test_the_ledger_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that touch or overlap become one, with the sum of their rows; answers and holes stay apart."""
    monkeypatch.setattr(module, "LEDGER_ROOM", 3)
    store = Store(str(tmp_path))
    for start in range(0, 200, 10):
        store.ledger.note([Note(S, Span(start, start + 10), "recorded")], T0 + start)
    store.ledger.note([Note(S, Span(300, 310), "recorded"), Note(S, Span(5, 9), "lost", 2)], T0)
    store.ledger.note([Note(S, Span(7, 20), "lost", 3)], T0 + 1)
    _upkeep(store).shorten_ledger()
    table = store.ledger.table
    found = (
        table.read(table.scan()).sort("answer", "start").select("answer", "start", "end", "rows", "noted_at")
    )
    assert found.rows() == [
        ("lost", 5, 20, 5, T0 + 1),
        ("recorded", 0, 200, 0, T0 + 190),
        ("recorded", 300, 310, 0, T0),
    ]


async def test_a_step_that_fails_is_told_once_and_tried_again(tmp_path: Path) -> None:
    """The others go on."""
    upkeep = _upkeep(Store(str(tmp_path)))

    def fail() -> None:
        raise StoreDown("no disk")

    with capture_logs() as logs:
        for step in (fail, fail, lambda: None, fail):
            await upkeep._try("ledger", step)
    assert len(logs) == 2
