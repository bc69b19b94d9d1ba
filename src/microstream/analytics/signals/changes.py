"""Changes of mark and open interest from one bar to the next, beside those of the bars before. Pure."""

from microstream.analytics.statistics import Moments
from microstream.analytics.timeframes import TIMEFRAMES
from microstream.model.messages import BarMessage, Range

DAY_MS = TIMEFRAMES["1d"]
MOST_SAMPLES = 288
"""Changes that a history has at most: those of a day of five-minute bars."""
LEAST_SAMPLES = 100
LEAST_COVERAGE = 0.9
"""A bar of which less was live says nothing about a change."""


class Change:
    """What one bar added to the one before: relative changes, and how unusual they are; None where unknown.

    `reason` says why there is no change, None if there is one.
    """

    __slots__ = ("bar", "interest", "interest_z", "price", "price_z", "reason", "samples")

    def __init__(self, bar: BarMessage) -> None:
        self.bar = bar
        self.price: float | None = None
        self.interest: float | None = None
        self.price_z: float | None = None
        self.interest_z: float | None = None
        self.samples = 0
        self.reason: str | None = None


class _Series:
    __slots__ = ("interests", "newest", "prices")

    def __init__(self, size: int) -> None:
        self.prices = Moments(size)
        self.interests = Moments(size)
        self.newest: Change | None = None


class Changes:
    """The changes of all contracts on the timeframes that are wanted.

    Coins are compared and not dollars, which move with the price by themselves. A z-score needs `min_samples` changes
    before the one that it is of.
    """

    def __init__(self, timeframes: frozenset[str], min_samples: int) -> None:
        self._timeframes = timeframes
        self._min_samples = min_samples
        self._series: dict[tuple[str, str], _Series] = {}

    def take(self, key: str, bar: BarMessage) -> bool:
        """Take a finished bar; return whether it is of a timeframe that is wanted."""
        timeframe = bar.timeframe
        if timeframe not in self._timeframes:
            return False
        series = self._series.get((key, timeframe))
        if series is None:
            size = min(MOST_SAMPLES, max(LEAST_SAMPLES, DAY_MS // TIMEFRAMES[timeframe]))
            series = self._series[key, timeframe] = _Series(size)
        before, change = series.newest, Change(bar)
        series.newest = change
        change.reason = _reason(None if before is None else before.bar, bar)
        if change.reason is None and before is not None:
            change.price = _relative(before.bar.mark, bar.mark)
            change.interest = _relative(before.bar.open_interest, bar.open_interest)
            change.price_z = self._scored(series.prices, change.price)
            change.interest_z = self._scored(series.interests, change.interest)
        change.samples = len(series.interests)
        return True

    def newest(self, key: str, timeframe: str) -> Change | None:
        """Return the last change of a contract, None before its first bar."""
        series = self._series.get((key, timeframe))
        return None if series is None else series.newest

    def forget(self, key: str) -> None:
        """Forget a contract."""
        for timeframe in self._timeframes:
            self._series.pop((key, timeframe), None)

    def _scored(self, history: Moments, value: float | None) -> float | None:
        """Return the z-score of a value beside its history, and add it."""
        if value is None:
            return None
        score = history.z(value) if len(history) >= self._min_samples else None
        history.add(value)
        return score


def _reason(before: BarMessage | None, bar: BarMessage) -> str | None:
    """Return why two bars make no change."""
    if before is None or before.close_time != bar.open_time:
        return "no_bar_before"
    if min(before.coverage, bar.coverage) < LEAST_COVERAGE:
        return "not_covered"
    if before.mark is None or bar.mark is None:
        return "mark_unknown"
    if before.open_interest is None or bar.open_interest is None:
        return "open_interest_unknown"
    return None


def _relative(before: Range | None, after: Range | None) -> float | None:
    if before is None or after is None or not before.close:
        return None
    return after.close / before.close - 1
