"""Streams that are acknowledged and silent, lost or refused: told once, subscribed anew, and over when they speak."""

from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, S

from microstream.model.instruments import Instrument
from microstream.model.line import Line

SOL, BTC = contract("bybit", "SOLUSDT"), contract("bybit", "BTCUSDT")
MANY = tuple(contract("bybit", f"C{number}USDT") for number in range(10))


def confirmed(bench: Bench, item: Instrument, at: int = NOON) -> Line:
    """Follow a contract and return its line, which the venue has just acknowledged."""
    if item.key not in bench.pipeline.states:
        bench.follow(item)
    line = bench.line(item, topic=f"tickers.{item.name}")
    bench.pipeline.lines.confirmed("bybit", line.topic, at)
    return line


def silences(bench: Bench) -> list[tuple[str, str, str | None]]:
    """Return what was told of silent streams: symbol, state, topic."""
    return [
        (symbol, state, about)
        for symbol, _, state, about in bench.quality("silent")
        if about == "streams" or str(about).startswith("tickers")
    ]


def test_a_topic_that_is_confirmed_and_never_speaks_is_silent(bench: Bench) -> None:
    """Told once for its contract, after the time in which usual topics speak."""
    line = confirmed(bench, SOL)
    bench.ticks(NOON, NOON + 5 * S)
    assert silences(bench) == []
    bench.ticks(NOON + 6 * S, NOON + 20 * S)
    assert silences(bench) == [("solusdt", "raised", "tickers.SOLUSDT")]
    assert line.since is None
    message = next(payload for _, payload in bench.offered if payload.get("kind") == "silent")
    assert (message["since"], message["expected"]) == (NOON, 60.0)


def test_a_silent_topic_is_subscribed_anew_again_and_again(bench: Bench) -> None:
    """At once, then every half a minute or so for as long as it says nothing."""
    confirmed(bench, SOL)
    for second in range(120):
        bench.pipeline.lines.confirmed("bybit", "tickers.SOLUSDT", NOON + second * S)
        bench.tick(NOON + second * S)
    assert 3 <= len(bench.renewed) <= 4
    assert len(silences(bench)) == 1


def test_the_first_frame_ends_the_silence(bench: Bench) -> None:
    """And begins a new one when it stays the only one."""
    line = confirmed(bench, SOL)
    bench.ticks(NOON, NOON + 10 * S)
    bench.stream(line, SOL, NOON + 11 * S, mark=150.0)
    assert silences(bench)[1:] == [("solusdt", "cleared", "tickers.SOLUSDT")]
    assert line.since == NOON + 11 * S
    bench.ticks(NOON + 12 * S, NOON + 80 * S)
    assert silences(bench)[2:] == [("solusdt", "raised", "tickers.SOLUSDT")]


def test_one_silent_topic_among_many_is_told_alone(bench: Bench) -> None:
    """The others are not suspected."""
    lines = [confirmed(bench, item) for item in MANY]
    for second in range(1, 40):
        for line, item in zip(lines[1:], MANY[1:], strict=True):
            bench.stream(line, item, NOON + second * S, mark=150.0 + second)
        bench.tick(NOON + second * S)
    assert silences(bench) == [("c0usdt", "raised", "tickers.C0USDT")]


def test_a_venue_whose_streams_are_silent_together_is_told_once(bench: Bench) -> None:
    """For as long as it lasts; what stays silent after that is told by itself."""
    lines = [confirmed(bench, item) for item in MANY]
    bench.ticks(NOON, NOON + 30 * S)
    assert silences(bench) == [("*", "raised", "streams")]
    for second in range(31, 50):
        for line, item in zip(lines[1:], MANY[1:], strict=True):
            bench.stream(line, item, NOON + second * S, mark=150.0 + second)
        bench.tick(NOON + second * S)
    assert silences(bench)[1:] == [("c0usdt", "raised", "tickers.C0USDT"), ("*", "cleared", "streams")]
    bench.stream(lines[0], MANY[0], NOON + 50 * S, mark=150.0)
    bench.tick(NOON + 51 * S)
    assert silences(bench)[3:] == [("c0usdt", "cleared", "tickers.C0USDT")]


def test_a_lost_line_is_not_silent(bench: Bench) -> None:
    """Nothing is awaited before it is confirmed anew."""
    line = confirmed(bench, SOL)
    bench.stream(line, SOL, NOON, mark=150.0)
    bench.pipeline.lines.lost("bybit", ["tickers.SOLUSDT", "tickers.UNKNOWN"])
    bench.ticks(NOON + S, NOON + 100 * S)
    assert silences(bench) == []
    assert bench.renewed == []


def test_a_silent_line_that_is_lost_is_still_silent_when_it_is_back(bench: Bench) -> None:
    """Only what it says ends that."""
    line = confirmed(bench, SOL)
    bench.ticks(NOON, NOON + 10 * S)
    bench.pipeline.lines.lost("bybit", [line.topic])
    bench.ticks(NOON + 11 * S, NOON + 20 * S)
    assert silences(bench) == [("solusdt", "raised", "tickers.SOLUSDT")]
    bench.stream(line, SOL, NOON + 21 * S, mark=150.0)
    assert silences(bench)[1:] == [("solusdt", "cleared", "tickers.SOLUSDT")]


def test_a_refused_topic_is_told_with_the_words_of_the_venue(bench: Bench) -> None:
    """Once, until it speaks after all; it is not silent as well."""
    line = confirmed(bench, SOL)
    bench.ticks(NOON, NOON + 10 * S)
    for second in (11, 12):
        bench.pipeline.lines.refused("bybit", line.topic, "no such topic", "60018", NOON + second * S)
    bench.ticks(NOON + 13 * S, NOON + 60 * S)
    assert bench.quality("refused") == [("solusdt", "refused", "raised", "tickers.SOLUSDT")]
    assert silences(bench)[1:] == [("solusdt", "cleared", "tickers.SOLUSDT")]
    message = next(payload for _, payload in bench.offered if payload.get("kind") == "refused")
    assert (message["observed"], "no such topic" in message["detail"]) == ("60018", True)
    bench.stream(line, SOL, NOON + 61 * S, mark=150.0)
    assert bench.quality("refused")[1:] == [("solusdt", "refused", "cleared", "tickers.SOLUSDT")]


def test_a_topic_of_the_whole_venue_is_told_under_its_star(bench: Bench) -> None:
    """It is about whatever its rows name."""
    bench.follow(SOL, BTC)
    bench.line(SOL, BTC, topic="tickers", whole=False)
    bench.pipeline.lines.confirmed("bybit", "tickers", NOON)
    bench.ticks(NOON, NOON + 10 * S)
    assert silences(bench) == [("*", "raised", "tickers")]


def test_a_line_that_is_no_longer_wanted_leaves_nothing_behind(bench: Bench) -> None:
    """Its conditions end, and the values that it brought are vouched for by nobody."""
    line = confirmed(bench, SOL)
    bench.ticks(NOON, NOON + 10 * S)
    bench.stream(line, SOL, NOON + 11 * S, mark=150.0)
    bench.pipeline.lines.refused("bybit", line.topic, "no", "1", NOON + 12 * S)
    bench.stream(line, SOL, NOON + 13 * S, mark=151.0)
    bench.pipeline.lines.refused("bybit", line.topic, "no", "1", NOON + 14 * S)
    bench.pipeline.lines.remove(line, NOON + 15 * S)
    assert bench.quality("refused")[-1] == ("solusdt", "refused", "cleared", "tickers.SOLUSDT")
    assert bench.pipeline.lines.of == {"bybit": {}}
    assert bench.one(SOL, NOON + 16 * S, mark=160.0)["source"] == "rest"
    bench.ticks(NOON + 17 * S, NOON + 90 * S)
    assert silences(bench)[2:] == []
    bench.pipeline.lines.confirmed("bybit", line.topic, NOON + 91 * S)
    bench.pipeline.lines.lost("bybit", [line.topic])
    bench.pipeline.lines.refused("bybit", "tickers.OTHER", "no", "1", NOON + 92 * S)
    assert bench.quality("refused")[-1] == ("*", "refused", "raised", "tickers.OTHER")
