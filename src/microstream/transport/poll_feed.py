"""One bulk poll's life: due times on a grid, the round's requests together, never two rounds at once."""

import asyncio
import zlib
from contextlib import suppress

from microstream.spec.rest import Poll
from microstream.transport.feed_state import FeedState
from microstream.transport.rounds import Inlet

SPREAD = 0.2
"""Part of the period over which the polls of all venues are spread."""
MOST_SPREAD_S = 2.0
START_WAIT_S = 2.0


class PollFeed:
    """Asks at once, then at every multiple of `period_s` of the UTC clock plus an offset of its own.

    A round that takes longer than its period loses the due times that it missed; they are counted as skipped.
    `first_round` is set when the first round is over, however it went; `after` is that of a poll whose values the
    provided ones are published with, and is awaited for a moment at the start.
    """

    def __init__(self, poll: Poll, inlet: Inlet, period_s: float, after: asyncio.Event | None = None) -> None:
        self.poll = poll
        self.period_s = period_s
        self.state = FeedState()
        self.first_round = asyncio.Event()
        self._inlet = inlet
        self._after = after
        self._offset_s = spread_s(f"{inlet.venue}:{poll.name}", period_s)

    async def run(self) -> None:
        """Poll until cancelled."""
        await wait_a_moment(self._after)
        await self._round()
        while True:
            await asyncio.sleep(self._until_due_s())
            await self._round()

    def _until_due_s(self) -> float:
        now = self._inlet.clock.now_ms() / 1000
        return self.period_s - (now - self._offset_s) % self.period_s

    async def _round(self) -> None:
        clock = self._inlet.clock
        began = clock.monotonic()
        requests = self.poll.bulk(self._inlet.context()) if self.poll.bulk else ()
        give_up_at = began + self.period_s
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(
                    self._inlet.ask(request, self.state, give_up_at, has_rows=bool(self.poll.provides))
                )
                for request in requests
            ]
        frames = [frame for task in asked if (frame := task.result()) is not None]
        await self._inlet.hand_over(frames, round(self.period_s * 1000))
        took = clock.monotonic() - began
        self.state.rounds += 1
        self.state.seconds += took
        self.state.skipped += int(took / self.period_s)
        self.first_round.set()


async def wait_a_moment(after: asyncio.Event | None) -> None:
    """Wait for the first values of another feed, but not for one that is slow."""
    if after is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_WAIT_S):
                await after.wait()


def spread_s(name: str, period_s: float) -> float:
    """Return a poll's own offset from the grid, the same in every run."""
    return zlib.crc32(name.encode()) % 1000 / 1000 * min(period_s * SPREAD, MOST_SPREAD_S)
