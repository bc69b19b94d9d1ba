"""One quota of one venue: what is taken, what the venue says is taken, and whether it is closed."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from microstream.clock import Clock
from microstream.spec.rest import Headers, Quota
from microstream.transport.window import window_of

CEILING = 0.95
"""Part of the full limit that is never passed together with other processes on the same address."""


class Account:
    """What this process takes from a quota, beside what others on the same address take.

    A cost is `pending` from its booking until the answer is there, and counts in the window from then on: the
    venue counted it somewhere between the two, so however slow the network was, no window of the venue holds
    more than was allowed here.
    """

    def __init__(self, quota: Quota, share: float, clock: Clock) -> None:
        self.quota = quota
        self.limit = quota.limit
        self.open_at = float("-inf")  # monotonic
        self._share = share
        self._clock = clock
        self._window = window_of(quota, clock)
        self._pending = 0.0
        self._others = 0.0
        self._others_until = float("-inf")  # monotonic

    @property
    def usable(self) -> float:
        """The part of the limit that this process may take."""
        return self.limit * self._share

    def ours(self, now: float) -> float:
        """Return what this process has taken from the current window."""
        return self._window.total(now) + self._pending

    def others(self, now: float) -> float:
        """Return what the venue counted beyond ours in the current window."""
        return self._others if now < self._others_until else 0.0

    def room_in(self, now: float, cost: float) -> float:
        """Return 0 if there is room for `cost`, else the seconds before which there will be none.

        A cost above the whole allowance has room when nothing else is counted: it passes once a window.
        """
        ours, others = self.ours(now), self.others(now)
        excess = ours + cost - max(self.usable, cost)
        wait = self._window.frees_in(now, excess) if excess > 0 else 0.0
        if others > 0:
            excess = ours + others + cost - max(self.limit * CEILING, cost)
            if excess > 0:
                wait = max(wait, min(self._others_until - now, self._window.frees_in(now, excess)))
        return wait

    def book(self, cost: float) -> None:
        """Take `cost` for a request that is about to be sent."""
        self._pending += cost

    def settle(self, now: float, cost: float) -> None:
        """Count a booked cost in the window that begins now: its answer is there, or will never come."""
        self._pending -= cost
        if self._pending < 1e-9:
            self._pending = 0.0
        self._window.add(now, cost)

    def believe(self, now: float, headers: Headers) -> None:
        """Correct the count by the venue's own, if the headers carry it; it never makes room."""
        reading = self.quota.used(headers) if self.quota.used is not None else None
        if reading is None:
            return
        others = reading - self.ours(now)
        if others > self.others(now):
            self._others = others
            self._others_until = now + self._reading_lasts_s(headers)

    def _reading_lasts_s(self, headers: Headers) -> float:
        """Return how long a reading holds: to the end of the venue's window by the venue's own clock.

        An answer that is read just after the turn of a window may tell of the full one before it.
        """
        if not self.quota.aligned:
            return self.quota.window_s
        try:
            venue_s = parsedate_to_datetime(headers["Date"]).replace(tzinfo=UTC).timestamp()
        except (KeyError, ValueError):
            venue_s = self._clock.now_ms() / 1000
        return self.quota.window_s - venue_s % self.quota.window_s
