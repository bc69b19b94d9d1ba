"""Intake: rows before notes, a crash between the two asks once more, corrections stand beside what was said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.history.toy import MINUTE, NOW, candle, contract, history, hours, settlement

from microstream.clock import SystemClock
from microstream.errors import StoreChanged, StoreDown
from microstream.history.gaps import Gap
from microstream.history.intake import Answered, Intake
from microstream.history.ledger import Subject
from microstream.history.store import Store
from microstream.model.past import AnyPast, PastKind, Span


def _answered(
    rows: Sequence[AnyPast], span: Span, kind: PastKind = "mark", fetched_at: int = NOW
) -> Answered:
    gap = Gap(contract(), history(kind, step_ms=MINUTE if kind == "mark" else None), span)
    return Answered(gap, span, rows, fetched_at)


async def _take(store: Store, *answers: Answered, careful: bool = False) -> Intake:
    intake = Intake(store, SystemClock(), careful=careful)
    store.ledger.load()
    await intake.begin()
    for answer in answers:
        await intake.put(answer)
    await intake.end()
    await intake.run()
    return intake


async def test_rows_and_notes_are_there(tmp_path: Path) -> None:
    """Rows carry since when they could be known: a candle since its end, a settlement since its time."""
    store, span = Store(str(tmp_path)), hours(2, 1)
    quiet = hours(9, 8)
    intake = await _take(
        store,
        _answered([candle(span.start), candle(span.start + MINUTE)], span),
        _answered([settlement(span.start)], span, "funding"),
        _answered([], quiet),
    )
    assert intake.rows == 3
    marks, rates = (store.past[kind].read(store.past[kind].scan()) for kind in ("mark", "funding"))
    assert marks["known_at"].to_list() == [span.start + MINUTE, span.start + 2 * MINUTE]
    assert rates["known_at"].to_list() == [span.start]
    assert rates["fetched_at"].to_list() == [NOW]
    again = Store(str(tmp_path)).ledger
    again.load()
    assert list(again.spans(Subject("okx", "sol-usdt", "mark"), "answered")) == [quiet, span]


async def test_a_crash_between_rows_and_notes_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run asks again, because nothing was noted, and leaves out what is there."""
    store, span = Store(str(tmp_path)), hours(2, 1)

    def crash(*_: object, **__: object) -> None:
        raise StoreDown("the power failed")

    with monkeypatch.context() as patch:
        patch.setattr(store.ledger, "note", crash)
        with pytest.raises(StoreDown):
            await _take(store, _answered([candle(span.start)], span))
    store = Store(str(tmp_path))
    intake = await _take(store, _answered([candle(span.start), candle(span.start + MINUTE)], span))
    assert intake.rows == 1
    found = store.past["mark"].read(store.past["mark"].scan())
    assert sorted(found["timestamp"]) == [span.start, span.start + MINUTE]
    assert store.ledger.holes(Subject("okx", "sol-usdt", "mark"), span) == []


async def test_a_correction_is_kept_beside_what_was_said(tmp_path: Path) -> None:
    """What a venue says otherwise later is known since then; what it repeats is left out."""
    store, span = Store(str(tmp_path)), hours(2, 1)
    await _take(store, _answered([candle(span.start, 1.0), candle(span.start + MINUTE, 2.0)], span))
    later = NOW + 3_600_000
    intake = await _take(
        store,
        _answered([candle(span.start, 1.0), candle(span.start + MINUTE, 2.5)], span, fetched_at=later),
        careful=True,
    )
    assert (intake.rows, intake.corrections) == (1, 1)
    found = store.past["mark"].read(store.past["mark"].scan()).sort("timestamp", "known_at")
    assert found["close"].to_list() == [1.0, 2.0, 2.5]
    assert found["known_at"].to_list()[1:] == [span.start + 2 * MINUTE, later]


async def test_upkeep_in_between_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that another process has changed meanwhile is written to again; nothing is there twice."""
    store, span = Store(str(tmp_path)), hours(2, 1)
    note, failures = store.ledger.note, [StoreChanged("compacted"), StoreChanged("compacted")]

    def once_more(*arguments: Any, **options: Any) -> None:
        if failures:
            raise failures.pop()
        note(*arguments, **options)

    monkeypatch.setattr(store.ledger, "note", once_more)
    monkeypatch.setattr("microstream.history.intake.PAUSES_S", (0.0, 0.0, 0.0))
    intake = await _take(store, _answered([candle(span.start)], span))
    assert (intake.rows, failures) == (1, [])
    assert store.past["mark"].read(store.past["mark"].scan()).height == 1
    assert store.ledger.holes(Subject("okx", "sol-usdt", "mark"), span) == []


async def test_who_came_in_between_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once, where no lock keeps them apart: the slower one ends, and nothing is there twice."""
    monkeypatch.setattr("microstream.history.intake.PAUSES_S", (0.0,))
    span = hours(2, 1)
    slow = Intake(Store(str(tmp_path)), SystemClock())
    await slow.begin()
    await _take(Store(str(tmp_path)), _answered([candle(span.start)], span))
    await slow.put(_answered([candle(span.start)], span))
    await slow.end()
    with pytest.raises(StoreChanged):
        await slow.run()
    table = Store(str(tmp_path)).past["mark"]
    assert table.read(table.scan()).height == 1


async def test_what_was_forgotten_meanwhile_is_gone_and_not_quiet(tmp_path: Path) -> None:
    """A venue that no longer had the beginning of a span when it answered has not said that nothing happened."""
    store, span = Store(str(tmp_path)), hours(5, 1)
    gap = Gap(contract(), history("mark"), span)
    await _take(store, Answered(gap, span, [candle(span.end - MINUTE)], NOW, hours(3, 0).start))
    subject = Subject("okx", "sol-usdt", "mark")
    assert list(store.ledger.spans(subject, "gone")) == [hours(5, 3)]
    assert list(store.ledger.spans(subject, "answered")) == [hours(3, 1)]
