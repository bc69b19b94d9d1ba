"""Candles of any value that is a function of time.

Open and close are the value at the first and the last step of the bar; high and low are taken over a few
samples between them, which keeps a page of a thousand bars cheap and still encloses open and close.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from microstream_sim.market import STEP_MS
from microstream_sim.waves import DAY_MS

_SAMPLES = 6
_MINUTE_MS = 60_000
_WEEK_OFFSET_MS = 4 * DAY_MS  # the epoch was a Thursday; weekly bars open on Mondays


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar; `closed` is False while it still runs."""

    open_at: int
    close_at: int
    open: float
    high: float
    low: float
    close: float
    closed: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar length: `minutes`, or calendar months; `shift_ms` moves the grid against UTC."""

    minutes: int = 0
    months: int = 0
    shift_ms: int = 0

    def open_of(self, t: int) -> int:
        """Return the opening time of the bar that contains `t`."""
        if self.months:
            return self._month_open(t)
        length = self.minutes * _MINUTE_MS
        offset = self.shift_ms + (_WEEK_OFFSET_MS if length % (7 * DAY_MS) == 0 else 0)
        return (t - offset) // length * length + offset

    def next_open(self, opened: int) -> int:
        """Return the opening time of the bar after the one that opened at `opened`."""
        if self.months:
            return self._month_open(opened + self.months * 31 * DAY_MS + DAY_MS)
        return opened + self.minutes * _MINUTE_MS

    def _month_open(self, t: int) -> int:
        day = datetime.fromtimestamp((t - self.shift_ms) / 1000, UTC)
        month = (day.year * 12 + day.month - 1) // self.months * self.months
        opened = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return round(opened.timestamp() * 1000) + self.shift_ms


def newest_first(bar: Bar, start: int, end: int) -> Iterator[int]:
    """Yield opening times from the bar containing `end` down to the first at or after `start`."""
    at = bar.open_of(end)
    while at >= start:
        yield at
        at = bar.open_of(at - 1)


def oldest_first(bar: Bar, start: int, end: int) -> Iterator[int]:
    """Yield opening times from the first at or after `start` up to the last at or before `end`."""
    at = bar.open_of(start)
    if at < start:
        at = bar.next_open(at)
    while at <= end:
        yield at
        at = bar.next_open(at)


def candle(value: Callable[[int], float], bar: Bar, opened: int, now: int) -> Candle:
    """Return the bar that opened at `opened`, as it stands at `now`."""
    close_at = bar.next_open(opened)
    last = min(close_at - STEP_MS, max(opened, now))
    span = last - opened
    samples = [value(opened + span * i // (_SAMPLES - 1)) for i in range(_SAMPLES)]
    return Candle(
        opened, close_at, samples[0], max(samples), min(samples), samples[-1], closed=close_at <= now
    )


def utc_offset(hours: int) -> int:
    """Return the grid shift of bars that open at midnight of UTC+`hours`."""
    return -round(timedelta(hours=hours).total_seconds() * 1000)
