"""What can go wrong with streams, one by one: told in time, polls take over, nothing false, and all recovers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.integration.followed import COINS, FEEDS, now_ms
from tests.integration.stage import Service, Simulator
from tests.integration.streamed import ENDPOINTS, Streamed, at_all, at_stream, seconds_since, streaming

from microstream.telemetry.metrics import METRICS

VENUES = tuple(FEEDS)
OTHERS = tuple(coin for coin in COINS if coin != "BTC")


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """The simulator of this file."""
    with Simulator(8) as sim:
        yield sim


@pytest.fixture(scope="module")
def running(
    sim: Simulator,
    new_service: Callable[..., Service],
    valkey_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Streamed]:
    """The service that the tests of frames share; what it receives is kept."""
    tap = {"enabled": True, "folder": str(tmp_path_factory.mktemp("tap"))}
    with streaming(new_service, sim, valkey_server, tap=tap) as stage:
        yield stage


@pytest.fixture
def stage(running: Streamed) -> Iterator[Streamed]:
    """The shared service, well at the beginning of a test."""
    running.sim.clear()
    running.get_well()
    yield running
    running.sim.clear()


def test_a_mute_topic_hands_its_values_to_polls(stage: Streamed) -> None:
    """Of one contract: silent within its deadline of 5 s, its neighbours stream on, and it is taken back."""
    began = stage.now()
    with stage.sim.fault(at_stream("mute", "binance", topic="btcusdt@markPrice@1s")):
        stage.recorder.until(lambda: stage.told("binance", "silent", began, symbol="btcusdt"), 8)
        assert 4 < seconds_since(began) < 7.5
        stage.until_by(
            "rest", ("binance",), since=began + 4000, families=("mark_price", "funding"), coins=("BTC",)
        )
        assert seconds_since(began) < 9
        assert not stage.not_by("ws", "binance", ("mark_price", "funding"), OTHERS, began + 4000)
    cleared = now_ms()
    stage.until_by("ws", ("binance",), since=cleared, families=("mark_price", "funding"))
    stage.recorder.until(lambda: "cleared" in stage.told("binance", "silent", began, symbol="btcusdt"), 3)
    assert stage.told("binance", "silent", began) == ["raised", "cleared"]
    assert stage.turns("mark_price", "binance", "BTC", began) == ["ws", "rest", "ws"]
    recovered = [
        one
        for one in stage.heard("mark_price", "binance", "BTC", began)
        if "recovered" in one.payload["flags"]
    ]
    assert len(recovered) <= 1  # none where a poll came before the deadline
    assert len(stage.connections("binance")) == 1
    assert stage.check_true(began) > 50
    stage.check_order(began)


def test_order_repetition_and_floods_change_nothing(stage: Streamed) -> None:
    """Frames that change places, come three times, or thousands a second: no value runs backwards."""
    began = stage.now()
    gentle = [
        at_stream("reorder", "okx", topic="mark-price:*"),
        at_stream("repeat", "bybit", times=3),
        at_stream("flood", "binance", rate=2000),
    ]
    with stage.sim.fault(*gentle):
        stage.recorder.during(2.5)
    stage.until_by("ws", VENUES, since=now_ms(), families=("mark_price",))
    assert not [one for one in stage.recorder.quality(since=began) if one["kind"] != "stale"]
    for family in ("mark_price", "oi"):
        assert stage.turns(family, "okx", "BTC", began) == ["ws"]
        assert stage.turns(family, "bybit", "BTC", began) == ["ws"]
    assert stage.check_true(began, slow_ms=1500) > 50
    stage.check_order(began)


@pytest.mark.slow
def test_late_frames_are_published_with_their_own_time(stage: Streamed) -> None:
    """Five seconds late: polls bridge the pause with the newest that the venue said; times never run backwards."""
    began = stage.now()
    with stage.sim.fault(*at_all("delay", seconds=5)):
        stage.recorder.until(lambda: stage.told("binance", "silent", began), 8)
    stage.until_by("ws", VENUES, since=now_ms(), families=("mark_price",), within_s=15)
    assert stage.turns("mark_price", "bybit", "BTC", began) in (["ws"], ["ws", "rest", "ws"])
    assert stage.check_true(began, slow_ms=6000) > 50
    stage.check_order(began)


@pytest.mark.slow
def test_garbage_is_counted_and_not_published(stage: Streamed) -> None:
    """A few unreadable frames are passed over; many in a row, and the connection is replaced without a gap."""
    began, before = stage.now(), stage.service.metrics()
    connects = {venue: stage.connects(venue) for venue in VENUES}
    stage.sim.put(
        at_stream("garbage", "binance", count=3),
        at_stream("garbage", "bybit", count=40),
        at_stream("garbage", "okx", count=5),
    )
    stage.recorder.until(lambda: stage.connects("bybit") == connects["bybit"] + 1, 8)
    stage.recorder.until(lambda: len(stage.connections("bybit")) == 1, 5)
    stage.until_by("ws", VENUES, since=now_ms(), families=("mark_price",))
    after = stage.service.metrics()
    for venue, least in (("binance", 3), ("bybit", 20), ("okx", 5)):
        key = ("stream_mismatches_total", ENDPOINTS[venue], venue)
        assert after[key] - before[key] >= least
        assert stage.told(venue, "gap", began) == []
    assert [stage.connects(venue) - connects[venue] for venue in ("binance", "okx")] == [0, 0]
    assert stage.check_true(began, slow_ms=3000) > 50
    stage.check_order(began)


def test_a_stream_that_says_something_else_than_polls_is_flagged(stage: Streamed) -> None:
    """A mark that stands still in the stream alone while polls see it leave: flagged after two polls, then settled."""
    began = stage.now()
    names = {"binance": ("BTCUSDT", "p", "markPrice"), "bybit": ("BTCUSDT", "markPrice", "markPrice")}
    names["okx"] = ("BTC-USDT-SWAP", "markPx", "markPx")
    faults: list[dict[str, Any]] = []
    for venue, (symbol, pushed, polled) in names.items():
        faults.append(at_stream("freeze", venue, symbol=symbol, field=pushed))
        away = {"kind": "set", "over": "rest", "venue": venue, "symbol": symbol, "field": polled}
        faults.append({**away, "value": "109500"})
    with stage.sim.fault(*faults):
        stage.recorder.until(lambda: all(stage.told(v, "outlier", began, about="mark") for v in VENUES), 5)
        stage.recorder.pull(0.1)
        for venue in VENUES:
            assert stage.heard("mark_price", venue, "BTC")[-1].payload["flags"] == ["disagrees"]
            assert all(
                one.payload["mark_price"] != 109500 for one in stage.heard("mark_price", venue, "BTC", began)
            )
            assert all(not one.payload["flags"] for one in stage.heard("mark_price", venue, "ETH", began))
    stage.recorder.until(
        lambda: all(stage.told(v, "outlier", began, about="mark") == ["raised", "cleared"] for v in VENUES), 5
    )
    stage.recorder.during(0.1)
    for venue in VENUES:
        assert stage.turns("mark_price", venue, "BTC", began) == ["ws"]
        assert stage.heard("mark_price", venue, "BTC")[-1].payload["flags"] == []
    stage.check_order(began)


@pytest.mark.parametrize("milliseconds", [3000, pytest.param(-3000, marks=pytest.mark.slow)])
def test_a_clock_that_is_off_is_flagged_on_streams_too(stage: Streamed, milliseconds: int) -> None:
    """The whole venue, REST and streams: flagged `clock_skew` in two seconds, values go on, and it ends."""
    began = stage.now()
    fault = {"kind": "clock_offset", "venue": "bybit", "milliseconds": milliseconds}
    with stage.sim.fault(fault):
        stage.recorder.until(lambda: stage.told("bybit", "clock_skew", began), 3)
        stage.recorder.until(lambda: is_off(stage, milliseconds), 5)
    stage.recorder.until(lambda: stage.told("bybit", "clock_skew", began) == ["raised", "cleared"], 3)
    stage.recorder.until(lambda: not stage.heard("mark_price", "bybit", "BTC")[-1].payload["flags"], 6)
    assert stage.check_true(began) > 50
    stage.check_order(began)


def is_off(stage: Streamed, milliseconds: int) -> bool:
    """Return whether the last mark is flagged, and stamped by a clock that is off by so much."""
    last = stage.heard("mark_price", "bybit", "BTC")[-1].payload
    off = abs(last["timestamp"] - last["received_at"] - milliseconds) < 200
    return off and last["flags"] == ["clock_skew"]


def test_every_metric_of_streams_is_there_and_has_moved(stage: Streamed) -> None:
    """After these faults; only what takes long to happen, or did not happen, is still at zero."""
    seen = {key[0] for key, value in stage.service.metrics().items() if value}
    names = {name for name in METRICS if name.startswith(("stream_", "tap_", "transport_"))}
    still = {name for name in names if not {name, name + "_total"} & seen}
    patient = {"stream_round_trip_seconds", "stream_mismatches", "stream_reconnects"}
    assert still - patient <= {"tap_dropped", "tap_errors"}
