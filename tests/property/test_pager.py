"""The pager against toy venues of any page size, order, window and past: nothing lost, nothing twice, no end to it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.errors import WireMismatch
from microstream.model.instruments import Instrument
from microstream.model.past import PastCandle, Span
from microstream.spec.history import History, Page, on_grid, settlement_bounds
from microstream.spec.rest import Request, Response
from microstream.transport.http import HttpClient
from microstream.transport.pager import Answer, Pager, newest_window

START = 1_795_176_000_000
THING = Instrument(
    exchange="toy", name="T", symbol="t", instrument="T/U:U", base="T", venue_base="T", quote="U", settle="U",
    kind="perpetual",
)  # fmt: skip
Stamped = tuple[int, int]
"""Time and value of a row; times may be shared."""


class StandingClock:
    """Long after everything."""

    def now_ms(self) -> int:
        """Return always the same time."""
        return START + 10**9

    def monotonic(self) -> float:
        """Return always the same time."""
        return 0.0


@dataclass
class ToyVenue:
    """Answers with the rows within inclusive bounds, `page` at most, in any order; stands for the HTTP client too."""

    past: list[Stamped]
    page: int
    newest_first: bool
    window: int | None = None
    step: int | None = None
    behaves: Callable[[list[Stamped], Span], list[Stamped]] = lambda rows, _span: rows
    asked: list[Span] = field(default_factory=list)

    @property
    def history(self) -> History:
        """The declaration of this venue."""
        return History(
            "mark",
            step_ms=self.step,
            page=self.page,
            newest_first=self.newest_first,
            window_ms=self.window,
            request=lambda _item, span, _now: Request(
                "toy", "/toy", (("a", str(span.start)), ("b", str(span.end)))
            ),
            parse=_parse,
        )

    async def get(self, request: Request, *, give_up_at: float | None = None) -> Response:
        """Answer a request."""
        span = Span(*(int(text) for _, text in request.params))
        self.asked.append(span)
        assert give_up_at is None
        rows = [row for row in sorted(self.past) if span.start <= row[0] < span.end]
        found = self.behaves(rows[-self.page :] if self.newest_first else rows[: self.page], span)
        return Response(200, {}, json.dumps(found).encode(), START, START)

    def ask(self, span: Span) -> Answer:
        """Ask for one page."""
        pager = Pager(cast("HttpClient", self), StandingClock())
        answer = asyncio.run(pager.ask(self.history, THING, span))
        assert answer is not None
        return answer

    def walk(self, span: Span) -> tuple[list[Answer], int]:
        """Ask from a span to nothing, newest windows first; return the answers and the number of windows."""
        answers, windows = [], 0
        end = span.end
        while end > span.start:
            window = newest_window(self.history, Span(span.start, end))
            end, windows = window.start, windows + 1
            left: Span | None = window
            while left is not None:
                answers.append(self.ask(left))
                left = answers[-1].rest
        return answers, windows


def _parse(body: bytes, instrument: Instrument, page: Page) -> None:
    rows = json.loads(body)
    page.size = len(rows)
    for at, value in rows:
        page.candle(instrument, "mark", at, [value] * 4)


TIMES = st.integers(0, 400)
SPANS = (
    st.tuples(TIMES, TIMES)
    .filter(lambda ends: ends[0] != ends[1])
    .map(lambda ends: Span(START + min(ends), START + max(ends)))
)


@st.composite
def venues(draw: st.DrawFn) -> ToyVenue:
    """A venue with some past: irregular rows of which some share a time, or rows on a grid with gaps."""
    page = draw(st.integers(1, 12))
    step = draw(st.none() | st.integers(1, 20))
    if step is None:
        past = draw(st.lists(st.tuples(TIMES.map(lambda t: START + t), st.integers(1, 9)), max_size=60))
        past = [(at, value + 10 * number) for number, (at, value) in enumerate(past)]
        window = draw(st.none() | st.integers(5, 200))
    else:
        first = -(-START // step)
        slots = draw(st.sets(st.integers(0, 400 // step), max_size=60))
        past = [((first + slot) * step, slot + 1) for slot in slots]
        window = draw(st.sampled_from([None, page * step]))
    newest_first = draw(st.booleans()) if window is not None else True
    return ToyVenue(past, page, newest_first, window, step)


@given(venues(), SPANS)
def test_a_walk_finds_everything_once(venue: ToyVenue, span: Span) -> None:
    """Exactly the times that have rows, in order within every answer, whatever page and window cut."""
    answers, _ = venue.walk(span)
    for answer in answers:
        times = [row.timestamp for row in answer.rows]
        assert times == sorted(set(times))
        assert all(answer.covered.start <= at < answer.covered.end for at in times)
    found = sorted(row.timestamp for answer in answers for row in answer.rows)
    assert found == sorted({at for at, _ in venue.past if span.start <= at < span.end})


@given(venues(), SPANS)
def test_what_is_covered_tiles_the_span(venue: ToyVenue, span: Span) -> None:
    """Every ms is answered exactly once."""
    answers, _ = venue.walk(span)
    covered = sorted(answer.covered for answer in answers)
    assert (covered[0].start, covered[-1].end) == span
    assert all(one.end == other.start for one, other in pairwise(covered))
    assert all(one.start < one.end for one in covered)


@given(venues(), SPANS)
def test_a_walk_asks_hardly_more_than_it_must(venue: ToyVenue, span: Span) -> None:
    """A page for every full number of rows, and in each window one more, which says that there is no more."""
    answers, windows = venue.walk(span)
    rows = sum(1 for at, _ in venue.past if span.start <= at < span.end)
    assert len(venue.asked) <= rows // venue.page + windows
    if venue.window is not None and venue.step is not None:
        assert len(venue.asked) <= windows
    assert len(answers) >= windows


@given(venues(), SPANS)
def test_the_first_of_rows_that_share_a_time_is_kept(venue: ToyVenue, span: Span) -> None:
    """The same row wherever pages are cut, which one page with room for all shows."""
    whole = ToyVenue(venue.past, 1000, newest_first=venue.newest_first)
    whole.behaves = venue.behaves = (
        (lambda rows, _: rows[::-1]) if venue.newest_first else (lambda rows, _: rows)
    )
    found = [row for answer in venue.walk(span)[0] for row in answer.rows]
    assert sorted(found, key=lambda row: row.timestamp) == list(whole.ask(span).rows)


@given(venues(), SPANS)
def test_rows_beyond_the_span_and_repeated_ones_are_left_out(venue: ToyVenue, span: Span) -> None:
    """A venue that adds the rows on both sides and says everything twice changes nothing."""
    venue.past = list({at: (at, value) for at, value in venue.past}.values())
    venue.page = max(venue.page, 200)  # all fits: what is added must not pass for cut off
    venue.window = venue.step and venue.window and venue.page * venue.step
    within = newest_window(venue.history, span)
    venue.behaves = lambda rows, _: [(within.start - 1, 1), *rows, *rows, (within.end, 1)]
    answer = venue.ask(within)
    assert [row.timestamp for row in answer.rows] == sorted(
        at for at, _ in venue.past if within.start <= at < within.end
    )
    assert answer.rest is None


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("elsewhere", [-5000, 5000])
def test_a_full_page_of_another_time_is_a_mismatch(newest_first: bool, elsewhere: int) -> None:
    """A venue that ignores the bounds, or repeats its page, is neither believed nor asked for ever."""
    rows = [(START + elsewhere + at, 1) for at in range(3)]
    venue = ToyVenue([], 3, newest_first, behaves=lambda _rows, _span: rows)
    with pytest.raises(WireMismatch, match="a full page of 3 rows has none"):
        venue.ask(Span(START, START + 100))


def test_a_page_that_comes_again_ends_the_walk() -> None:
    """The second time it has nothing to do with what is left."""
    rows = [(START + at, 1) for at in (90, 91, 92)]
    venue = ToyVenue([], 3, newest_first=True, behaves=lambda _rows, _span: rows)
    first = venue.ask(Span(START, START + 100))
    assert (first.covered, first.rest) == (Span(START + 90, START + 100), Span(START, START + 90))
    with pytest.raises(WireMismatch):
        venue.ask(first.rest or first.covered)


def test_a_page_that_is_not_full_answers_though_it_is_about_another_time() -> None:
    """A venue that ignores the bounds and has few rows has said all of them."""
    venue = ToyVenue([], 3, newest_first=True, behaves=lambda _rows, _span: [(START - 1, 1)])
    answer = venue.ask(Span(START, START + 100))
    assert (answer.covered, answer.rest, list(answer.rows)) == (Span(START, START + 100), None, [])


def test_rows_left_out_count_for_the_page() -> None:
    """A page of 3 with 2 rows that are used is full: what stands behind them is asked for."""
    venue = ToyVenue([(START + at, 1) for at in (10, 20, 30, 40)], 3, newest_first=True)
    venue.behaves = lambda rows, _span: [(at, "x" if at == START + 30 else 1) for at, _ in rows]  # type: ignore[misc]
    answer = venue.ask(Span(START, START + 100))
    assert [row.timestamp for row in answer.rows] == [START + 20, START + 40]
    assert [reject.reason for reject in answer.rejects] == ["not_a_number"]
    assert answer.rest == Span(START, START + 20)


def test_a_span_without_room_for_a_row_is_not_asked_for() -> None:
    """Between two steps there is nothing."""
    venue = ToyVenue([], 3, newest_first=True, window=180_000, step=60_000)
    span = Span(START + 1, START + 60_000)
    assert venue.ask(span) == Answer(span, None)
    assert venue.asked == []


def test_a_running_candle_answers_nothing() -> None:
    """A candle within the span that the venue marks as unfinished shows that the clocks disagree."""
    venue = ToyVenue([], 3, newest_first=True)

    def parse(_body: bytes, instrument: Instrument, page: Page) -> None:
        page.candle(instrument, "mark", START, ["1"] * 4)
        page.unfinished(instrument, "mark", START + 60_000)

    def asked(span: Span) -> Answer | None:
        history = History("mark", 60_000, 9, True, 540_000, venue.history.request, parse)
        return asyncio.run(Pager(cast("HttpClient", venue), StandingClock()).ask(history, THING, span))

    answer = asked(Span(START, START + 60_000))
    assert answer is not None
    assert [row.timestamp for row in answer.rows if isinstance(row, PastCandle)] == [START]
    with pytest.raises(WireMismatch, match="running still"):
        asked(Span(START, START + 120_000))


@pytest.mark.parametrize("span", [Span(START, START), Span(START, START + 101)])
def test_spans_that_are_no_page_are_a_mistake(span: Span) -> None:
    """Empty ones, and those beyond a window."""
    with pytest.raises(ValueError, match="is empty or more"):
        ToyVenue([], 3, newest_first=True, window=100).ask(span)


@given(SPANS, st.integers(1, 60))
def test_the_grid_holds_the_same_rows(span: Span, step: int) -> None:
    """Cutting a span to its steps neither loses nor adds a multiple."""
    start, end = on_grid(span, step)
    assert start % step == end % step == 0
    assert list(range(start, end, step)) == [at for at in range(*span) if at % step == 0]


@given(st.lists(st.integers(0, 10_000_000), min_size=3, max_size=3, unique=True), st.integers(0, 10_000_000))
def test_bounds_of_spans_that_touch_touch(cuts: list[int], stamp: int) -> None:
    """A settlement is in the bounds of the span that holds its nearest minute, and its row in that span."""
    first, middle, last = sorted(cuts)
    page = Page()
    page.funding(THING, START + stamp, "0.0001")
    for span in (Span(START + first, START + middle), Span(START + middle, START + last)):
        low, high = settlement_bounds(span)
        inside = span.start <= page.rows[0].timestamp < span.end
        assert low <= high
        assert not inside or low <= START + stamp <= high
        if on_grid(span, 60_000).start < on_grid(span, 60_000).end:
            assert inside == (low <= START + stamp <= high)
