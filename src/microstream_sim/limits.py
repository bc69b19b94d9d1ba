"""Counting of requests as the venues count them."""

from collections import deque


class FixedWindow:
    """A budget that is full again at every whole multiple of the window (Binance's minutes)."""

    def __init__(self, limit: int, window_ms: int) -> None:
        self.limit = limit
        self.window_ms = window_ms
        self._window = -1
        self._used = 0

    def used(self, now: int) -> int:
        """Return what has been used in the window of `now`."""
        self._turn(now)
        return self._used

    def spend(self, cost: int, now: int) -> bool:
        """Count `cost`; return False when the window's budget is exceeded by it (it counts all the same)."""
        self._turn(now)
        self._used += cost
        return self._used <= self.limit

    def resets_at(self, now: int) -> int:
        """Return the start of the next window."""
        return now - now % self.window_ms + self.window_ms

    def _turn(self, now: int) -> None:
        window = now // self.window_ms
        if window != self._window:
            self._window = window
            self._used = 0


class SlidingWindow:
    """At most `limit` requests in any span of `window_ms` (Bybit, OKX)."""

    def __init__(self, limit: int, window_ms: int) -> None:
        self.limit = limit
        self.window_ms = window_ms
        self._times: deque[int] = deque(maxlen=limit)

    def spend(self, now: int) -> bool:
        """Count one request; return False, without counting it, when the window is full."""
        self._forget(now)
        if len(self._times) == self.limit:
            return False
        self._times.append(now)
        return True

    def remaining(self, now: int) -> int:
        """Return how many more requests fit now."""
        self._forget(now)
        return self.limit - len(self._times)

    def resets_at(self, now: int) -> int:
        """Return when the oldest counted request leaves the window; `now` if nothing is counted."""
        self._forget(now)
        return self._times[0] + self.window_ms if self._times else now

    def _forget(self, now: int) -> None:
        while self._times and self._times[0] <= now - self.window_ms:
            self._times.popleft()
