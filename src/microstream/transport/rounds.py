"""What every feed does with a request: ask, parse, measure, deliver."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from microstream.clock import Clock
from microstream.errors import Banned, MicrostreamError, VenueRefused, WireMismatch
from microstream.model.frame import Frame
from microstream.spec.rest import Context, Feed, Request, Response
from microstream.transport.http import HttpClient

SLICE = 250
"""Contracts whose events enter the pipeline in one go; the event loop breathes in between."""

log = structlog.get_logger()


class Outlet(Protocol):
    """Who takes what the feeds of one venue bring."""

    def deliver(self, frames: Sequence[Frame], period_ms: int) -> None:
        """Take the frames of one round; the same values come again after `period_ms`."""
        ...

    def clock(self, offset_ms: int, error_ms: int, at: int) -> None:
        """Take by how much the venue's clock is ahead of ours, give or take `error_ms`, measured `at`."""
        ...

    def refused(self, request: Request, error: VenueRefused | Banned) -> None:
        """Take that the venue says no, to a request or to this address."""
        ...

    def answered(self, request: Request) -> None:
        """Take that a request was answered."""
        ...


@dataclass(slots=True)
class FeedState:
    """How a feed is doing, for metrics and readiness. Times are ms UTC, durations seconds."""

    rounds: int = 0
    seconds: float = 0.0
    skipped: int = 0
    last_good_at: int | None = None
    failing_since: int | None = None
    last_error: str | None = None
    mismatches: Counter[str] = field(default_factory=Counter)
    """Replies that could not be read as a whole, by feed."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """Where a feed gets its requests answered and where the answers go."""

    venue: str
    client: HttpClient
    feeds: Mapping[str, Feed]
    context: Callable[[], Context]
    outlet: Outlet
    clock: Clock

    async def ask(self, request: Request, state: FeedState, give_up_at: float) -> Frame | None:
        """Return what the answer says, or None after noting why there is none."""
        try:
            response = await self.client.get(request, give_up_at=give_up_at)
            frame = Frame(request.feed, response.received_at, "rest")
            self._parse(request, response, frame)
        except MicrostreamError as error:
            self._failed(request, state, error)
            return None
        self._recovered(state, response)
        self.outlet.answered(request)
        if frame.server_time is not None:
            middle = (response.sent_at + response.received_at) // 2
            error_ms = (response.received_at - response.sent_at + 1) // 2
            self.outlet.clock(frame.server_time - middle, error_ms, response.received_at)
        return frame

    async def hand_over(self, frames: Sequence[Frame], period_ms: int) -> None:
        """Deliver a round in slices on contract borders."""
        for part in slices(frames):
            self.outlet.deliver(part, period_ms)
            await asyncio.sleep(0)

    def _parse(self, request: Request, response: Response, frame: Frame) -> None:
        context = self.context()
        self.feeds[request.feed].parse(response.body, context, frame)
        if not frame.events and not frame.rejects and frame.server_time is None and context.instruments:
            raise WireMismatch(f"{self.venue} {request.path}: the answer has no row of a followed contract")

    def _failed(self, request: Request, state: FeedState, error: MicrostreamError) -> None:
        text = str(error)
        if isinstance(error, WireMismatch):
            state.mismatches[request.feed] += 1
            log.debug("body kept out", venue=self.venue, path=request.path, why=text, sample=error.sample)
        elif isinstance(error, VenueRefused | Banned):
            self.outlet.refused(request, error)
        state.last_error = text
        if state.failing_since is None:
            state.failing_since = self.clock.now_ms()
            log.warning("feed is failing", venue=self.venue, feed=request.feed, reason=error.reason, why=text)

    def _recovered(self, state: FeedState, response: Response) -> None:
        state.last_good_at = response.received_at
        if state.failing_since is not None:
            seconds = round((response.received_at - state.failing_since) / 1000, 1)
            log.info("feed works again", venue=self.venue, after_s=seconds)
            state.failing_since = None


def slices(frames: Sequence[Frame]) -> Iterable[Sequence[Frame]]:
    """Cut a round so that no part touches more than `SLICE` contracts and no contract is cut in two."""
    if sum(len(frame.events) for frame in frames) <= SLICE:
        return [frames]
    part_of: dict[str, int] = {}
    parts: list[dict[int, Frame]] = []
    for number, frame in enumerate(frames):
        for event in frame.events:
            at = part_of.setdefault(event.key, len(part_of) // SLICE)
            if at == len(parts):
                parts.append({})
            piece = parts[at].get(number)
            if piece is None:
                piece = parts[at][number] = Frame(frame.feed, frame.received_at, frame.source)
            piece.events.append(event)
        if frame.rejects:
            if not parts:
                parts.append({})
            parts[0].setdefault(
                number, Frame(frame.feed, frame.received_at, frame.source)
            ).rejects = frame.rejects
    return [list(part.values()) for part in parts]
