"""The spread engine against a table that is filled in by hand: a simulated month, a row an hour, sums down the columns.

The table knows no formula of the engine: it counts hours down to the next payment and adds what is paid, in whole
hundred-millionths. It shares no code with it either.
"""

from itertools import accumulate
from typing import NamedTuple

import pytest
from tests.unit.analytics.legs import HOUR, MINUTE, NOON

from microstream.analytics.spread import BOUND_MS, HORIZONS_H, Leg, cash_flows, pair

UNIT = 1e-8
HOURS = 30 * 24
LONGEST_H = 90 * 24
FEES = {"binance": 50_000, "okx": 55_000}


class Row(NamedTuple):
    """One hour of one contract: what is paid when it ends, and what is announced for then while it runs."""

    rate: int
    interval_h: int
    hours_left: int
    paid: int


def sheet(intervals: list[tuple[int, int]], rates: list[int]) -> list[Row]:
    """Return a row an hour. `intervals` are hours of the month from which an interval holds, once its rate is up.

    A rate holds from one payment to the next; the list is gone through again and again.
    """
    rows: list[Row] = []
    settled = left = length = 0
    for hour in range(HOURS):
        if left == 0:
            for begin, hours in intervals:
                if begin <= hour:
                    length = hours
            left = length
        rate = rates[settled % len(rates)]
        rows.append(Row(rate, length, left, rate if left == 1 else 0))
        settled += left == 1
        left -= 1
    return rows


# 8 h, then 4 h, then 1 h, as a venue shortens them while a rate is at its cap; the other venue follows later
BINANCE = sheet([(0, 8), (237, 4), (480, 1)], [30_000, 41_000, -2_500, 18_250, 9_999, 0, 60_001])
OKX = sheet([(0, 8), (300, 4), (420, 2), (555, 1)], [10_000, -7_000, 12_345, 25_000, 1_250])


def column(row: Row, hours: int) -> list[int]:
    """Return what a contract pays at the end of each coming hour if its rate and interval stay as they are now."""
    paid, left = [], row.hours_left
    for _ in range(hours):
        left -= 1
        paid.append(row.rate if left == 0 else 0)
        if left == 0:
            left = row.interval_h
    return paid


def leg(exchange: str, row: Row, hour: int) -> Leg:
    """Return the contract of a row as the venue would announce it."""
    next_settlement = NOON + (hour + row.hours_left) * HOUR
    fee = FEES[exchange] * UNIT
    return Leg(exchange, "sol", row.rate * UNIT, row.interval_h, next_settlement, fee, 100.0)


def compare(hour: int, now: int, hours: int) -> None:
    """Compare the engine's pair at one time with the sums of that hour's columns, of so many rows."""
    rows = {"binance": BINANCE[hour], "okx": OKX[hour]}
    made = pair(leg("binance", BINANCE[hour], hour), leg("okx", OKX[hour], hour), now)
    short, long = rows[made.short.exchange], rows[made.long.exchange]
    assert short.rate * long.interval_h >= long.rate * short.interval_h
    costs = 2 * sum(FEES.values())
    balance = [a - b for a, b in zip(column(short, hours), column(long, hours), strict=True)]
    totals = [total - costs for total in accumulate(balance)]
    assert made.net_returns == pytest.approx([totals[each - 1] * UNIT for each in HORIZONS_H], abs=1e-12)
    if hours < LONGEST_H:
        return
    pays = [a != 0 or b != 0 for a, b in zip(column(short, hours), column(long, hours), strict=True)]
    reached = [at for at, total in enumerate(totals, 1) if total >= 0 and pays[at - 1]]
    assert made.break_even_time == (NOON + (hour + reached[0]) * HOUR if reached else None)


def test_the_month_is_what_it_should_be() -> None:
    """Each contract has three intervals or more, they change at different times, and rates of both signs are paid."""
    for rows in (BINANCE, OKX):
        lengths = [row.interval_h for row in rows]
        assert {8, 4, 1} <= set(lengths)
        assert [length for length, before in zip(lengths[1:], lengths, strict=False) if length > before] == []
        assert min(row.paid for row in rows) < 0 < max(row.paid for row in rows)
    assert [row.interval_h for row in BINANCE] != [row.interval_h for row in OKX]


@pytest.mark.parametrize("late_ms", [0, MINUTE, HOUR - 1])
def test_returns_of_every_hour(late_ms: int) -> None:
    """At the begin of each hour, a minute later, and a moment before its end, over all horizons."""
    for hour in range(HOURS):
        compare(hour, NOON + hour * HOUR + late_ms, max(HORIZONS_H))


def test_break_even_of_every_seventh_hour() -> None:
    """The first row of 90 days at which something is paid and the sum covers the costs."""
    assert BOUND_MS == LONGEST_H * HOUR
    for hour in range(0, HOURS, 7):
        compare(hour, NOON + hour * HOUR, LONGEST_H)


def test_some_months_break_even_and_some_do_not() -> None:
    """So that the test above has seen both."""
    times = [
        pair(
            leg("binance", BINANCE[hour], hour), leg("okx", OKX[hour], hour), NOON + hour * HOUR
        ).break_even_time
        for hour in range(0, HOURS, 7)
    ]
    assert None in times
    assert len(set(times)) > 10


@pytest.mark.parametrize("step_h", [1, 3, 7])
def test_what_was_settled_in_the_month(step_h: int) -> None:
    """Asked anew every hour, the engine counts each actual payment once; every few hours, those it could foresee."""
    for exchange, rows in (("binance", BINANCE), ("okx", OKX)):
        paid, count = 0.0, 0
        for hour in range(0, HOURS - HOURS % step_h, step_h):
            now = NOON + hour * HOUR
            flows = cash_flows(leg(exchange, rows[hour], hour), now, now + step_h * HOUR)
            foreseen = column(rows[hour], step_h)
            assert flows.paid == pytest.approx(sum(foreseen) * UNIT, abs=1e-12)
            paid, count = paid + flows.paid, count + flows.settlements
        if step_h == 1:
            assert paid == pytest.approx(sum(row.paid for row in rows) * UNIT, abs=1e-12)
            assert count == sum(row.hours_left == 1 for row in rows)
