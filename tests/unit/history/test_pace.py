"""Pace: original distances by a clock that we hold in our hands."""

import pytest

from microstream.history.pace import Pace

T0 = 1_795_608_000_000


@pytest.mark.parametrize(("speed", "wait_s"), [(1.0, 30.0), (10.0, 3.0), (0.5, 60.0), (None, 0.0)])
def test_distances_are_divided_by_the_speed(speed: float | None, wait_s: float) -> None:
    """Half a minute after the first moment; the first itself is due at once."""
    pace = Pace(speed)
    assert pace.wait_s(T0, now=100.0) == 0.0
    assert pace.wait_s(T0 + 30_000, now=100.0) == pytest.approx(wait_s)


def test_nothing_drifts() -> None:
    """A thousand waits that each come 3 ms late end where one wait would."""
    pace, now = Pace(1.0), 50.0
    for step in range(1001):
        now += pace.wait_s(T0 + step * 100, now) + 0.003
    assert now == pytest.approx(150.003, abs=1e-6)


def test_what_is_overdue_is_due_until_it_is_put_off() -> None:
    """Two seconds late means no wait; an outage of two seconds moves the rest by as much."""
    pace = Pace(1.0)
    pace.wait_s(T0, now=0.0)
    assert pace.wait_s(T0 + 1_000, now=3.0) == 0.0
    pace.shift(2.0)
    assert pace.wait_s(T0 + 2_000, now=3.0) == pytest.approx(1.0)


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_is_above_zero(speed: float) -> None:
    """Time does not stand still, nor run backwards."""
    with pytest.raises(ValueError, match="above 0"):
        Pace(speed)
