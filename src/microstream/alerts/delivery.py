"""Deliveries: takes alerts without waiting, and sends them beside everything else."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf
from random import Random

from microstream.alerts.gather import Gather
from microstream.alerts.lane import Lane, Persistence, Target
from microstream.alerts.notification import Notification
from microstream.alerts.rule import Rule
from microstream.clock import Clock
from microstream.model.messages import AlertMessage

LOOK_S = 1.0
"""How often the time is looked at while something is held back: the wall clock may jump."""


class Delivery:
    """Sends alerts to the targets: at once, in groups of a rule, or in a summary after quiet hours.

    `lanes` have the counts of each target, `gather` has what is held back.
    """

    name = "delivery"

    def __init__(
        self,
        targets: Sequence[Target],
        rules: Iterable[Rule],
        clock: Clock,
        random: Random,
        persistence: Persistence | None = None,
    ) -> None:
        self.lanes = [Lane(target, persistence or Persistence(), random) for target in targets]
        self.gather = Gather(rules)
        self._clock = clock
        self._changed = asyncio.Event()
        self._is_running = False

    def __len__(self) -> int:
        """Number of notifications that wait or are being sent; what is held back apart."""
        return sum(map(len, self.lanes))

    def offer(self, alert: AlertMessage) -> None:
        """Hand over an alert; never raises, never blocks."""
        if self.lanes:
            self.gather.add(alert, self._clock.now_ms())
            self._changed.set()

    async def run(self) -> None:
        """Send until cancelled."""
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as group:
                for lane in self.lanes:
                    group.create_task(lane.run())
                await self._pass_on()
        finally:
            self._is_running = False

    async def drain(self, deadline_s: float) -> int:
        """Send what waits and what is held back, within seconds; return how many notifications are not sent.

        To be called at shutdown, while `run` still runs. What quiet hours hold back is sent too: nobody would later.
        """
        self._put(self.gather.take_all())
        if self._is_running:
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline_s):
                    for lane in self.lanes:
                        await lane.drain()
        return len(self)

    async def _pass_on(self) -> None:
        """Give the lanes what is due, when it is due."""
        while True:
            now = self._clock.now_ms()
            self._put(self.gather.take_due(now))
            self._changed.clear()
            due = self.gather.next_due
            pause_s = None if due == inf else min(max((due - now) / 1000, 0.0), LOOK_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._changed.wait()

    def _put(self, notifications: Sequence[Notification]) -> None:
        for notification in notifications:
            for lane in self.lanes:
                lane.put(notification)
