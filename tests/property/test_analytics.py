"""The arithmetic of signals, for any numbers."""

import statistics as reference
from bisect import bisect_left
from math import sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from microstream.analytics import squeeze as squeezes
from microstream.analytics.carry import annualised_basis, apy, constant_maturity, perp_spot_bps, realised_apr
from microstream.analytics.concentration import effective_venues, hhi, oi_weighted_funding, shares
from microstream.analytics.regime import divergence, regime
from microstream.analytics.spread import (
    BOUND_MS,
    HORIZONS_H,
    Leg,
    Pair,
    cash_flows,
    first_settlement,
    pair,
    price_fault,
    rank,
)
from microstream.analytics.statistics import (
    Moments,
    Window,
    mad,
    mean_ad,
    median,
    percentile_rank,
    robust_score,
    z_score,
)
from microstream.model.formulas import funding_apr

NOON = 1_795_348_800_000
HOUR = 3_600_000
DAY = 24 * HOUR
UNIT = 1e-8
"""Rates and fees are whole multiples, so that a walk in whole numbers is exact."""

ODD = 1 + 1 / HOUR
"""An hour and a millisecond: with any other interval it has no common multiple in sight."""
HOURS = st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 12.0, 24.0, ODD])
RATES = st.integers(-2_000_000, 2_000_000)
PRICES = st.floats(1e-9, 1e7)
VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
HISTORIES = st.lists(VALUES | st.sampled_from([0.0, 1.0]), max_size=60)


@st.composite
def legs(draw: st.DrawFn, exchange: str, rates: st.SearchStrategy[int] = RATES) -> Leg:
    """Return a leg that settles from ten hours before noon to two days after it."""
    return Leg(
        exchange,
        "solusdt",
        draw(rates) * UNIT,
        draw(HOURS),
        NOON + draw(st.integers(-600, 2_880)) * 60_000,
        draw(st.integers(0, 100_000)) * UNIT,
        draw(st.floats(50.0, 150.0)),
    )


@st.composite
def near_pairs(draw: st.DrawFn) -> tuple[Leg, Leg]:
    """Return two legs whose hourly rates are about the same, so that the order of their payments decides."""
    hourly = draw(st.integers(-200_000, 200_000))
    a, b = draw(legs("binance")), draw(legs("bybit"))
    rates = [(round(hourly * leg.interval_h) + draw(st.integers(-2_000, 2_000))) * UNIT for leg in (a, b)]
    return replace(a, rate=rates[0]), replace(b, rate=rates[1])


PAIRS = st.tuples(legs("binance"), legs("bybit")) | near_pairs()
MOMENTS = st.integers(NOON - 2 * DAY, NOON + 2 * DAY)


@given(legs("okx"), MOMENTS)
def test_the_first_settlement_is_the_first(leg: Leg, now: int) -> None:
    """After now, whole intervals after the one that was announced, and none in between."""
    first, step = first_settlement(leg, now), round(leg.interval_h * HOUR)
    assert first > now
    assert (first - leg.next_settlement) % step == 0
    assert first == leg.next_settlement or first - step <= now


@given(legs("okx"), MOMENTS, st.integers(0, 3 * DAY), st.integers(0, 3 * DAY))
def test_flows_add_up(leg: Leg, now: int, sooner: int, later: int) -> None:
    """Those of two times that follow one another are those of both; seen later, a settlement is where it was."""
    whole = cash_flows(leg, now, now + sooner + later)
    first, second = cash_flows(leg, now, now + sooner), cash_flows(leg, now + sooner, now + sooner + later)
    assert whole.settlements == first.settlements + second.settlements
    assert whole.paid == pytest.approx(first.paid + second.paid, abs=1e-12)


@given(PAIRS, MOMENTS)
def test_a_pair_does_not_depend_on_the_order_of_its_legs(both: tuple[Leg, Leg], now: int) -> None:
    """The same short leg, the same figures; and never a carry below 0."""
    a, b = both
    made = pair(a, b, now)
    assert made == pair(b, a, now)
    assert {made.short, made.long} == {a, b}
    assert made.carry_per_hour >= 0
    apr = [funding_apr(leg.rate, leg.interval_h) for leg in (made.short, made.long)]
    assert apr[0] is not None
    assert apr[1] is not None
    assert made.gross_apr == pytest.approx(apr[0] - apr[1], abs=1e-11)


@given(PAIRS)
def test_rates_of_the_other_sign_swap_the_legs(both: tuple[Leg, Leg]) -> None:
    """What the long paid the short it receives now, and the price gap is turned."""
    made = pair(*both, NOON)
    assume(made.carry_per_hour > 0)
    mirror = pair(*(replace(leg, rate=-leg.rate) for leg in both), NOON)
    assert (mirror.short.exchange, mirror.long.exchange) == (made.long.exchange, made.short.exchange)
    assert mirror.carry_per_hour == pytest.approx(made.carry_per_hour, rel=1e-9)
    assert mirror.net_returns == pytest.approx(made.net_returns, abs=1e-12)
    assert mirror.price_gap_bps == pytest.approx(-made.price_gap_bps, abs=1e-9)


@given(PAIRS, st.integers(1, 50_000), st.integers(1, 50_000))
def test_costs_only_take(both: tuple[Leg, Leg], fee: int, slippage: int) -> None:
    """Dearer fills lower every return by the difference and bring no break-even forward."""
    a, b = both
    made = pair(a, b, NOON)
    dearer = pair(replace(a, fee=a.fee + fee * UNIT), b, NOON, slippage=slippage * UNIT)
    more = (2 * fee + 4 * slippage) * UNIT
    assert dearer.costs == pytest.approx(made.costs + more, abs=1e-12)
    assert dearer.net_returns == pytest.approx([each - more for each in made.net_returns], abs=1e-12)
    never = NOON + BOUND_MS + 1
    assert (dearer.break_even_time or never) >= (made.break_even_time or never)
    assert (dearer.break_even_hours is None) == (made.break_even_hours is None)
    assert (dearer.break_even_hours or 0.0) >= (made.break_even_hours or 0.0)


@given(PAIRS, MOMENTS)
def test_a_longer_horizon_adds_the_flows_between(both: tuple[Leg, Leg], now: int) -> None:
    """Return over 24 h is that over 8 h and what is paid from then on, and so forth."""
    made = pair(*both, now)
    net = -made.costs
    for begin, end, total in zip((0, *HORIZONS_H), HORIZONS_H, made.net_returns, strict=False):
        received, given_away = (
            cash_flows(leg, now + begin * HOUR, now + end * HOUR).paid for leg in (made.short, made.long)
        )
        net += received - given_away
        assert total == pytest.approx(net, abs=1e-12)


def walked(short: Leg, long: Leg, now: int) -> int | None:
    """Return the break-even of a pair, found by going from settlement to settlement, in whole numbers."""
    balance = -2 * (round(short.fee / UNIT) + round(long.fee / UNIT))
    due = {True: short.next_settlement, False: long.next_settlement}
    steps = {True: round(short.interval_h * HOUR), False: round(long.interval_h * HOUR)}
    amounts = {True: round(short.rate / UNIT), False: -round(long.rate / UNIT)}
    while True:
        time = min(due.values())
        if time > now + BOUND_MS:
            return None
        for side in (True, False):
            if due[side] == time:
                due[side] += steps[side]
                balance += amounts[side] if time > now else 0
        if time > now and balance >= 0:
            return time


@given(PAIRS, MOMENTS)
def test_break_even_is_the_first_settlement_that_covers_the_costs(both: tuple[Leg, Leg], now: int) -> None:
    """As a walk over every settlement of 90 days finds it."""
    made = pair(*both, now)
    assert made.break_even_time == walked(made.short, made.long, now)


def one_sided(exchange: str, rate: float) -> Pair:
    """Return a pair of which one leg alone pays."""
    return pair(Leg(exchange, "a", rate, 8, NOON, 0.0, 1.0), Leg("z", "a", 0.0, 8, NOON, 0.0, 1.0), NOON)


RANKED = [one_sided("c", 0.3), one_sided("a", 0.1), one_sided("b", 0.1), one_sided("d", 0.0)]


@given(st.permutations(RANKED))
def test_ranks_do_not_depend_on_the_order_of_pairs(pairs: list[Pair]) -> None:
    """By carry, and by name where that is equal."""
    assert rank(pairs) == RANKED


@given(PRICES, st.floats(0.0, 0.019), st.integers(1, 8))
def test_prices_agree_or_are_powers_of_ten_apart(price: float, apart: float, power: int) -> None:
    """Within the limit of each other, of 10, 100 and so on, either way; halfway between, neither."""
    near = price * (1 + apart)
    assert price_fault(price, near) is price_fault(near, price) is None
    unit = 10.0**power
    assert price_fault(price, near * unit) == price_fault(near * unit, price) == "multiplier_mismatch"
    assert price_fault(price, near * 3 * unit) == price_fault(near * 3 * unit, price) == "price_outlier"


@given(HISTORIES.filter(bool))
def test_medians_and_deviations(values: list[float]) -> None:
    """As the textbook has them; the mean deviation is no less than nothing and no more than the range."""
    ordered = sorted(values)
    middle = reference.median(values)
    assert median(ordered) == middle
    assert mad(ordered) == reference.median(abs(value - middle) for value in values)
    assert mean_ad(ordered) == pytest.approx(reference.fmean(abs(value - middle) for value in values))


WHOLE = st.integers(-1_000, 1_000).map(float)


@given(st.lists(WHOLE, min_size=1), WHOLE, st.sampled_from([0.125, 1.0, 64.0]), WHOLE)
def test_a_robust_score_has_no_unit(values: list[float], x: float, scale: float, shift: float) -> None:
    """It is the same in any unit, from any zero; it has the sign of the deviation, and is missing in flat histories."""
    made = robust_score(x, sorted(values))
    other = robust_score(x * scale + shift, sorted(value * scale + shift for value in values))
    assert made is not None
    assert other is not None
    assert (made.score, made.method) == (other.score, other.method)
    assert made.deviation == x - reference.median(values)
    assert (made.score is None) == (len(set(values)) == 1)
    if made.score is not None:
        assert (made.score > 0, made.score < 0) == (made.deviation > 0, made.deviation < 0)


@given(HISTORIES.filter(bool), VALUES, VALUES)
def test_percentile_rank_is_monotone(values: list[float], x: float, y: float) -> None:
    """From 0 below all to 1 above all, and counted one by one in between."""
    ordered = sorted(values)
    ranks = [percentile_rank(each, ordered) for each in sorted((x, y))]
    assert ranks[0] is not None
    assert ranks[1] is not None
    assert 0 <= ranks[0] <= ranks[1] <= 1
    counted = sum(value < x for value in values) + sum(value == x for value in values) / 2
    assert percentile_rank(x, ordered) == pytest.approx(counted / len(values))
    assert (percentile_rank(ordered[0] - 1, ordered), percentile_rank(ordered[-1] + 1, ordered)) == (0, 1)


@given(HISTORIES, VALUES)
def test_z_scores_of_a_sample(values: list[float], x: float) -> None:
    """Those of the statistics module of Python."""
    made = z_score(x, values)
    if len(set(values)) < 2:
        assert made is None
        return
    assert made == pytest.approx((x - reference.fmean(values)) / reference.stdev(values), rel=1e-9, abs=1e-9)


STEPS = st.lists(
    st.tuples(st.integers(-60_000, 60_000), VALUES | st.sampled_from([0.0, 1.0]), st.booleans()), max_size=80
)


@given(STEPS, st.integers(1, 12), st.integers(0, 300_000))
def test_a_window_is_what_is_left_of_all(
    steps: list[tuple[int, float, bool]], size: int, span_ms: int
) -> None:
    """After any adding and dropping: the newest values that are young enough, in order, with their summary."""
    window, kept, newest, now = Window(size, span_ms), list[tuple[int, float]](), 0, NOON
    for step, value, dropped in steps:
        now += step
        second = newest = max(newest, now // 1000)
        kept.append((second, value))
        oldest = (second * 1000 - span_ms) // 1000
        kept = [each for each in kept if each[0] >= oldest][-size:]
        window.add(now, value)
        if dropped:
            window.drop_before(now - span_ms // 2)
            kept = [each for each in kept if each[0] >= (now - span_ms // 2) // 1000]
        values = sorted(each for _, each in kept)
        assert (len(window), list(window.ordered)) == (len(values), values)
        made = robust_score(0.5, values)
        assert window.score(0.5) == made
        assert (window.summary is None) == (not values)


HUGE = st.floats(1e8, 1e9)
SMALL = st.floats(-1e3, 1e3).map(lambda value: round(value, 9))


@given(st.lists(SMALL | HUGE, max_size=60), st.integers(1, 8))
def test_moments_do_not_drift(values: list[float], size: int) -> None:
    """Huge values that have left leave nothing behind: as worked out from the newest alone."""
    moments = Moments(size)
    for count, value in enumerate(values, 1):
        moments.add(value)
        newest = values[max(0, count - size) : count]
        largest = max(map(abs, newest))
        assert moments.mean == pytest.approx(reference.fmean(newest), rel=1e-12, abs=largest * 1e-12)
        if len(newest) > 1:
            std = reference.stdev(newest)
            assert moments.std == pytest.approx(std, rel=1e-9, abs=largest * 1e-11)
        else:
            assert moments.std is None


@given(st.floats(-0.25, 0.25), HOURS)
def test_compounding_adds_to_the_simple_rate(rate: float, hours: float) -> None:
    """APY is APR or more where longs pay, and never loses more than everything."""
    apr, compounded = funding_apr(rate, hours), apy(rate, hours)
    assert apr is not None
    assert compounded is None or compounded >= max(apr, -1) - 1e-9
    once = apy(rate, 8760.0)
    assert once == pytest.approx(rate, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 30 * DAY), st.floats(-0.01, 0.01))), st.integers(1, 29))
def test_realised_rates_of_two_windows_are_those_of_both(settled: list[tuple[int, float]], days: int) -> None:
    """Weighted by their days; every payment belongs to one of them."""
    parts = [
        (realised_apr(settled, 0, days * DAY) or 0.0) * days,
        (realised_apr(settled, days * DAY, 30 * DAY) or 0.0) * (30 - days),
    ]
    assert (realised_apr(settled, 0, 30 * DAY) or 0.0) * 30 == pytest.approx(sum(parts), abs=1e-9)


@given(PRICES, st.floats(-0.5, 0.5), st.floats(1.0, 400.0))
def test_annualised_basis_leads_back_to_the_mark(index: float, rate: float, days: float) -> None:
    """Over its days it is the basis."""
    made = annualised_basis(index * (1 + rate), index, days)
    assert made is not None
    assert made * days / 365 == pytest.approx(rate, abs=1e-9)


CURVES = st.dictionaries(st.integers(1, 400), st.floats(-0.5, 0.5), min_size=1, max_size=8).map(
    lambda points: list(points.items())
)


@given(CURVES, st.floats(0.0, 410.0))
def test_constant_maturity_is_between_its_neighbours(points: list[tuple[int, float]], target: float) -> None:
    """It is never beyond the two values beside it, and never outside the curve."""
    made = constant_maturity(points, target)
    days = sorted(day for day, _ in points)
    assert (made is None) == (not days[0] <= target <= days[-1])
    if made is None:
        return
    curve, at = dict(points), bisect_left(days, target)
    beside = [curve[days[at]], curve[days[at if days[at] == target else at - 1]]]
    assert min(beside) - 1e-12 <= made <= max(beside) + 1e-12


@given(PRICES, PRICES, st.sampled_from([1.0, 1e3, 1e6]), st.sampled_from([1.0, 1e3, 1e6]))
def test_units_do_not_change_a_basis(mark: float, mid: float, perp: float, spot: float) -> None:
    """A coin costs what it costs, however many are quoted together."""
    made, plain = perp_spot_bps(mark * perp, mid * spot, perp, spot), perp_spot_bps(mark, mid, 1.0, 1.0)
    assert made == pytest.approx(plain, rel=1e-9, abs=1e-8)


AMOUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(1.0, 1e12), min_size=1)


@given(AMOUNTS)
def test_concentration_lies_between_all_and_one(amounts: dict[str, float]) -> None:
    """Shares make 1, the index is from 1/n to 1, and there are no more effective venues than venues."""
    parts = shares(amounts)
    assert sum(parts.values()) == pytest.approx(1.0)
    index = hhi(parts.values())
    assert index is not None
    assert 1 / len(amounts) - 1e-12 <= index <= 1 + 1e-12
    venues = effective_venues(index)
    assert venues is not None
    assert 1 - 1e-9 <= venues <= len(amounts) + 1e-9


VENUES = st.lists(st.tuples(st.floats(-0.02, 0.02), HOURS, st.floats(1.0, 1e10)), min_size=1, max_size=6)


@given(VENUES)
def test_weighted_funding_is_between_its_parts(venues: list[tuple[float, float, float]]) -> None:
    """It is no more than the highest and no less than the lowest, and one without interval changes nothing."""
    made = oi_weighted_funding(venues)
    rates = [rate * 8 / hours for rate, hours, _ in venues]
    assert made is not None
    assert min(rates) - 1e-12 <= made <= max(rates) + 1e-12
    assert oi_weighted_funding([*venues, (0.5, None, 1e15)]) == made


CHANGES = st.floats(-0.2, 0.2)


@given(CHANGES, CHANGES)
def test_regimes_have_their_mirror(price: float, oi: float) -> None:
    """Turning the price swaps long and short; turning both turns the divergence."""
    mirror = {
        "long_build_up": "short_build_up",
        "short_build_up": "long_build_up",
        "short_covering": "long_unwinding",
        "long_unwinding": "short_covering",
        "neutral": "neutral",
    }
    made, turned = regime(price, oi), regime(-price, oi)
    assert made is not None
    assert turned == mirror[made]
    apart = divergence(price, oi)
    assert apart is not None
    assert divergence(-price, -oi) == -apart


COMPONENTS = st.builds(squeezes.Components, *[st.none() | st.floats(-10.0, 10.0)] * 5)


@given(COMPONENTS)
def test_weights_of_a_squeeze_make_one(components: squeezes.Components) -> None:
    """Scores are from 0 to 100, and there are none of fewer than three components."""
    made = squeezes.squeeze(components)
    if made.components:
        assert sum(used.weight for used in made.components) == pytest.approx(1.0)
    assert (made.short_squeeze is None) == (made.long_squeeze is None) == (len(made.components) < 3)
    for score in (made.short_squeeze, made.long_squeeze):
        assert score is None or 0 <= score <= 100 + 1e-9


@given(COMPONENTS)
def test_the_long_squeeze_is_the_mirror(components: squeezes.Components) -> None:
    """All signs but that of the open interest turned, the scores change places."""
    turned = {
        name: None if (value := getattr(components, name)) is None else -value for name in squeezes.WEIGHTS
    }
    made = squeezes.squeeze(components)
    mirror = squeezes.squeeze(squeezes.Components(**{**turned, "oi": components.oi}))
    assert (mirror.short_squeeze, mirror.long_squeeze) == (made.long_squeeze, made.short_squeeze)


@given(st.lists(VALUES, min_size=2, max_size=30))
def test_an_outlier_cannot_hide_in_a_robust_score(values: list[float]) -> None:
    """A z-score of n values is never above (n - 1) / sqrt(n); this is why the robust one is there."""
    highest = z_score(max(values), values)
    assert highest is None or highest <= (len(values) - 1) / sqrt(len(values)) + 1e-9
