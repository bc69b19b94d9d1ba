"""Open interest in three units, by kind of contract and by what the venue states."""

import pytest
from tests.unit.model.contracts import NOON, contract

from microstream.model.events import MarkPrice, OpenInterest
from microstream.model.instruments import Instrument
from microstream.model.messages import OpenInterestMessage
from microstream.model.state import State, Upkeep
from microstream.services.open_interest_poller import OpenInterestPoller, view

LINEAR = contract("binance", "BTCUSDT")
UNITS = contract("binance", "1000PEPEUSDT")
SWAP = contract("okx", "BTC-USDT-SWAP", contract_size=0.01)
INVERSE = contract("okx", "BTC-USD-SWAP", contract_size=100.0)


def message(
    item: Instrument,
    *,
    mark: float | None = None,
    mark_age_ms: int = 0,
    interval_ms: int = 15_000,
    contracts: float | None = None,
    base: float | None = None,
    value: float | None = None,
    value_ccy: str | None = None,
) -> OpenInterestMessage:
    """Return the message of an open interest heard at noon, with a mark heard so long before."""
    event = OpenInterest(
        key=item.key,
        timestamp=NOON - 5,
        received_at=NOON,
        source="rest",
        contracts=contracts,
        base=base,
        value=value,
        value_ccy=value_ccy,
    )
    price = None
    if mark is not None:
        price = MarkPrice(
            key=item.key, timestamp=NOON, received_at=NOON - mark_age_ms, source="rest", price=mark
        )
    upkeep = {"oi": Upkeep(interval_ms, None, NOON)}
    found = view(State(instrument=item, mark=price, open_interest=event, upkeep=upkeep), (), NOON)
    assert isinstance(found, OpenInterestMessage)
    return found


def parts(found: OpenInterestMessage) -> tuple[object, ...]:
    """Return what is said in the order of the contract's table."""
    return (
        found.open_interest,
        found.open_interest_base,
        found.open_value,
        found.open_value_ccy,
        found.open_value_source,
    )


def test_linear_contracts_in_coins() -> None:
    """One contract is one coin; the value is coins x mark."""
    found = message(LINEAR, contracts=1234.5, mark=90_000.0)
    assert parts(found) == (1234.5, 1234.5, 1234.5 * 90_000.0, "USDT", "computed")
    assert (found.timestamp, found.received_at) == (NOON - 5, NOON)


def test_linear_contracts_with_a_size() -> None:
    """OKX: 2,660,239.59 contracts of 0.01 BTC."""
    found = message(SWAP, contracts=2_660_239.59, mark=100_000.0)
    assert found.open_interest == 2_660_239.59
    assert found.open_interest_base == pytest.approx(26_602.3959)
    assert found.open_value == pytest.approx(2_660_239_590.0)
    assert (found.open_value_ccy, found.open_value_source) == ("USDT", "computed")


def test_a_multiplier_applies_to_coins_only() -> None:
    """1000PEPE: a thousand coins a unit, priced per thousand."""
    found = message(UNITS, contracts=5_000_000.0, mark=0.0125)
    assert parts(found) == (5_000_000.0, 5_000_000_000.0, 62_500.0, "USDT", "computed")


def test_coins_alone_are_valued_by_their_units() -> None:
    """A venue that states coins and no contracts: the mark is per unit all the same."""
    found = message(UNITS, base=5_000_000_000.0, mark=0.0125)
    assert parts(found) == (None, 5_000_000_000.0, 62_500.0, "USDT", "computed")


def test_inverse_contracts_are_dollars() -> None:
    """15,004 contracts of 100 USD at 11,793.63."""
    found = message(INVERSE, contracts=15_004.0, mark=11_793.63)
    assert found.open_interest_base == pytest.approx(127.2212, abs=5e-5)
    assert (found.open_value, found.open_value_ccy, found.open_value_source) == (
        1_500_400.0,
        "USD",
        "computed",
    )


def test_what_the_venue_states_is_kept() -> None:
    """Its own coins and its own dollars, with no mark needed."""
    found = message(SWAP, contracts=100.0, base=1.01, value=90_123.0, value_ccy="USD")
    assert parts(found) == (100.0, 1.01, 90_123.0, "USD", "venue")
    found = message(LINEAR, contracts=100.0, value=9e6, value_ccy="USDT")
    assert parts(found) == (100.0, 100.0, 9e6, "USDT", "venue")


def test_one_side_of_two() -> None:
    """Bybit's document: 63,910,691 on both sides is 31,955,345.5 on one; the halving is the parser's."""
    found = message(contract("bybit", "BTCUSDT"), contracts=63_910_691 / 2, value=1.0, value_ccy="USDT")
    assert found.open_interest == 31_955_345.5


def test_no_value_without_a_mark() -> None:
    """Coins are known, their worth is not."""
    assert parts(message(LINEAR, contracts=5.0)) == (5.0, 5.0, None, None, None)


@pytest.mark.parametrize(
    ("age_ms", "interval_ms", "valued"),
    [(60_000, 15_000, True), (60_001, 15_000, False), (-60_001, 15_000, False), (120_000, 120_000, True)],
)
def test_an_old_mark_values_nothing(age_ms: int, interval_ms: int, valued: bool) -> None:
    """A minute, or the contract's own interval where that is longer."""
    found = message(LINEAR, contracts=2.0, mark=90_000.0, mark_age_ms=age_ms, interval_ms=interval_ms)
    assert found.open_value == (180_000.0 if valued else None)


@pytest.mark.parametrize("quote", ["EUR", "BTC", "BUSD"])
def test_other_currencies_are_no_dollars(quote: str) -> None:
    """Neither computed nor stated by the venue."""
    item = contract("binance", "BTCUSDT", quote=quote)
    found = message(item, contracts=5.0, value=7.0, value_ccy=quote, mark=90_000.0)
    assert parts(found) == (5.0, 5.0, None, None, None)


def test_without_a_contract_size_coins_are_unknown() -> None:
    """Never taken as one coin a contract."""
    item = contract("okx", "BTC-USDT-SWAP", contract_size=None)
    assert parts(message(item, contracts=5.0, mark=90_000.0)) == (5.0, None, None, None, None)


def test_open_interest_of_zero_is_worth_zero() -> None:
    """Zero is known."""
    assert parts(message(LINEAR, contracts=0.0, mark=90_000.0)) == (0.0, 0.0, 0.0, "USDT", "computed")


def test_nothing_is_said_of_nothing() -> None:
    """A mark alone is no open interest."""
    assert view(State(instrument=LINEAR), (), NOON) is None


def test_what_the_service_needs_and_publishes() -> None:
    """The planner and the pipeline go by this."""
    assert (OpenInterestPoller.family, OpenInterestPoller.value_kind) == ("oi", "open_interest")
    assert OpenInterestPoller.needs == OpenInterestPoller.touches == {"open_interest"}
