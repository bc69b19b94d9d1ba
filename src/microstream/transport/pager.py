"""Asks for the past of a contract, a page at a time, and says how much of the span the page has answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from microstream.clock import Clock
from microstream.errors import WireMismatch
from microstream.model.frame import Reject
from microstream.model.instruments import Instrument
from microstream.model.past import AnyPast, Span
from microstream.spec.history import History, Page
from microstream.transport.http import HttpClient


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page says: all `rows` of the span `covered`, oldest first; the `rest` is still to be asked for."""

    covered: Span
    rest: Span | None
    rows: Sequence[AnyPast]
    rejects: Sequence[Reject]


def newest_window(history: History, span: Span) -> Span:
    """Return the newest part of a span that one request may be about."""
    if history.window_ms is None:
        return span
    return Span(max(span.start, span.end - history.window_ms), span.end)


class Pager:
    """Asks one venue."""

    def __init__(self, client: HttpClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def ask(
        self, history: History, instrument: Instrument, span: Span, *, give_up_at: float | None = None
    ) -> Answer | None:
        """Ask once for the rows of a span; None when the contract has no such history.

        Raises what `HttpClient.get` raises, and `WireMismatch` for a page that cannot be read, or that is full of rows
        from outside the span: such a venue ignores its bounds, and asking on would never end.
        """
        request = history.request(instrument, span, self._clock.now_ms())
        if request is None:
            return None
        response = await self._client.get(request, give_up_at=give_up_at)
        page = Page()
        history.parse(response.body, instrument, page)
        inside = {row.timestamp: row for row in page.rows if span.start <= row.timestamp < span.end}
        rows = [inside[at] for at in sorted(inside)]
        if not _is_full(history, span, page):
            return Answer(span, None, rows, page.rejects)
        if not rows:
            raise WireMismatch(
                f"{request.path}: a full page has no row of the span that was asked for", sample=response.body
            )
        return _answer(history, span, rows, page)


def _is_full(history: History, span: Span, page: Page) -> bool:
    """Whether there may be more rows in the span than the page has."""
    if history.step_ms is not None and span.end - span.start <= history.page * history.step_ms:
        return False
    return max(page.size, len(page.rows)) >= history.page


def _answer(history: History, span: Span, rows: Sequence[AnyPast], page: Page) -> Answer:
    """Return what a full page answers: the end of the span that it begins with, up to its last row."""
    if history.newest_first:
        border = rows[0].timestamp
        covered, rest = Span(border, span.end), Span(span.start, border)
    else:
        border = rows[-1].timestamp + 1
        covered, rest = Span(span.start, border), Span(border, span.end)
    return Answer(covered, rest if rest.start < rest.end else None, rows, page.rejects)
