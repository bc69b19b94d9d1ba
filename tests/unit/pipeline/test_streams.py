"""Who writes a value: a stream as long as it is sound, polls when it is not; and one of them at a time."""

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, Bench, S

from microstream.model.line import Line

SOL, BTC = contract("bybit", "SOLUSDT"), contract("bybit", "BTCUSDT")
BINANCE = contract("binance", "SOLUSDT")
MARKS = {"mark_price": 10 * S}


@pytest.fixture
def line(bench: Bench) -> Line:
    """A line that brings all values of SOL, of which prices are published."""
    bench.follow(SOL, intervals=MARKS)
    return bench.line(SOL)


def last(bench: Bench, channel: str = "meta:mark_price:bybit:solusdt") -> tuple[object, str, list[str]]:
    """Return what a channel says now: mark (or open interest), source and flags."""
    payload = dict(bench.offered)[channel]
    return payload.get("mark_price", payload.get("open_interest")), payload["source"], payload["flags"]


def test_polls_write_until_the_stream_speaks(bench: Bench, line: Line) -> None:
    """Then the stream is in charge, and polls compare only."""
    assert bench.one(SOL, NOON, mark=150.0)["source"] == "rest"
    (payload,) = bench.stream(line, SOL, NOON + S, mark=150.1)
    assert (payload["mark_price"], payload["source"], payload["flags"]) == (150.1, "ws", [])
    assert bench.hear(SOL, NOON + 2 * S, mark=150.2) == []
    assert bench.stream(line, SOL, NOON + 3 * S, mark=150.3)[0]["source"] == "ws"
    assert bench.quality() == []


def test_polls_take_over_what_a_stream_has_lost_and_give_it_back(bench: Bench, line: Line) -> None:
    """At once, without a flag: there was no gap."""
    bench.stream(line, SOL, NOON, mark=150.0)
    bench.pipeline.lines.lost("bybit", [line.topic])
    payload = bench.one(SOL, NOON + S, mark=150.1)
    assert (payload["source"], payload["flags"]) == ("rest", [])
    assert bench.stream(line, SOL, NOON + 2 * S, mark=150.2)[0]["source"] == "ws"
    assert bench.hear(SOL, NOON + 3 * S, mark=150.1) == []


def test_a_muted_stream_is_stale_by_its_deadline_until_polls_take_over(bench: Bench) -> None:
    """The stream delivers and then stops; a poll ends the gap, and the next frame ends the silence."""
    bench.follow(BINANCE, intervals=MARKS)
    line = bench.line(BINANCE, quiet_ms=5 * S)
    channel = "meta:mark_price:binance:solusdt"
    bench.stream(line, BINANCE, NOON, mark=150.0)
    bench.ticks(NOON + S, NOON + 5 * S)
    assert last(bench, channel) == (150.0, "ws", [])
    bench.tick(NOON + 6 * S)
    assert last(bench, channel) == (150.0, "ws", ["stale"])
    assert bench.renewed == [line.topic]
    bench.hear(BINANCE, NOON + 7 * S, mark=150.5)
    assert last(bench, channel) == (150.5, "rest", ["recovered"])
    bench.hear(BINANCE, NOON + 10 * S, mark=150.6)
    assert last(bench, channel) == (150.6, "rest", [])
    bench.stream(line, BINANCE, NOON + 11 * S, mark=150.7)
    assert last(bench, channel) == (150.7, "ws", [])
    assert bench.pipeline.quality.open == {}


def test_what_the_snapshot_of_a_stream_lacks_is_left_to_polls(bench: Bench) -> None:
    """Open interest that the new connection does not bring goes on by polls, whatever the old one brought."""
    bench.follow(SOL, intervals={**MARKS, "oi": 15 * S})
    line = bench.line(SOL)
    channel = "meta:oi:bybit:solusdt"
    bench.stream(line, SOL, NOON, mark=150.0, oi=1000.0)
    bench.hear(SOL, NOON + S, oi=1001.0)
    assert last(bench, channel) == (1000.0, "ws", [])
    bench.pipeline.lines.lost("bybit", [line.topic])
    bench.stream(line, SOL, NOON + 2 * S, mark=150.1)
    bench.hear(SOL, NOON + 3 * S, oi=1002.0)
    assert last(bench, channel) == (1002.0, "rest", [])
    for second in range(4, 120):
        bench.stream(line, SOL, NOON + second * S, mark=150.0 + second / 100)
        bench.tick(NOON + second * S)
        if second % 15 == 0:
            bench.hear(SOL, NOON + second * S, oi=1002.0, period_ms=15 * S)
    assert last(bench, channel) == (1002.0, "rest", [])
    assert bench.quality() == []


def test_a_number_that_is_none_hands_a_value_to_the_polls(bench: Bench, line: Line) -> None:
    """The rest of the frame counts; the next number of the stream takes the value back."""
    bench.stream(line, SOL, NOON, mark=150.0, index=150.0)
    bench.stream(line, SOL, NOON + S, mark="NaN", index=150.1)
    assert last(bench) == (150.0, "ws", ["out_of_range"])
    bench.hear(SOL, NOON + 2 * S, mark=150.2)
    assert last(bench) == (150.2, "rest", ["out_of_range"])  # what the stream says is kept out still
    bench.stream(line, SOL, NOON + 3 * S, mark=150.3, index=150.3)
    assert last(bench) == (150.3, "ws", [])
    assert bench.quality() == [
        ("solusdt", "out_of_range", "raised", "mark"),
        ("solusdt", "out_of_range", "cleared", "mark"),
    ]


@pytest.mark.parametrize("price", ["NaN", "0", "-3", "1e15"])
def test_what_a_poll_says_is_no_fault_of_the_stream_in_charge(bench: Bench, line: Line, price: str) -> None:
    """It is counted; the stream's value is neither flagged nor given up."""
    bench.stream(line, SOL, NOON, mark=150.0)
    for second in range(1, 40):
        bench.stream(line, SOL, NOON + second * S, mark=150.0 + second / 100)
        if second % 10 == 0:
            assert bench.hear(SOL, NOON + second * S, mark=price) == []
        bench.tick(NOON + second * S)
    assert last(bench) == (150.39, "ws", [])
    assert bench.quality() == []


def test_a_kind_that_polls_alone_may_write_is_not_the_streams(line: Line) -> None:
    """Mode poll: neither the stream's values nor its faults count."""
    bench = Bench(polled=frozenset({"mark", "index"}))
    bench.follow(SOL)
    stream = bench.line(SOL)
    assert bench.stream(stream, SOL, NOON, mark=150.0) == []
    assert bench.stream(stream, SOL, NOON + S, mark="NaN") == []
    assert bench.one(SOL, NOON + 2 * S, mark=150.0)["flags"] == []
    assert bench.stream(stream, SOL, NOON + 3 * S, mark=151.0) == []
    assert [payload["source"] for payload in bench.stream(stream, SOL, NOON + 3 * S, rate=0.0001)] == ["ws"]
    assert bench.quality() == []


def test_a_kind_that_streams_alone_may_write_is_not_the_polls(line: Line) -> None:
    """Mode stream: polls for other values neither write, nor compare, nor count against it."""
    bench = Bench(streamed=frozenset({"mark"}))
    bench.follow(SOL, intervals=MARKS)
    stream = bench.line(SOL, quiet_ms=5 * S)
    assert bench.hear(SOL, NOON, mark=150.0) == []
    bench.stream(stream, SOL, NOON + S, mark=150.0)
    for second in (2, 3, 4):
        assert bench.hear(SOL, NOON + second * S, mark=100.0 + second) == []
    assert bench.hear(SOL, NOON + 5 * S, mark="NaN") == []
    assert last(bench) == (150.0, "ws", [])
    bench.ticks(NOON + 5 * S, NOON + 8 * S)
    assert bench.hear(SOL, NOON + 9 * S, mark=150.0) == []
    assert last(bench) == (150.0, "ws", ["stale"])


@pytest.mark.parametrize("offset_ms", [5 * S, -5 * S])
def test_a_clock_that_is_off_is_no_trouble_of_a_stream(bench: Bench, line: Line, offset_ms: int) -> None:
    """Stamps of stream and poll are off alike: values flow, flagged for the clock and nothing else."""
    bench.stream(line, SOL, NOON, time=NOON + offset_ms, mark=150.0)
    bench.pipeline.clock("bybit", offset_ms, 50, NOON)
    for second in range(1, 90):
        at = NOON + second * S
        values = {"mark": 150.0 + second / 100, "index": 150.0}
        assert len(bench.stream(line, SOL, at, time=at + offset_ms, **values)) == 1
        if second % 10 == 0:
            assert bench.hear(SOL, at + 50, time=at + 50 + offset_ms, **values) == []
        bench.tick(at)
    said = [payload for channel, payload in bench.offered if channel.startswith("meta:mark_price")]
    assert {tuple(payload["flags"]) for payload in said[1:]} == {("clock_skew",)}
    assert set(said[0]["flags"]) <= {"clock_skew"}
    assert {payload["source"] for payload in said} == {"ws"}
    assert bench.quality() == [("*", "clock_skew", "raised", None)]


def test_a_stream_that_lags_behind_its_deadline_is_stale_and_left_to_the_polls(bench: Bench) -> None:
    """Frames that arrive ten seconds late by the venue's clock do not push away what polls say now."""
    bench.follow(BINANCE, intervals=MARKS)
    line = bench.line(BINANCE, quiet_ms=5 * S)
    bench.pipeline.clock("binance", 20, 20, NOON)
    channel = "meta:mark_price:binance:solusdt"
    bench.stream(line, BINANCE, NOON, mark=150.0)
    for second in range(10, 60):
        at = NOON + second * S
        bench.stream(line, BINANCE, at, time=at - 10 * S, mark=150.0 + (second - 10) / 100)
        if second < 14:
            assert last(bench, channel)[1:] == ("ws", ["stale"])
        if second % 10 == 4:
            bench.hear(BINANCE, at, mark=150.0 + second / 100)
        if second > 14:
            assert last(bench, channel)[1] == "rest"
            assert "stale" not in last(bench, channel)[2]
        bench.tick(at)
    bench.stream(line, BINANCE, NOON + 60 * S, mark=151.0)
    assert last(bench, channel) == (151.0, "ws", [])
    stale = [entry[2] for entry in bench.quality("stale")]
    assert stale == ["raised", "cleared"]


def test_a_lagging_stream_is_better_than_nothing(bench: Bench) -> None:
    """When no poll has anything newer its values are published, flagged."""
    bench.follow(BINANCE, intervals=MARKS)
    line = bench.line(BINANCE, quiet_ms=5 * S)
    bench.pipeline.clock("binance", 20, 20, NOON)
    bench.hear(BINANCE, NOON, mark=149.0)
    for second in range(20, 50):
        at = NOON + second * S
        bench.stream(line, BINANCE, at, time=at - 10 * S, mark=150.0 + second / 100)
        bench.tick(at)
    assert last(bench, "meta:mark_price:binance:solusdt") == (150.49, "ws", ["stale"])


def test_stamps_do_not_run_back_after_a_reconnection(bench: Bench, line: Line) -> None:
    """What is older than the last word is left out; the value goes on when the stamps have caught up."""
    bench.stream(line, SOL, NOON + 10 * S, mark=150.0)
    bench.pipeline.lines.lost("bybit", [line.topic])
    stamps = []
    for second in range(11, 20):
        at = NOON + second * S
        stamps += [
            payload["timestamp"]
            for payload in bench.stream(line, SOL, at, time=at - 4 * S, mark=150.0 + second)
        ]
        stamps += [payload["timestamp"] for payload in bench.tick(at)]
    assert stamps == sorted(stamps)
    assert stamps[0] == NOON + 10 * S
    assert last(bench)[1] == "ws"


def test_a_suspended_contract_comes_back_by_the_stream(bench: Bench, line: Line) -> None:
    """Its last value stays, flagged; the subscription that is made when it is live again takes it up."""
    bench.stream(line, SOL, NOON, mark=150.0)
    bench.pipeline.update(replace(SOL, status="suspended"), NOON + S)
    bench.pipeline.lines.remove(line, NOON + S)
    assert bench.stream(line, SOL, NOON + 2 * S, mark=1.0) == []
    assert bench.tick(NOON + HOUR) == []
    assert last(bench) == (150.0, "ws", ["stale"])
    bench.pipeline.update(SOL, NOON + HOUR)
    fresh = bench.line(SOL)
    bench.ticks(NOON + HOUR, NOON + HOUR + 3 * S)
    (payload,) = bench.stream(fresh, SOL, NOON + HOUR + 4 * S, mark=150.0)
    assert (payload["source"], payload["flags"]) == ("ws", ["recovered"])
    assert bench.quality() == []


def test_a_contract_that_is_followed_again_does_not_know_its_old_stream(bench: Bench, line: Line) -> None:
    """Polls write its values until it is attached to a line."""
    bench.stream(line, SOL, NOON, mark=150.0)
    bench.pipeline.unfollow(SOL.key, NOON + S)
    bench.follow(SOL, at=NOON + 2 * S)
    assert bench.state(SOL).lines == {}
    assert bench.one(SOL, NOON + 3 * S, mark=151.0)["source"] == "rest"
    bench.pipeline.attach(line, [SOL, BTC], ["mark"])
    bench.stream(line, SOL, NOON + 4 * S, mark=152.0)
    assert bench.hear(SOL, NOON + 5 * S, mark=152.0) == []


def test_two_rows_of_one_contract_in_a_frame_are_taken_in_the_order_of_their_stamps(
    bench: Bench, line: Line
) -> None:
    """The second is no news if it is older than the first."""
    bench.stream(line, SOL, NOON, mark=150.0)
    frame = bench.frame(SOL, NOON + S, NOON + 900, "ws", mark=151.0)
    frame.mark(SOL, NOON + 800, "152.0")
    bench.pipeline.push_frame(frame)
    assert last(bench) == (151.0, "ws", [])


def test_the_streams_of_a_venue_that_stop_together_are_told_once(bench: Bench) -> None:
    """Under `*`, and each value is flagged all the same."""
    bench.follow(SOL, BTC, intervals=MARKS)
    lines = [bench.line(item, topic=item.name, quiet_ms=5 * S) for item in (SOL, BTC)]
    for line, item in zip(lines, (SOL, BTC), strict=True):
        bench.stream(line, item, NOON, mark=150.0)
    bench.ticks(NOON + S, NOON + 8 * S)
    assert bench.quality("stale") == [("*", "stale", "raised", "mark_price")]
    flags = {channel: payload["flags"] for channel, payload in bench.offered if channel.startswith("meta")}
    assert flags == {
        key: ["stale"] for key in ("meta:mark_price:bybit:solusdt", "meta:mark_price:bybit:btcusdt")
    }
    for item in (SOL, BTC):
        bench.hear(item, NOON + 9 * S, mark=150.0)
    bench.tick(NOON + 10 * S)
    assert bench.quality("stale")[1:] == [("*", "stale", "cleared", "mark_price")]


def test_one_stream_that_stops_beside_polled_values_is_told_alone(bench: Bench) -> None:
    """Polls prove that the venue is there, however much time they take."""
    bench.follow(SOL, BTC, intervals=MARKS)
    line = bench.line(SOL, quiet_ms=5 * S)
    bench.stream(line, SOL, NOON, mark=150.0)
    bench.hear(BTC, NOON, mark=90_000.0)
    bench.ticks(NOON + S, NOON + 8 * S)
    assert bench.quality("stale") == [("solusdt", "stale", "raised", "mark_price")]


def test_a_stream_that_speaks_on_change_alone_is_not_believed_for_ever(bench: Bench) -> None:
    """It vouches for a minute; polls may write then, and without them the value is stale."""
    bench.follow(SOL, intervals={"oi": 15 * S})
    line = bench.line(SOL, kinds=["open_interest"], lively_ms=60 * S, quiet_ms=None)
    bench.stream(line, SOL, NOON, oi=1000.0)
    repeated = bench.ticks(NOON + S, NOON + 60 * S)
    assert len(repeated) >= 2
    assert {tuple(payload["flags"]) for payload in repeated} == {()}
    bench.hear(SOL, NOON + 60 * S, oi=1000.0)
    bench.ticks(NOON + 61 * S, NOON + 110 * S)
    assert last(bench, "meta:oi:bybit:solusdt") == (1000.0, "ws", ["stale"])
    bench.hear(SOL, NOON + 111 * S, oi=1001.0)
    assert last(bench, "meta:oi:bybit:solusdt") == (1001.0, "rest", ["recovered"])
    bench.stream(line, SOL, NOON + 112 * S, oi=1002.0)
    assert last(bench, "meta:oi:bybit:solusdt") == (1002.0, "ws", [])
    assert bench.pipeline.quality.open == {}
