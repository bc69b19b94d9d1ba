"""What every WebSocket endpoint of every registered venue must fulfil: topics, requests and their limits."""

import json
import math
from collections.abc import Iterator

import msgspec
import pytest

from microstream import venues
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context
from microstream.spec.stream import Endpoint, Topic
from microstream.spec.venue import Venue

ENDPOINTS = [
    pytest.param(venues.load(name), endpoint, id=f"{name}/{endpoint.name}")
    for name in venues.REGISTRY
    for endpoint in venues.load(name).endpoints
    if endpoint.base == "ws"
]
every_endpoint = pytest.mark.parametrize(("venue", "endpoint"), ENDPOINTS)
NAMES = {
    "binance": ("1000000COIN{}USDT", "BTCUSDT_{:06d}"),
    "bybit": ("1000000COIN{}USDT", "BTC-{}DEC26"),
    "okx": ("COIN{}-USDT-SWAP", "BTC-USD-{:06d}"),
}
MOST_CONNECTIONS = 10


def context_of(instruments: list[Instrument]) -> Context:
    """Return what `topics` sees when these contracts are followed."""
    indexes: dict[str, list[Instrument]] = {}
    for item in instruments:
        if item.index:
            indexes.setdefault(item.index, []).append(item)
    return Context({item.name: item for item in instruments}, indexes)


def instrument(venue: Venue, name: str) -> Instrument:
    """Return the contract of a name."""
    guessed = venue.guess(name)
    assert guessed is not None, name
    return guessed


def many(venue: Venue) -> Context:
    """Return 1,500 live contracts with long names, a few of them dated."""
    perpetual, dated = NAMES[venue.name]
    perpetuals = [instrument(venue, perpetual.format(number)) for number in range(1480)]
    return context_of(perpetuals + [instrument(venue, dated.format(number)) for number in range(10, 30)])


def batches(endpoint: Endpoint, topics: list[Topic]) -> Iterator[list[Topic]]:
    """Yield the topics in requests as large as the endpoint lets them be."""
    for start in range(0, len(topics), endpoint.batch):
        yield topics[start : start + endpoint.batch]


@pytest.mark.parametrize("name", venues.REGISTRY)
def test_addresses(name: str) -> None:
    """A venue with endpoints has an encrypted address for their base, and a limit of new connections."""
    venue = venues.load(name)
    assert len({endpoint.name for endpoint in venue.endpoints}) == len(venue.endpoints)
    assert {endpoint.base for endpoint in venue.endpoints} >= {"ws"}
    for endpoint in venue.endpoints:
        assert endpoint.path.startswith("/")
        url = venue.ws_url if endpoint.base == "ws" else venue.spot_ws_url
        assert url.startswith("wss://")
        assert not url.endswith("/")
    assert venue.connects.limit > 0
    assert venue.connects.window_s > 0


@every_endpoint
def test_declared_limits_can_be_kept(venue: Venue, endpoint: Endpoint) -> None:
    """Every limit lets something through, and a ping is sent before a connection counts as dead."""
    assert endpoint.capacity > 0
    assert endpoint.batch > 0
    assert endpoint.requests > 0
    assert 0 < endpoint.ping.every_s < endpoint.ping.dead_s
    assert endpoint.provides
    if endpoint.ping.text is not None:
        assert endpoint.ping.text.isascii()


@every_endpoint
def test_topics_of_many_contracts_fit(venue: Venue, endpoint: Endpoint) -> None:
    """1,500 contracts need a few connections alone, and no topic is too large for one."""
    topics = list(endpoint.topics(many(venue), endpoint.provides))
    assert len({topic.name for topic in topics}) == len(topics)
    costs = [endpoint.cost(topic) for topic in topics]
    assert all(0 < cost <= endpoint.capacity for cost in costs)
    assert math.ceil(sum(costs) / endpoint.capacity) <= MOST_CONNECTIONS


@every_endpoint
def test_requests_are_json_within_their_size(venue: Venue, endpoint: Endpoint) -> None:
    """A request of as many topics as are allowed is JSON, names each once, and is short enough, in UTF-8."""
    topics = list(endpoint.topics(many(venue), endpoint.provides))
    for number, batch in enumerate(batches(endpoint, topics), start=1):
        for make in (endpoint.subscribe, endpoint.unsubscribe):
            text = make(batch, number)
            assert len(text) <= endpoint.batch_bytes
            json.loads(text)
        assert endpoint.subscribe(batch, number) != endpoint.unsubscribe(batch, number)


@every_endpoint
def test_topics_are_in_one_order(venue: Venue, endpoint: Endpoint) -> None:
    """The order in which contracts are followed changes nothing."""
    known = many(venue)
    turned = context_of(list(reversed(known.instruments.values())))
    names = [topic.name for topic in endpoint.topics(known, endpoint.provides)]
    assert names == [topic.name for topic in endpoint.topics(turned, endpoint.provides)]


@every_endpoint
def test_only_wanted_kinds_have_topics(venue: Venue, endpoint: Endpoint) -> None:
    """Every kind can be had by itself, every topic brings some of it, and nothing wanted is nothing subscribed."""
    known = many(venue)
    assert not endpoint.topics(known, frozenset())
    for kind in endpoint.provides - {"settled"}:
        topics = endpoint.topics(known, frozenset({kind}))
        assert topics
        assert all(kind in topic.provides <= endpoint.provides for topic in topics)
    assert not endpoint.topics(context_of([]), endpoint.provides)


@every_endpoint
def test_topics_name_followed_contracts(venue: Venue, endpoint: Endpoint) -> None:
    """What a topic is about are contracts that are followed, and each of them has every kind that the endpoint has."""
    known = many(venue)
    some = dict(list(known.instruments.items())[:40])
    brought: dict[str, set[str]] = {name: set() for name in some}
    for topic in endpoint.topics(context_of(list(some.values())), endpoint.provides):
        assert topic.contracts
        for name in topic.contracts:
            brought[name] |= topic.provides
        assert topic.lively_s > 0
        assert topic.quiet_s is None or topic.quiet_s >= topic.lively_s
    assert all(kinds == endpoint.provides for kinds in brought.values())


@every_endpoint
@pytest.mark.parametrize("status", ["suspended", "settling", "delisted"])
def test_contracts_that_mean_nothing_have_no_topic(venue: Venue, endpoint: Endpoint, status: str) -> None:
    """A contract that has ended or stands still is not subscribed."""
    item = msgspec.structs.replace(instrument(venue, NAMES[venue.name][0].format(1)), status=status)
    assert not endpoint.topics(context_of([item]), endpoint.provides)


@every_endpoint
def test_no_funding_topic_for_what_does_not_fund(venue: Venue, endpoint: Endpoint) -> None:
    """Dated contracts, and perpetuals before their launch, bring no funding."""
    dated = instrument(venue, NAMES[venue.name][1].format(26))
    soon = msgspec.structs.replace(instrument(venue, NAMES[venue.name][0].format(1)), status="prelaunch")
    topics = endpoint.topics(context_of([dated, soon]), endpoint.provides)
    assert topics
    assert not any("funding" in topic.provides for topic in topics)
    assert not endpoint.topics(context_of([dated, soon]), frozenset({"funding"}))
