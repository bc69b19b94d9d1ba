"""Where a venue's spot pairs are asked for, from which limits, and what readiness makes of them."""

import asyncio
from random import Random

import pytest
from tests.unit.app.shelf import Clock
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench

from microstream import venues
from microstream.app.collector import Collector
from microstream.app.health import venue_health
from microstream.app.measurements import measurements
from microstream.app.spot import SpotCollector, spot_url
from microstream.app.wiring import Parts, wire
from microstream.config import Config
from microstream.config.model import Exchange
from microstream.model.frame import Frame
from microstream.telemetry.lag import LoopLag

HERE, THERE = "http://127.0.0.1:9100", "http://127.0.0.1:9200"
BTC = contract("binance", "BTCUSDT")


def wired(**exchanges: object) -> Parts:
    """Return the parts of a service for everything."""
    return wire(
        Config.model_validate({"symbols": "all", "exchanges": exchanges}), Clock(), Random(1), {}, ".".join
    )


def collectors(parts: Parts) -> dict[str, tuple[Collector, SpotCollector]]:
    """Return each venue's collector with its part for spot."""
    found = {}
    for item in parts.collectors:
        assert item.spot is not None
        found[item.venue.name] = (item, item.spot)
    return found


@pytest.mark.parametrize(
    ("venue", "settings", "url"),
    [
        ("binance", {}, "https://api.binance.com"),
        ("bybit", {}, "https://api.bybit.com"),
        ("okx", {}, "https://www.okx.com"),
        ("binance", {"rest_url": HERE}, "https://api.binance.com"),
        ("bybit", {"rest_url": HERE}, HERE),
        ("okx", {"rest_url": HERE}, HERE),
        ("binance", {"rest_url": HERE, "spot_rest_url": THERE}, THERE),
        ("bybit", {"rest_url": HERE, "spot_rest_url": THERE}, THERE),
        ("okx", {"spot_rest_url": THERE}, THERE),
    ],
)
def test_where_spot_is_asked_for(venue: str, settings: dict[str, str], url: str) -> None:
    """The venue's one host stays one when it is configured; Binance's two stay two."""
    assert spot_url(venues.load(venue), Exchange.model_validate(settings)) == url


def test_limits_are_shared_where_the_venue_shares_them() -> None:
    """Bybit counts all requests of an address to its one host; the others count spot apart."""
    parts = collectors(wired())
    assert {name: spot.budget is item.budget for name, (item, spot) in parts.items()} == {
        "binance": False,
        "bybit": True,
        "okx": False,
    }
    assert [len(item.budgets()) for item, _ in parts.values()] == [2, 1, 2]
    item, spot = collectors(wired(bybit={"spot_rest_url": THERE}))["bybit"]
    assert spot.budget is not item.budget


async def test_a_closed_spot_host_closes_nothing_else() -> None:
    """A ban of Binance's spot host is shown and stops no request for contracts."""
    item, spot = collectors(wired())["binance"]
    spot.budget.close(None, 60.0)
    assert item.budget.closed_for((("weight", 1),)) == 0
    assert spot.budget.closed_for((("spot_weight", 1),)) > 50


def test_spot_off_leaves_nothing_of_it() -> None:
    """No client, no feed."""
    config = Config.model_validate({"services": {"spot_reference": {"enabled": False}}})
    for item in wire(config, Clock(), Random(1), {}, ".".join).collectors:
        assert item.spot is None
        assert (len(item.clients()), len(item.budgets())) == (1, 1)


def test_readiness_does_not_depend_on_spot() -> None:
    """Pairs are shown under the venue and counted apart from contracts; stale ones leave it ready."""
    parts = wired(bybit={"enabled": False}, okx={"enabled": False})
    item, spot = collectors(parts)["binance"]
    asyncio.run(item.book._take([BTC]))
    item.deliver([Bench().frame(BTC, NOON, mark=150.0, index=150.0, rate=0.0001, oi=1000.0)], 10_000)
    frame = Frame("spot/bookTicker", NOON, "rest")
    frame.spot(spot.book.context.instruments["BTCUSDT"], None, bid="149", ask="151")
    spot.book.take(frame)
    spot.deliver([frame], 5_000)
    health = venue_health(item, parts.pipeline, NOON)
    assert (health.followed, health.families["spot"].followed, health.families["spot"].live) == (1, 1, 1)
    parts.pipeline.tick(NOON + 16_000)
    health = venue_health(item, parts.pipeline, NOON + 16_000)
    assert health.families["spot"].stale == 1
    assert health.families["mark_price"].live == 1
    assert health.ready
    samples = list(measurements(parts, LoopLag(Clock()), {"binance": health}, 7))
    keys = [(name, labels) for name, labels, _ in samples]
    assert len(set(keys)) == len(keys), "a sample is given twice"
    assert ("values", ("binance", "spot", "stale")) in keys
    assert ("poll_interval_seconds", ("binance", "spot", "min")) in keys
