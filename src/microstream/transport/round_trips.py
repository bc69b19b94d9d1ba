"""How long the venue takes to answer pings."""

from collections import deque

SPAN_S = 600.0
"""The time over which the least is kept."""
MOST = 256
"""Round trips that are kept, however short the pings' interval."""


class RoundTrips:
    """The last round trip, and the least of the last ten minutes: network without queues. Times in seconds."""

    def __init__(self) -> None:
        self.last: float | None = None
        self._rising: deque[tuple[float, float]] = deque(maxlen=MOST)  # (at, seconds), both rising

    def note(self, seconds: float, now: float) -> None:
        """Take a round trip that ended `now` (monotonic)."""
        self.last = seconds
        while self._rising and self._rising[-1][1] >= seconds:
            self._rising.pop()
        self._rising.append((now, seconds))

    def least(self, now: float) -> float | None:
        """Return the least of the last ten minutes, or None when there was none."""
        while self._rising and self._rising[0][0] < now - SPAN_S:
            self._rising.popleft()
        return self._rising[0][1] if self._rising else None
