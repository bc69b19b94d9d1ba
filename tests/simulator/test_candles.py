"""Candles: bar grids, the running bar, and that each bar encloses its open and close."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream_sim.candles import Bar, candle, newest_first, oldest_first, utc_offset

NOON = 1_795_176_000_000
_BARS = [Bar(1), Bar(5), Bar(60), Bar(1440), Bar(10_080), Bar(months=1), Bar(1440, shift_ms=utc_offset(8))]


def _iso(t: int) -> str:
    return f"{datetime.fromtimestamp(t / 1000, UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("bar", "opened"),
    [
        (Bar(60), "2026-11-20 12:00"),
        (Bar(240), "2026-11-20 12:00"),
        (Bar(1440), "2026-11-20 00:00"),
        (Bar(1440, shift_ms=utc_offset(8)), "2026-11-19 16:00"),
        (Bar(360, shift_ms=utc_offset(8)), "2026-11-20 10:00"),
        (Bar(10_080), "2026-11-16 00:00"),
        (Bar(months=1), "2026-11-01 00:00"),
        (Bar(months=3), "2026-10-01 00:00"),
        (Bar(months=1, shift_ms=utc_offset(8)), "2026-10-31 16:00"),
    ],
)
def test_grid(bar: Bar, opened: str) -> None:
    """Bars open on the UTC grid, on Mondays and on the first of a month; shifted ones at midnight UTC+8."""
    assert _iso(bar.open_of(NOON)) == opened


@pytest.mark.parametrize("bar", _BARS)
@given(t=st.integers(1_600_000_000_000, 1_900_000_000_000))
def test_every_time_is_in_exactly_one_bar(bar: Bar, t: int) -> None:
    """The bar of a time contains it and borders on the next."""
    opened = bar.open_of(t)
    assert opened <= t < bar.next_open(opened)
    assert bar.open_of(opened) == opened
    assert bar.open_of(bar.next_open(opened)) == bar.next_open(opened)


@pytest.mark.parametrize("bar", _BARS)
def test_both_directions_agree(bar: Bar) -> None:
    """Walking a window forward and backward meets the same bars."""
    start, end = NOON - 3 * 86_400_000, NOON - 3 * 86_400_000 + 7_200_000
    assert list(oldest_first(bar, start, end)) == list(newest_first(bar, start, end))[::-1]


def test_running_bar_is_not_closed() -> None:
    """The bar that contains now ends with the value of now and is not closed."""
    made = candle(float, Bar(5), NOON, NOON + 61_000)
    assert (made.open, made.close, made.closed) == (NOON, NOON + 61_000, False)
    done = candle(float, Bar(5), NOON - 300_000, NOON)
    assert (done.open, done.close, done.closed) == (NOON - 300_000, NOON - 1000, True)


@given(st.integers(0, 10_000))
def test_high_and_low_enclose(shift: int) -> None:
    """High and low enclose open and close."""
    made = candle(lambda t: float((t // 1000 * 7919 + shift) % 1000), Bar(1), NOON, NOON + 90_000)
    assert made.low <= min(made.open, made.close) <= max(made.open, made.close) <= made.high
