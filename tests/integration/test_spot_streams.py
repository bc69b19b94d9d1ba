"""The spot streams as they are declared, against the simulated venues: requests are taken, pushes are the truth."""

import asyncio
import time
from itertools import pairwise

import aiohttp
import pytest
from tests.integration.spot_truth import SpotOracle
from tests.integration.stage import Simulator
from tests.unit.model.contracts import contract

from microstream import venues
from microstream.model.events import SpotQuote
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.stream import Acked, Control

CONTRACTS = {
    "binance": ("BTCUSDT", "SOLUSDT"),
    "bybit": ("BTCUSDT", "SOLUSDT"),
    "okx": ("BTC-USDT-SWAP", "SOL-USDT-SWAP"),
}
ENOUGH = 4
"""Quotes of each pair."""


@pytest.mark.parametrize("name", venues.REGISTRY)
async def test_streamed_quotes_are_true(name: str) -> None:
    """Each pair is subscribed to in the venue's words, acknowledged, and pushed with the market's own quotes."""
    spot = venues.load(name).spot
    assert spot is not None
    pairs = [spot.pairs(contract(name, item))[0] for item in CONTRACTS[name]]
    context = Context({pair.name: pair for pair in pairs}, {})
    (endpoint,) = spot.endpoints
    topics = endpoint.topics(context, endpoint.provides)
    oracle, session = SpotOracle(40), endpoint.session()
    quotes: dict[str, list[SpotQuote]] = {pair.key: [] for pair in pairs}
    controls: list[Control] = []
    with Simulator(40) as sim:
        url = sim.urls.get(f"{name}_spot_ws", sim.urls[f"{name}_ws"]) + endpoint.path
        async with (
            asyncio.timeout(15),
            aiohttp.ClientSession() as client,
            client.ws_connect(url) as socket,
        ):
            await socket.send_str(endpoint.subscribe(topics, 1).decode())
            while min(map(len, quotes.values())) < ENOUGH:
                text = await socket.receive_str()
                frame = Frame("ws", round(time.time() * 1000), "ws")
                control = session.on_frame(text.encode(), context, frame)
                if control is not None:
                    controls.append(control)
                for event in frame.events:
                    assert isinstance(event, SpotQuote)
                    assert frame.topic in {topic.name for topic in topics}
                    quotes[event.key].append(event)
    assert {type(control) for control in controls} == {Acked}
    for pair in pairs:
        for event in quotes[pair.key]:
            told = {"exchange": name, "symbol": pair.symbol, "received_at": event.received_at}
            assert (event.bid, event.ask) in {true[:2] for true in oracle.around(told)}
            assert (event.timestamp is None) == (name == "binance")
        said = [(event.bid, event.ask) for event in quotes[pair.key]]
        assert all(before != after for before, after in pairwise(said))
