"""Moves of the market: what they make of each quantity, when, and that nothing else is touched by them."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream_sim import Market
from microstream_sim.coins import coin
from microstream_sim.contracts import HOUR_MS, Contract
from microstream_sim.moves import Field, Move
from microstream_sim.quotes import contract_quote
from microstream_sim.view import View

NOON = 1_795_176_000_000
LATER = NOON + 3 * HOUR_MS + 7_777
SOL = Contract(
    venue="binance", symbol="SOLUSDT", kind="perpetual", coin=coin("SOL"), quote="USDT", settle="USDT",
    status="TRADING", live=True,
)  # fmt: skip
VALUES: dict[Field, float] = {
    "price_factor": 1.02, "premium": -0.01, "funding_rate": 0.003, "open_interest_factor": 1.5,
}  # fmt: skip

# Index, mark, premium, running rate, last settled rate and open interest, as they were before there were
# moves. To 14 digits: the last ones are not the same on every processor.
RECORDED = {
    ("binance", "BTCUSDT", NOON): (
        106485.45757264191, 106550.81649632436, 0.0006137826250862785, 9.999999999999999e-05,
        -1.1033234685084003e-06, 98401.70523274467,
    ),
    ("binance", "1000PEPEUSDT", LATER): (
        0.01063721820059247, 0.010616354666381585, -0.00196137127371539, -0.00012366634924428858,
        9.999999999999999e-05, 4611045784.118356,
    ),
    ("binance", "BTCUSDT_261225", LATER): (
        107196.6846845023, 107713.91606436245, 0.0002350456629371257, 9.999999999999999e-05,
        9.999999999999999e-05, 1759.5095899961964,
    ),
    ("bybit", "SOLUSDT", NOON): (
        184.5160493229615, 184.42339217205435, -0.0005021630977203269, 9.999999999999999e-05, 0.0001,
        4820095.9791087285,
    ),
    ("bybit", "BTCUSD", LATER): (
        107168.1760733485, 107173.85204290604, 5.296320013553819e-05, 0.0001, 9.999999999999999e-05,
        5726.870707341414,
    ),
    ("okx", "ETH-USDT-SWAP", LATER): (
        3547.361655158701, 3547.5373273062364, 4.952191645872663e-05, 9.999999999999999e-05,
        9.999999999999999e-05, 460782.2584958477,
    ),
    ("okx", "BTC-USD_UM_XPERP-310404", NOON): (
        106467.21455067986, 106559.30332840027, 0.0008649496289450016, 0.0001, 0.0001, 1932.9531919579997,
    ),
}  # fmt: skip


def _values(market: Market, contract: Contract, t: int) -> tuple[float, ...]:
    state = market.funding(contract, t)
    return (
        market.index(contract, t),
        market.mark(contract, t),
        market.premium(contract, t),
        state.rate,
        market.settled(contract, state.previous_at).rate,
        market.open_interest(contract, t),
    )


def _moved(field: Field, *, start: int = NOON, **keys: object) -> Market:
    return Market(7, moves=[_move(field, start=start, **keys)])


def _move(field: Field, *, start: int = NOON, **keys: object) -> Move:
    defaults: dict[str, object] = {"venue": "binance", "coin": "SOL", "value": VALUES[field]}
    return Move(field=field, start=start, **{**defaults, **keys})  # type: ignore[arg-type]


@pytest.mark.parametrize(("venue", "symbol", "t"), RECORDED)
def test_values_without_moves_are_what_they_were(
    market: Market, catalogue: Mapping[str, Mapping[str, Contract]], venue: str, symbol: str, t: int
) -> None:
    """A market without moves has the values that were recorded of it."""
    recorded = RECORDED[venue, symbol, t]
    assert _values(market, catalogue[venue][symbol], t) == pytest.approx(recorded, rel=1e-14, abs=0)


@pytest.mark.parametrize("field", VALUES)
@given(
    t=st.integers(NOON - 40 * HOUR_MS, NOON + 40 * HOUR_MS),
    ramp=st.integers(0, HOUR_MS),
    middle=st.integers(0, HOUR_MS),
)
def test_moves_leave_all_else_bit_for_bit(field: Field, t: int, ramp: int, middle: int) -> None:
    """Other coins, venues, contracts and times are untouched, and all is once the move is taken away."""
    plain = Market(7)
    end = NOON + 2 * ramp + middle
    moved = Market(7, moves=[_move(field, end=end, ramp_ms=ramp, symbol="SOLUSDC")])
    itself = replace(SOL, symbol="SOLUSDC")
    others = [SOL, replace(itself, venue="okx"), replace(itself, coin=coin("ETH"))]
    remembered_until = end + 2 * 8 * HOUR_MS  # by the rates of the interval and of the one settled last
    untouched = others if NOON <= t < remembered_until else [*others, itself]
    for one in untouched:
        assert _values(moved, one, t) == _values(plain, one, t)
    moved.change([])
    assert _values(moved, itself, t) == _values(plain, itself, t)


def test_price_factor_moves_mark_and_index_together(market: Market) -> None:
    """Both are multiplied; premium, rate and open interest stay."""
    moved, plain = (_values(one, SOL, NOON) for one in (_moved("price_factor"), market))
    assert moved[:2] == pytest.approx((1.02 * plain[0], 1.02 * plain[1]), rel=1e-14)
    assert moved[2:] == plain[2:]


def test_price_of_one_index_is_shared(market: Market) -> None:
    """Contracts and spot pairs upon the index move with it, those quoted in another currency do not."""
    moved = _moved("price_factor", quote="USDT")
    dated = replace(SOL, symbol="SOLUSDT_261225", kind="future", delivers_at=NOON + 30 * 24 * HOUR_MS)
    for one, factor in ((SOL, 1.02), (dated, 1.02), (replace(SOL, quote="USDC", symbol="SOLUSDC"), 1.0)):
        assert moved.mark(one, NOON) == pytest.approx(factor * market.mark(one, NOON), rel=1e-14)
        assert moved.index(one, NOON) == pytest.approx(factor * market.index(one, NOON), rel=1e-14)


def test_price_in_another_coin_is_divided(market: Market) -> None:
    """When BTC rises by 2 % and SOL does not, SOL in BTC falls."""
    in_btc = replace(SOL, quote="BTC")
    assert _moved("price_factor", coin="BTC").index(in_btc, NOON) == pytest.approx(
        market.index(in_btc, NOON) / 1.02, rel=1e-14
    )
    both = Market(7, moves=[_move("price_factor"), _move("price_factor", coin="BTC")])
    assert both.index(in_btc, NOON) == pytest.approx(market.index(in_btc, NOON), rel=1e-14)


def test_premium_replaces_the_wave(market: Market) -> None:
    """The mark is that much off the index, which stays; a dated future keeps its carry."""
    moved = _moved("premium")
    assert moved.premium(SOL, NOON) == -0.01
    assert moved.mark(SOL, NOON) == market.index(SOL, NOON) * 0.99
    dated = replace(SOL, kind="future", delivers_at=NOON + 73 * 24 * HOUR_MS)
    assert moved.mark(dated, NOON) / moved.index(dated, NOON) == pytest.approx(1 - 0.003 + 0.01)


@pytest.mark.parametrize("ramp_ms", [0, 600_000, 3_600_000])
def test_premium_counts_in_the_mean_of_the_rate(ramp_ms: int) -> None:
    """The rate follows from the mean of what the premium was, ramps included, during the move and after it."""
    moved = _moved("premium", end=NOON + 2 * HOUR_MS, ramp_ms=ramp_ms)
    began = NOON - 4 * HOUR_MS
    for now in (NOON + ramp_ms // 2, NOON + HOUR_MS, NOON + 3 * HOUR_MS):
        mean = fmean(moved.premium(SOL, t) for t in range(began, now, 5_000))
        rate = mean + min(0.0005, max(-0.0005, 0.0001 - mean))
        assert moved.funding(SOL, now).rate == pytest.approx(rate, abs=2e-6)
    assert moved.funding(SOL, NOON + HOUR_MS).rate < -0.0005


@pytest.mark.parametrize(("value", "expected"), [(0.003, 0.003), (0.5, 0.02), (-0.5, -0.02)])
def test_funding_rate_is_held_to_cap_and_floor(value: float, expected: float) -> None:
    """A rate within the limits is exactly this, others are at the limit; premium and prices are untouched."""
    moved = _moved("funding_rate", value=value)
    assert moved.funding(SOL, NOON).rate == expected
    tight = replace(SOL, cap=Decimal("0.001"), floor=Decimal("-0.001"))
    assert abs(moved.funding(tight, NOON).rate) == 0.001
    assert moved.mark(SOL, NOON) == Market(7).mark(SOL, NOON)


def test_what_is_settled_is_the_last_estimate(market: Market) -> None:
    """A settlement charges what was shown in the step before it, and keeps it after the move has ended."""
    settlement = NOON + 4 * HOUR_MS
    through = _moved("funding_rate", end=settlement + 1)
    until = _moved("funding_rate", end=settlement)
    since = _moved("funding_rate", start=settlement)
    for moved in (through, until):
        assert moved.funding(SOL, settlement - 1).rate == 0.003
        assert moved.settled(SOL, settlement).rate == 0.003
        assert moved.funding(SOL, settlement + HOUR_MS).rate != 0.003
    assert since.settled(SOL, settlement).rate == market.settled(SOL, settlement).rate
    assert since.funding(SOL, settlement).rate == 0.003


def test_open_interest_factor(market: Market) -> None:
    """Open interest is multiplied, and nothing else is moved."""
    moved, plain = (_values(one, SOL, NOON) for one in (_moved("open_interest_factor"), market))
    assert moved[-1] == 1.5 * plain[-1]
    assert moved[:-1] == plain[:-1]


@pytest.mark.parametrize("field", VALUES)
def test_ramp_is_linear_both_ways(market: Market, field: Field) -> None:
    """Half of the way after half of the ramp, all of it between the ramps, nothing of it outside."""
    end = NOON + 100_000
    moved = _moved(field, end=end, ramp_ms=20_000)
    column = {"price_factor": 0, "premium": 2, "funding_rate": 3, "open_interest_factor": 5}[field]

    def part(t: int) -> float:
        now, course = _values(moved, SOL, t)[column], _values(market, SOL, t)[column]
        goal = VALUES[field] * course if field.endswith("factor") else VALUES[field]
        return (now - course) / (goal - course)

    shifts = {
        -1000: 0.0,
        0: 0.0,
        5000: 0.25,
        10_000: 0.5,
        20_000: 1.0,
        80_000: 1.0,
        90_000: 0.5,
        99_000: 0.05,
    }
    assert {shift: part(NOON + shift) for shift in shifts} == pytest.approx(shifts)
    # The mean premium of a rate remembers what was; all else is back.
    assert field == "premium" or _values(moved, SOL, end) == _values(market, SOL, end)


@pytest.mark.parametrize("field", VALUES)
def test_moved_values_are_constant_within_a_step(field: Field) -> None:
    """Also on a ramp, and where a move begins within a step it waits for the next."""
    moved = Market(7, moves=[_move(field, start=NOON + 30, ramp_ms=10_000)], step_ms=200)
    assert len({_values(moved, SOL, NOON + 400 + ms) for ms in (0, 1, 100, 199)}) == 1
    assert _values(moved, SOL, NOON + 600) != _values(moved, SOL, NOON + 400)
    assert _values(moved, SOL, NOON + 199) == _values(Market(7), SOL, NOON)


@given(t=st.integers(NOON - HOUR_MS, NOON + HOUR_MS), other=st.integers(NOON - HOUR_MS, NOON + HOUR_MS))
def test_moved_values_do_not_depend_on_what_was_asked_before(t: int, other: int) -> None:
    """Moves that come, go and come again leave nothing behind in the caches."""
    moves = [_move(field, end=NOON + 600_000, ramp_ms=100_000) for field in VALUES]
    fresh, used = Market(7, moves=moves), Market(7)
    _values(used, SOL, t)
    used.change([], moves)
    _values(used, SOL, other)
    used.change([])
    _values(used, SOL, t)
    used.change([], moves)
    assert _values(used, SOL, t) == _values(fresh, SOL, t)


def test_later_moves_lie_upon_earlier_ones() -> None:
    """One that begins later starts from what the earlier one made, and when it ends that is there again."""
    first = _move("premium", value=-0.01)
    second = _move("premium", value=0.03, start=NOON + 60_000, end=NOON + 120_000, ramp_ms=20_000)
    moved = Market(7, moves=[second, first])
    shifts = {0: -0.01, 60_000: -0.01, 70_000: 0.01, 80_000: 0.03, 110_000: 0.01, 120_000: -0.01}
    assert {shift: moved.premium(SOL, NOON + shift) for shift in shifts} == pytest.approx(shifts)


def test_quotes_follow_the_price() -> None:
    """Last trade, quotes and turnover move with the mark, the coins that are traded do not."""
    market = Market(7)
    view = View(market, {}, LATER, LATER)
    plain = contract_quote(view, SOL)
    market.change([], [_move("price_factor", start=LATER - 24 * HOUR_MS)])
    moved = contract_quote(view, SOL)
    for name in ("last", "bid", "ask", "turnover", "open_1h", "high_24h"):
        assert getattr(moved, name) == pytest.approx(1.02 * getattr(plain, name), rel=1e-5), name
    assert moved.volume == pytest.approx(plain.volume, rel=1e-12)
    market.change([])
    assert contract_quote(view, SOL) == plain
