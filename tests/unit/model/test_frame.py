"""Frame: what a reply says, good and bad."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract

from microstream.model.events import FundingRate, FundingSettled, IndexPrice, MarkPrice, OpenInterest
from microstream.model.frame import SHOWN, Frame, Reject, parts_of

SOL = contract("okx", "SOL-USDT-SWAP")


@pytest.fixture
def frame() -> Frame:
    """A reply that has said nothing yet."""
    return Frame("mark-price", NOON, "rest")


def test_prices_become_events(frame: Frame) -> None:
    """Mark and index under the contract's key, with both times."""
    frame.mark(SOL, NOON - 7, "150.25")
    frame.index(SOL, None, "150.125")
    head: dict[str, Any] = {"key": "okx:sol-usdt", "received_at": NOON, "source": "rest"}
    assert frame.events == [
        MarkPrice(timestamp=NOON - 7, price=150.25, **head),
        IndexPrice(timestamp=None, price=150.125, **head),
    ]


def test_absent_prices_say_nothing(frame: Frame) -> None:
    """No event; of a live contract it is noted, once a value."""
    frame.mark(SOL, NOON, "")
    frame.index(SOL, NOON, None)
    frame.mark(replace(SOL, status="prelaunch"), NOON, "")
    assert frame.events == []
    assert [(reject.kind, reject.reason) for reject in frame.rejects] == [
        ("mark", "empty"),
        ("index", "empty"),
    ]


def test_malformed_numbers_are_noted(frame: Frame) -> None:
    """What was carried and cannot be used is no value and one reject, cut to a readable length."""
    frame.mark(SOL, NOON, "NaN")
    assert frame.number(SOL, "funding", "x" * 500) is None
    assert frame.millis(SOL, "settled", "yesterday") is None
    frame.reject("y" * 500, None, "not_listed", "")
    assert frame.events == []
    assert frame.rejects == [
        Reject("sol-usdt", "mark", "not_a_number", "NaN"),
        Reject("sol-usdt", "funding", "not_a_number", "x" * SHOWN),
        Reject("sol-usdt", "settled", "not_a_time", "yesterday"),
        Reject("y" * SHOWN, None, "not_listed", ""),
    ]


def test_intervals_are_hours_or_nothing(frame: Frame) -> None:
    """Zero hours is no interval; a negative one is a fault."""
    assert frame.hours(SOL, "8") == 8.0
    assert frame.hours(SOL, "0") is None
    assert frame.rejects == []
    assert frame.hours(SOL, "-8") is None
    assert [reject.reason for reject in frame.rejects] == ["not_an_interval"]


def test_the_clock_of_a_reply(frame: Frame) -> None:
    """The venue's clock is kept; a malformed one is noted and leaves it unknown."""
    assert frame.clock(str(NOON)) == NOON
    assert frame.server_time == NOON
    frame.server_time = None
    assert frame.clock("noon") is None
    assert [reject.reason for reject in frame.rejects] == ["not_a_time"]


def test_funding_and_settlements_become_events(frame: Frame) -> None:
    """What a row does not state stays unknown."""
    frame.funding(SOL, NOON, rate=0.0, settles_at=NOON + 1)
    frame.settled(SOL, NOON, rate=-0.0002, settled_at=None)
    head: dict[str, Any] = {"key": "okx:sol-usdt", "timestamp": NOON, "received_at": NOON, "source": "rest"}
    assert frame.events == [
        FundingRate(rate=0.0, settles_at=NOON + 1, interval_h=None, cap=None, floor=None, **head),
        FundingSettled(rate=-0.0002, settled_at=None, **head),
    ]


def test_open_interest_needs_an_amount(frame: Frame) -> None:
    """Contracts or coins make an event; a value alone does not. Zero is an amount."""
    frame.open_interest(SOL, NOON, contracts=None, value=5.0, value_ccy="USD")
    assert frame.events == []
    frame.open_interest(SOL, NOON, contracts=0.0)
    frame.open_interest(SOL, NOON, contracts=None, base=3.0)
    amounts = [(event.contracts, event.base) for event in frame.events if isinstance(event, OpenInterest)]
    assert amounts == [(0.0, None), (None, 3.0)]


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (1, ["aaa", "bb", "c", "d"]),
        (2, ["aaa", "bb", "cd"]),
        (3, ["aaa", "bbc", "d"]),
        (4, ["aaabb", "cd"]),
        (6, ["aaabbc", "d"]),
        (7, ["aaabbcd"]),
        (100, ["aaabbcd"]),
    ],
)
def test_a_frame_is_cut_between_contracts(frame: Frame, size: int, parts: list[str]) -> None:
    """Every part but the last has at least so many events, no contract is cut in two, the rest stays with the first."""
    frame.topic = "all"
    for key in "aaabbcd":
        frame.events.append(MarkPrice(key=key, timestamp=1, received_at=1, source="ws", price=1.0))
    cut = parts_of(frame, size)
    assert ["".join(event.key for event in part.events) for part in cut] == parts
    assert [part.topic for part in cut] == ["all", *[None] * (len(parts) - 1)]
    assert {(part.feed, part.received_at, part.source) for part in cut} == {
        (frame.feed, frame.received_at, frame.source)
    }


def test_a_frame_without_events_is_one_part(frame: Frame) -> None:
    """There is nothing to cut."""
    assert parts_of(frame, 10) == [frame]
