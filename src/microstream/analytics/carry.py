"""What holding a position earns: realised and compounded funding, the basis of dated futures and between markets.

Rates are fractions per interval, annual figures fractions a year. Unknown in, unknown out.
"""

from collections.abc import Iterable
from math import expm1, log1p

from microstream.model.formulas import HOURS_PER_YEAR
from microstream.model.units import MS_PER_HOUR

DAYS_PER_YEAR = 365
MS_PER_DAY = 24 * MS_PER_HOUR
FINAL_DAYS = 1.0
"""Nearer to its expiry a future has no annualised basis: a tick would be worth per cents a year."""


def apy(rate: float | None, interval_h: float | None) -> float | None:
    """Return the rate compounded over a year: (1 + rate) ^ (8760 / interval) - 1, a unit conversion and no forecast.

    None without an interval, of a rate that takes everything, and where no float is large enough.
    """
    if rate is None or not interval_h or rate <= -1:
        return None
    try:
        return expm1(HOURS_PER_YEAR / interval_h * log1p(rate))
    except OverflowError:
        return None


def realised_apr(settled: Iterable[tuple[int, float]], start: int, end: int) -> float | None:
    """Return the sum of the settled rates after `start` up to `end` (ms UTC, that included) x 365 / days between them.

    `settled` holds the time (ms UTC) and the rate of each payment, all of them: a payment that is missing counts as
    none. None where none fell into the time.
    """
    rates = [rate for time, rate in settled if start < time <= end]
    return sum(rates) * DAYS_PER_YEAR * MS_PER_DAY / (end - start) if rates else None


def days_to_expiry(now: int, delivers_at: int | None) -> float | None:
    """Return the days, with their fraction, from `now` to the delivery (ms UTC); below 0 after it."""
    return None if delivers_at is None else (delivers_at - now) / MS_PER_DAY


def annualised_basis(mark: float | None, index: float | None, days: float | None) -> float | None:
    """Return (mark - index) / index x 365 / days to expiry, a fraction; None in the final day and after it."""
    if mark is None or not index or days is None or days < FINAL_DAYS:
        return None
    return (mark - index) / index * DAYS_PER_YEAR / days


def constant_maturity(points: Iterable[tuple[float, float]], target_days: float) -> float | None:
    """Return the annualised basis of a future that would expire in `target_days`.

    `points` are days to expiry and annualised basis of the futures of one coin, one an expiry, in any order. Linear
    between the two expiries beside the target; None where it lies beyond them: nothing is extrapolated.
    """
    curve = sorted(points)
    before = max((point for point in curve if point[0] <= target_days), default=None)
    after = min((point for point in curve if point[0] >= target_days), default=None)
    if before is None or after is None:
        return None
    (near_days, near), (far_days, far) = before, after
    if near_days == far_days:
        return near
    return near + (far - near) * (target_days - near_days) / (far_days - near_days)


def perp_perp_bps(a: float | None, b: float | None, reference: float | None) -> float | None:
    """Return (a - b) / reference x 10,000 of two marks and a common reference, all per coin in one quote currency."""
    if a is None or b is None or not reference:
        return None
    return (a - b) / reference * 10_000


def perp_spot_bps(
    mark: float | None, mid: float | None, multiplier_perp: float, multiplier_spot: float
) -> float | None:
    """Return what the mark is above the middle of the spot quotes, both per coin, in 1/10,000 of the latter.

    Multipliers are the coins in a quoted unit: 1000 of 1000PEPEUSDT.
    """
    if mark is None or not mid:
        return None
    return (mark / multiplier_perp / (mid / multiplier_spot) - 1) * 10_000
