"""One coin on three venues: whose price has left that of the others."""

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, S

from microstream.model.instruments import Instrument

BINANCE, BYBIT, OKX = (
    contract("binance", "SOLUSDT"),
    contract("bybit", "SOLUSDT"),
    contract("okx", "SOL-USDT-SWAP"),
)
THREE = (BINANCE, BYBIT, OKX)
MARKS = {"mark_price": 10 * S}


def play(bench: Bench, begin: int, end: int, prices: dict[Instrument, float]) -> None:
    """Let contracts say their marks each second, and time pass."""
    for second in range(begin, end):
        for item, price in prices.items():
            bench.hear(item, NOON + second * S, mark=price + second / 1e6)
        bench.tick(NOON + second * S)


def told(bench: Bench) -> list[tuple[str, str]]:
    """Return the channel and state of what was told."""
    return [
        (channel, payload["state"]) for channel, payload in bench.offered if payload.get("kind") == "outlier"
    ]


def test_the_one_that_leaves_is_told_once_and_over_once(bench: Bench) -> None:
    """After three looks; it is with the others again when it is much nearer."""
    bench.follow(*THREE, intervals=MARKS)
    play(bench, 0, 3, dict.fromkeys(THREE, 100.0))
    play(bench, 3, 5, {BINANCE: 100.0, BYBIT: 102.0, OKX: 100.0})
    assert told(bench) == []
    play(bench, 5, 20, {BINANCE: 100.0, BYBIT: 102.0, OKX: 100.0})
    assert told(bench) == [("quality:bybit:solusdt", "raised")]
    assert dict(bench.offered)["meta:mark_price:bybit:solusdt"]["flags"] == ["outlier"]
    play(bench, 20, 30, {BINANCE: 100.0, BYBIT: 101.2, OKX: 100.0})
    assert len(told(bench)) == 1, "nearer, but not with them"
    play(bench, 30, 40, dict.fromkeys(THREE, 100.0))
    assert told(bench)[1:] == [("quality:bybit:solusdt", "cleared")]
    assert dict(bench.offered)["meta:mark_price:bybit:solusdt"]["flags"] == []
    assert bench.pipeline.quality.open == {}


@pytest.mark.parametrize("price", [100.5, 131.0, 50.0])
def test_what_is_no_outlier(bench: Bench, price: float) -> None:
    """Too near to be told, or so far that it is another coin of the same name."""
    bench.follow(*THREE, intervals=MARKS)
    play(bench, 0, 20, {BINANCE: 100.0, BYBIT: price, OKX: 100.0})
    assert told(bench) == []


def test_two_venues_cannot_tell_which_is_wrong(bench: Bench) -> None:
    """Neither is told, nor when the third has nothing new."""
    bench.follow(*THREE, intervals=MARKS)
    play(bench, 0, 1, {OKX: 100.0})
    play(bench, 16, 40, {BINANCE: 100.0, BYBIT: 102.0})
    assert told(bench) == []


def test_prices_are_compared_per_coin(bench: Bench) -> None:
    """A contract on a thousand coins is not a thousand times too dear."""
    items = (
        contract("binance", "1000PEPEUSDT"),
        contract("okx", "PEPE-USDT-SWAP"),
        replace(
            contract("bybit", "SOLUSDT"), symbol="pepeusdt", name="PEPEUSDT", base="PEPE", venue_base="PEPE"
        ),
    )
    assert {item.base for item in items} == {"PEPE"}
    bench.follow(*items, intervals=MARKS)
    prices = dict(zip(items, (12.0, 0.012, 0.012), strict=True))
    for second in range(10):
        for item, price in prices.items():
            bench.hear(item, NOON + second * S, mark=price)
        bench.tick(NOON + second * S)
    assert told(bench) == []
    for second in range(10, 20):
        for item, price in prices.items():
            bench.hear(item, NOON + second * S, mark=price * (1.02 if item is items[0] else 1))
        bench.tick(NOON + second * S)
    assert told(bench) == [("quality:binance:1000pepeusdt", "raised")]


def test_an_outlier_that_has_lost_the_others_is_none(bench: Bench) -> None:
    """The coin leaves one of the venues for good: there is nothing to compare with any more."""
    bench.follow(*THREE, intervals=MARKS)
    play(bench, 0, 10, {BINANCE: 100.0, BYBIT: 102.0, OKX: 100.0})
    bench.pipeline.unfollow(OKX.key, NOON + 10 * S)
    play(bench, 10, 20, {BINANCE: 100.0, BYBIT: 102.0})
    assert told(bench) == [("quality:bybit:solusdt", "raised"), ("quality:bybit:solusdt", "cleared")]
    assert dict(bench.offered)["meta:mark_price:bybit:solusdt"]["flags"] == []


def test_an_outlier_that_is_followed_again_is_judged_anew(bench: Bench) -> None:
    """Its condition ended when it left."""
    bench.follow(*THREE, intervals=MARKS)
    prices = {BINANCE: 100.0, BYBIT: 102.0, OKX: 100.0}
    play(bench, 0, 10, prices)
    bench.pipeline.unfollow(BYBIT.key, NOON + 10 * S)
    bench.follow(BYBIT, at=NOON + 10 * S, intervals=MARKS)
    play(bench, 10, 20, prices)
    assert [state for _, state in told(bench)] == ["raised", "cleared", "raised"]


def test_a_poll_that_disagrees_and_an_outlier_are_one_condition(bench: Bench) -> None:
    """Raised with the first, over with the last; each has its flag."""
    bench.follow(*THREE, intervals=MARKS)
    line = bench.line(BYBIT)
    channel = "meta:mark_price:bybit:solusdt"
    for second in range(10):
        at = NOON + second * S
        bench.stream(line, BYBIT, at, mark=102.0 + second / 1000)
        for item in THREE:
            bench.hear(item, at + 1, mark=100.0 + second / 1000)
        bench.tick(at + 2)
    assert dict(bench.offered)[channel]["flags"] == ["disagrees", "outlier"]
    assert told(bench) == [("quality:bybit:solusdt", "raised")]
    bench.hear(BYBIT, NOON + 10 * S, mark=102.0)
    assert dict(bench.offered)[channel]["flags"] == ["outlier"]
    assert len(told(bench)) == 1
    for second in range(11, 15):
        bench.stream(line, BYBIT, NOON + second * S, mark=100.0)
        bench.tick(NOON + second * S)
    assert dict(bench.offered)[channel]["flags"] == []
    assert told(bench)[1:] == [("quality:bybit:solusdt", "cleared")]


def test_a_price_without_a_dollar_quote_or_on_a_stock_is_not_compared(bench: Bench) -> None:
    """Other currencies are other prices, and stocks trade by hours."""
    items = tuple(replace(item, tradfi=True) for item in THREE)
    bench.follow(*items, intervals=MARKS)
    play(bench, 0, 10, {items[0]: 100.0, items[1]: 102.0, items[2]: 100.0})
    assert told(bench) == []
