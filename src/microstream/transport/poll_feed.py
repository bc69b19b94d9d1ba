"""One bulk poll's life: due times on a grid, the round's requests together, none asked again before its answer."""

import asyncio
import zlib
from contextlib import suppress

from microstream.model.frame import Frame
from microstream.spec.rest import Poll, Request
from microstream.transport.feed_state import FeedState
from microstream.transport.rounds import Inlet

SPREAD = 0.2
"""Part of the period over which the polls of all venues are spread."""
MOST_SPREAD_S = 2.0
TOGETHER = 0.5
"""Part of the period for which the answers of a round wait for one another, to enter the pipeline as one frame."""
MOST_TOGETHER_S = 2.0
START_WAIT_S = 2.0
HURRY_S = 2.0
"""A round that is asked for ahead of its time follows the one before by at least so much."""


class PollFeed:
    """Asks at once, then at every multiple of `period_s` of the UTC clock plus an offset of its own.

    An answer that takes longer than the others is delivered when it comes and holds none of them up. Its request loses
    the due times that it missed; they are counted as skipped. `first_round` is set when the first round is over,
    however it went; `after` is that of a poll whose values the provided ones are published with, and is awaited for a
    moment at the start.
    """

    def __init__(self, poll: Poll, inlet: Inlet, period_s: float, after: asyncio.Event | None = None) -> None:
        self.poll = poll
        self.period_s = period_s
        self.state = FeedState()
        self.first_round = asyncio.Event()
        self._inlet = inlet
        self._after = after
        self._offset_s = spread_s(f"{inlet.venue}:{poll.name}", period_s)
        self._asked: dict[Request, asyncio.Task[Frame | None]] = {}
        self._hurried = asyncio.Event()

    async def run(self) -> None:
        """Poll until cancelled."""
        await wait_a_moment(self._after)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._round(group)
                await self._rest()

    def hurry(self) -> None:
        """Begin the next round now, or as soon as the last one is `HURRY_S` ago: somebody misses its values."""
        self._hurried.set()

    def _until_due_s(self) -> float:
        now = self._inlet.clock.now_ms() / 1000
        return self.period_s - (now - self._offset_s) % self.period_s

    async def _round(self, group: asyncio.TaskGroup) -> None:
        """Ask what is not under way, and deliver what comes soon."""
        clock = self._inlet.clock
        began = clock.monotonic()
        self.state.skipped += bool(self._asked)
        for request in self.poll.bulk(self._inlet.context()) if self.poll.bulk else ():
            if request not in self._asked:
                has_rows = bool(self.poll.provides) and not self.poll.sparse
                asking = self._inlet.ask(request, self.state, began + self.period_s, has_rows=has_rows)
                self._asked[request] = group.create_task(asking)
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=min(TOGETHER * self.period_s, MOST_TOGETHER_S))
        await self._deliver()
        self.state.rounds += 1
        self.state.seconds += clock.monotonic() - began
        self.first_round.set()

    async def _rest(self) -> None:
        """Wait until the next due time, or for a hurry; deliver what comes meanwhile."""
        began = self._inlet.clock.monotonic()
        due_at = began + self._until_due_s()
        hurry = asyncio.create_task(self._hurried.wait())
        try:
            await self._wait(due_at, hurry)
        finally:
            hurry.cancel()
        if self._hurried.is_set():
            await self._wait(min(due_at, began + HURRY_S))
        self._hurried.clear()

    async def _wait(self, until: float, hurry: asyncio.Task[object] | None = None) -> None:
        """Deliver what comes until a time, or until somebody is in a hurry."""
        while not (hurry and hurry.done()) and (left_s := until - self._inlet.clock.monotonic()) > 0:
            awaited = [*self._asked.values(), *([hurry] if hurry else [])]
            if awaited:
                await asyncio.wait(awaited, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(left_s)
            await self._deliver()

    async def _deliver(self) -> None:
        """Hand over the answers that have come."""
        ended = [request for request, task in self._asked.items() if task.done()]
        frames = [frame for request in ended if (frame := self._asked.pop(request).result()) is not None]
        if frames:
            await self._inlet.hand_over(frames, round(self.period_s * 1000))


async def wait_a_moment(after: asyncio.Event | None) -> None:
    """Wait for the first values of another feed, but not for one that is slow."""
    if after is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_WAIT_S):
                await after.wait()


def spread_s(name: str, period_s: float) -> float:
    """Return a poll's own offset from the grid, the same in every run."""
    return zlib.crc32(name.encode()) % 1000 / 1000 * min(period_s * SPREAD, MOST_SPREAD_S)
