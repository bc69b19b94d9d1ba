"""Spot pairs in the pipeline: which quotes are believed, and that contracts of the same symbol are not touched."""

import pytest
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, Payload, S

from microstream.model.frame import Frame
from microstream.model.instruments import spot_pair
from microstream.model.units import Text

CONTRACT = contract("binance", "BTCUSDT")
PAIR = spot_pair("binance", "BTCUSDT", base="BTC", venue_base="BTC", quote="USDT")


def hear(
    bench: Bench, at: int, bid: Text, ask: Text, last: Text = None, stamp: int | None = None
) -> list[Payload]:
    """Push one quote and return what was published by it, quality apart."""
    before = len(bench.offered)
    frame = Frame("spot/bookTicker", at, "rest")
    frame.spot(PAIR, stamp, bid=bid, ask=ask, last=last)
    bench.pipeline.reject("binance", [frame])
    bench.pipeline.push([frame])
    return [payload for channel, payload in bench.offered[before:] if not channel.startswith("quality:")]


@pytest.fixture
def both(bench: Bench) -> Bench:
    """A bench that follows a pair and the contract of the same symbol, and has heard of both."""
    bench.follow(CONTRACT)
    bench.follow(PAIR, intervals={"spot": 5 * S})
    bench.hear(CONTRACT, NOON, mark=150.0, index=150.0, rate=0.0001, oi=1000.0)
    hear(bench, NOON, "149.9", "150.1")
    return bench


def test_a_pair_and_a_contract_of_one_symbol_are_two(both: Bench) -> None:
    """Each has its own channels, and neither is awaited in the other's families."""
    assert both.state(PAIR).channels.keys() == {"spot"}
    assert both.offered[-1][0] == "meta:spot:binance:btcusdt"
    assert both.state(CONTRACT).spot is None
    assert both.state(PAIR).spot is not None


@pytest.mark.parametrize(
    ("bid", "ask", "last", "reason"),
    [
        ("0", "150", None, "price_out_of_range"),
        ("-1", "150", None, "price_out_of_range"),
        ("149", "1e12", None, "price_out_of_range"),
        ("149", "150", "0", "price_out_of_range"),
        ("150.1", "150", None, "crossed"),
        ("49", "150", None, "spot_apart"),
        ("149", "150", "49", "spot_apart"),
        ("149", "150", "451", "spot_apart"),
        ("many", "150", None, "not_a_number"),
    ],
)
def test_quotes_that_cannot_be_are_kept_out(
    both: Bench, bid: str, ask: str, last: str | None, reason: str
) -> None:
    """The last good one stays; it is told under the pair's name and the contract is not suspected."""
    assert hear(both, NOON + 5 * S, bid, ask, last) == []
    assert both.quality() == [("btcusdt", "out_of_range", "raised", "spot")]
    assert both.offered[-1][1]["instrument"] == "BTC/USDT"
    assert both.pipeline.rejects.counts["binance", "spot/bookTicker", reason] == 1
    assert both.state(CONTRACT).bad == set()
    assert both.one(CONTRACT, NOON + 10 * S, mark=151.0)["flags"] == []
    (payload,) = hear(both, NOON + 10 * S, "149", "150")
    assert payload["flags"] == []
    assert both.quality()[-1] == ("btcusdt", "out_of_range", "cleared", "spot")


@pytest.mark.parametrize(
    ("bid", "ask", "last"),
    [("150", "150", None), ("50", "150", None), (None, "150", "149"), ("149", None, None), (None, None, "1")],
)
def test_odd_quotes_are_believed(both: Bench, bid: Text, ask: Text, last: Text) -> None:
    """Locked, wide, one-sided, or a last trade alone."""
    (payload,) = hear(both, NOON + 5 * S, bid, ask, last)
    assert both.quality() == []
    assert payload["mid"] == (None if bid is None or ask is None else (float(bid) + float(ask)) / 2)


def test_nothing_at_all_is_no_quote(both: Bench) -> None:
    """Counted, and neither published nor told."""
    assert hear(both, NOON + 5 * S, "", None) == []
    assert both.quality() == []
    assert both.pipeline.rejects.counts["binance", "spot/bookTicker", "empty"] == 1


def test_times_are_checked_as_those_of_contracts(both: Bench) -> None:
    """An older answer is no news, a stamp of the future is refused."""
    assert hear(both, NOON + 5 * S, "140", "141", stamp=NOON + 4 * S)
    assert hear(both, NOON + 6 * S, "139", "141", stamp=NOON + 3 * S) == []
    assert both.quality() == []
    assert hear(both, NOON + 7 * S, "139", "141", stamp=NOON + 100 * S) == []
    assert both.quality() == [("btcusdt", "out_of_range", "raised", "spot")]


def test_what_leaves_takes_its_own_troubles_along(both: Bench) -> None:
    """The conditions of a pair and of the contract of the same symbol are two."""
    hear(both, NOON + 5 * S, "0", "150")
    both.hear(CONTRACT, NOON + 5 * S, mark="NaN")
    both.pipeline.unfollow(CONTRACT.key, NOON + 6 * S)
    assert both.quality()[-1] == ("btcusdt", "out_of_range", "cleared", "mark")
    assert len(both.quality()) == 3
    both.pipeline.unfollow(PAIR.key, NOON + 7 * S)
    assert both.quality()[-1] == ("btcusdt", "out_of_range", "cleared", "spot")
