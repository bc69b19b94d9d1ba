"""Backoff: values first, then what holds for any seed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.transport.backoff import Backoff


class Highest(Random):
    """Always draws the upper end."""

    def uniform(self, _a: float, b: float) -> float:
        return b


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    """The longest possible delays are base, twice base and so on, then the cap."""
    backoff = Backoff(0.5, 3.0, Highest())
    assert [backoff.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_short_uptime_does_not_start_over() -> None:
    """A connection that drops at once keeps the long delays; one that held for the cap starts over."""
    backoff = Backoff(1.0, 8.0, Highest())
    assert [backoff.next(), backoff.next()] == [1.0, 2.0]
    backoff.reset(7.9)
    assert backoff.next() == 4.0
    backoff.reset(8.0)
    assert backoff.next() == 1.0


def test_the_same_seed_gives_the_same_delays() -> None:
    """A test can foresee every delay."""
    one, two = Backoff(0.5, 8.0, Random(7)), Backoff(0.5, 8.0, Random(7))
    assert [one.next() for _ in range(6)] == [two.next() for _ in range(6)]


def test_jitter_is_spread_over_the_whole_range() -> None:
    """Full jitter: a quarter of the first delays lies in each quarter of the range."""
    random = Random(1)
    delays = [Backoff(1.0, 8.0, random).next() for _ in range(4000)]
    for quarter in range(4):
        inside = sum(quarter / 4 <= delay < (quarter + 1) / 4 for delay in delays)
        assert inside == pytest.approx(1000, rel=0.15)


@given(base=st.floats(0.001, 100), cap=st.floats(0.001, 100), seed=st.integers(), count=st.integers(1, 2000))
def test_no_delay_is_negative_or_above_the_cap(base: float, cap: float, seed: int, count: int) -> None:
    """However often it is asked, a delay lies between 0 and the cap."""
    backoff = Backoff(base, cap, Random(seed))
    assert all(0 <= backoff.next() <= cap for _ in range(count))
