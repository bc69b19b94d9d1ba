"""What a funding message says, by what is known."""

import pytest
from tests.unit.model.contracts import NOON, contract

from microstream.model.events import FundingRate, FundingSettled, IndexPrice, MarkPrice
from microstream.model.state import State
from microstream.services.funding_rate_aggregator import FundingRateAggregator, view

SOL = contract("bybit", "SOLUSDT", rate_cap=0.0075, rate_floor=-0.0075)
LATER = NOON + 4 * 3_600_000


def rate(value: float | None = 0.0001, **terms: float) -> FundingRate:
    """Return a funding event of SOL/USDT for the settlement at 16:00."""
    return FundingRate(
        key=SOL.key,
        timestamp=NOON - 3,
        received_at=NOON,
        source="rest",
        rate=value,
        settles_at=LATER,
        **terms,
    )


def settled(value: float = 0.0002) -> FundingSettled:
    """Return the payment of 08:00."""
    return FundingSettled(
        key=SOL.key,
        timestamp=NOON - 2,
        received_at=NOON + 1,
        source="rest",
        rate=value,
        settled_at=NOON - 1000,
    )


def test_everything_that_is_known() -> None:
    """Rates normalised by the interval, limits of the registry, prices beside."""
    mark = MarkPrice(key=SOL.key, timestamp=NOON, received_at=NOON, source="rest", price=150.25)
    index = IndexPrice(key=SOL.key, timestamp=NOON, received_at=NOON, source="rest", price=150.125)
    state = State(instrument=SOL, funding=rate(), settled=settled(), mark=mark, index=index, interval_h=4.0)
    message = view(state, ("stale",), NOON)
    assert message is not None
    assert (message.exchange, message.symbol, message.instrument) == ("bybit", "solusdt", "SOL/USDT:USDT")
    assert (message.timestamp, message.received_at, message.source) == (NOON - 3, NOON, "rest")
    assert message.flags == ("stale",)
    assert message.funding_rate == 0.0001
    assert message.funding_rate_pct == pytest.approx(0.01)
    assert (message.funding_interval_hours, message.next_funding_time) == (4.0, LATER)
    assert message.funding_rate_8h == pytest.approx(0.0002)
    assert message.funding_apr == pytest.approx(0.219)
    assert (message.settled_rate, message.settled_time) == (0.0002, NOON - 1000)
    assert (message.rate_cap, message.rate_floor) == (0.0075, -0.0075)
    assert (message.mark_price, message.index_price) == (150.25, 150.125)


def test_nothing_is_said_of_nothing() -> None:
    """Prices alone are no funding."""
    mark = MarkPrice(key=SOL.key, timestamp=NOON, received_at=NOON, source="rest", price=150.25)
    assert view(State(instrument=SOL, mark=mark), (), NOON) is None


def test_unknown_parts_are_null() -> None:
    """No interval, no last payment, no prices."""
    message = view(State(instrument=contract("okx", "SOL-USDT-SWAP"), funding=rate()), (), NOON)
    assert message is not None
    unknown = (
        message.funding_interval_hours,
        message.funding_rate_8h,
        message.funding_apr,
        message.settled_rate,
        message.settled_time,
        message.rate_cap,
        message.rate_floor,
        message.mark_price,
        message.index_price,
    )
    assert unknown == (None,) * 9
    assert message.funding_rate == 0.0001


def test_a_settlement_without_a_rate_yet() -> None:
    """While the venue computes the coming rate, its time is known and the rate is not."""
    message = view(State(instrument=SOL, funding=rate(None), interval_h=8.0), (), NOON)
    assert message is not None
    assert (message.funding_rate, message.funding_rate_pct, message.funding_apr) == (None, None, None)
    assert message.next_funding_time == LATER


def test_a_last_payment_alone_is_told() -> None:
    """With its own time; what comes next is unknown."""
    message = view(State(instrument=SOL, settled=settled(), interval_h=8.0), (), NOON)
    assert message is not None
    assert (message.timestamp, message.settled_rate) == (NOON - 2, 0.0002)
    assert (message.funding_rate, message.next_funding_time) == (None, None)


def test_the_row_s_own_limits_come_first() -> None:
    """A cap of the row is newer than one of the list."""
    message = view(State(instrument=SOL, funding=rate(cap=0.02, floor=-0.01)), (), NOON)
    assert message is not None
    assert (message.rate_cap, message.rate_floor) == (0.02, -0.01)


@pytest.mark.parametrize(("age_ms", "known"), [(15_000, True), (15_001, False)])
def test_prices_are_null_after_fifteen_seconds(age_ms: int, known: bool) -> None:
    """By the time of publication: a value that is repeated as stale shows no stale price beside it."""
    mark = MarkPrice(key=SOL.key, timestamp=NOON, received_at=NOON, source="rest", price=150.25)
    message = view(State(instrument=SOL, funding=rate(), mark=mark), (), NOON + age_ms)
    assert message is not None
    assert message.mark_price == (150.25 if known else None)


def test_what_the_service_needs_and_publishes() -> None:
    """The planner and the pipeline go by this."""
    assert (FundingRateAggregator.family, FundingRateAggregator.value_kind) == ("funding", "funding")
    assert FundingRateAggregator.needs == {"funding"}
    assert FundingRateAggregator.touches == {"funding", "settled"}
