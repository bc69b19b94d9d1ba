"""Gaps: what is asked for, what is not, and why."""

from pathlib import Path

import pytest
from tests.unit.history.toy import DAY, MINUTE, NOW, contract, history, hours

from microstream.history.gaps import Gap, expected_requests, find_gaps
from microstream.history.ledger import Ledger, Note, Subject
from microstream.history.store import Store
from microstream.model.past import Span

SUBJECT = Subject("okx", "sol-usdt", "mark")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Store(str(tmp_path)).ledger


def _spans(
    ledger: Ledger, within: Span, *, listed_at: int | None = None, keeps_ms: int | None = None
) -> list[Span]:
    gaps, notes = find_gaps(
        ledger, [contract(listed_at=listed_at)], [history(keeps_ms=keeps_ms)], {"mark"}, within, NOW
    )
    ledger.note(notes, NOW)
    return [gap.span for gap in gaps]


def test_everything_is_a_gap_at_first(ledger: Ledger) -> None:
    """The whole span is asked for, on the grid of the candles, and only of the wanted kinds."""
    within = Span(NOW - DAY + 1, NOW - 3_600_000 - 1)
    assert _spans(ledger, within) == [Span(NOW - DAY, NOW - 3_600_000)]
    assert find_gaps(ledger, [contract()], [history()], {"oi"}, within, NOW) == ([], [])


def test_what_may_not_be_there_yet_is_left_for_later(ledger: Ledger) -> None:
    """The end is held back by the lag of the kind, to full five minutes."""
    assert _spans(ledger, hours(1, 0)) == [Span(NOW - 3_600_000, NOW - 5 * MINUTE)]


def test_what_was_answered_is_not_asked_again(ledger: Ledger) -> None:
    """Only what lies between is a gap; a quiet hour that was answered is none."""
    ledger.note([Note(SUBJECT, hours(10, 8), "answered", 120), Note(SUBJECT, hours(6, 4), "answered")], NOW)
    assert _spans(ledger, hours(10, 4)) == [hours(8, 6)]
    gaps, _ = find_gaps(ledger, [contract()], [history()], {"mark"}, hours(10, 4), NOW, again=True)
    assert [gap.span for gap in gaps] == [hours(10, 4)]


def test_what_is_gone_is_noted_and_never_asked_for(ledger: Ledger) -> None:
    """From before the listing and beyond what the venue keeps there is nothing to be had."""
    assert _spans(ledger, hours(10, 1), listed_at=hours(5, 0).start) == [hours(5, 1)]
    assert list(ledger.spans(SUBJECT, "gone")) == [hours(10, 5)]
    assert _spans(ledger, hours(20, 1), keeps_ms=3 * 3_600_000) == [hours(3, 1)]
    assert list(ledger.spans(SUBJECT, "gone")) == [hours(20, 3)]


def test_a_span_before_all_is_gone_as_a_whole(ledger: Ledger) -> None:
    """Nothing of it is asked for."""
    assert _spans(ledger, hours(10, 6), listed_at=hours(5, 0).start) == []
    assert list(ledger.spans(SUBJECT, "gone")) == [hours(10, 6)]


@pytest.mark.parametrize(("minutes", "requests"), [(1, 1), (100, 1), (101, 2), (1000, 10)])
def test_expected_requests_follow_the_page(minutes: int, requests: int) -> None:
    """As many as the pages that the span has."""
    assert expected_requests(Gap(contract(), history(), Span(NOW - minutes * MINUTE, NOW))) == requests


def test_settlements_are_asked_for_from_a_day_before(ledger: Ledger) -> None:
    """So that the interval of the first one can be told."""
    gaps, _ = find_gaps(
        ledger, [contract()], [history("funding", step_ms=None)], {"funding"}, hours(2, 1), NOW
    )
    assert [gap.span for gap in gaps] == [Span(NOW - 2 * 3_600_000 - DAY, NOW - 3_600_000)]
