"""State: how long a price may be shown beside other values."""

import pytest
from tests.unit.model.contracts import NOON, contract

from microstream.model.events import IndexPrice, MarkPrice
from microstream.model.state import State, Upkeep


@pytest.mark.parametrize(("age_ms", "shown"), [(-1_000, True), (0, True), (15_000, True), (15_001, False)])
def test_prices_are_shown_for_fifteen_seconds(age_ms: int, shown: bool) -> None:
    """Older ones are unknown."""
    item = contract("okx", "SOL-USDT-SWAP")
    mark = MarkPrice(key=item.key, timestamp=NOON, received_at=NOON, source="rest", price=150.0)
    index = IndexPrice(key=item.key, timestamp=NOON, received_at=NOON, source="rest", price=151.0)
    state = State(instrument=item, mark=mark, index=index)
    expected = (150.0, 151.0) if shown else (None, None)
    assert (state.fresh_mark(NOON + age_ms), state.fresh_index(NOON + age_ms)) == expected


def test_nothing_known_is_nothing_shown() -> None:
    """A new contract has no prices, and states share nothing."""
    first, second = (State(instrument=contract("okx", "SOL-USDT-SWAP")) for _ in range(2))
    assert first.fresh_mark(NOON) is None
    assert first.fresh_index(NOON) is None
    first.bad.add("mark")
    first.upkeep["oi"] = Upkeep(15_000, None, NOON)
    assert (second.bad, second.upkeep) == (set(), {})


def test_a_value_is_stale_after_three_intervals() -> None:
    """The contract's definition of `stale`."""
    assert Upkeep(15_000, None, NOON).max_age_ms == 45_000
