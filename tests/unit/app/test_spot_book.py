"""Which spot pairs are followed, as contracts come and go and replies name them."""

import pytest
from msgspec.structs import replace
from tests.unit.app.shelf import Clock
from tests.unit.model.contracts import NOON, contract

from microstream import venues
from microstream.app.spot_book import STREAMED, SpotBook
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES
from microstream.sinks.buffer import Buffer
from microstream.spec.rest import Context

BTC = contract("binance", "BTCUSDT")
USDC = contract("binance", "BTCUSDC")
DATED = contract("binance", "BTCUSDT_270326")
PEPE = contract("binance", "1000PEPEUSDT")
STOCK = contract("binance", "TSLAUSDT", tradfi=True)


class Desk:
    """A spot book of Binance with its pipeline and buffer."""

    def __init__(self, *contracts: Instrument) -> None:
        self.buffer = Buffer(1000)
        self.pipeline = Pipeline(
            tuple(SERVICES.values()),
            self.buffer.offer,
            terms=lambda _instrument, _event, _hours: None,
            doubt=lambda _exchange: None,
        )
        spot = venues.load("binance").spot
        assert spot is not None
        self.contracts = Context({}, {})
        self.follow(*contracts)
        self.book = SpotBook(
            "binance",
            spot.pairs,
            lambda: self.contracts,
            self.pipeline,
            self.buffer,
            interval_ms=5000,
            clock=Clock(),
        )

    def follow(self, *contracts: Instrument) -> None:
        """Follow other contracts, as the book of contracts does: with another context."""
        self.contracts = Context({item.name: item for item in contracts}, {})

    def reply(self, *names: str) -> list[str]:
        """Take a reply that names these pairs; return whose quotes go on."""
        frame = Frame("spot/bookTicker", NOON, "rest")
        for name in names:
            pair = self.book.context.instruments.get(name)
            if pair is not None:
                frame.spot(pair, None, bid="1", ask="2")
        self.book.take(frame)
        self.pipeline.push([frame])
        return [event.key for event in frame.events]

    def followed(self) -> list[str]:
        """Return the names of the pairs that are followed; the pipeline follows the same ones."""
        assert self.pipeline.states.keys() == self.book.followed.keys()
        return sorted(item.name for item in self.book.followed.values())


def test_a_pair_is_followed_once_a_reply_has_named_it() -> None:
    """Until then it is missed by nobody; several contracts of a coin have one pair."""
    desk = Desk(BTC, DATED, USDC, STOCK)
    assert sorted(desk.book.context.instruments) == ["BTCUSDC", "BTCUSDT"]
    assert desk.followed() == []
    assert desk.reply("LTCBTC") == []
    assert desk.followed() == []
    assert desk.reply("BTCUSDT") == ["binance:spot:btcusdt"]
    assert desk.followed() == ["BTCUSDT"]


def test_a_pair_that_vanishes_stays_followed() -> None:
    """So that its silence is noticed."""
    desk = Desk(BTC)
    desk.reply("BTCUSDT")
    desk.reply()
    assert desk.followed() == ["BTCUSDT"]


@pytest.mark.parametrize(
    ("named", "followed"),
    [
        (["1000PEPEUSDT"], ["1000PEPEUSDT"]),
        (["1000PEPEUSDT", "PEPEUSDT"], ["PEPEUSDT"]),
        (["PEPEUSDT", "1000PEPEUSDT"], ["PEPEUSDT"]),
    ],
)
def test_the_better_name_wins(named: list[str], followed: list[str]) -> None:
    """The coin itself before the unit, whatever the order of the rows; the other one's quotes go nowhere."""
    desk = Desk(PEPE)
    assert [key.rpartition(":")[2].upper() for key in desk.reply(*named)] == followed
    assert desk.followed() == followed


def test_a_better_pair_that_is_listed_later_takes_over() -> None:
    """The last value of the other one leaves the hash."""
    desk = Desk(PEPE)
    desk.reply("1000PEPEUSDT")
    desk.buffer.take(1000)
    desk.reply("1000PEPEUSDT", "PEPEUSDT")
    assert desk.followed() == ["PEPEUSDT"]
    assert desk.buffer.take(1000).removed == {"spot:binance": {"1000pepeusdt"}}


def test_pairs_leave_with_the_last_contract_of_their_coin() -> None:
    """A delisted contract beside a dated one of the same pair changes nothing."""
    desk = Desk(BTC, DATED, PEPE)
    desk.reply("BTCUSDT", "PEPEUSDT")
    desk.follow(DATED, PEPE)
    assert sorted(desk.book.context.instruments) == ["1000PEPEUSDT", "BTCUSDT", "PEPEUSDT"]
    assert desk.followed() == ["BTCUSDT", "PEPEUSDT"]
    desk.follow(PEPE)
    assert "BTCUSDT" not in desk.book.context.instruments
    assert desk.followed() == ["PEPEUSDT"]
    desk.follow(PEPE, BTC)
    assert "BTCUSDT" in desk.book.context.instruments
    assert desk.followed() == ["PEPEUSDT"]


def test_leftovers_of_an_earlier_run_leave_the_hash() -> None:
    """Once, with the first reply: what is followed then stays."""
    desk = Desk(BTC)
    desk.reply("BTCUSDT")
    assert {group: set(items) for group, items in desk.buffer.take(1000).retained.items()} == {
        "spot:binance": {"btcusdt"}
    }
    desk.reply("BTCUSDT")
    assert desk.buffer.take(1000).retained == {}


def test_the_most_traded_pairs_are_streamed() -> None:
    """Up to a number, and only what is there."""
    many = [
        replace(
            BTC,
            name=f"C{number}USDT",
            symbol=f"c{number}usdt",
            base=f"C{number}",
            venue_base=f"C{number}",
            turnover=float(number),
        )
        for number in range(STREAMED + 10)
    ]
    desk = Desk(*many)
    assert desk.book.streamed.instruments == {}
    desk.reply(*(item.name for item in many))
    assert list(desk.book.streamed.instruments) == [f"C{number}USDT" for number in range(STREAMED + 9, 9, -1)]
