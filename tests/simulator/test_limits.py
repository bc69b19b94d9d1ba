"""Request windows, fixed and sliding."""

from hypothesis import given
from hypothesis import strategies as st

from microstream_sim.limits import FixedWindow, SlidingWindow


def test_fixed_window_turns_with_the_minute() -> None:
    """A budget is full again at the whole minute, not a minute after its first use."""
    window = FixedWindow(3, 60_000)
    assert [window.spend(1, 119_000) for _ in range(4)] == [True, True, True, False]
    assert window.resets_at(119_000) == 120_000
    assert window.used(120_000) == 0
    assert window.spend(3, 120_000)


def test_cost_counts_even_when_refused() -> None:
    """A refused request adds to the weight used, as it does at the venue."""
    window = FixedWindow(10, 60_000)
    assert not window.spend(11, 0)
    assert window.used(0) == 11


@given(st.lists(st.integers(0, 500), min_size=1, max_size=80))
def test_sliding_window_never_admits_more(gaps: list[int]) -> None:
    """No span of the window's length holds more admitted requests than the limit."""
    window, now, admitted = SlidingWindow(4, 1000), 0, []
    for gap in gaps:
        now += gap
        if window.spend(now):
            admitted.append(now)
    assert all(sum(1 for other in admitted if t <= other < t + 1000) <= 4 for t in admitted)


def test_sliding_window_opens_again() -> None:
    """The oldest request leaves exactly one window later."""
    window = SlidingWindow(2, 1000)
    assert window.spend(0)
    assert window.spend(400)
    assert not window.spend(999)
    assert window.resets_at(999) == 1000
    assert window.spend(1000)
    assert window.remaining(1000) == 0
