"""Asks for one page of a contract's past, and says how much of the span that answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from microstream.clock import Clock
from microstream.errors import WireMismatch
from microstream.model.frame import Frame, Reject
from microstream.model.instruments import Instrument
from microstream.model.past import AnyPast, Span
from microstream.spec.history import History, Page, on_grid
from microstream.transport.http import HttpClient


@dataclass(frozen=True, slots=True)
class Answer:
    """What one page says of a span.

    `rows` are within `covered`, in order of their times and one for each. `covered` is the part of the span that
    this page answers wholly, never empty: the newest part when rows come newest first, else the oldest. `rest` is
    what is left to ask for, None when nothing is. `rejects` are values that could not be used.
    """

    covered: Span
    rest: Span | None
    rows: Sequence[AnyPast] = ()
    rejects: Sequence[Reject] = ()


def newest_window(history: History, span: Span) -> Span:
    """Return the newest part of a span that one request may be about."""
    if history.window_ms is None:
        return span
    return Span(max(span.start, span.end - history.window_ms), span.end)


class Pager:
    """Asks one venue for its past through `client`, which keeps to the venue's limits and repeats what may work."""

    def __init__(self, client: HttpClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def ask(
        self, history: History, instrument: Instrument, span: Span, *, give_up_at: float | None = None
    ) -> Answer | None:
        """Return what one page says of a span, or None when the contract has no such history.

        The span is not empty, is no longer than `newest_window` and ends `history.lag_ms` before now or sooner: what
        runs still is told from what is finished by nothing else at most venues. A span in which no row can be is
        answered without a request. Raises what `HttpClient.get` raises, and `WireMismatch` for a body that cannot be
        read or that answers another question.
        """
        if span.start >= span.end or newest_window(history, span) != span:
            raise ValueError(f"{span} is empty or more than one request may be about")
        asked = on_grid(span, history.step_ms) if history.step_ms else span
        request = history.request(instrument, asked, self._clock.now_ms())
        if request is None:
            return None
        if asked.start >= asked.end:
            return Answer(span, None)
        response = await self._client.get(request, give_up_at=give_up_at)
        page = Page(Frame(request.feed, response.received_at, "backfill"))
        try:
            history.parse(response.body, instrument, page)
            return answer(history, span, page)
        except WireMismatch as error:
            raise WireMismatch(
                f"{instrument.exchange} {request.path} {instrument.symbol}: {error}", sample=response.body
            ) from error


def answer(history: History, span: Span, page: Page) -> Answer:
    """Return what a page says of a span (pure).

    A page that is not full says everything, even if its rows are all outside: a venue that ignores the bounds
    would have had more to say. Of a full page the venue may have cut off rows beyond its last one, so the span is
    answered up to that row. A full page that has no row within the span says nothing about it: the venue ignores the
    bounds, or repeats what it has said. To take that for "no rows" would lose them, to ask again would never end:
    `WireMismatch`. So is a candle within the span that the venue marks as running: the span is to be asked for later.
    """
    for at in page.running:
        if span.start <= at < span.end:
            raise WireMismatch(f"the candle of {at} is running still; is the clock of this machine ahead?")
    rows = _within(span, page)
    _check_bounds(history, span, page, len(rows))
    if _is_whole(history, span, page, len(rows)):
        return Answer(span, None, rows, page.rejects)
    covered = _reached(history, span, page, len(rows))
    rest = Span(span.start, covered.start) if history.newest_first else Span(covered.end, span.end)
    return Answer(covered, rest if rest.start < rest.end else None, rows, page.rejects)


def _within(span: Span, page: Page) -> list[AnyPast]:
    """Return the rows of a span, of those that share a time the first: the same one wherever pages are cut."""
    first: dict[int, AnyPast] = {}
    for row in page.rows:
        if span.start <= row.timestamp < span.end:
            first.setdefault(row.timestamp, row)
    return [first[at] for at in sorted(first)]


def _check_bounds(history: History, span: Span, page: Page, found: int) -> None:
    """Raise `WireMismatch` for rows from elsewhere in the place of some that were asked for.

    Such a venue ignores the bounds, or repeats an older page: what is missing was not answered.
    """
    step = history.step_ms
    if step is None or found >= (span.end - span.start) // step:
        return
    strays = [row.timestamp for row in page.rows if not span.start - step <= row.timestamp <= span.end + step]
    if strays:
        raise WireMismatch(
            f"asked for {span.start} to {span.end}, {len(strays)} of {page.size} rows are from elsewhere ({strays[0]})"
        )


def _is_whole(history: History, span: Span, page: Page, found: int) -> bool:
    """Whether no row of the span can be missing: the page had room for more, or all that can be are there."""
    if page.size < history.page:
        return True
    if history.step_ms is None:
        return False
    start, end = on_grid(span, history.step_ms)
    return found >= (end - start) // history.step_ms


def _reached(history: History, span: Span, page: Page, found: int) -> Span:
    """Return the part of the span up to the last row of a full page, that row's time included."""
    if not found:
        raise WireMismatch(
            f"a full page of {page.size} rows has none that is usable between {span.start} and {span.end}"
        )
    times = [row.timestamp for row in page.rows]
    if history.newest_first:
        return Span(max(span.start, min(times)), span.end)
    return Span(span.start, min(span.end, max(times) + 1))
