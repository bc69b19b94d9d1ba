"""Pacing: within the budget whatever it is, the most traded first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.model.contracts import contract

from microstream.transport.pacing import TAIL_S, intervals

ANY = contract("binance", "BTCUSDT")
TURNOVERS = st.builds(
    lambda known, unknown, step: [
        *known,
        *(None for _ in range(unknown)),
        *(step * at for at in range(unknown)),
    ],
    st.lists(st.none() | st.floats(0, 1e11), max_size=20),
    st.integers(0, 350),
    st.floats(0, 1e6),
)
RATE = st.floats(0.01, 100.0)
INTERVAL = st.sampled_from([1.0, 5.0, 15.0, 60.0, 120.0, 300.0])


def paced(turnovers: list[float | None], per_s: float, interval_s: float) -> dict[str, float]:
    """Return the intervals of contracts `C0`, `C1` and so on with these turnovers."""
    contracts = [replace(ANY, name=f"C{at}", turnover=turnover) for at, turnover in enumerate(turnovers)]
    return intervals(contracts, per_s, interval_s)


@given(TURNOVERS, RATE, INTERVAL)
def test_the_budget_is_never_exceeded(turnovers: list[float | None], per_s: float, interval_s: float) -> None:
    """Requests a second add up to at most what may be spent; every contract has its interval, none a shorter one."""
    planned = paced(turnovers, per_s, interval_s)
    assert len(planned) == len(turnovers)
    assert sum(1 / each for each in planned.values()) <= per_s * (1 + 1e-9)
    assert all(each >= interval_s * (1 - 1e-9) for each in planned.values())


@given(TURNOVERS, RATE, INTERVAL)
def test_the_most_traded_come_first(turnovers: list[float | None], per_s: float, interval_s: float) -> None:
    """In the order of the plan turnover falls and intervals grow; unknown turnover counts as none."""
    planned = paced(turnovers, per_s, interval_s)
    ranked = [turnovers[int(name[1:])] or 0.0 for name in planned]
    assert ranked == sorted(ranked, reverse=True)
    assert list(planned.values()) == sorted(planned.values())


@given(TURNOVERS, RATE, INTERVAL)
def test_the_budget_is_used(turnovers: list[float | None], per_s: float, interval_s: float) -> None:
    """Nobody waits longer than the interval while there is budget left."""
    planned = paced(turnovers, per_s, interval_s)
    if any(each > interval_s * (1 + 1e-9) for each in planned.values()):
        assert sum(1 / each for each in planned.values()) == pytest.approx(per_s, rel=1e-6)


def test_a_venue_that_allows_all_gives_all_the_interval() -> None:
    """As few contracts as the budget carries."""
    assert paced([1.0, 2.0, None], 1.0, 15.0) == {"C1": 15.0, "C0": 15.0, "C2": 15.0}


def test_the_tail_waits_two_minutes_before_the_head_grows() -> None:
    """Six hundred contracts at twelve requests a second: 120 at full rate, the others within two minutes."""
    planned = list(paced([float(turnover) for turnover in range(600)], 12.0, 15.0).values())
    assert planned[0] == 15.0
    assert planned.count(15.0) == 120
    assert max(planned) <= TAIL_S


def test_a_small_budget_keeps_the_head() -> None:
    """Where two minutes are not enough for the tail, ten contracts keep the interval and the others share the rest."""
    planned = list(paced([float(turnover) for turnover in range(600)], 2.0, 15.0).values())
    assert planned[:10] == [15.0] * 10
    assert planned[10] == pytest.approx(590 / (2.0 - 10 / 15.0))
