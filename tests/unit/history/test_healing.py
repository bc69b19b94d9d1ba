"""Holes in what was recorded: which are healed, and which are none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.unit.history.toy import MINUTE, NOW, hours

from microstream.clock import SystemClock
from microstream.errors import StoreChanged
from microstream.history.backfill import Source
from microstream.history.healing import KINDS, Healer, Hole, find_holes
from microstream.history.ledger import Ledger, Note, Subject
from microstream.history.lock import writing
from microstream.history.store import Store
from microstream.model.past import Span

DAY = 86_400_000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Store(str(tmp_path)).ledger


def _record(ledger: Ledger, family: str, *spans: Span) -> None:
    ledger.note([Note(Subject("okx", "*", family), span, "recorded") for span in spans], NOW)


def test_what_lies_between_recorded_spans_is_a_hole(ledger: Ledger) -> None:
    """It is widened to whole minutes; what was before the first record is none."""
    end, start = NOW - 3 * 3_600_000 - 1, NOW - 2 * 3_600_000 + 1
    _record(ledger, "mark_price", Span(NOW - 5 * 3_600_000, end), Span(start, NOW))
    [hole] = find_holes(ledger, "okx", KINDS, DAY, NOW)
    assert hole == Hole("okx", "mark_price", Span(NOW - 3 * 3_600_000 - MINUTE, NOW - 2 * 3_600_000 + MINUTE))
    assert list(find_holes(ledger, "bybit", KINDS, DAY, NOW)) == []


def test_the_newest_hole_comes_first_and_the_window_ends_it(ledger: Ledger) -> None:
    """What ends before the window is left alone."""
    _record(ledger, "oi", hours(40, 30), hours(28, 20), hours(10, 6), hours(5, 0))
    assert [hole.span for hole in find_holes(ledger, "okx", KINDS, 12 * 3_600_000, NOW)] == [
        hours(6, 5),
        hours(20, 10),
    ]


def test_what_has_just_gone_by_may_be_recorded_still(ledger: Ledger) -> None:
    """Recorded spans are noted a little later; a recorder that is away for longer leaves a hole."""
    _record(ledger, "funding", Span(NOW - 3_600_000, NOW - 100_000))
    assert list(find_holes(ledger, "okx", KINDS, DAY, NOW)) == []
    [hole] = find_holes(ledger, "okx", KINDS, DAY, NOW + 300_000)
    assert hole.span.end == NOW + 300_000


def test_a_second_of_silence_is_no_hole(ledger: Ledger) -> None:
    """It has no candle that the venue could tell of."""
    _record(ledger, "mark_price", Span(NOW - 3_600_000, NOW - 1_800_000), Span(NOW - 1_750_000, NOW))
    assert list(find_holes(ledger, "okx", KINDS, DAY, NOW)) == []


def test_one_backfill_at_a_time(tmp_path: Path) -> None:
    """The second one learns who is at work, and may begin when that has ended."""
    with writing(str(tmp_path)), pytest.raises(StoreChanged, match=r"process [0-9]+"), writing(str(tmp_path)):
        pass
    with writing(str(tmp_path)):
        pass


async def test_an_open_hole_is_looked_at_now_and_then(tmp_path: Path) -> None:
    """While nothing is published the venues are not asked what they list every two minutes."""
    store, now = Store(str(tmp_path)), SystemClock().now_ms()
    subject = Subject("okx", "*", "oi")
    store.ledger.note([Note(subject, Span(now - 7_200_000, now - 3_600_000), "recorded")], now)
    opened = []

    @asynccontextmanager
    async def sources() -> AsyncIterator[list[Source]]:
        opened.append(True)
        yield []

    healer = Healer(store.url, ("okx",), KINDS, sources, DAY, SystemClock())
    for _ in range(3):
        await healer.heal()
    assert opened == [True]
