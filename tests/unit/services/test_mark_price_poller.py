"""What a mark price message says, by what is known."""

import pytest
from tests.unit.model.contracts import NOON, contract

from microstream.model.events import IndexPrice, MarkPrice
from microstream.model.state import State
from microstream.services.mark_price_poller import MarkPricePoller, view

SOL = contract("okx", "SOL-USDT-SWAP")


def mark(price: float, at: int = NOON) -> MarkPrice:
    """Return a mark of SOL/USDT, stamped a little before it was received."""
    return MarkPrice(key=SOL.key, timestamp=at - 7, received_at=at, source="rest", price=price)


def index(price: float, at: int = NOON) -> IndexPrice:
    """Return an index of SOL/USDT, stamped a little before it was received."""
    return IndexPrice(key=SOL.key, timestamp=at - 9, received_at=at, source="rest", price=price)


def test_mark_index_and_basis() -> None:
    """The time is the mark's."""
    message = view(State(instrument=SOL, mark=mark(50_100.0), index=index(50_000.0)), (), NOON)
    assert message is not None
    assert (message.mark_price, message.index_price, message.basis) == (50_100.0, 50_000.0, 100.0)
    assert message.basis_bps == pytest.approx(20.0)
    assert (message.timestamp, message.received_at) == (NOON - 7, NOON)


def test_one_price_alone() -> None:
    """An index without a mark has its own time; there is no basis of one price."""
    message = view(State(instrument=SOL, index=index(50_000.0)), (), NOON)
    assert message is not None
    assert (message.mark_price, message.index_price, message.timestamp) == (None, 50_000.0, NOON - 9)
    assert (message.basis, message.basis_bps) == (None, None)
    message = view(State(instrument=SOL, mark=mark(50_000.0)), (), NOON)
    assert message is not None
    assert (message.index_price, message.basis) == (None, None)
    assert view(State(instrument=SOL), (), NOON) is None


@pytest.mark.parametrize(
    ("apart_ms", "basis", "index_known"),
    [
        (5_000, True, True),
        (-5_000, True, True),
        (5_001, False, True),
        (15_000, False, True),
        (15_001, False, False),
    ],
)
def test_prices_must_belong_together(apart_ms: int, basis: bool, index_known: bool) -> None:
    """No basis of prices received more than 5 s apart, no index that is 15 s older than the mark."""
    state = State(instrument=SOL, mark=mark(101.0), index=index(100.0, NOON - apart_ms))
    message = view(state, (), NOON)
    assert message is not None
    assert (message.basis == 1.0, message.basis_bps is not None) == (basis, basis)
    assert message.index_price == (100.0 if index_known else None)


def test_last_values_are_kept_when_they_are_repeated_later() -> None:
    """A contract that is suspended keeps mark and index as they were last."""
    message = view(State(instrument=SOL, mark=mark(101.0), index=index(100.0)), ("stale",), NOON + 3_600_000)
    assert message is not None
    assert (message.mark_price, message.index_price, message.basis) == (101.0, 100.0, 1.0)


def test_what_the_service_needs_and_publishes() -> None:
    """The planner and the pipeline go by this."""
    assert (MarkPricePoller.family, MarkPricePoller.value_kind) == ("mark_price", "mark")
    assert MarkPricePoller.needs == MarkPricePoller.touches == {"mark", "index"}
