"""Pages with rows from elsewhere."""

import pytest
from tests.unit.history.toy import MINUTE, candle, history, hours

from microstream.errors import WireMismatch
from microstream.model.past import Span
from microstream.spec.history import Page
from microstream.transport.pager import answer


def _page(span: Span) -> Page:
    rows = [candle(at) for at in range(span.start, span.end, MINUTE)]
    page = Page()
    page.rows.extend(rows)
    page.size = len(rows)
    return page


def test_rows_from_elsewhere_do_not_stand_for_those_that_are_missing() -> None:
    """A venue that ignores the bounds, or repeats a page, has not answered what it left out."""
    asked = Span(hours(3, 0).start, hours(3, 0).start + 90 * MINUTE)
    repeated = Span(asked.start - 30 * MINUTE, asked.start + 40 * MINUTE)
    with pytest.raises(WireMismatch, match="29 of 70"):
        answer(history(page=1000), asked, _page(repeated))


def test_all_rows_and_some_more_are_an_answer() -> None:
    """What was asked for is there: the rest is left out."""
    asked = Span(hours(3, 0).start, hours(3, 0).start + 60 * MINUTE)
    found = answer(history(page=1000), asked, _page(Span(asked.start - 60 * MINUTE, asked.end)))
    assert (found.covered, len(found.rows)) == (asked, 60)
