"""The life of streams: modes, roll-over, contracts that come and go, a venue that cannot be streamed, and the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from tests.integration import short_lived
from tests.integration.followed import COINS, FEEDS, now_ms, where
from tests.integration.oracle import FAMILIES
from tests.integration.stage import Recorder, Service, Simulator, wait_until
from tests.integration.streamed import Streamed, at_stream, streaming

NewService = Callable[..., Service]
VENUES = tuple(FEEDS)
SERVICES = ("funding_rate_aggregator", "mark_price_poller", "open_interest_poller")


@dataclass
class Lived:
    """What a service did whose connections to Binance roll over, while contracts came and went."""

    sim: Simulator
    recorder: Recorder
    began: float
    ended: list[dict[str, Any]] = field(default_factory=list)
    open: list[dict[str, Any]] = field(default_factory=list)
    stop_s: float = 0.0
    log: str = ""


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """The simulator of this file; Binance ends each connection after some seconds."""
    with Simulator(8, "--stream-life", f"{short_lived.LIFE_S:.0f}s") as running:
        yield running


@pytest.fixture(scope="module")
def lived(sim: Simulator, new_service: NewService, valkey_server: str) -> Iterator[Lived]:
    """Two connections of Binance, a listing and a delisting, then the end."""
    with Recorder(valkey_server) as recorder:
        recorder.client.flushall()
        settings = {"services": {}, "instruments": {"refresh": "10s"}}
        service = new_service(sim.urls, valkey_server, mode="auto", program=short_lived.__file__, **settings)
        with service:
            recorder.until(lambda: all_streamed(recorder), 10)
            run = Lived(sim, recorder, now_ms())
            sim.put(
                {"kind": "drop_symbol", "venue": "bybit", "symbol": "DOGEUSDT"},
                {"kind": "list_symbol", "venue": "bybit", "symbol": "NEWCOMERUSDT"},
                {"kind": "list_symbol", "venue": "okx", "symbol": "NEWCOMER-USDT-SWAP"},
            )
            recorder.until(lambda: has_joined(recorder) and has_rolled(sim), 16)
            recorder.during(1.5)
            run.open = sim.control("/connections")["open"]
            run.stop_s = service.stop()
            run.log = service.text
        recorder.pull(0.1)
        wait_until(lambda: not sim.control("/connections")["open"], 2)
        run.ended = sim.control("/connections")["ended"]
        sim.clear()
        yield run


def all_streamed(recorder: Recorder) -> bool:
    """Return whether streams bring the marks of all followed coins."""
    return all(
        [one["source"] for one in recorder.of("mark_price", *where(venue, coin))][-1:] == ["ws"]
        for venue in VENUES
        for coin in COINS
    )


def has_joined(recorder: Recorder) -> bool:
    """Return whether streams bring the marks of the new contracts, and the old one has left."""
    new = (("bybit", "newcomerusdt"), ("okx", "newcomer-usdt"))
    joined = all("ws" in {one["source"] for one in recorder.of("mark_price", *place)} for place in new)
    return joined and "dogeusdt" not in recorder.last("mark_price", "bybit")


def has_rolled(sim: Simulator) -> bool:
    """Return whether a connection to Binance has ended."""
    return any(one["venue"] == "binance" for one in sim.control("/connections")["ended"])


@pytest.mark.slow
def test_a_successor_is_there_before_a_connection_ends(lived: Lived) -> None:
    """Binance is never without a connection, and none was ended by the venue."""
    rows = sorted((one for one in lived.ended if one["venue"] == "binance"), key=lambda one: one["opened"])
    assert len(rows) >= 2
    for one, after in pairwise(rows):
        assert after["opened"] < one["ended"]
    assert {one["end"] for one in rows} == {"by the client"}


@pytest.mark.slow
def test_a_roll_over_loses_nothing_and_doubles_nothing(lived: Lived) -> None:
    """Every second of every contract once, in order and in one numbering; no gap is told."""
    for coin in COINS:
        payloads = [
            one for one in lived.recorder.of("mark_price", *where("binance", coin)) if one["source"] == "ws"
        ]
        seconds = [round(one["timestamp"] / 1000) for one in payloads]
        assert seconds == list(range(seconds[0], seconds[0] + len(seconds))), coin
        assert len(seconds) > 8
        numbers = [one["seq"] for one in payloads]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert lived.recorder.quality(kind="gap") == []


@pytest.mark.slow
def test_contracts_join_and_leave_without_a_new_connection(lived: Lived) -> None:
    """A listing is subscribed to and a delisting dropped on the connection that is there."""
    for venue in ("bybit", "okx"):
        assert len([one for one in lived.ended if one["venue"] == venue]) == 1
    topics = {one["venue"]: set(one["subscriptions"]) for one in lived.open}
    assert "tickers.NEWCOMERUSDT" in topics["bybit"]
    assert "tickers.DOGEUSDT" not in topics["bybit"]
    assert "mark-price:NEWCOMER-USDT-SWAP" in topics["okx"]
    assert not lived.recorder.quality("bybit", kind="silent")


@pytest.mark.slow
def test_the_end_closes_every_connection(lived: Lived) -> None:
    """Exit code 0 within two seconds, no traceback, and all sockets closed by the client."""
    assert lived.stop_s < 2
    assert "Traceback" not in lived.log
    assert {one["end"] for one in lived.ended} == {"by the client"}
    assert {one["venue"] for one in lived.ended} == set(VENUES)


def test_polls_alone_make_no_connection(sim: Simulator, new_service: NewService, valkey: str) -> None:
    """With all services on `mode: poll` no stream is opened; values come from REST."""
    before = connects(sim)
    with (
        Recorder(valkey) as recorder,
        new_service(sim.urls, valkey, symbols="BTC/USDT", mode="poll") as service,
    ):
        recorder.until(
            lambda: all(len(recorder.of(f, *where(v, "BTC"))) > 1 for f in FAMILIES for v in VENUES), 8
        )
        assert connects(sim) == before
        for state in service.ready()[1]["venues"].values():
            assert {one["connections_wanted"] for one in state["streams"].values()} <= {0}
        assert {one.payload["source"] for one in recorder.all} == {"rest"}


def test_streams_alone_poll_no_values(sim: Simulator, new_service: NewService, valkey: str) -> None:
    """With `mode: stream` no value is asked for; Binance's open interest is left out, which is said once."""
    began = now_ms()
    values = ("premiumIndex", "openInterest", "mark-price", "funding-rate", "open-interest", "index-tickers")
    with (
        Recorder(valkey) as recorder,
        new_service(sim.urls, valkey, symbols="BTC/USDT", mode="stream") as service,
    ):
        wanted = [(v, f) for v in VENUES for f in FAMILIES if (v, f) != ("binance", "oi")]
        recorder.until(lambda: all(recorder.of(f, *where(v, "BTC")) for v, f in wanted), 8)
        recorder.during(1.2)
        assert not recorder.of("oi", "binance", "btcusdt")
        heard = {
            one.payload["source"]
            for one in recorder.all
            if not one.channel.startswith(("meta:instrument", "quality"))
        }
        assert heard == {"ws"}
        asked = [(v, path) for v in VENUES for path in values for _ in sim.requests(v, path, since=began)]
        assert asked == [("okx", "funding-rate")]  # the list of contracts needs it, once, for intervals
        [line] = service.log("values that this venue does not stream")
        assert (line["venue"], line["values"]) == ("binance", ["open_interest"])


def test_streams_that_cannot_be_reached_are_told_once_and_polled(
    sim: Simulator, new_service: NewService, valkey: str, free_port: int
) -> None:
    """From the start: every value by polls, one line a venue in the log, and `/readyz` names the address's key."""
    nowhere = {name: url for name, url in sim.urls.items() if not name.endswith("_ws")}
    nowhere |= {f"{venue}_ws": f"ws://127.0.0.1:{free_port}" for venue in VENUES}
    with (
        Recorder(valkey) as recorder,
        new_service(nowhere, valkey, symbols="BTC/USDT", mode="auto") as service,
    ):
        recorder.until(lambda: all(recorder.of(f, *where(v, "BTC")) for f in FAMILIES for v in VENUES), 8)
        recorder.during(2)
        ready, what = service.ready()
        assert ready
        for venue in VENUES:
            assert "ws_url" in str(what["venues"][venue]["failing"])
            assert len(service.log("stream has failed, retrying", venue=venue)) == 1
            assert {one["source"] for one in recorder.of("mark_price", *where(venue, "BTC"))} == {"rest"}
        assert not recorder.quality(kind="gap")
        assert not recorder.quality(kind="stale")


ILL = (
    at_stream("mute", "binance", topic="ethusdt@markPrice@1s"),
    at_stream("mute", "bybit", topic="tickers.ETHUSDT"),
    at_stream("refuse_topic", "bybit", topic="tickers.SOLUSDT"),
    at_stream("refuse_topic", "okx", topic="mark-price:SOL-USDT-SWAP", batch=True),
    at_stream("refuse_topic", "okx", topic="open-interest:XRP-USDT-SWAP"),
)


@pytest.mark.slow
def test_topics_that_are_refused_or_mute_from_the_start_are_polled(
    sim: Simulator, new_service: NewService, valkey: str
) -> None:
    """Told for their contracts within seven seconds; all others of the same requests stream, on one connection."""
    refused = {("bybit", "solusdt"), ("okx", "sol-usdt"), ("okx", "xrp-usdt")}
    mute = {("binance", "ethusdt"), ("bybit", "ethusdt")}
    with sim.fault(*ILL), streaming(new_service, sim, valkey) as stage:
        stage.recorder.until(lambda: places(stage, "refused") == refused, 5, lambda: places(stage, "refused"))
        stage.recorder.until(lambda: places(stage, "silent") == mute, 9, lambda: places(stage, "silent"))
        since = stage.now()
        for venue, coins in (("binance", {"ETH"}), ("bybit", {"ETH", "SOL"}), ("okx", {"SOL"})):
            prices, rest = ("mark_price",), tuple(coin for coin in COINS if coin not in coins)
            stage.until_by("rest", (venue,), since=since, families=prices, coins=tuple(coins))
            stage.until_by("ws", (venue,), since=since, families=prices, coins=rest)
        assert stage.last_source("oi", "okx", "XRP", since) == "rest"
        assert {len(stage.connections(venue)) for venue in VENUES} == {1}
        assert stage.check_true(0) > 100


def places(stage: Streamed, kind: str) -> set[tuple[str, str]]:
    """Return the contracts for which a condition was raised."""
    return {(one["exchange"], one["symbol"]) for one in stage.recorder.quality(kind=kind, state="raised")}


def connects(sim: Simulator) -> int:
    """Return how many stream connections were made so far."""
    return sum(row["count"] for row in sim.control("/connections")["minutes"] if row["event"] == "made")
