"""Polls beside a stream that is in charge: they agree, speak against it, or show that it keeps something back."""

from typing import Any

import pytest
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import NEXT, Bench, S

from microstream.model.line import Line

SOL, BTC = contract("bybit", "SOLUSDT"), contract("bybit", "BTCUSDT")
MARKS = {"mark_price": 10 * S}
MARK = "meta:mark_price:bybit:solusdt"


@pytest.fixture
def line(bench: Bench) -> Line:
    """A line that brings all values of SOL."""
    bench.follow(SOL)
    return bench.line(SOL)


def both(bench: Bench, line: Line, second: int, streamed: float, polled: float) -> None:
    """Let the stream say one mark and a poll another."""
    bench.stream(line, SOL, NOON + second * S, mark=streamed)
    bench.hear(SOL, NOON + second * S + 100, mark=polled)


def outliers(bench: Bench) -> list[str]:
    """Return what was told about the mark: raised or cleared."""
    return [state for _, _, state, about in bench.quality("outlier") if about == "mark"]


def flags(bench: Bench) -> tuple[str, list[str]]:
    """Return source and flags of the mark now."""
    payload = dict(bench.offered)[MARK]
    return payload["source"], payload["flags"]


def test_two_polls_in_a_row_that_disagree_are_told(bench: Bench, line: Line) -> None:
    """One may be of another moment; the stream's value stays, flagged, until a poll agrees."""
    both(bench, line, 0, 150.0, 151.0)
    assert outliers(bench) == []
    both(bench, line, 10, 150.1, 151.1)
    both(bench, line, 20, 150.2, 151.2)
    assert outliers(bench) == ["raised"]
    assert flags(bench) == ("ws", ["disagrees"])
    message = next(payload for _, payload in bench.offered if payload.get("kind") == "outlier")
    assert (message["observed"], message["expected"]) == ("150.1", "151.1")
    both(bench, line, 30, 150.3, 150.4)
    assert outliers(bench) == ["raised", "cleared"]
    assert flags(bench) == ("ws", [])


def test_an_agreement_between_begins_anew(bench: Bench, line: Line) -> None:
    """Every other poll may be off."""
    for second, polled in enumerate([152.0, 150.0, 153.0, 150.1, 154.0]):
        both(bench, line, 10 * second, 150.0 + second / 100, polled)
    assert outliers(bench) == []


@pytest.mark.parametrize(
    ("kind", "streamed", "polled", "apart"),
    [
        ("mark", 100.0, 100.29, False),
        ("mark", 100.0, 100.31, True),
        ("index", 100.0, 99.6, True),
        ("rate", 0.0001, 0.00012, False),
        ("rate", 0.0001, 0.00013, True),
        ("rate", 0.0001, {"rate": 0.0001, "settles_at": NEXT + 3_600_000}, True),
        ("rate", 0.0001, {"rate": None, "settles_at": NEXT}, False),
        ("oi", 1000.0, 1009.0, False),
        ("oi", 1000.0, 1020.0, True),
        ("oi", {"contracts": 1000.0}, {"contracts": None, "base": 5.0}, False),
    ],
)
def test_how_far_poll_and_stream_may_be_apart(
    bench: Bench, line: Line, kind: str, streamed: object, polled: object, apart: bool
) -> None:
    """They are never of the same moment."""
    for second in (0, 1, 2):
        values: dict[str, Any] = {kind: streamed}
        bench.stream(line, SOL, NOON + second * S, **values)
        bench.hear(SOL, NOON + second * S + 100, **{kind: polled})
    assert bool(bench.quality("outlier")) is apart


def test_a_poll_that_is_frozen_speaks_against_nobody(bench: Bench, line: Line) -> None:
    """The stream moves, the poll says the same again and again, stamped now."""
    for second in range(0, 100, 10):
        both(bench, line, second, 150.0 + second, 150.0)
    assert outliers(bench) == []
    assert flags(bench) == ("ws", [])


def test_a_reply_from_a_cache_speaks_against_nobody(bench: Bench, line: Line) -> None:
    """Its own time is older than the stream's word."""
    for second in range(0, 100, 10):
        at = NOON + second * S
        bench.stream(line, SOL, at, mark=150.0 + second)
        bench.hear(SOL, at + 100, time=at - 6 * S, mark=140.0 + second)
    assert bench.quality() == []


def test_a_stream_that_is_frozen_while_polls_move_gives_its_value_to_them(bench: Bench, line: Line) -> None:
    """Its frames go on, so it is not silent: it is wrong, until it moves."""
    for second in range(0, 60, 10):
        both(bench, line, second, 150.0, 150.0 + second / 10)
    assert flags(bench) == ("rest", [])
    assert bench.quality("frozen") == [("solusdt", "frozen", "raised", "mark")]
    both(bench, line, 60, 156.0, 156.0)
    assert flags(bench) == ("ws", [])
    assert bench.quality("frozen")[1:] == [("solusdt", "frozen", "cleared", "mark")]
    assert bench.pipeline.quality.open == {}


def test_a_stream_that_is_frozen_within_the_tolerance_is_found_too(bench: Bench, line: Line) -> None:
    """Polls that move by a hair each time say as much."""
    for second in range(0, 50, 10):
        both(bench, line, second, 150.0, 150.001 + second / 10_000)
    assert bench.quality() == [("solusdt", "frozen", "raised", "mark")]


def test_a_stream_that_keeps_changes_back_is_taken_for_silent(bench: Bench, line: Line) -> None:
    """A poll that is newer than its last frame is news; after two changes it is told and subscribed anew."""
    bench.stream(line, SOL, NOON, mark=150.0)
    bench.hear(SOL, NOON + 10 * S, mark=152.0)
    assert flags(bench) == ("rest", [])
    assert bench.quality() == []
    bench.hear(SOL, NOON + 20 * S, mark=153.0)
    assert flags(bench) == ("rest", [])
    assert bench.renewed == ["tickers"]
    bench.tick(NOON + 20 * S + 500)  # by then it is known whether others are silent, too
    assert bench.quality() == [("solusdt", "silent", "raised", "tickers")]
    bench.stream(line, SOL, NOON + 21 * S, mark=153.1)
    assert flags(bench)[0] == "ws"
    assert bench.pipeline.quality.open == {}


def test_a_quiet_stream_is_confirmed_by_polls(bench: Bench, line: Line) -> None:
    """They say what it said last, and nothing is told."""
    bench.stream(line, SOL, NOON, mark=150.0)
    for second in range(10, 60, 10):
        bench.hear(SOL, NOON + second * S, mark=150.0)
        bench.tick(NOON + second * S)
    assert flags(bench) == ("ws", [])
    assert bench.offered[-1][1]["received_at"] == NOON + 50 * S
    assert [one for one in bench.quality() if one[3] in {"mark_price", "tickers"}] == []


def test_a_row_that_is_missing_is_no_silence_of_the_others(bench: Bench) -> None:
    """A topic of the whole venue goes on; the poll writes the one contract."""
    bench.follow(SOL, BTC, intervals=MARKS)
    line = bench.line(SOL, BTC, whole=False)
    bench.stream(line, SOL, NOON, mark=150.0)
    for second in (2, 5):
        bench.stream(line, BTC, NOON + second * S, mark=90_000.0)
        bench.hear(SOL, NOON + second * S, mark=152.0 + second)
    assert flags(bench) == ("rest", [])
    assert (line.since, bench.renewed, bench.quality()) == (NOON, [], [])


def test_a_disagreement_ends_when_the_poll_takes_over(bench: Bench, line: Line) -> None:
    """The value that was suspected is gone; what it was suspected of is not held against the next one."""
    both(bench, line, 0, 150.0, 151.0)
    both(bench, line, 1, 150.1, 151.1)
    assert flags(bench) == ("ws", ["disagrees"])
    bench.pipeline.lines.lost("bybit", [line.topic])
    assert bench.one(SOL, NOON + 2 * S, mark=151.2)["flags"] == []
    assert outliers(bench) == ["raised", "cleared"]
    both(bench, line, 3, 151.3, 152.3)
    assert outliers(bench) == ["raised", "cleared"], "one poll alone"


def test_a_disagreement_ends_with_its_contract(bench: Bench, line: Line) -> None:
    """Nothing of it is known to the one that is followed next."""
    both(bench, line, 0, 150.0, 151.0)
    bench.pipeline.unfollow(SOL.key, NOON + S)
    bench.follow(SOL, at=NOON + S)
    bench.pipeline.attach(line, [SOL], ["mark"])
    both(bench, line, 2, 150.0, 151.5)
    assert outliers(bench) == []
