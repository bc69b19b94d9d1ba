"""Readiness and metrics of a service that has not begun, is live, and has lost a venue."""

import asyncio
import re
from random import Random

import pytest
from msgspec import json
from tests.unit.app.shelf import Clock
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench

from microstream.app.health import VenueHealth, venue_health
from microstream.app.measurements import measurements
from microstream.app.wiring import Parts, wire
from microstream.config import Config
from microstream.telemetry.lag import LoopLag
from microstream.telemetry.metrics import METRICS, exposition

SOL, BTC = contract("bybit", "SOLUSDT"), contract("bybit", "BTCUSDT")
VALUES = {"mark": 150.0, "index": 150.0, "rate": 0.0001, "oi": 1000.0}


class Service:
    """The wired parts of a service for Bybit, fed by hand."""

    def __init__(self) -> None:
        exchanges = {"binance": {"enabled": False}, "okx": {"enabled": False}}
        config = Config.model_validate({"symbols": "all", "exchanges": exchanges})
        self.clock = Clock()
        self.parts: Parts = wire(config, self.clock, Random(1), {}, ".".join)
        (self.collector,) = self.parts.collectors

    async def list(self, *items: object) -> None:
        """Take a list of contracts as if it had been read."""
        await self.collector.book._take(items)  # type: ignore[arg-type]

    def hear(self, item: object, at: int) -> None:
        """Deliver good values of a contract."""
        self.collector.deliver([Bench().frame(item, at, **VALUES)], 10_000)  # type: ignore[arg-type]

    def health(self, at: int) -> VenueHealth:
        """Return how the venue is doing after a tick at `at`."""
        self.parts.pipeline.tick(at)
        return venue_health(self.collector, self.parts.pipeline, at)


@pytest.fixture
def service() -> Service:
    """A service that has read nothing yet."""
    return Service()


async def test_nothing_is_ready_before_the_lists_are_read(service: Service) -> None:
    """A venue without a registry."""
    health = service.health(NOON)
    assert (health.known, health.followed, health.ready) == (0, 0, False)


async def test_nothing_is_ready_before_the_first_values(service: Service) -> None:
    """They are waited for, and have no age."""
    await service.list(SOL, BTC)
    health = service.health(NOON)
    family = health.families["funding"]
    assert (family.followed, family.live, family.stale, family.waiting) == (2, 0, 0, 2)
    assert (family.newest_age_s, family.median_age_s, family.oldest_age_s) == (None, None, None)
    assert not health.ready


async def test_a_venue_is_ready_when_every_family_is_live(service: Service) -> None:
    """Ages are since the value was heard."""
    await service.list(SOL, BTC)
    service.hear(SOL, NOON)
    service.hear(BTC, NOON + 2_000)
    health = service.health(NOON + 5_000)
    assert health.ready
    family = health.families["oi"]
    assert (family.live, family.newest_age_s, family.median_age_s, family.oldest_age_s) == (2, 3.0, 5.0, 5.0)


async def test_half_of_the_contracts_are_enough_and_less_is_not(service: Service) -> None:
    """One stale contract of two leaves the family ready, both do not."""
    await service.list(SOL, BTC)
    service.hear(SOL, NOON)
    service.hear(BTC, NOON + 20_000)
    health = service.health(NOON + 31_000)
    assert (health.families["mark_price"].live, health.families["mark_price"].stale) == (1, 1)
    assert health.ready
    health = service.health(NOON + 51_000)
    assert health.families["mark_price"].stale == 2
    assert not health.ready
    assert health.families["funding"].ready


async def test_contracts_that_are_not_live_are_not_waited_for(service: Service) -> None:
    """A venue on which nothing is to be followed is ready."""
    halted = contract("bybit", "SOLUSDT", status="suspended")
    await service.list(halted, BTC)
    service.hear(BTC, NOON)
    health = service.health(NOON)
    assert (health.known, health.followed, health.families["oi"].followed) == (2, 1, 1)
    assert health.ready


async def test_dated_contracts_have_no_funding_to_wait_for() -> None:
    """They are followed by name, for price and open interest."""
    dated = contract("bybit", "BTCUSDT-26MAR27")
    service = Service()
    service.collector.book._selection = type(service.collector.book._selection)([dated.name])
    await service.list(dated)
    service.hear(dated, NOON)
    health = service.health(NOON)
    assert (health.families["funding"].followed, health.families["oi"].followed) == (0, 1)
    assert health.ready


async def test_what_fails_is_named(service: Service) -> None:
    """For the one who reads `/readyz`."""
    await service.list(SOL)
    service.collector.book.failing = "the lists cannot be read"
    assert service.health(NOON).failing == ["the lists cannot be read"]


async def test_health_is_plain_data(service: Service) -> None:
    """It is the answer of `/readyz`."""
    await service.list(SOL)
    body = json.decode(json.encode({"bybit": service.health(NOON)}))
    assert body["bybit"]["families"]["oi"]["waiting"] == 1


async def test_every_sample_belongs_to_a_declared_metric(service: Service) -> None:
    """With as many label values as labels, and the numbers that are known here."""
    await service.list(SOL, BTC)
    service.hear(SOL, NOON)
    service.collector.deliver([Bench().frame(BTC, NOON, mark="NaN")], 10_000)
    service.collector.clock(5_000, 10, NOON)
    health = {"bybit": service.health(NOON + 1_000)}
    samples = list(measurements(service.parts, LoopLag(service.clock), health, 7))
    for name, labels, _ in samples:
        assert len(labels) == len(METRICS[name].labels), name
    found = {(name, labels): value for name, labels, value in samples}
    assert found["events", ("bybit", "mark")] == 1
    assert found["rejects", ("bybit", "tickers", "not_a_number")] == 1
    assert found["contracts", ("bybit", "followed")] == 2
    assert found["values", ("bybit", "oi", "live")] == 1
    assert found["values", ("bybit", "oi", "waiting")] == 1
    assert found["value_age_seconds", ("bybit", "oi", "newest")] == 1.0
    assert found["clock_offset_seconds", ("bybit",)] == 5.0
    assert found["quality_open", ("bybit", "clock_skew")] == 1
    assert found["quality_open", ("bybit", "out_of_range")] == 1
    assert len(found) == len(samples), "a sample is given twice"


async def test_metrics_have_the_prefix_and_no_symbols(service: Service) -> None:
    """Prometheus' text format, bounded labels."""
    await service.list(SOL, BTC)
    service.hear(SOL, NOON)
    health = {"bybit": service.health(NOON)}
    text = exposition(measurements(service.parts, LoopLag(service.clock), health, 7)).decode()
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert all(name.startswith(("microstream_", "process_")) for name in names)
    assert 'microstream_events_total{exchange="bybit",kind="mark"} 1.0' in text
    assert "solusdt" not in text


async def test_what_keeps_requests_waiting_is_told(service: Service) -> None:
    """A closed quota, and one that is used up, are reasons that no feed and no list knows of."""
    await service.list(SOL)
    budget = service.collector.budget
    assert service.health(NOON).failing == []
    budget.close(None, 30.0)
    assert service.health(NOON).failing == ["requests: closed for another 30 s"]


async def test_a_quota_that_is_used_up_is_told(service: Service) -> None:
    """Requests that wait for room are counted beside what is used of the limit."""
    await service.list(SOL)
    budget = service.collector.budget
    room = next(quota.limit for quota in budget.quotas()) * Config().exchanges.bybit.weight_share
    await budget.spend((("requests", room),))
    waiting = asyncio.ensure_future(budget.spend((("requests", 1.0),)))
    await asyncio.sleep(0)
    told = service.health(NOON).failing
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert told == ["1 requests wait for room in the limits of the venue: requests 360 of 600"]
