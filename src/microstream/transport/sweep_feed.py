"""The life of a poll that asks for one contract at a time, spread evenly over the intervals that the budget allows."""

import asyncio
import heapq
from collections.abc import Callable, Mapping

from microstream.model.instruments import Instrument
from microstream.spec.rest import Context, Poll
from microstream.transport.feed_state import FeedState
from microstream.transport.pacing import intervals
from microstream.transport.poll_feed import wait_a_moment
from microstream.transport.rounds import Inlet

AT_ONCE = 12
"""Requests under way."""
GATHER_S = 0.5
"""What falls due within this time is asked together: waking up for each contract alone took a third of all CPU."""

Paced = Callable[[Mapping[str, float]], None]
"""Told the interval of every contract (by venue name, seconds) whenever it is planned anew."""


class SweepFeed:
    """Asks for every followed contract once as fast as the budget lets it, then for each at its own interval.

    `rate()` is how many requests a second may be spent; it is asked at every new plan. A plan holds until the
    followed contracts or the rate change. `after` is awaited for a moment at the start: values that the provided ones
    are published with.
    """

    def __init__(
        self,
        poll: Poll,
        inlet: Inlet,
        interval_s: float,
        *,
        rate: Callable[[], float],
        paced: Paced,
        after: asyncio.Event | None = None,
    ) -> None:
        self.poll = poll
        self.period_s = interval_s
        self.state = FeedState()
        self.intervals: dict[str, float] = {}
        self._inlet = inlet
        self._rate = rate
        self._paced = paced
        self._after = after
        self._due: list[tuple[float, str]] = []
        self._asked: set[str] = set()
        self._ranks: dict[str, int] = {}
        self._planned: tuple[Context, float] | None = None

    async def run(self) -> None:
        """Sweep until cancelled."""
        await wait_a_moment(self._after)
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                self._plan()
                wait_s = self._due[0][0] - self._inlet.clock.monotonic() if self._due else 1.0
                if wait_s > 0:
                    await asyncio.sleep(min(max(wait_s, GATHER_S), 1.0))
                    continue
                await slots.acquire()
                _, name = heapq.heappop(self._due)
                instrument = self._inlet.context().instruments.get(name)
                if instrument is None or name not in self.intervals:
                    slots.release()
                    self._asked.discard(name)
                    continue
                group.create_task(self._one(instrument, slots))

    def _plan(self) -> None:
        """Plan anew when the followed contracts or the budget have changed; running schedules are kept."""
        context, rate = self._inlet.context(), self._rate()
        if self._planned is not None and self._planned[0] is context and self._planned[1] == rate:
            return
        self._planned = (context, rate)
        self.intervals = intervals(list(context.instruments.values()), rate, self.period_s)
        self._ranks = {name: rank for rank, name in enumerate(self.intervals)}
        self.state.retain(frozenset(item.symbol for item in context.instruments.values()))
        self._paced(self.intervals)
        now = self._inlet.clock.monotonic()
        for rank, name in enumerate(self.intervals):
            if name not in self._asked:
                self._asked.add(name)
                heapq.heappush(self._due, (now + rank * 1e-6, name))

    async def _one(self, instrument: Instrument, slots: asyncio.Semaphore) -> None:
        assert self.poll.single is not None  # noqa: S101
        clock = self._inlet.clock
        began = clock.monotonic()
        interval_s = self.intervals[instrument.name]
        try:
            request = self.poll.single(instrument)
            frame = await self._inlet.ask(request, self.state, began + interval_s)
            if frame is not None:
                await self._inlet.hand_over([frame], round(interval_s * 1000))
        finally:
            slots.release()
        self.state.rounds += 1
        self.state.seconds += clock.monotonic() - began
        heapq.heappush(self._due, (self._next_due(instrument.name, interval_s), instrument.name))

    def _next_due(self, name: str, interval_s: float) -> float:
        """Return the next multiple of the interval plus the contract's own phase: even load, no drift."""
        now = self._inlet.clock.monotonic()
        phase = self._phase(name) * interval_s
        return now + interval_s - (now - phase) % interval_s

    def _phase(self, name: str) -> float:
        """Return the contract's place in the round, 0 to 1: by rank and the golden ratio, so that any few are even."""
        return self._ranks.get(name, 0) * 0.618034 % 1.0
