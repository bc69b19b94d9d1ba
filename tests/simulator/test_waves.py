"""Sums of sines: the closed-form mean, and independence of the order of questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream_sim.waves import DAY_MS, level_noise, random_walk

_NOISE = level_noise("test", 0.001, shortest_ms=30_000, longest_ms=6 * DAY_MS)
_TIMES = st.integers(1_700_000_000_000, 1_900_000_000_000)


@given(start=_TIMES, span=st.integers(60_000, 3_600_000))
def test_integral_gives_the_mean(start: int, span: int) -> None:
    """The closed form agrees with a sum over many points."""
    points = 400
    numeric = sum(_NOISE.value(start + span * (2 * i + 1) // (2 * points)) for i in range(points)) / points
    exact = (_NOISE.integral(start + span) - _NOISE.integral(start)) / span
    assert exact == pytest.approx(numeric, abs=2e-6)


def test_same_name_same_noise() -> None:
    """Noise is a function of its name alone."""
    assert random_walk("a", 0.02) == random_walk("a", 0.02)
    assert random_walk("a", 0.02) != random_walk("b", 0.02)


def test_a_walk_moves_more_over_longer_spans() -> None:
    """A day's moves are larger than a minute's, and of the order that was asked for."""
    walk = random_walk("walk", 0.03)
    origin = 1_795_176_000_000

    def spread(span: int) -> float:
        moves = [walk.value(origin + i * span) - walk.value(origin + (i + 1) * span) for i in range(300)]
        return float((sum(move * move for move in moves) / len(moves)) ** 0.5)

    assert spread(60_000) < spread(3_600_000) < spread(DAY_MS)
    assert 0.01 < spread(DAY_MS) < 0.09
