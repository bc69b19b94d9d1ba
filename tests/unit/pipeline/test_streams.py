"""Values of streams: how long they hold, and how the silence of streams is told."""

from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, S

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.pipeline.lines import Lines
from microstream.pipeline.quality import Quality

CONTRACTS = [contract("bybit", name) for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BTCPERP")]
MARKS = {"mark_price": 10 * S}


def streamed(bench: Bench, items: list[Instrument], lively_s: int = 60, quiet_s: int = 60) -> list[Line]:
    """Follow contracts whose marks streams bring, and let each speak at noon."""
    bench.follow(*items, intervals=MARKS)
    lines = []
    for item in items:
        line = Line(item.exchange, f"tickers.{item.name}", True, lively_s * S, quiet_s * S)
        bench.pipeline.lines.add(line, [item])
        bench.pipeline.attach(line, [item], ("mark",))
        lines.append(line)
        push(bench, line, item, NOON)
    return lines


def push(bench: Bench, line: Line, item: Instrument, at: int) -> None:
    """Let a stream say a mark."""
    bench.pipeline.lines.heard(line, at, at)
    said = Frame("linear", at, "ws")
    said.mark(item, at, 150.0)
    bench.pipeline.push_frame(said)


def test_a_venue_is_not_stale_while_its_streams_are_sound(bench: Bench) -> None:
    """A stream may rest for longer than three intervals of a poll."""
    streamed(bench, CONTRACTS)
    for second in range(59):
        bench.tick(NOON + second * S)
    assert bench.quality() == []
    bench.tick(NOON + 61 * S)
    assert ("*", "stale", "raised", "mark_price") in bench.quality()


def test_one_stream_s_silence_is_told_though_its_venue_rests(bench: Bench) -> None:
    """What rests within its deadline is no trouble of the whole venue."""
    items = CONTRACTS[:2]
    lines = streamed(bench, items)
    push(bench, lines[1], items[1], NOON + 30 * S)
    for second in range(30, 65):
        bench.tick(NOON + second * S)
    assert (items[0].symbol, "stale", "raised", "mark_price") in bench.quality()
    assert not bench.pipeline.quality.is_open("bybit", "*", "stale", "mark_price")


def test_a_lost_stream_vouches_no_longer(bench: Bench) -> None:
    """Its values are stale three intervals after its end, be its deadline as far as it may."""
    [line] = streamed(bench, CONTRACTS[:1], quiet_s=270)
    bench.tick(NOON + 100 * S)
    bench.pipeline.lines.lost("bybit", [line.topic], NOON + 100 * S)
    bench.tick(NOON + 129 * S)
    assert bench.quality() == []
    bench.tick(NOON + 131 * S)
    assert [one[1:3] for one in bench.quality()] == [("stale", "raised")]


def test_silent_streams_of_a_venue_speak_again_when_they_do(bench: Bench) -> None:
    """Not when the next look finds nothing new to complain about."""
    lines = streamed(bench, CONTRACTS, lively_s=5, quiet_s=5)
    for second in range(1, 20):
        bench.tick(NOON + second * S)
    assert bench.quality("silent") == [("*", "silent", "raised", "streams")]
    for line, item in zip(lines, CONTRACTS, strict=True):
        push(bench, line, item, NOON + 20 * S)
    bench.tick(NOON + 21 * S)
    assert bench.quality("silent")[1:] == [("*", "silent", "cleared", "streams")]


def test_a_stream_is_silent_after_a_few_of_its_own_pauses(bench: Bench) -> None:
    """A minute of frames every second shows its pace; its end does not count as one more pause."""
    items = CONTRACTS[:1]
    [line] = streamed(bench, items, lively_s=5, quiet_s=60)
    for second in range(1, 90):
        push(bench, line, items[0], NOON + second * S)
        bench.tick(NOON + second * S + 1)
    bench.tick(NOON + 94 * S)
    assert bench.quality("silent") == []
    bench.tick(NOON + 95 * S)
    assert [one[2] for one in bench.quality("silent")] == ["raised"]


def test_a_stream_with_long_pauses_may_make_them(bench: Bench) -> None:
    """Four of the longest of its pauses are waited for."""
    items = CONTRACTS[:1]
    [line] = streamed(bench, items, lively_s=5, quiet_s=60)
    for second in range(1, 90):
        if second % 8 == 0:
            push(bench, line, items[0], NOON + second * S)
        bench.tick(NOON + second * S + 1)
    for second in range(90, 118):
        bench.tick(NOON + second * S)
    assert bench.quality("silent") == []
    bench.tick(NOON + 122 * S)
    assert [one[2] for one in bench.quality("silent")] == ["raised"]


def test_each_silence_is_reported_but_not_each_is_subscribed_anew() -> None:
    """Polls take over every time; the venue is asked once in half a minute at most."""
    told: list[tuple[str, str, bool]] = []
    lines = Lines(Quality(lambda _channel, _message: None), lambda *silence: told.append(silence))
    line = Line("bybit", "tickers.BTCUSDT", True, 5 * S, 5 * S)
    lines.add(line, CONTRACTS[:1])
    for second in (0, 10, 40):
        lines.heard(line, NOON + second * S, None)
        lines.tick(NOON + (second + 6) * S)
    assert told == [("bybit", "tickers.BTCUSDT", anew) for anew in (True, False, True)]
