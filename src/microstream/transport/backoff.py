"""How long to wait before asking again."""

from random import Random


class Backoff:
    """Exponential backoff with full jitter.

    The n-th delay is drawn evenly from 0 to `min(cap_s, base_s * 2**n)` seconds, so that clients which failed
    together do not come back together (M. Brooker, "Exponential Backoff And Jitter", AWS blog, 2015).
    """

    def __init__(self, base_s: float, cap_s: float, random: Random) -> None:
        self._base_s = min(base_s, cap_s)
        self._cap_s = cap_s
        self._random = random
        self._ceiling_s = self._base_s

    def next(self) -> float:
        """Return the next delay in seconds; the one after it may be twice as long."""
        delay = self._random.uniform(0.0, self._ceiling_s)
        self._ceiling_s = min(self._ceiling_s * 2, self._cap_s)
        return delay

    def reset(self, uptime_s: float) -> None:
        """Start over, if what was tried has worked for at least `cap_s` seconds.

        A connection that is accepted and dropped at once therefore keeps its long delays.
        """
        if uptime_s >= self._cap_s:
            self._ceiling_s = self._base_s
