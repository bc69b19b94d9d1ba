"""What is normally heard is told by a look at the last value; whatever is not is left to the close look."""

from typing import Any

import pytest
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, NEXT, Bench, S

from microstream.model.events import AnyEvent, Kind, OpenInterest, SpotQuote
from microstream.model.line import Line
from microstream.pipeline.plain import CLOSER, NEWS_SHIFT, PLAIN

SOL = contract("bybit", "SOLUSDT", rate_cap=0.01, rate_floor=-0.01)
OPEN_INTEREST = {"contracts": 1000.0, "base": 1000.0, "value": 150_000.0}
VALUES: dict[str, Any] = {
    "mark": 150.0,
    "index": 150.0,
    "rate": 0.0001,
    "settled": (0.0002, NOON),
    "oi": OPEN_INTEREST,
}
KINDS: dict[str, Kind] = {
    "mark": "mark",
    "index": "index",
    "rate": "funding",
    "settled": "settled",
    "oi": "open_interest",
}


@pytest.fixture
def line(bench: Bench) -> Line:
    """A line that has said every kind of value of SOL at noon."""
    bench.follow(SOL)
    line = bench.line(SOL, kinds=KINDS.values())
    bench.stream(line, SOL, NOON, **VALUES)
    return line


def look(bench: Bench, name: str, value: object, at: int = NOON + S, **how: Any) -> tuple[int, AnyEvent]:
    """Return what the quick look says of a value, and the value."""
    (event,) = bench.frame(SOL, at, **{"source": "ws", **how}, **{name: value}).events
    return PLAIN[type(event)](bench.state(SOL), event), event


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_is_said_again_is_plain(bench: Bench, line: Line, name: str) -> None:
    """It is kept, as the newest of its kind, and is no news."""
    found, event = look(bench, name, VALUES[name])
    assert found == event.bit
    assert bench.state(SOL).value(KINDS[name]) is event


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mark", 224.9),
        ("index", 100.1),
        ("rate", 0.01),
        ("rate", -0.01),
        ("oi", {**OPEN_INTEREST, "contracts": 1400.0}),
    ],
)
def test_a_value_that_is_near_the_last_one_is_news(
    bench: Bench, line: Line, name: str, value: object
) -> None:
    """Within what no check minds."""
    found, event = look(bench, name, value)
    assert found == event.bit | event.bit << NEWS_SHIFT
    assert bench.state(SOL).value(KINDS[name]) is event


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    "how",
    [
        {"source": "rest"},
        {"time": NOON - 1},
        {"time": NOON + S - 2_001, "at": NOON + S},
        {"time": NOON + S + 901},
        {"time": None},
        {"at": NOON - 1, "time": NOON},
    ],
)
def test_what_is_out_of_order_is_looked_at_closely(
    bench: Bench, line: Line, name: str, how: dict[str, Any]
) -> None:
    """Another way, an earlier or later stamp than the last one and our clock allow, or none where there was one."""
    before = bench.state(SOL).value(KINDS[name])
    assert look(bench, name, VALUES[name], **how)[0] == CLOSER
    assert bench.state(SOL).value(KINDS[name]) is before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mark", 225.1),
        ("mark", 99.0),
        ("mark", 0.0),
        ("mark", -150.0),
        ("index", 500.0),
        ("rate", 0.0101),
        ("rate", -0.0101),
        ("rate", None),
        ("rate", {"rate": 0.0001, "settles_at": NEXT + 8 * HOUR}),
        ("rate", {"rate": 0.0001, "settles_at": None}),
        ("rate", {"rate": 0.0001, "interval_h": 4.0}),
        ("rate", {"rate": 0.0001, "cap": 0.02}),
        ("rate", {"rate": 0.0001, "floor": -0.02}),
        ("settled", (0.0003, NOON)),
        ("settled", (0.0002, NOON + 8 * HOUR)),
        ("oi", {**OPEN_INTEREST, "contracts": 2000.0}),
        ("oi", {**OPEN_INTEREST, "value": None}),
        ("oi", {**OPEN_INTEREST, "base": -1.0}),
    ],
)
def test_what_is_far_from_the_last_one_is_looked_at_closely(
    bench: Bench, line: Line, name: str, value: object
) -> None:
    """And so are other terms, and what was known and is not any more."""
    before = bench.state(SOL).value(KINDS[name])
    assert look(bench, name, value)[0] == CLOSER
    assert bench.state(SOL).value(KINDS[name]) is before


@pytest.mark.parametrize("name", VALUES)
def test_the_first_value_is_looked_at_closely(bench: Bench, name: str) -> None:
    """There is nothing to compare it with."""
    bench.follow(SOL)
    assert look(bench, name, VALUES[name])[0] == CLOSER


def test_a_long_pause_is_plain_for_what_its_stream_says_seldom(bench: Bench, line: Line) -> None:
    """As long as the stream has been sound; prices that pause are looked at."""
    later = NOON + 50 * S
    assert look(bench, "oi", OPEN_INTEREST, later)[0] == OpenInterest.bit
    assert look(bench, "mark", 150.0, later)[0] == CLOSER
    assert look(bench, "rate", 0.0001, NOON + 61 * S)[0] == CLOSER
    line.since = None
    assert look(bench, "rate", 0.0001, later)[0] == CLOSER


def test_limits_that_are_not_looked_up_yet_are_looked_at(bench: Bench, line: Line) -> None:
    """The registry's row has changed: the same rate may be out of range now."""
    bench.pipeline.update(SOL, NOON + S)
    assert look(bench, "rate", 0.0001)[0] == CLOSER


def quote(at: int, bid: float | None, ask: float | None, last: float | None = 150.0) -> SpotQuote:
    """Return a quote of SOL."""
    return SpotQuote(key=SOL.key, timestamp=at, received_at=at, source="ws", bid=bid, ask=ask, last=last)


@pytest.mark.parametrize(
    ("bid", "ask", "last", "found"),
    [
        (149.0, 151.0, 150.0, SpotQuote.bit),
        (149.5, 151.0, 150.0, SpotQuote.bit | SpotQuote.bit << NEWS_SHIFT),
        (151.5, 151.0, 150.0, CLOSER),
        (None, 151.0, 150.0, CLOSER),
        (149.0, 300.0, 150.0, CLOSER),
        (149.0, 151.0, None, CLOSER),
    ],
)
def test_quotes_are_plain_as_long_as_they_are_in_order(
    bench: Bench, line: Line, bid: float | None, ask: float | None, last: float | None, found: int
) -> None:
    """A bid above the ask is not, nor is one side alone."""
    state = bench.state(SOL)
    state.spot = quote(NOON, 149.0, 151.0)
    event = quote(NOON + S, bid, ask, last)
    assert PLAIN[SpotQuote](state, event) == found
    assert (state.spot is event) is (found != CLOSER)


def test_a_flag_that_was_due_but_not_said_is_not_forgotten(bench: Bench) -> None:
    """A mark that is stamped ahead of our clock, and no news, flags what the index publishes next."""
    bench.follow(SOL, intervals={"mark_price": 10 * S})
    line = bench.line(SOL)
    bench.stream(line, SOL, NOON, mark=150.0, index=150.0)
    bench.stream(line, SOL, NOON + 100, time=NOON + 1_300, mark=150.0)
    (payload,) = bench.stream(line, SOL, NOON + 200, index=150.1)
    assert payload["flags"] == ["clock_skew"]
    (payload,) = bench.stream(line, SOL, NOON + 1_500, mark=150.2, index=150.1)
    assert payload["flags"] == []
