"""Every endpoint of every venue against the simulator: all topics, under the faults that its venue knows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest
from tests.integration.toy_venue import Notebook

from microstream import venues
from microstream.clock import SystemClock
from microstream.spec.rest import Context
from microstream.spec.stream import Endpoint, Topic
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.listing import ListReader
from microstream.transport.stream_feed import StreamFeed
from microstream_sim import SimOptions, SimServer
from microstream_sim.faults import Fault

Eventually = Callable[..., Awaitable[None]]
ENDPOINTS = [
    pytest.param(name, endpoint, id=f"{name}-{endpoint.name}")
    for name in venues.REGISTRY
    for endpoint in venues.load(name).endpoints
    if endpoint.base == "ws"
]


@dataclass
class Play:
    """A feed that runs against a simulated venue."""

    sim: SimServer
    feed: StreamFeed
    notes: Notebook
    topics: list[Topic]
    symbols: set[str]


@asynccontextmanager
async def play(
    name: str, endpoint: Endpoint, *faults: Fault, life_s: float = 86_400.0
) -> AsyncIterator[Play]:
    """Run an endpoint's feed of all live contracts against the simulator."""
    venue, clock = venues.load(name), SystemClock()
    async with SimServer(SimOptions(contracts=8, stream_life_s=life_s)) as sim:
        quotas = Budget(venue.quotas, clock, 1.0)
        async with HttpClient(
            name, sim.urls[name], venue.verdict, quotas, HttpSettings(), clock, Random(1)
        ) as client:
            listed = await ListReader(client, venue.instruments, clock).read()
        live = {item.name: item for item in listed.instruments if item.status == "live" and item.funds}
        indexes = {item.index: [item] for item in live.values() if item.index is not None}
        context = Context(live, indexes)
        topics = list(endpoint.topics(context, endpoint.provides))
        sim.add_faults(list(faults))
        notes = Notebook()
        connects = Budget([venue.connects], clock, 1.0)
        url = sim.urls[f"{name}_ws"] + endpoint.path
        feed = StreamFeed(endpoint, url, name, connects, lambda: context, notes, clock, Random(2))
        feed.want(topics)
        task = asyncio.create_task(feed.run())
        try:
            yield Play(sim, feed, notes, topics, {item.symbol for item in live.values()})
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()


def keys(notes: Notebook) -> set[str]:
    """Return the contracts of which something came."""
    return {event.key.partition(":")[2].upper() for frame in notes.frames for event in frame.events}


@pytest.mark.parametrize(("name", "endpoint"), ENDPOINTS)
async def test_every_contract_is_delivered(eventually: Eventually, name: str, endpoint: Endpoint) -> None:
    """All topics are confirmed, every live contract speaks, and nothing is unreadable."""
    async with play(name, endpoint) as on:
        await eventually(lambda: on.feed.state.topics_confirmed == len(on.topics) > 0)
        await eventually(lambda: len(keys(on.notes)) >= len(on.symbols))
        assert not on.notes.mismatches
        assert on.feed.state.connections_open == on.feed.state.attempts == 1


@pytest.mark.parametrize(("name", "endpoint"), ENDPOINTS)
async def test_a_cut_connection_comes_back(eventually: Eventually, name: str, endpoint: Endpoint) -> None:
    """After a disconnect all topics are lost once and confirmed again."""
    async with play(name, endpoint) as on:
        await eventually(lambda: on.feed.state.topics_confirmed == len(on.topics) > 0)
        on.sim.add_faults([Fault(kind="disconnect", venue=name, code=1012)])  # type: ignore[arg-type]
        await eventually(lambda: len(on.notes.on) == 2 * len(on.topics))
        assert [len(lost) for lost, _ in on.notes.gone] == [len(on.topics)]
        assert on.feed.state.attempts == 2


@pytest.mark.parametrize(("name", "symbol"), [("bybit", "BTCUSDT"), ("okx", "BTC-USDT-SWAP")])
@pytest.mark.parametrize("batch", [False, True], ids=["topic", "whole request"])
async def test_a_refused_contract_is_alone(
    eventually: Eventually, name: str, symbol: str, *, batch: bool
) -> None:
    """The topics of one contract that the venue refuses take no others along, however the venue says so."""
    fault = Fault(kind="refuse_topic", venue=name, symbol=symbol, batch=batch)  # type: ignore[arg-type]
    async with play(name, venues.load(name).endpoints[0], fault) as on:
        refused = {topic.name for topic in on.topics if symbol in topic.name}
        await eventually(lambda: {topic for topic, _ in on.notes.no} == refused, within_s=10)
        await eventually(lambda: set(on.notes.on) == {topic.name for topic in on.topics} - refused)
        assert on.feed.state.attempts == 1


async def test_an_announced_end_is_no_gap(eventually: Eventually) -> None:
    """A notice of OKX brings a successor before the connection ends."""
    async with play("okx", venues.load("okx").endpoints[0]) as on:
        await eventually(lambda: on.feed.state.topics_confirmed == len(on.topics) > 0)
        on.sim.add_faults([Fault(kind="notice", venue="okx")])
        await eventually(lambda: len(on.notes.on) == 2 * len(on.topics))
        assert not on.notes.gone
