"""Bybit's ticker frames: snapshots, deltas, late frames, answers, and the traps of its WebSocket by their number."""

import json
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Names
from microstream.errors import Desynced, WireMismatch
from microstream.model.events import AnyEvent, FundingRate, IndexPrice, MarkPrice, OpenInterest
from microstream.model.frame import EMPTY, LATE, Frame
from microstream.spec.rest import Context
from microstream.spec.stream import Refused, Session

VENUE = venues.load("bybit")
AT = 1795320931000
WHOLE = {
    "markPrice": "84000.1",
    "indexPrice": "84010.2",
    "fundingRate": "0.0001",
    "nextFundingTime": "1795334400000",
    "fundingIntervalHour": "8",
    "fundingCap": "0.005",
    "openInterest": "200",
    "openInterestValue": "16800020",
    "singleOpenInterest": "100",
    "singleOpenInterestValue": "8400010",
}


def push(kind: str, data: dict[str, Any], *, cs: int = 100, symbol: str = "BTCUSDT", ts: int = AT) -> bytes:
    """Return a frame of a tickers topic."""
    head = {
        "topic": f"tickers.{symbol}",
        "type": kind,
        "data": {"symbol": symbol, **data},
        "cs": cs,
        "ts": ts,
    }
    return json.dumps(head).encode()


def take(session: Session, data: bytes) -> list[AnyEvent]:
    """Return what one more frame of a connection says."""
    names = Names(VENUE, None)
    frame = Frame("ws", AT, "ws")
    session.on_frame(data, Context(names, names.indexes), frame)
    assert {reject.reason for reject in frame.rejects} <= {EMPTY, LATE}
    return frame.events


def of(kind: type[AnyEvent], events: list[AnyEvent]) -> Any:
    """Return the only event of a kind."""
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


def test_delta_completes_what_it_leaves_out() -> None:
    """Trap 4: an absent field is unchanged; only groups that the frame touches are said again, with its time."""
    session = VENUE.session()
    assert len(take(session, push("snapshot", WHOLE))) == 4
    prices = take(session, push("delta", {"markPrice": "84001"}, cs=101, ts=AT + 100))
    assert [(type(event), event.price, event.timestamp) for event in prices] == [  # type: ignore[union-attr]
        (MarkPrice, 84001, AT + 100),
        (IndexPrice, 84010.2, AT + 100),
    ]
    funding = of(FundingRate, take(session, push("delta", {"fundingRate": "-0.0002"}, cs=102)))
    assert (funding.rate, funding.settles_at, funding.interval_h) == (-0.0002, 1795334400000, 8)
    assert (funding.cap, funding.floor) == (0.005, -0.005)
    assert take(session, push("delta", {"bid1Price": "84000"}, cs=103)) == []


def test_empty_field_of_a_delta_applies_no_more() -> None:
    """Trap 4: an empty or null field is nothing, unlike an absent one, and stays nothing until it is sent again."""
    session = VENUE.session()
    take(session, push("snapshot", WHOLE))
    assert [type(event) for event in take(session, push("delta", {"indexPrice": ""}, cs=101))] == [MarkPrice]
    assert [type(event) for event in take(session, push("delta", {"markPrice": "84002"}, cs=102))] == [
        MarkPrice
    ]
    assert take(session, push("delta", {"nextFundingTime": None}, cs=103)) == []
    assert take(session, push("delta", {"fundingRate": "0.0002"}, cs=104)) == []
    assert len(take(session, push("delta", {"indexPrice": "84011"}, cs=105))) == 2


def test_snapshot_replaces_everything() -> None:
    """A later snapshot starts anew: what it leaves out is not taken from the frames before."""
    session = VENUE.session()
    take(session, push("snapshot", WHOLE))
    assert len(take(session, push("snapshot", {"markPrice": "84003"}, cs=101))) == 1
    assert [type(event) for event in take(session, push("delta", {"markPrice": "84004"}, cs=102))] == [
        MarkPrice
    ]


def test_delta_with_both_sides_alone() -> None:
    """A delta with the sum of both sides alone outdates the one-sided figure of the snapshot."""
    session = VENUE.session()
    take(session, push("snapshot", WHOLE))
    event = of(OpenInterest, take(session, push("delta", {"openInterest": "220"}, cs=101)))
    assert (event.contracts, event.value) == (110, 8400010)
    event = of(
        OpenInterest,
        take(session, push("delta", {"singleOpenInterest": "111", "openInterest": "222"}, cs=102)),
    )
    assert event.contracts == 111


def test_late_frame_is_dropped() -> None:
    """A frame with a lower cross sequence is late: neither it nor its fields count. An equal one is not late."""
    session = VENUE.session()
    take(session, push("snapshot", WHOLE, cs=100))
    assert take(session, push("delta", {"markPrice": "1", "fundingRate": "0.9"}, cs=99)) == []
    assert take(session, push("snapshot", {"markPrice": "2"}, cs=98)) == []
    event = of(MarkPrice, take(session, push("delta", {"markPrice": "84005"}, cs=100)))
    assert event.price == 84005
    assert of(FundingRate, take(session, push("delta", {"fundingCap": "0.01"}, cs=101))).rate == 0.0001


def test_delta_before_its_snapshot() -> None:
    """A delta alone says too little; the connection recovers with the snapshot, and other contracts are not touched."""
    session = VENUE.session()
    take(session, push("snapshot", WHOLE, symbol="ETHUSDT"))
    for cs in (100, 101):
        with pytest.raises(Desynced, match="BTCUSDT"):
            take(session, push("delta", {"markPrice": "84000"}, cs=cs))
    assert len(take(session, push("delta", {"markPrice": "2800"}, symbol="ETHUSDT", cs=101))) == 2
    assert len(take(session, push("snapshot", WHOLE, cs=102))) == 4
    assert len(take(session, push("delta", {"markPrice": "84000"}, cs=103))) == 2


def test_sessions_share_nothing() -> None:
    """What one connection has seen dies with it."""
    take(VENUE.session(), push("snapshot", WHOLE))
    with pytest.raises(Desynced):
        take(VENUE.session(), push("delta", {"markPrice": "84000"}, cs=101))


@pytest.mark.parametrize(
    "text",
    [
        b'{"success":true,"ret_msg":"","conn_id":"a","req_id":"r1","op":"subscribe"}',
        b'{"success":true,"ret_msg":"subscribe","conn_id":"a","op":"subscribe"}',
        b'{"success":true,"ret_msg":"pong","conn_id":"a","req_id":"p1","op":"ping"}',
        b'{"op":"pong","args":["1795320931000"]}',
        b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"s":"BTCUSDT","p":"1"}]}',
        b'{"topic":"tickers.BTCUSD","type":"delta","data":{"symbol":"BTCUSD","markPrice":"1"},"cs":1,"ts":1}',
        push("snapshot", {"lastPrice": "84000", "highPrice24h": "85000", "usdIndexPrice": "84001"}),
    ],
    ids=["ack", "ack-spot", "pong", "pong-option", "trade", "inverse", "spot"],
)
def test_other_frames_add_nothing(text: bytes) -> None:
    """Traps 8, 15 and 18: answers, other topics, spot tickers under the same name and inverse contracts are no news."""
    assert take(VENUE.session(), text) == []


@pytest.mark.parametrize(
    "reason", ["Invalid topic: tickers.FOO", "error:already subscribed,topic:tickers.BTCUSDT"]
)
def test_refusal(reason: str) -> None:
    """A refused subscription is told in the venue's words."""
    text = {"success": False, "ret_msg": reason, "conn_id": "a", "req_id": "7", "op": "subscribe"}
    answer = VENUE.session().on_frame(json.dumps(text).encode(), Context({}, {}), Frame("ws", AT, "ws"))
    assert answer == Refused("", reason, 7)


@pytest.mark.parametrize(
    "text",
    [b"", b"pong", b"[]", b"5", push("snapshot", {"markPrice": []}), b'{"topic":"tickers.X","data":{}}'],
)
def test_unreadable_frame(text: bytes) -> None:
    """What is no frame, or a ticker of another shape, is a mismatch."""
    with pytest.raises(WireMismatch):
        take(VENUE.session(), text)


def test_unreadable_delta_changes_nothing() -> None:
    """A frame that cannot be read leaves what is known as it was."""
    session = VENUE.session()
    take(session, push("snapshot", WHOLE))
    with pytest.raises(WireMismatch):
        take(session, push("delta", {"markPrice": "1", "indexPrice": {}}, cs=101))
    assert of(MarkPrice, take(session, push("delta", {"indexPrice": "84010.3"}, cs=102))).price == 84000.1


def test_dated_contract_on_the_socket() -> None:
    """Trap 9: a delivery time as ISO text in a dated contract's frame disturbs nothing."""
    data = {
        "markPrice": "85000",
        "deliveryTime": "2027-03-26T08:00:00Z",
        "fundingRate": "",
        "nextFundingTime": "",
    }
    events = take(VENUE.session(), push("snapshot", data, symbol="BTCUSDT-26MAR27"))
    assert [event.key for event in events] == ["bybit:btcusdt-26mar27"]
