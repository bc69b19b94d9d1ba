"""What every feed does with a request: ask, parse, measure, deliver."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from microstream.clock import Clock
from microstream.errors import Banned, MicrostreamError, VenueRefused, WireMismatch
from microstream.model.frame import Frame
from microstream.spec.rest import Context, Feed, Request, Response
from microstream.transport.feed_state import FeedState
from microstream.transport.http import HttpClient

SLICE = 5
"""Contracts whose events enter the pipeline in one go: frames are taken in between, and wait for no more than that."""

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
        """Take that a request that failed is answered again."""
        ...


@dataclass(frozen=True, slots=True)
class Inlet:
    """Where a feed gets its requests answered and where the answers go."""

    venue: str
    client: HttpClient
    feeds: Mapping[str, Feed]
    context: Callable[[], Context]
    outlet: Outlet
    clock: Clock

    async def ask(
        self, request: Request, state: FeedState, give_up_at: float, *, has_rows: bool = True
    ) -> Frame | None:
        """Return what the answer says, or None after noting why there is none.

        With `has_rows` an answer without a row of a followed contract is no answer.
        """
        try:
            response = await self.client.get(request, give_up_at=give_up_at)
            frame = Frame(request.feed, response.received_at, "rest")
            self._parse(request, response, frame, has_rows=has_rows)
        except MicrostreamError as error:
            self._failed(request, state, error)
            return None
        self._answered(request, state, response.received_at)
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

    def _parse(self, request: Request, response: Response, frame: Frame, *, has_rows: bool) -> None:
        context = self.context()
        try:
            self.feeds[request.feed].parse(response.body, context, frame)
        except WireMismatch as error:
            raise WireMismatch(f"{self.venue} {request.path}: {error}", sample=error.sample) from error
        if has_rows and not frame.events and not frame.rejects and context.instruments:
            raise WireMismatch(
                f"{self.venue} {request.path}: the answer has no row of a followed contract",
                sample=response.body,
            )

    def _failed(self, request: Request, state: FeedState, error: MicrostreamError) -> None:
        if isinstance(error, WireMismatch):
            state.mismatches[request.feed] += 1
        elif isinstance(error, VenueRefused | Banned):
            self.outlet.refused(request, error)
        if state.failed(request, error, self.clock.now_ms()):
            sample = error.sample.decode("utf-8", "replace") if isinstance(error, WireMismatch) else None
            log.warning(
                "feed is failing",
                venue=self.venue,
                feed=request.feed,
                reason=error.reason,
                why=str(error),
                **({"sample": sample} if sample else {}),
            )

    def _answered(self, request: Request, state: FeedState, received_at: int) -> None:
        ended = state.answered(request)
        if ended is None:
            return
        self.outlet.answered(request)
        if state.settled(request.feed):
            seconds = round((received_at - ended.since) / 1000, 1)
            log.info("feed works again", venue=self.venue, feed=request.feed, after_s=seconds)


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
