"""Robust scores against the vectors of the definitions page, section 3.7; ranks, z-scores and histories."""

import pytest

from microstream.analytics.statistics import (
    Moments,
    Window,
    is_anomalous,
    mad,
    mean_ad,
    median,
    percentile_rank,
    robust_score,
    z_score,
)

NOON = 1_795_348_800_000
S = 1_000
HOUR = 3_600 * S


def test_an_outlier_among_spread_values() -> None:
    """1 to 5 and 100: median 3.5, MAD 1.5, score 43.39."""
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0]
    made = robust_score(100.0, values)
    assert made is not None
    assert (made.method, made.summary.median, made.summary.mad, made.deviation) == ("mad", 3.5, 1.5, 96.5)
    assert made.score == pytest.approx(43.39, abs=0.005)
    assert (median(values), mad(values)) == (3.5, 1.5)


def test_an_outlier_among_pinned_values() -> None:
    """Seven times 10 and 100: MAD is 0, the mean deviation 11.25, the score 6.383."""
    values = [*[10.0] * 7, 100.0]
    made = robust_score(100.0, values)
    assert made is not None
    assert (made.method, made.summary.mad, made.summary.mean_ad) == ("mean_ad", 0.0, 11.25)
    assert made.score == pytest.approx(6.383, abs=0.0005)
    assert (mad(values), mean_ad(values)) == (0.0, 11.25)


def test_a_flat_history_has_no_score() -> None:
    """Only how far the value is away from it."""
    made = robust_score(0.0003, [0.0001] * 40)
    assert made is not None
    assert made.score is made.method is None
    assert made.deviation == pytest.approx(0.0002)


def test_digits_that_were_lost_are_no_spread() -> None:
    """A rate pinned at 1 bp per 8 h, taken from intervals of 6 and 8 hours."""
    noisy = 0.000075 * 8 / 6
    values = sorted([*[0.0001] * 20, *[noisy * (1 + 4e-16)] * 20])
    assert values[0] != values[-1]
    made = robust_score(0.0002, values)
    assert made is not None
    assert made.score is None


def test_no_score_without_history() -> None:
    """Nothing to compare with is not the same as a flat history."""
    assert robust_score(1.0, []) is None
    assert percentile_rank(1.0, []) is None
    with pytest.raises(ValueError, match="nothing"):
        median([])


@pytest.mark.parametrize(
    ("score", "deviation", "anomalous"),
    [
        (3.6, 0.0, True),
        (-3.6, 0.0, True),
        (3.5, 1.0, False),
        (None, 0.0001, True),
        (None, -0.0001, True),
        (None, 0.0003 - 0.0002, True),
        (None, 0.00009, False),
        (None, None, False),
    ],
)
def test_anomalies(score: float | None, deviation: float | None, anomalous: bool) -> None:
    """Above 3.5 either way; without a score, 1 bp per 8 h from the median."""
    assert is_anomalous(score, deviation) is anomalous


@pytest.mark.parametrize(
    ("x", "rank"), [(0.0, 0.0), (1.0, 0.125), (2.0, 0.5), (2.5, 0.75), (3.0, 0.875), (4.0, 1.0)]
)
def test_percentile_rank(x: float, rank: float) -> None:
    """The share of smaller values and half of the equal ones."""
    assert percentile_rank(x, [1.0, 2.0, 2.0, 3.0]) == rank


def test_z_score() -> None:
    """Of 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32 over 7."""
    values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    assert z_score(9.0, values) == pytest.approx(4 / (32 / 7) ** 0.5, rel=1e-12)
    assert z_score(5.0, values) == 0.0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0], [0.1, 0.1 * (1 + 4e-16)]])
def test_no_z_score_without_spread(values: list[float]) -> None:
    """Nor of fewer than two values."""
    assert z_score(3.0, values) is None


def test_a_window_keeps_the_newest() -> None:
    """Three values at most, none older than an hour."""
    window = Window(3, HOUR)
    for at, value in enumerate([5.0, 1.0, 4.0, 2.0]):
        window.add(NOON + at * S, value)
    assert (len(window), list(window.ordered)) == (3, [1.0, 2.0, 4.0])
    assert window.summary is not None
    assert (window.summary.count, window.summary.median) == (3, 2.0)
    window.add(NOON + HOUR + 2 * S, 9.0)
    assert list(window.ordered) == [2.0, 4.0, 9.0]
    window.add(NOON + HOUR + 4 * S, 3.0)
    assert list(window.ordered) == [3.0, 9.0]


def test_a_window_forgets_with_time_alone() -> None:
    """To the second: what was said in the second of the limit stays."""
    window = Window(10, HOUR)
    for at in range(5):
        window.add(NOON + at * S + 400, float(at))
    assert window.summary is not None
    window.drop_before(NOON + 3 * S + 900)
    assert list(window.ordered) == [3.0, 4.0]
    assert window.summary.median == 3.5
    window.drop_before(NOON + HOUR)
    assert (len(window), window.summary, window.score(1.0)) == (0, None, None)


def test_a_clock_that_is_set_back_does_not_disturb_a_window() -> None:
    """What comes is taken as of the newest time, and leaves with it."""
    window = Window(10, HOUR)
    for value, second in enumerate([200, 300, 100, 110, 120]):
        window.add(NOON + second * S, float(value))
    window.drop_before(NOON + 250 * S)
    assert list(window.ordered) == [1.0, 2.0, 3.0, 4.0]
    window.drop_before(NOON + 301 * S)
    assert len(window) == 0


def test_a_window_scores_like_its_values() -> None:
    """And its summary is worked out once while nothing changes."""
    window = Window(10, HOUR)
    for at, value in enumerate([100.0, 3.0, 1.0, 5.0, 2.0, 4.0]):
        window.add(NOON + at * S, value)
    assert window.score(100.0) == robust_score(100.0, [1.0, 2.0, 3.0, 4.0, 5.0, 100.0])
    assert window.summary is window.summary
    before = window.summary
    window.add(NOON + 6 * S, 3.0)
    assert window.summary != before


@pytest.mark.parametrize(("size", "span_ms"), [(0, HOUR), (10, -1)])
def test_a_window_of_nothing_is_refused(size: int, span_ms: int) -> None:
    """It would never hold a value."""
    with pytest.raises(ValueError, match="room"):
        Window(size, span_ms)


def test_moments_are_those_of_the_newest() -> None:
    """Of 1, 2, 4, 9 the last three: mean 5, deviations -3, -1, 4."""
    moments = Moments(3)
    for value in (1.0, 2.0, 4.0, 9.0):
        moments.add(value)
    assert len(moments) == 3
    assert (moments.mean, moments.std) == (5.0, pytest.approx(13**0.5, rel=1e-12))
    assert moments.z(9.0) == pytest.approx(4 / 13**0.5, rel=1e-12)


def test_moments_of_too_little() -> None:
    """Nothing has no mean, one value no spread, and equal values no z-score."""
    moments = Moments(3)
    assert (moments.mean, moments.std, moments.z(1.0)) == (None, None, None)
    moments.add(2.0)
    assert (moments.mean, moments.std, moments.z(1.0)) == (2.0, None, None)
    moments.add(2.0)
    assert (moments.mean, moments.std, moments.z(1.0)) == (2.0, 0.0, None)
    with pytest.raises(ValueError, match="one value"):
        Moments(0)
