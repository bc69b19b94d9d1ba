"""The market: purity, funding on the grid, rates within their caps, changes from their moment on."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream_sim import Market
from microstream_sim.coins import coin
from microstream_sim.contracts import HOUR_MS, Contract
from microstream_sim.market import Change

NOON = 1_795_176_000_000
_CONTRACT = Contract(
    venue="binance", symbol="SOLUSDT", kind="perpetual", coin=coin("SOL"), quote="USDT", settle="USDT",
    status="TRADING", live=True,
)  # fmt: skip
_TIMES = st.integers(1_700_000_000_000, 1_900_000_000_000)


@given(t=_TIMES, other=_TIMES)
def test_values_do_not_depend_on_what_was_asked_before(t: int, other: int) -> None:
    """Two markets of one seed agree at a time, whatever either was asked before."""
    fresh, used = Market(3), Market(3)
    used.mark(_CONTRACT, other)
    used.funding(_CONTRACT, other)
    assert fresh.mark(_CONTRACT, t) == used.mark(_CONTRACT, t)
    assert fresh.funding(_CONTRACT, t) == used.funding(_CONTRACT, t)
    assert fresh.open_interest(_CONTRACT, t) == used.open_interest(_CONTRACT, t)


def test_seeds_differ() -> None:
    """Another seed is another market."""
    assert Market(1).mark(_CONTRACT, NOON) != Market(2).mark(_CONTRACT, NOON)


def test_values_are_constant_within_a_step(market: Market) -> None:
    """All values hold for a whole second and then move."""
    first = [market.mark(_CONTRACT, NOON + ms) for ms in (0, 1, 500, 999)]
    assert len(set(first)) == 1
    assert market.mark(_CONTRACT, NOON + 1000) != first[0]


def test_shorter_steps_agree_with_longer_ones(market: Market) -> None:
    """With steps of 200 ms values move five times a second, and at whole seconds they are the same."""
    quick = Market(market.seed, step_ms=200)
    values = [quick.mark(_CONTRACT, NOON + ms) for ms in range(0, 1000, 100)]
    assert len(set(values)) == 5
    assert values[0] == market.mark(_CONTRACT, NOON)
    with pytest.raises(ValueError, match="300 ms"):
        Market(step_ms=300)


@pytest.mark.parametrize("hours", [1, 2, 4, 6, 8])
@given(t=_TIMES)
def test_settlements_lie_on_the_grid(hours: int, t: int) -> None:
    """The next settlement is the first whole multiple of the interval after the step of `t`."""
    state = Market(3).funding(replace(_CONTRACT, interval_h=hours), t)
    step = t - t % 1000
    assert state.settles_at % (hours * HOUR_MS) == 0
    assert step < state.settles_at <= step + hours * HOUR_MS
    assert state.settles_at - state.previous_at == hours * HOUR_MS


def test_settled_rate_is_the_estimate_at_the_settlement(market: Market) -> None:
    """The estimate converges to what is then charged."""
    settlement = NOON + 4 * HOUR_MS
    charged = market.settled(_CONTRACT, settlement).rate
    last = market.funding(_CONTRACT, settlement - 1000).rate
    early = market.funding(_CONTRACT, settlement - 7 * HOUR_MS).rate
    assert last == pytest.approx(charged, abs=1e-6)
    assert early != pytest.approx(charged, abs=1e-9) or charged == 0.0001


@pytest.mark.parametrize(
    ("mean", "expected"), [(0.0002, 0.0001), (0.0010, 0.0005), (-0.0010, -0.0005), (0.9, 0.02), (-0.9, -0.02)]
)
def test_rate_follows_the_published_formula(
    monkeypatch: pytest.MonkeyPatch, mean: float, expected: float
) -> None:
    """F = P + clamp(0.01 % - P, +-0.05 %), then cap and floor; the venues' own vectors."""
    market = Market(3)

    monkeypatch.setattr(market, "_mean_premium", lambda *_: mean)
    assert market.funding(_CONTRACT, NOON).rate == pytest.approx(expected)


def test_interval_change_keeps_the_past() -> None:
    """From 8 h to 1 h: earlier settlements stay 8 h apart, later ones are 1 h apart."""
    changed_at = NOON + 20 * 60_000
    market = Market(3, [Change("binance", "SOLUSDT", changed_at, None, "interval_h", 1)])
    assert market.funding(_CONTRACT, changed_at - 1000).settles_at == NOON + 4 * HOUR_MS
    assert market.funding(_CONTRACT, changed_at).settles_at == NOON + 1 * HOUR_MS
    found = market.settlements(_CONTRACT, 0, NOON + 3 * HOUR_MS, 5)
    hours = [(at - NOON) // HOUR_MS for at in found]
    assert hours == [3, 2, 1, -4, -12]
    first = market.settled(_CONTRACT, NOON + HOUR_MS)
    assert (first.previous_at - NOON) // HOUR_MS == -4


def test_interval_change_that_ends() -> None:
    """When the change is over the old grid is in force again."""
    start, end = NOON + HOUR_MS, NOON + 3 * HOUR_MS
    market = Market(3, [Change("binance", "SOLUSDT", start, end, "interval_h", 1)])
    found = market.settlements(_CONTRACT, NOON, NOON + 12 * HOUR_MS, 10)
    assert [(at - NOON) // HOUR_MS for at in found] == [12, 4, 2, 1]


def test_cap_change_applies_from_its_moment() -> None:
    """A lowered cap clamps later estimates alone."""
    market = Market(3, [Change("binance", "SOLUSDT", NOON, None, "cap", Decimal("0.00000001"))])
    assert market.funding(_CONTRACT, NOON + 1000).rate <= 1e-8
    untouched = Market(3).funding(_CONTRACT, NOON - 1000)
    assert market.funding(_CONTRACT, NOON - 1000) == untouched


def test_venues_stay_near_each_other(market: Market) -> None:
    """The index of one coin differs by less than 0.2 % between venues."""
    prices = [market.index_of(venue, "BTC", "USDT", NOON) for venue in ("binance", "bybit", "okx")]
    assert len(set(prices)) == 3
    assert max(prices) / min(prices) < 1.002
