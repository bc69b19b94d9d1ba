"""Inquiry: asks one venue for one kind of its past, gap by gap, the newest first."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog

from microstream.clock import Clock
from microstream.errors import MicrostreamError, RegionBlocked, Remedy, VenueRefused, WireMismatch
from microstream.history.gaps import Gap, expected_requests
from microstream.history.intake import Answered, Intake
from microstream.history.plausibility import believed
from microstream.model.frame import Reject
from microstream.model.past import PastKind, Span
from microstream.transport.pager import Answer, Pager, newest_window

AT_ONCE = 4
"""Requests under way: what a venue with a round trip of a second needs to be asked at its limit."""
PATIENCE_S = 900.0
"""A venue that asks to wait for longer is left alone for this time."""
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
TRIES = 2
"""How often a page that cannot be read, or seems to lack something, is asked for again."""
GIVE_UP_AFTER = 5
"""Failures in a row after which a venue is left alone; each was repeated by the client."""

log = structlog.get_logger()


class Inquiry:
    """Asks for gaps until there are none, and hands what comes to the intake.

    A contract that is refused, or whose reply cannot be read, is left out and counted in `problems`; a venue that keeps
    failing ends it, and `given_up` says why. What was not answered stays a gap.
    """

    def __init__(
        self, exchange: str, kind: PastKind, pager: Pager, gaps: Iterable[Gap], intake: Intake, clock: Clock
    ) -> None:
        self.exchange = exchange
        self.kind = kind
        self.requests = 0
        self.rows = 0
        self.rejects = 0
        self.problems: Counter[str] = Counter()
        self.given_up: str | None = None
        self.reached: int | None = None
        """Start of the span that was answered last, ms UTC."""
        self._pager = pager
        self._intake = intake
        self._clock = clock
        self._failures = 0
        self._count = 0
        self._gaps: list[tuple[int, int, Gap]] = []
        self._expected = 0
        self._asking = 0
        for gap in gaps:
            self._push(gap)

    @property
    def expected(self) -> int:
        """How many requests are left, those under way included, as far as it can be told."""
        return self._expected + self._asking

    async def run(self) -> None:
        """Ask until nothing is left, or the venue has to be left alone."""
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while running or self._gaps:
                while self._gaps and len(running) < AT_ONCE:
                    running.add(group.create_task(self._ask(self._pop())))
                _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    def _push(self, gap: Gap) -> None:
        if self.given_up is not None:
            return
        self._count += 1
        self._expected += expected_requests(gap)
        heapq.heappush(self._gaps, (-gap.span.end, self._count, gap))

    def _pop(self) -> Gap:
        """Take the newest gap, as much of it as one request is about; the rest waits for its turn."""
        _, _, gap = heapq.heappop(self._gaps)
        self._expected -= expected_requests(gap)
        window = newest_window(gap.history, gap.span)
        if window.start > gap.span.start:
            self._push(replace(gap, span=Span(gap.span.start, window.start)))
        return replace(gap, span=window)

    async def _ask(self, gap: Gap) -> None:
        self._asking += 1
        try:
            await self._ask_once(gap)
        finally:
            self._asking -= 1

    async def _ask_once(self, gap: Gap) -> None:
        give_up_at = self._clock.monotonic() + PATIENCE_S
        try:
            answer = await self._pager.ask(gap.history, gap.instrument, gap.span, give_up_at=give_up_at)
        except MicrostreamError as error:
            self._failed(gap, error)
            return
        self._failures = 0
        self.requests += 1
        if answer is None:
            return
        rows, refused = believed(self.kind, answer.rows)
        rejects = [*answer.rejects, *refused]
        if gap.tries < TRIES and (rejects or _is_thin(gap, answer, len(rows))):
            self._push(replace(gap, tries=gap.tries + 1))
            return
        self.rows += len(rows)
        self._note_rejects(gap, rejects)
        self.reached = answer.covered.start
        if answer.rest is not None:
            self._push(replace(gap, span=answer.rest, tries=0))
        now = self._clock.now_ms()
        await self._intake.put(Answered(gap, answer.covered, rows, now, _gone_until(gap, answer, now)))

    def _note_rejects(self, gap: Gap, rejects: Sequence[Reject]) -> None:
        """Tell of values that stay unusable when they are asked for again: their rows are missing for good."""
        if rejects:
            self.rejects += len(rejects)
            log.warning(
                "rows of the past cannot be used",
                exchange=self.exchange,
                kind=self.kind,
                symbol=gap.instrument.symbol,
                count=len(rejects),
                first=f"{rejects[0].reason}: {rejects[0].observed}",
            )

    def _failed(self, gap: Gap, error: MicrostreamError) -> None:
        if isinstance(error, WireMismatch) and gap.tries < TRIES:
            self._push(replace(gap, tries=gap.tries + 1))
            return
        if isinstance(error, WireMismatch) or (
            isinstance(error, VenueRefused) and not isinstance(error, RegionBlocked)
        ):
            self._leave_out(gap, error)
            return
        self._failures += 1
        if error.remedy is Remedy.RETRY and self._failures < GIVE_UP_AFTER and self.given_up is None:
            self._push(gap)
            return
        self.given_up = self.given_up or str(error)
        self._gaps.clear()
        self._expected = 0

    def _leave_out(self, gap: Gap, error: MicrostreamError) -> None:
        """Ask no more for this contract: the answer would be the same."""
        if not self.problems[gap.instrument.symbol]:
            log.warning(
                "left out of the backfill",
                exchange=self.exchange,
                symbol=gap.instrument.symbol,
                why=str(error),
            )
        self.problems[gap.instrument.symbol] += 1
        kept = [item for item in self._gaps if item[2].instrument.symbol != gap.instrument.symbol]
        self._expected -= sum(expected_requests(item[2]) for item in self._gaps) - sum(
            expected_requests(item[2]) for item in kept
        )
        self._gaps = kept
        heapq.heapify(self._gaps)


def _gone_until(gap: Gap, answer: Answer, now: int) -> int:
    """Return up to when the venue had nothing any more when it answered: it forgets while we wait for our turn."""
    keeps_ms = gap.history.keeps_ms
    if keeps_ms is None:
        return answer.covered.start
    first = answer.rows[0].timestamp if answer.rows else answer.covered.end
    return max(answer.covered.start, min(now - keeps_ms, first, answer.covered.end))


def _is_thin(gap: Gap, answer: Answer, found: int) -> bool:
    """Whether an answer has so little that a venue may have left something out: that is asked for again.

    There is a candle of every minute, an open interest of nearly every five, a settlement every day. What a venue says
    three times is believed.
    """
    history, length = gap.history, answer.covered.end - answer.covered.start
    if history.step_ms is None:
        return not found and length >= (DAY_MS if history.kind == "funding" else HOUR_MS)
    expected = length // history.step_ms
    return found < expected if history.kind != "oi" else found < expected / 2
