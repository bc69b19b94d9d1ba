"""Desks: which topics are wanted, and what their frames, losses and refusals mean to the core."""

from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace
from tests.unit.app.shelf import Clock
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, S

from microstream import venues
from microstream.app.streams import Desk, Streams
from microstream.errors import Banned, RegionBlocked, WireMismatch
from microstream.model.events import Kind
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context
from microstream.spec.stream import Refused, Topic
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.stream_feed import StreamFeed
from microstream.transport.turns import Turns

SOL, BTC = contract("bybit", "SOLUSDT"), contract("bybit", "BTCUSDT")
ALL: frozenset[Kind] = frozenset({"mark", "index", "funding", "settled", "open_interest"})


class Feed:
    """Writes down what is asked of a feed."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.renewed: list[str] = []
        self.reconnected: list[str] = []

    def want(self, topics: Sequence[Topic]) -> None:
        """Take what is wanted from now on."""
        self.topics = {topic.name: topic for topic in topics}

    def renew(self, topic: str) -> None:
        """Take that one topic is to be subscribed anew."""
        self.renewed.append(topic)

    def reconnect(self, reason: str) -> None:
        """Take that all connections are to be made anew."""
        self.reconnected.append(reason)


class Office:
    """The streams of one venue over a bench, with feeds that only write down."""

    def __init__(self, *contracts: Instrument, venue: str = "bybit", kinds: frozenset[Kind] = ALL) -> None:
        self.bench = Bench()
        self.clock = Clock()
        self.hurried: list[frozenset[Kind]] = []
        self.doubts = 0
        self.context = Context({}, {})
        self.venue: Venue = venues.load(venue)
        self.feed = Feed()
        self.streams = Streams(
            self.venue,
            self.venue.endpoints,
            {"ws": self.venue.ws_url},
            kinds,
            lambda: self.context,
            self.bench.pipeline,
            connects=Budget((self.venue.connects,), self.clock, 0.6),
            hurry=self.hurried.append,
            doubt=self.doubt,
            clock=self.clock,
            random=Random(7),
            tap=None,
            turns=Turns(self.clock),
        )
        for desk in self.streams.desks:
            desk.feed = self.feed  # type: ignore[assignment]
        self.follow(*contracts)

    def doubt(self) -> None:
        """Count what asks for the registry."""
        self.doubts += 1

    def follow(self, *contracts: Instrument) -> None:
        """Follow exactly these, and plan."""
        pipeline = self.bench.pipeline
        for key in pipeline.states.keys() - {item.key for item in contracts}:
            pipeline.unfollow(key, self.clock.now)
        for item in contracts:
            if item.key in pipeline.states:
                pipeline.update(item, self.clock.now)
            else:
                self.bench.follow(item, at=self.clock.now, intervals={"mark_price": 10 * S})
        indexes: dict[str, list[Instrument]] = {}
        for item in contracts:
            if item.index is not None:
                indexes.setdefault(item.index, []).append(item)
        self.context = Context({item.name: item for item in contracts}, indexes)
        self.streams.plan()

    @property
    def desk(self) -> Desk:
        """The first desk."""
        return self.streams.desks[0]

    def confirm(self) -> None:
        """Acknowledge every topic."""
        for topic in self.feed.topics.values():
            self.desk.confirmed(topic)

    def push(self, item: Instrument, second: int, mark: object, stamp: int | None = None) -> None:
        """Let the topic of a contract say a mark, stamped when it comes or at another second."""
        self.clock.now = at = NOON + second * S
        time = at if stamp is None else NOON + stamp * S
        frame = self.bench.frame(item, at, time, "ws", mark=mark)
        frame.topic, frame.stamp = f"tickers.{item.name}", time
        self.desk.push(frame)

    def lose(self, *items: Instrument, second: int) -> None:
        """Lose the topics of contracts."""
        self.clock.now = NOON + second * S
        self.desk.lost([self.feed.topics[f"tickers.{item.name}"] for item in items], "reset by peer")

    def mark(self, item: Instrument = SOL) -> tuple[float, str]:
        """Return the mark that was published last, and its source."""
        payload = dict(self.bench.offered)[f"meta:mark_price:{item.key}"]
        return payload["mark_price"], payload["source"]


@pytest.fixture
def office() -> Office:
    """Bybit with two contracts, all confirmed."""
    office = Office(SOL, BTC)
    office.confirm()
    return office


def test_what_is_followed_is_wanted_and_nothing_else(office: Office) -> None:
    """Lines come and go with their topics."""
    assert office.feed.topics.keys() == {"tickers.SOLUSDT", "tickers.BTCUSDT"}
    office.follow(SOL)
    assert office.feed.topics.keys() == office.desk.lines.keys() == {"tickers.SOLUSDT"}
    assert office.bench.pipeline.lines.of["bybit"].keys() == {"tickers.SOLUSDT"}


def test_an_endpoint_that_brings_nothing_wanted_is_not_opened() -> None:
    """Mode poll for all services."""
    assert Office(SOL, kinds=frozenset()).streams.desks == []


def test_a_frame_makes_its_line_sound_and_says_its_values(office: Office) -> None:
    """In that order: the value is vouched for from the first frame on."""
    office.push(SOL, 1, 150.0)
    line = office.desk.lines["tickers.SOLUSDT"]
    assert (line.since, line.heard_at, line.stamp) == (NOON + S, NOON + S, NOON + S)
    assert office.bench.hear(SOL, NOON + 2 * S, mark=150.0) == []
    assert office.mark() == (150.0, "ws")


def test_a_frame_without_a_topic_is_no_sign_of_any_line(office: Office) -> None:
    """Its values count all the same."""
    frame = office.bench.frame(SOL, NOON, NOON, "ws", mark=150.0)
    office.desk.push(frame)
    assert office.mark() == (150.0, "ws")
    assert office.desk.lines["tickers.SOLUSDT"].since is None


def test_a_loss_is_a_gap_and_a_hurry_until_all_is_back(office: Office) -> None:
    """Told once for the endpoint, with the time of the last frame; polls write meanwhile."""
    office.push(SOL, 1, 150.0)
    office.push(BTC, 2, 90_000.0)
    office.lose(SOL, BTC, second=5)
    assert office.bench.quality() == [("*", "gap", "raised", office.desk.endpoint.name)]
    assert [p["since"] for _, p in office.bench.offered if p.get("kind") == "gap"] == [NOON + 2 * S]
    assert office.hurried[-1] >= {"mark", "index", "funding", "open_interest"}
    assert office.bench.one(SOL, NOON + 6 * S, mark=150.1)["source"] == "rest"
    office.push(SOL, 7, 150.2)
    assert len(office.bench.quality()) == 1
    office.push(BTC, 8, 90_000.0)
    assert office.bench.quality()[1:] == [("*", "gap", "cleared", office.desk.endpoint.name)]


def test_a_gap_ends_when_what_is_missing_is_refused(office: Office) -> None:
    """The refusal is told by itself."""
    office.push(SOL, 1, 150.0)
    office.lose(SOL, second=2)
    office.desk.refused(office.feed.topics["tickers.SOLUSDT"], Refused("10001", "no such topic"))
    assert office.bench.quality() == [
        ("*", "gap", "raised", office.desk.endpoint.name),
        ("solusdt", "refused", "raised", "tickers.SOLUSDT"),
        ("*", "gap", "cleared", office.desk.endpoint.name),
    ]
    assert office.doubts == 1
    assert "mark" in office.hurried[-1]


def test_a_gap_ends_when_what_is_missing_is_not_wanted_any_more(office: Office) -> None:
    """Nothing of it is left open."""
    office.push(SOL, 1, 150.0)
    office.push(BTC, 1, 90_000.0)
    office.lose(SOL, second=2)
    office.follow(BTC)
    assert office.bench.pipeline.quality.open == {}


def test_the_loss_of_what_is_not_wanted_is_no_gap(office: Office) -> None:
    """A connection may carry a topic a little longer than it is wanted."""
    topics = list(office.feed.topics.values())
    office.follow()
    office.desk.lost(topics, "retired")
    assert office.bench.quality() == []
    assert office.hurried == []


def test_a_contract_that_leaves_and_comes_back_gets_a_new_line(office: Office) -> None:
    """The old one vouches for nothing, and what is known of it is gone."""
    office.push(SOL, 1, 150.0)
    old = office.desk.lines["tickers.SOLUSDT"]
    office.follow(BTC)
    office.push(SOL, 2, 151.0)
    office.follow(SOL, BTC)
    fresh = office.desk.lines["tickers.SOLUSDT"]
    assert fresh is not old
    assert old.since is None
    assert office.bench.state(SOL).lines["mark"] is fresh
    assert office.bench.one(SOL, NOON + 3 * S, mark=150.0)["source"] == "rest"


def test_a_contract_that_is_launched_may_not_be_silent_any_more() -> None:
    """Its topic is the same; its patience is another."""
    office = Office(replace(SOL, status="prelaunch"))
    office.confirm()
    line = office.desk.lines["tickers.SOLUSDT"]
    assert line.quiet_ms is None
    office.push(SOL, 1, 150.0)
    office.follow(SOL)
    assert office.desk.lines["tickers.SOLUSDT"] is line
    assert line.quiet_ms == 60 * S
    office.bench.ticks(NOON + 2 * S, NOON + 70 * S)
    assert office.bench.quality("silent") == [("solusdt", "silent", "raised", "tickers.SOLUSDT")]


def test_what_repeats_shows_life_and_what_is_earlier_confirms_nothing(office: Office) -> None:
    """A venue that only sends what is older than its last word is silent by its deadline."""
    office.push(SOL, 10, 150.0)
    line = office.desk.lines["tickers.SOLUSDT"]
    office.push(SOL, 11, 150.0, stamp=10)
    assert (line.heard_at, line.stamp) == (NOON + 11 * S, NOON + 10 * S)
    office.push(SOL, 12, 151.0, stamp=5)
    assert (line.heard_at, line.stamp) == (NOON + 11 * S, NOON + 10 * S)
    assert (office.desk.counts.repeats, office.desk.counts.backwards) == (1, 1)
    assert office.mark() == (150.0, "ws")
    for second in range(13, 75):
        office.push(SOL, second, 151.0, stamp=9)
        office.bench.tick(NOON + second * S)
    last = dict(office.bench.offered)["meta:mark_price:bybit:solusdt"]
    assert last["flags"] == ["stale"]


def test_a_silent_topic_is_renewed_and_its_values_are_polled(office: Office) -> None:
    """The others speak, so the connection is well."""
    office.push(BTC, 1, 90_000.0)
    office.streams.silent("tickers.SOLUSDT", anew=True)
    assert (office.feed.renewed, office.feed.reconnected) == (["tickers.SOLUSDT"], [])
    assert "mark" in office.hurried[-1]


def test_connections_on_which_nothing_speaks_are_replaced(office: Office) -> None:
    """Another path may work."""
    office.streams.silent("tickers.SOLUSDT", anew=True)
    assert office.feed.renewed == []
    assert len(office.feed.reconnected) == 1
    office.streams.silent("tickers.OTHER", anew=True)
    assert len(office.feed.reconnected) == 1


def test_binance_changes_from_single_streams_to_the_one_of_all() -> None:
    """Beyond some number of contracts; every contract is attached to the line that brings it now."""
    items = [contract("binance", f"C{number}USDT") for number in range(51)]
    office = Office(*items[:50], venue="binance")
    assert len(office.desk.lines) == 50
    office.follow(*items)
    (line,) = office.desk.lines.values()
    assert not line.whole
    assert all(office.bench.state(item).lines["mark"] is line for item in items)
    office.follow(*items[:3])
    assert {len(office.desk.lines), len(office.bench.pipeline.lines.of["binance"])} == {3}
    assert len({id(office.bench.state(item).lines["mark"]) for item in items[:3]}) == 3


def test_an_index_of_okx_is_the_line_of_all_contracts_behind_it() -> None:
    """One topic for each index, whatever is settled in."""
    items = [contract("okx", name, index="BTC-USDT") for name in ("BTC-USDT-SWAP", "BTC-USDC-SWAP")]
    office = Office(*items, venue="okx", kinds=frozenset({"index"}))
    assert office.feed.topics.keys() == {"index-tickers:BTC-USDT"}
    line = office.desk.lines["index-tickers:BTC-USDT"]
    assert all(office.bench.state(item).lines == {"index": line} for item in items)


@pytest.mark.parametrize(
    ("error", "severity"),
    [(Banned("banned", retry_after_s=60.0), "critical"), (RegionBlocked("not here", code="403"), "warning")],
)
def test_an_address_that_is_shut_out_is_told_until_it_is_let_in(
    office: Office, error: Banned | RegionBlocked, severity: str
) -> None:
    """For the whole venue."""
    office.desk.blocked(error)
    office.desk.blocked(error)
    office.desk.working()
    name = office.desk.endpoint.name
    assert office.bench.quality() == [("*", "refused", "raised", name), ("*", "refused", "cleared", name)]
    assert office.bench.offered[0][1]["severity"] == severity


def test_a_frame_that_cannot_be_read_is_counted(office: Office) -> None:
    """With a sample of it."""
    office.desk.mismatch(WireMismatch("not JSON", sample=b"<html>"))
    (sample,) = office.bench.pipeline.rejects.samples
    assert "<html>" in str(sample)


def test_a_real_feed_is_made_for_the_address_of_the_endpoint() -> None:
    """The configured base, and the path of the endpoint after it."""
    venue = venues.load("bybit")
    office = Office(SOL)
    made = office.desk.__class__(
        office.streams,
        venue.endpoints[0],
        lambda desk: StreamFeed(
            desk.endpoint,
            "ws://127.0.0.1:1",
            "bybit",
            Budget((venue.connects,), office.clock, 0.6),
            lambda: office.context,
            desk,
            office.clock,
            Random(1),
        ),
    )
    made.plan(office.context, ALL, NOON)
    assert (made.feed.state.connections_wanted, made.feed.state.topics_wanted) == (1, 1)
