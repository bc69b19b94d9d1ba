"""How late the event loop is: the delay of a timer."""

import asyncio

from microstream.clock import Clock

PERIOD_S = 0.25  # ten times a second took a tenth of all CPU of a service with 1,400 contracts


class LoopLag:
    """`count` and `sum_s` of all delays, `worst_s` since it was last taken."""

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        self.sum_s = 0.0
        self._worst_s = 0.0
        self._clock = clock

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            began = self._clock.monotonic()
            await asyncio.sleep(PERIOD_S)
            late = max(0.0, self._clock.monotonic() - began - PERIOD_S)
            self.count += 1
            self.sum_s += late
            self._worst_s = max(self._worst_s, late)

    def take_worst(self) -> float:
        """Return the longest delay since the last call, in seconds."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst
