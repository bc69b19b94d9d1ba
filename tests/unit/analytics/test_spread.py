"""Spread: direction, carry, costs, settlements, break-even; vectors of the definitions page, section 3.6."""

import pytest
from msgspec.structs import replace
from tests.unit.analytics.legs import HOUR, MINUTE, NOON, leg

from microstream.analytics.spread import (
    HORIZONS_H,
    CashFlows,
    Pair,
    cash_flows,
    first_settlement,
    pair,
    price_fault,
    rank,
)

SHORT = leg("binance", 0.0003, 8, fee=0.0005)
LONG = leg("bybit", 0.0000125, 1, fee=0.00055)


def test_an_eight_hourly_rate_against_an_hourly_one() -> None:
    """0.03 % per 8 h short, 0.00125 % per 1 h long: 21.9 % a year, 0.21 % of costs, 84 h."""
    made = pair(SHORT, LONG, NOON)
    assert (made.short, made.long) == (SHORT, LONG)
    assert made.carry_per_hour == pytest.approx(2.5e-5, rel=1e-12)
    assert made.gross_apr == pytest.approx(0.219, rel=1e-12)
    assert made.costs == pytest.approx(0.0021, rel=1e-12)
    assert made.break_even_hours == pytest.approx(84.0, rel=1e-12)


def test_a_long_that_is_paid_too() -> None:
    """0.01 % per 8 h short, -0.002 % per 1 h long, fees of 0.05 and 0.035 %: 28.47 % a year, 52.3 h."""
    made = pair(leg("bybit", -0.00002, 1, fee=0.00035), leg("okx", 0.0001, 8, fee=0.0005), NOON)
    assert (made.short.exchange, made.long.exchange) == ("okx", "bybit")
    assert made.gross_apr == pytest.approx(0.2847, rel=1e-12)
    assert made.break_even_hours == pytest.approx(52.3, abs=0.01)
    assert made.break_even_time == NOON + 55 * HOUR


def test_returns_count_settlements() -> None:
    """Per 8 h one receipt of 3 bp and eight payments of 0.125 bp, less 21 bp of costs."""
    made = pair(SHORT, LONG, NOON)
    expected = [hours / 8 * (0.0003 - 8 * 0.0000125) - 0.0021 for hours in HORIZONS_H]
    assert made.net_returns == pytest.approx(expected, abs=1e-15)
    assert made.net_returns == pytest.approx((-0.0019, -0.0015, -0.0003, 0.0021), abs=1e-15)


def test_break_even_is_at_a_settlement() -> None:
    """2 bp in each 8 h: after 80 h 20 bp of 21, after 88 h 22; never between, though 84 h are enough pro rata."""
    assert pair(SHORT, LONG, NOON).break_even_time == NOON + 88 * HOUR


def test_the_first_settlement_counts_fully() -> None:
    """A minute before both settle: 2.875 bp at once, 2 bp each 8 h from then on, 22.875 bp after 80 h."""
    at = NOON + 8 * HOUR - MINUTE
    made = pair(SHORT, LONG, at)
    assert made.net_returns[0] == pytest.approx(0.0003 - 8 * 0.0000125 - 0.0021, abs=1e-15)
    assert made.net_returns[1] == pytest.approx(3 * (0.0003 - 8 * 0.0000125) - 0.0021, abs=1e-15)
    assert made.break_even_time == at + MINUTE + 80 * HOUR
    assert made.break_even_hours == pytest.approx(84.0)


def test_a_settlement_that_is_reached_exactly_counts_and_the_present_one_does_not() -> None:
    """The time is open at its begin and closed at its end."""
    assert cash_flows(SHORT, NOON, NOON + 8 * HOUR) == CashFlows(1, 0.0003)
    assert cash_flows(SHORT, NOON, NOON + 8 * HOUR - 1) == CashFlows(0, 0.0)
    assert cash_flows(SHORT, NOON + 8 * HOUR, NOON + 16 * HOUR - 1) == CashFlows(0, 0.0)
    assert cash_flows(LONG, NOON, NOON + 24 * HOUR) == CashFlows(24, pytest.approx(0.0003))


@pytest.mark.parametrize(
    ("in_ms", "first_ms"),
    [
        (3 * HOUR, 3 * HOUR),
        (1, 1),
        (0, 4 * HOUR),
        (-1, 4 * HOUR - 1),
        (-4 * HOUR, 4 * HOUR),
        (-9 * HOUR, 3 * HOUR),
        (30 * HOUR, 30 * HOUR),
    ],
)
def test_a_settlement_that_has_passed_is_rolled_forward(in_ms: int, first_ms: int) -> None:
    """By whole intervals, to the first one after now; one that is announced for later is believed."""
    assert first_settlement(leg("okx", 0.0001, 4, in_ms=in_ms), NOON) == NOON + first_ms


def test_nothing_is_settled_before_what_is_announced() -> None:
    """A contract with hourly funding that begins in five hours."""
    begins = leg("okx", 0.0001, 1, in_ms=5 * HOUR)
    assert [cash_flows(begins, NOON, NOON + hours * HOUR).settlements for hours in (1, 4, 5, 7)] == [
        0,
        0,
        1,
        3,
    ]


def test_break_even_before_a_late_leg_begins_to_pay() -> None:
    """The long leg's payments begin in 30 h; until then the short leg alone is paid, 5 bp every 8 h."""
    short, long = (
        leg("binance", 0.0005, 8, fee=0.0),
        leg("bybit", 0.00006, 1, fee=0.0006, in_ms=30 * HOUR),
    )
    assert pair(short, long, NOON).break_even_time == NOON + 24 * HOUR


def test_break_even_at_a_peak_of_nearly_equal_rates() -> None:
    """2 % per 8 h against 0.25 % per 1 h less a hair: the first receipt covers it where it comes first."""
    short = leg("binance", 0.02, 8, in_ms=MINUTE)
    long = leg("bybit", 0.0024999, 1, in_ms=HOUR)
    assert pair(short, long, NOON).break_even_time == NOON + MINUTE


def test_break_even_of_slowly_growing_peaks() -> None:
    """The peak of each turn, just after a receipt of 8 bp, grows by 1 bp: the twelfth turn is the first above 19 bp."""
    short = leg("binance", 0.0008, 8, fee=0.0, in_ms=MINUTE)
    long = leg("bybit", 0.0000875, 1, fee=0.00095, in_ms=HOUR)
    assert pair(short, long, NOON).break_even_time == NOON + MINUTE + 11 * 8 * HOUR


def test_no_break_even_without_carry() -> None:
    """Equal hourly rates pay each other for ever; the leg named first by exchange is short."""
    made = pair(leg("okx", 0.0001, 1), leg("bybit", 0.0008, 8), NOON)
    assert made.carry_per_hour == made.gross_apr == 0.0
    assert made.break_even_hours is made.break_even_time is None
    assert made.short.exchange == "bybit"


def test_no_break_even_time_that_is_out_of_sight() -> None:
    """0.01 bp in 8 h needs 1,600 days for 0.2 %, 0.75 bp needs 89: pro rata hours are stated for both."""
    slow = pair(leg("binance", 0.000101, 8), leg("bybit", 0.0001, 8), NOON)
    assert slow.break_even_hours == pytest.approx(16_000)
    assert slow.break_even_time is None
    made = pair(leg("binance", 0.0001075, 8), leg("bybit", 0.0001, 8), NOON)
    assert made.break_even_time == NOON + 267 * 8 * HOUR


@pytest.mark.parametrize(("receipts", "expected"), [(270, NOON + 90 * 24 * HOUR), (271, None)])
def test_the_ninetieth_day_is_in_sight(receipts: int, expected: int | None) -> None:
    """Three receipts a day: the 270th is the last that counts."""
    short, long = leg("binance", 0.00002, 8, fee=receipts * 0.000005), leg("bybit", 0.00001, 8, fee=0.0)
    assert pair(short, long, NOON).break_even_time == expected


def test_rounding_delays_no_break_even() -> None:
    """Three receipts of 0.0001 are 0.0003, whatever floats add up to."""
    made = pair(leg("binance", 0.0001, 8, fee=0.00015), leg("bybit", 0.0, 8, fee=0.0), NOON)
    assert made.break_even_time == NOON + 24 * HOUR


def test_odd_intervals_have_a_break_even() -> None:
    """Seven hours against eight, whose pattern repeats itself after 56: two receipts of 10 bp cover 20."""
    made = pair(leg("binance", 0.001, 7), leg("bybit", 0.0, 8), NOON)
    assert made.break_even_time == NOON + 14 * HOUR


def test_intervals_without_a_common_multiple_in_sight_have_a_break_even() -> None:
    """An hour, and an hour and a millisecond: after 39 h the 39th payment of half a bp is still due."""
    made = pair(leg("binance", 0.0001, 1), leg("bybit", 0.00005, 1 + 1 / HOUR), NOON)
    assert made.break_even_time == NOON + 39 * HOUR
    short, long = leg("binance", 0.0001, 1 + 1 / HOUR), leg("bybit", 0.00005, 1)
    assert pair(short, long, NOON).break_even_time == NOON + 40 * (HOUR + 1)
    assert pair(replace(short, rate=0.00005001), long, NOON).break_even_time is None


def test_four_fills_slip() -> None:
    """1 bp each, beside the fees of both legs at opening and closing."""
    assert pair(SHORT, LONG, NOON, slippage=0.0001).costs == pytest.approx(0.0021 + 4 * 0.0001)


def test_the_price_gap_is_told_apart() -> None:
    """What the short leg is dearer by, of the mean; costs and returns do not know it."""
    dear, cheap = replace(SHORT, price=101.0), replace(LONG, price=99.0)
    made = pair(dear, cheap, NOON)
    assert made.price_gap_bps == pytest.approx(200.0)
    assert pair(replace(SHORT, price=99.0), replace(LONG, price=101.0), NOON).price_gap_bps == pytest.approx(
        -200.0
    )
    assert (made.costs, made.net_returns) == (
        pair(SHORT, LONG, NOON).costs,
        pair(SHORT, LONG, NOON).net_returns,
    )


def test_pairs_are_ranked_by_carry_and_by_name() -> None:
    """The highest carry first; equal ones in the order of their venues, whatever order they came in."""
    low, flat, high = leg("okx", 0.0001, 8), leg("bybit", 0.0001, 8), leg("binance", 0.0002, 8)
    pairs = [pair(low, flat, NOON), pair(low, high, NOON), pair(flat, high, NOON)]
    expected = [("binance", "bybit"), ("binance", "okx"), ("bybit", "okx")]
    assert _names(rank(pairs)) == _names(rank(reversed(pairs))) == expected


def _names(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(item.short.exchange, item.long.exchange) for item in pairs]


@pytest.mark.parametrize(
    ("a", "b", "fault"),
    [
        (100.0, 100.0, None),
        (100.0, 101.9, None),
        (100.0, 102.1, "price_outlier"),
        (0.0105, 10.5, "multiplier_mismatch"),
        (0.0105, 10.3, "multiplier_mismatch"),
        (0.0105, 10.0, "price_outlier"),
        (1.0, 10.0, "multiplier_mismatch"),
        (3.0, 3e6, "multiplier_mismatch"),
        (100.0, 200.0, "price_outlier"),
        (100.0, 350.0, "price_outlier"),
        (100.0, 0.0, "price_outlier"),
        (1e-9, 1e7, "price_outlier"),
    ],
)
def test_prices_that_do_not_belong_together(a: float, b: float, fault: str | None) -> None:
    """Near one another, a power of ten apart, or of something else; in either order."""
    assert price_fault(a, b) == price_fault(b, a) == fault


def test_the_limit_of_prices_is_the_callers() -> None:
    """Both for prices that agree and for those a power of ten apart."""
    assert price_fault(100.0, 104.0, 0.05) is None
    assert price_fault(100.0, 1_040.0, 0.05) == "multiplier_mismatch"
