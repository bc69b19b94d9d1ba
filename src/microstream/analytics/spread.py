"""Cross-venue funding spread: what a short on one venue and a long on another pay each other, settlement by settlement.

Amounts are fractions of one leg's notional, which is taken as constant. The rates of now are assumed to persist: a
unit conversion of what the venues say at this moment, not a forecast.
"""

from collections.abc import Iterable
from math import ceil, lcm, log10
from typing import Literal

from msgspec import Struct

from microstream.model.formulas import HOURS_PER_YEAR
from microstream.model.units import MS_PER_HOUR

HORIZONS_H = (8, 24, 72, 168)
"""Hours over which the net return of a pair is stated."""
FILLS = 4
"""Each leg is opened once and closed once."""
BOUND_MS = 90 * 24 * MS_PER_HOUR
"""A break-even that lies further ahead is none."""
ROUNDING = 1e-12
"""Fractions that differ by less are equal: six fees of 0.0001 pay a cost of 0.0006 although floats disagree."""
ROUNDING_PER_HOUR = 1e-15
LARGEST_POWER = 12
"""Units further apart, as powers of ten, are of no contract: 1M and 1B names are 6 and 9."""

PriceFault = Literal["multiplier_mismatch", "price_outlier"]


class Leg(Struct, frozen=True, gc=False):
    """One perpetual as one side of a pair.

    `rate` is the fraction per interval, above 0: longs pay shorts. `interval_h` is above 0: a contract whose interval
    is unknown is no leg. `next_settlement` is ms UTC. `fee` is the taker's, a fraction. `price` is the mark per coin
    (mark / multiplier), above 0.
    """

    exchange: str
    symbol: str
    rate: float
    interval_h: float
    next_settlement: int
    fee: float
    price: float


class CashFlows(Struct, frozen=True, gc=False):
    """Number of settlements in a time, and what a long pays a short in them."""

    settlements: int
    paid: float


class Pair(Struct, frozen=True):
    """Two legs of one coin: short where the hourly rate is higher, long where it is lower.

    `carry_per_hour` = rate / interval of the short leg less that of the long one; `gross_apr` = that x 8760.
    `costs` are those of four fills: 2 x (fee + fee) + 4 x slippage of a fill. `price_gap_bps` is what the short leg is
    dearer by, of the mean price; it is not netted with the costs, because marks are not quotes that anybody trades at.
    `break_even_hours` = costs / carry, pro rata; None without carry. `break_even_time` (ms UTC) is the first settlement
    at which what was received covers the costs; None where that takes more than 90 days.
    `net_returns` are those over the hours of `HORIZONS_H`, costs taken off; a settlement counts fully however late the
    position was opened before it.
    """

    short: Leg
    long: Leg
    carry_per_hour: float
    gross_apr: float
    costs: float
    price_gap_bps: float
    break_even_hours: float | None
    break_even_time: int | None
    net_returns: tuple[float, ...]


class _Payments(Struct, frozen=True, gc=False):
    """A leg's settlements as seen from a moment: the first after it, the time between two, the rate of each."""

    first: int
    step: int
    rate: float

    def count(self, until: int) -> int:
        """Return the number of settlements up to a time, that included."""
        return max(0, (until - self.first) // self.step + 1)

    def after(self, time: int, until: int) -> range:
        """Return the settlements after a time, up to another, that included."""
        return range(self.first + self.count(time) * self.step, until + 1, self.step)


def first_settlement(leg: Leg, now: int) -> int:
    """Return the first settlement after `now`: one that has passed is rolled forward by whole intervals."""
    step = _step(leg)
    return leg.next_settlement + max(0, (now - leg.next_settlement) // step + 1) * step


def cash_flows(leg: Leg, now: int, until: int) -> CashFlows:
    """Return the settlements of a leg after `now` up to `until`, that included, and the sum of their rates."""
    count = _payments(leg, now).count(until)
    return CashFlows(count, count * leg.rate)


def pair(a: Leg, b: Leg, now: int, *, slippage: float = 0.0) -> Pair:
    """Return what two legs make as a pair; which of them is named first does not matter.

    `slippage` is that of each of the four fills, a fraction. Of equal hourly rates the first by name is the short leg.
    """
    short, long, carry = _direction(a, b)
    costs = 2 * (short.fee + long.fee) + FILLS * slippage
    received, given = _payments(short, now), _payments(long, now)
    return Pair(
        short=short,
        long=long,
        carry_per_hour=carry,
        gross_apr=carry * HOURS_PER_YEAR,
        costs=costs,
        price_gap_bps=(short.price - long.price) / ((short.price + long.price) / 2) * 10_000,
        break_even_hours=costs / carry if carry > 0 else None,
        break_even_time=_break_even(received, given, now, costs),
        net_returns=tuple([_net(received, given, now + hours * MS_PER_HOUR) - costs for hours in HORIZONS_H]),
    )


def rank(pairs: Iterable[Pair]) -> list[Pair]:
    """Return pairs by falling carry per hour; equal ones by exchange and symbol of the short leg, then of the long."""
    return sorted(pairs, key=_place)


def price_fault(price_a: float, price_b: float, limit: float = 0.02) -> PriceFault | None:
    """Return why two prices of a coin cannot belong to one pair, or None where they are within `limit` of each other.

    Prices about a power of ten apart are of one coin counted in different units; others of different coins or wrong.
    """
    if not (price_a > 0 and price_b > 0):
        return "price_outlier"
    lower, higher = sorted((price_a, price_b))
    if higher / lower - 1 <= limit:
        return None
    power = round(log10(higher) - log10(lower))
    if power <= LARGEST_POWER and abs(higher / lower / 10**power - 1) <= limit:
        return "multiplier_mismatch"
    return "price_outlier"


def _direction(a: Leg, b: Leg) -> tuple[Leg, Leg, float]:
    """Return the short leg, the long leg, and the carry per hour."""
    carry = a.rate / a.interval_h - b.rate / b.interval_h
    if abs(carry) < ROUNDING_PER_HOUR:
        a_is_first = (a.exchange, a.symbol) <= (b.exchange, b.symbol)
        return (a, b, 0.0) if a_is_first else (b, a, 0.0)
    return (a, b, carry) if carry > 0 else (b, a, -carry)


def _place(item: Pair) -> tuple[float, str, str, str, str]:
    short, long = item.short, item.long
    return -item.carry_per_hour, short.exchange, short.symbol, long.exchange, long.symbol


def _step(leg: Leg) -> int:
    return round(leg.interval_h * MS_PER_HOUR)


def _payments(leg: Leg, now: int) -> _Payments:
    return _Payments(first_settlement(leg, now), _step(leg), leg.rate)


def _net(received: _Payments, given: _Payments, until: int) -> float:
    """Return what a pair has received by a time."""
    return received.count(until) * received.rate - given.count(until) * given.rate


def _times(received: _Payments, given: _Payments, after: int, until: int) -> list[int]:
    """Return when one of the legs settles, or both."""
    return sorted({*received.after(after, until), *given.after(after, until)})


def _break_even(received: _Payments, given: _Payments, now: int, costs: float) -> int | None:
    """Return the first settlement at which a pair has received its costs, or None within `BOUND_MS`.

    From when both legs are in their rhythm, a pattern of payments repeats itself with the common multiple of the two
    intervals (8 h for 8 and 1), and each turn adds the same amount. So one turn is enough to know how many are needed,
    and at which of its settlements it is done.
    """
    need, bound = costs - ROUNDING, now + BOUND_MS
    begin = max(now, received.first - received.step, given.first - given.step)
    if begin > now:  # one of the legs is announced to pause for more than an interval
        for time in _times(received, given, now, min(begin, bound)):
            if _net(received, given, time) >= need:
                return time
    period = lcm(received.step, given.step)
    times = _times(received, given, begin, min(begin + period, bound))
    flows = [_net(received, given, time) for time in times]
    best = max(flows, default=need)
    turns = 0
    if best < need:
        gain = period // received.step * received.rate - period // given.step * given.rate
        if need - best > gain * (BOUND_MS // period):
            return None
        turns = ceil((need - best) / gain)
        need = min(best, need - turns * gain)
    for time, flow in zip(times, flows, strict=True):
        if flow >= need:
            return time + turns * period if time + turns * period <= bound else None
    return None
