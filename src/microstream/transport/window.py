"""Counts what was taken from a quota, over the window that the venue counts over.

All times are seconds of the monotonic clock, so that a step of the wall clock frees nothing.
"""

from collections import deque
from typing import Protocol

from microstream.clock import Clock
from microstream.spec.rest import Quota

SHORT_S = 0.001
"""The wall clock counts in milliseconds, so the two clocks agree no better than this."""


class Window(Protocol):
    """A sum of costs, each of which leaves when the venue has forgotten it."""

    def total(self, now: float) -> float:
        """Return the sum of the costs that still count."""
        ...

    def add(self, now: float, cost: float) -> None:
        """Count `cost` from now on."""
        ...

    def frees_in(self, now: float, amount: float) -> float:
        """Return the seconds until `amount` of the total, or all of it, has left.

        When nothing is counted: the seconds until what is added now has left.
        """
        ...


class SlidingWindow:
    """The last `window_s` seconds, exactly."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._entries: deque[tuple[float, float]] = deque()  # (leaves at, cost); as many as the limit lets in
        self._total = 0.0

    def total(self, now: float) -> float:
        """Return the sum of the costs that still count."""
        entries = self._entries
        while entries and entries[0][0] <= now:
            self._total -= entries.popleft()[1]
        if not entries:
            self._total = 0.0
        return self._total

    def add(self, now: float, cost: float) -> None:
        """Count `cost` from now on."""
        self._entries.append((now + self._window_s, cost))
        self._total += cost

    def frees_in(self, now: float, amount: float) -> float:
        """Return the seconds until `amount` of the total, or all of it, or what is added now, has left."""
        last = now + self._window_s
        for leaves_at, cost in self._entries:
            last = leaves_at
            amount -= cost
            if amount <= 0:
                break
        return max(last - now, SHORT_S)


class AlignedWindow:
    """The current window of the UTC clock; windows start at multiples of `window_s`.

    The count is dropped when the window has ended by both clocks: after a step of the wall clock it is kept
    for as long as it would have been without the step.
    """

    def __init__(self, window_s: float, clock: Clock) -> None:
        self._window_ms = round(window_s * 1000)
        self._clock = clock
        self._index = 0
        self._ends = 0.0
        self._total = 0.0

    def total(self, now: float) -> float:
        """Return the sum of the costs of this window."""
        if self._total and now >= self._ends - SHORT_S and not self._is_current():
            self._total = 0.0
        return self._total

    def add(self, now: float, cost: float) -> None:
        """Count `cost` in this window."""
        if not self.total(now):
            self._ends = now
        self._index = self._clock.now_ms() // self._window_ms
        self._ends = max(self._ends, now + self._remaining_s())
        self._total += cost

    def frees_in(self, now: float, _amount: float) -> float:
        """Return the seconds until this window has ended."""
        if not self._total:
            return max(self._remaining_s(), SHORT_S)
        return max(self._ends - now, self._remaining_s() if self._is_current() else 0.0, SHORT_S)

    def _is_current(self) -> bool:
        """Say whether the wall clock is still in the window of what was counted last."""
        return self._clock.now_ms() // self._window_ms == self._index

    def _remaining_s(self) -> float:
        """Return the seconds left of the window by the wall clock."""
        return (self._window_ms - self._clock.now_ms() % self._window_ms) / 1000


def window_of(quota: Quota, clock: Clock) -> Window:
    """Return an empty window of the kind that the quota has."""
    return AlignedWindow(quota.window_s, clock) if quota.aligned else SlidingWindow(quota.window_s)
