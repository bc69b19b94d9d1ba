"""How unusual a value is beside its own history: robust scores, ranks, z-scores, and the histories themselves.

Spreads at the level of rounding count as none: a rate that is pinned differs in its last digits once its interval
changes, and is pinned all the same.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from math import fsum, sqrt
from typing import Literal

from msgspec import Struct

NORMAL_MAD = 0.6745
"""Median absolute deviation of a standard normal distribution: makes scores comparable with z-scores."""
NORMAL_MEAN_AD = 1.253314
"""Standard deviation of a normal distribution over its mean absolute deviation, sqrt(pi / 2)."""
ANOMALOUS = 3.5
"""Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993."""
LEAST_DEVIATION_8H = 1e-4
"""1 bp per 8 h: what must lie between a rate and a history that knows no other value."""
SAME_DEVIATION = 1e-12
"""Deviations that differ by less are equal."""
ROUNDING = 1e-12
"""Part of the largest value of a history below which a spread is rounding."""
MS_PER_S = 1_000


class Summary(Struct, frozen=True, gc=False):
    """A history in four numbers: length, median, median and mean absolute deviation from the median."""

    count: int
    median: float
    mad: float
    mean_ad: float


class RobustScore(Struct, frozen=True, gc=False):
    """How far a value is from the median of a history.

    `deviation` is in the unit of the value. `score` is in standard deviations of a normal distribution with the same
    spread, taken by `method`; both are None where the history has no spread.
    """

    score: float | None
    method: Literal["mad", "mean_ad"] | None
    deviation: float
    summary: Summary


def median(ordered: Sequence[float]) -> float:
    """Return the middle of ascending values, or the mean of the two in the middle. ValueError where there are none."""
    if not ordered:
        raise ValueError("no median of nothing")
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def mad(ordered: Sequence[float]) -> float:
    """Return the median absolute deviation from the median of ascending values. ValueError where there are none."""
    return median(_deviations(ordered, median(ordered)))


def mean_ad(ordered: Sequence[float]) -> float:
    """Return the mean absolute deviation from the median of ascending values. ValueError where there are none."""
    deviations = _deviations(ordered, median(ordered))
    return fsum(deviations) / len(deviations)


def summarise(ordered: Sequence[float]) -> Summary | None:
    """Return the summary of ascending values, None where there are none. A spread of rounding is 0."""
    if not ordered:
        return None
    middle = median(ordered)
    deviations = _deviations(ordered, middle)
    spreads = median(deviations), fsum(deviations) / len(deviations)
    least = _rounding(ordered[0], ordered[-1])
    half, mean = (spread if spread > least else 0.0 for spread in spreads)
    return Summary(len(ordered), middle, half, mean)


def robust_score(x: float, sorted_history: Sequence[float]) -> RobustScore | None:
    """Return how unusual `x` is beside ascending values; None where there are none.

    0.6745 x (x - median) / MAD (Iglewicz and Hoaglin). Where more than half of the values are one, as funding rates
    pinned at 0.01 % are, MAD is 0: then (x - median) / (1.253314 x mean absolute deviation), which IBM documents for
    this case. Where that is 0 too, there is no score.
    """
    summary = summarise(sorted_history)
    return None if summary is None else scored(x, summary)


def scored(x: float, summary: Summary) -> RobustScore:
    """Return how unusual `x` is beside a history that is summarised already; see `robust_score`."""
    deviation = x - summary.median
    if summary.mad > 0:
        return RobustScore(NORMAL_MAD * deviation / summary.mad, "mad", deviation, summary)
    if summary.mean_ad > 0:
        return RobustScore(deviation / (NORMAL_MEAN_AD * summary.mean_ad), "mean_ad", deviation, summary)
    return RobustScore(None, None, deviation, summary)


def is_anomalous(score: float | None, deviation_8h: float | None) -> bool:
    """Return whether a funding rate is out of its ordinary: |score| > 3.5, or 1 bp per 8 h away from a flat history.

    `deviation_8h` is the rate less the median, both per 8 h, and is asked only where there is no score; None where
    there is no history.
    """
    if score is not None:
        return abs(score) > ANOMALOUS
    return deviation_8h is not None and abs(deviation_8h) >= LEAST_DEVIATION_8H - SAME_DEVIATION


def percentile_rank(x: float, ordered: Sequence[float]) -> float | None:
    """Return the share of ascending values below `x` plus half of the equal ones, 0 to 1; None where there are none."""
    if not ordered:
        return None
    return (bisect_left(ordered, x) + bisect_right(ordered, x)) / (2 * len(ordered))


def z_score(x: float, values: Sequence[float]) -> float | None:
    """Return (x - mean) / standard deviation of the sample; None of fewer than two values or of no spread."""
    return _z(x, *_mean_and_std(values))


class Window:
    """The newest values of one series, at most `size` and none older than `span_ms` before the newest.

    Twenty bytes a value: the values as they came, the same in order, and their times, to the second.
    """

    __slots__ = ("_ordered", "_seconds", "_size", "_span_ms", "_summary", "_values")

    def __init__(self, size: int, span_ms: int) -> None:
        if size < 1 or span_ms < 0:
            raise ValueError("a window has room for a value and a time")
        self._size, self._span_ms = size, span_ms
        self._values, self._ordered = array("d"), array("d")
        self._seconds = array("I")
        self._summary: Summary | None = None

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._values)

    @property
    def ordered(self) -> Sequence[float]:
        """The values, ascending: to read, not to keep, since the next `add` changes it."""
        return self._ordered

    @property
    def summary(self) -> Summary | None:
        """Median and spreads of the values, None where there are none; worked out once after each change."""
        if self._summary is None:
            self._summary = summarise(self._ordered)
        return self._summary

    def add(self, time_ms: int, value: float) -> None:
        """Take a finite value; the oldest go where there is no room, and where they are too old.

        A time before that of the newest value counts as the newest: clocks are set back at times.
        """
        second = time_ms // MS_PER_S
        if self._seconds:
            second = max(second, self._seconds[-1])
        self.drop_before(second * MS_PER_S - self._span_ms)
        if len(self._values) == self._size:
            self._drop(1)
        self._values.append(value)
        self._seconds.append(second)
        insort(self._ordered, value)
        self._summary = None

    def drop_before(self, time_ms: int) -> None:
        """Drop the values of seconds before that of a time."""
        if self._seconds and self._seconds[0] < time_ms // MS_PER_S:
            self._drop(bisect_left(self._seconds, time_ms // MS_PER_S))

    def score(self, x: float) -> RobustScore | None:
        """Return how unusual `x` is beside the values; None where there are none."""
        summary = self.summary
        return None if summary is None else scored(x, summary)

    def _drop(self, count: int) -> None:
        """Drop the oldest values."""
        if count == 1:
            del self._ordered[bisect_left(self._ordered, self._values[0])]
            del self._values[0], self._seconds[0]
        else:
            del self._values[:count], self._seconds[:count]
            self._ordered = array("d", sorted(self._values))
        self._summary = None


class Moments:
    """Mean and standard deviation of the newest `size` values of one series, eight bytes each.

    Worked out from the values once after each change: sums that are added to and taken from drift.
    """

    __slots__ = ("_moments", "_next", "_size", "_values")

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("moments are of one value at least")
        self._size, self._next = size, 0
        self._values = array("d")
        self._moments: tuple[float | None, float | None] | None = None

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._values)

    @property
    def mean(self) -> float | None:
        """Arithmetic mean; None where there are no values."""
        return self._worked_out()[0]

    @property
    def std(self) -> float | None:
        """Standard deviation of the sample, 0 at the level of rounding; None of fewer than two values."""
        return self._worked_out()[1]

    def add(self, value: float) -> None:
        """Take a finite value in the place of the oldest."""
        if len(self._values) < self._size:
            self._values.append(value)
        else:
            self._values[self._next] = value
            self._next = (self._next + 1) % self._size
        self._moments = None

    def z(self, x: float) -> float | None:
        """Return (x - mean) / standard deviation; None of fewer than two values or of no spread."""
        return _z(x, *self._worked_out())

    def _worked_out(self) -> tuple[float | None, float | None]:
        if self._moments is None:
            self._moments = _mean_and_std(self._values)
        return self._moments


def _deviations(ordered: Sequence[float], middle: float) -> list[float]:
    """Return absolute deviations, ascending: they fall and then rise, which sorts in one pass."""
    return sorted([abs(value - middle) for value in ordered])


def _rounding(lowest: float, highest: float) -> float:
    return ROUNDING * max(abs(lowest), abs(highest))


def _mean_and_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the mean and the standard deviation of the sample, in two passes with exact sums."""
    count = len(values)
    if not count:
        return None, None
    mean = fsum(values) / count
    if count == 1:
        return mean, None
    std = sqrt(fsum([(value - mean) ** 2 for value in values]) / (count - 1))
    return mean, std if std > _rounding(min(values), max(values)) else 0.0


def _z(x: float, mean: float | None, std: float | None) -> float | None:
    return None if mean is None or not std else (x - mean) / std
