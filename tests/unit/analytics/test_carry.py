"""Carry against the vectors of the definitions page, sections 3.1 and 3.3."""

import pytest

from microstream.analytics.carry import (
    annualised_basis,
    apy,
    constant_maturity,
    days_to_expiry,
    perp_perp_bps,
    perp_spot_bps,
    realised_apr,
)

NOON = 1_795_348_800_000
HOUR = 3_600_000
DAY = 24 * HOUR


def test_one_basis_point_compounded() -> None:
    """0.01 % every eight hours is 11.5714 % a year."""
    assert apy(0.0001, 8) == pytest.approx(0.115714, abs=5e-7)
    assert apy(0.0, 8) == 0.0


@pytest.mark.parametrize(
    ("rate", "interval_h"), [(None, 8.0), (0.0001, None), (0.0001, 0.0), (-1.0, 8.0), (0.25, 1.0)]
)
def test_no_compounded_rate(rate: float | None, interval_h: float | None) -> None:
    """Of what is unknown, of a rate that takes everything, and of one that no float can hold after a year."""
    assert apy(rate, interval_h) is None


def test_realised_rates_of_a_window() -> None:
    """Three payments a day of 1 bp over ten days are 10.95 % a year, whatever the interval was."""
    settled = [(NOON + at * 8 * HOUR, 0.0001) for at in range(31)]
    assert realised_apr(settled, NOON, NOON + 10 * DAY) == pytest.approx(0.1095, rel=1e-12)
    mixed = [(NOON + 8 * HOUR, 0.0004), (NOON + 12 * HOUR, -0.0001), (NOON + 13 * HOUR, 0.0002)]
    assert realised_apr(mixed, NOON, NOON + DAY) == pytest.approx(0.0005 * 365, rel=1e-12)


def test_the_window_is_open_at_its_begin() -> None:
    """What was paid when it begins belongs to the one before, so that windows add up."""
    settled = [(NOON, 0.5), (NOON + DAY, 0.001), (NOON + DAY + 1, 0.5)]
    assert realised_apr(settled, NOON, NOON + DAY) == pytest.approx(0.365, rel=1e-12)


@pytest.mark.parametrize(("start", "end"), [(NOON, NOON + HOUR), (NOON + DAY, NOON), (NOON, NOON)])
def test_nothing_realised_where_nothing_is_known(start: int, end: int) -> None:
    """No payment in the window, or no window."""
    assert realised_apr([(NOON + 8 * HOUR, 0.0001)], start, end) is None


def test_days_to_expiry() -> None:
    """With their fraction; below 0 afterwards; unknown of what has no expiry."""
    assert days_to_expiry(NOON, NOON + 30 * DAY) == 30.0
    assert days_to_expiry(NOON, NOON + 12 * HOUR) == 0.5
    assert days_to_expiry(NOON, NOON - DAY) == -1.0
    assert days_to_expiry(NOON, None) is None


@pytest.mark.parametrize(
    ("mark", "index", "days", "expected", "within"),
    [
        (50_100.0, 50_000.0, 30.0, 0.02433, 5e-6),
        (100.24, 100.0, 31.0, 0.0283, 5e-5),
        (99.0, 100.0, 365.0, -0.01, 1e-12),
    ],
)
def test_annualised_basis(mark: float, index: float, days: float, expected: float, within: float) -> None:
    """50,000 to 50,100 in 30 days; Binance's sample of 0.0024 with about 31 days left; a discount."""
    assert annualised_basis(mark, index, days) == pytest.approx(expected, abs=within)


@pytest.mark.parametrize(
    ("mark", "index", "days"),
    [
        (100.0, 100.0, 0.999),
        (100.0, 100.0, 0.0),
        (100.0, 100.0, -3.0),
        (None, 100.0, 30.0),
        (100.0, None, 30.0),
        (100.0, 0.0, 30.0),
        (100.0, 100.0, None),
    ],
)
def test_no_annualised_basis(mark: float | None, index: float | None, days: float | None) -> None:
    """In the final day, after it, and of what is unknown."""
    assert annualised_basis(mark, index, days) is None


def test_the_final_day_begins_a_day_before() -> None:
    """Exactly one day is still stated."""
    assert annualised_basis(101.0, 100.0, 1.0) == pytest.approx(3.65)


CURVE = [(180.0, 0.09), (30.0, 0.03), (90.0, 0.06)]


@pytest.mark.parametrize(
    ("target", "expected"), [(30.0, 0.03), (60.0, 0.045), (90.0, 0.06), (120.0, 0.07), (180.0, 0.09)]
)
def test_constant_maturity(target: float, expected: float) -> None:
    """Linear between the two expiries beside the target; an expiry of just that day is itself."""
    assert constant_maturity(CURVE, target) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("points", "target"), [(CURVE, 29.9), (CURVE, 180.1), ([], 30.0), ([(30.0, 0.03)], 31.0)]
)
def test_nothing_is_extrapolated(points: list[tuple[float, float]], target: float) -> None:
    """Beyond the nearest and the farthest expiry nobody knows."""
    assert constant_maturity(points, target) is None


def test_basis_between_perpetuals() -> None:
    """Of a common reference, not of either mark."""
    assert perp_perp_bps(101.0, 100.0, 100.5) == pytest.approx(1 / 100.5 * 1e4)
    assert perp_perp_bps(100.0, 101.0, 100.5) == pytest.approx(-1 / 100.5 * 1e4)
    assert (
        perp_perp_bps(100.0, None, 100.0)
        is perp_perp_bps(None, 1.0, 1.0)
        is perp_perp_bps(1.0, 1.0, 0.0)
        is None
    )


def test_basis_between_perpetual_and_spot_is_per_coin() -> None:
    """1000PEPE at 0.01001 against PEPE at 0.00001: 10 bps; 1000SATS is quoted by the thousand on both sides."""
    assert perp_spot_bps(0.01001, 0.00001, 1000.0, 1.0) == pytest.approx(10.0, rel=1e-9)
    assert perp_spot_bps(0.000999, 0.001, 1000.0, 1000.0) == pytest.approx(-10.0, rel=1e-9)
    assert perp_spot_bps(None, 1.0, 1.0, 1.0) is perp_spot_bps(1.0, None, 1.0, 1.0) is None
    assert perp_spot_bps(1.0, 0.0, 1.0, 1.0) is None
