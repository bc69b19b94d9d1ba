"""What the sessions make of answers, notices and pushes: the control value, the topic and its time."""

import json
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Names
from microstream.errors import Desynced
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context
from microstream.spec.stream import Acked, Closing, Control, Pong, Refused, Session

AT = 1795320931000


def push(venue: str, body: object, session: Session | None = None) -> tuple[Control | None, Frame]:
    """Return what a session answers to one frame, and what it makes of it."""
    spec = venues.load(venue)
    names, frame = Names(spec, None), Frame("ws", AT, "ws")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = (session or spec.session()).on_frame(data, Context(names, names.indexes), frame)
    return answer, frame


def ticker(kind: str, cs: int = 1, ts: int = AT, **data: str) -> dict[str, Any]:
    """Return a frame of Bybit's ticker of BTCUSDT."""
    row = {"symbol": "BTCUSDT", **data}
    return {"topic": "tickers.BTCUSDT", "type": kind, "data": row, "cs": cs, "ts": ts}


MISSING = "Wrong URL or channel:{} doesn't exist. Please use the correct URL, channel and parameters."
OKX_ARG = {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}
ANSWERS = [
    ("binance", {"result": None, "id": 7}, Acked(7)),
    ("binance", {"result": ["btcusdt@markPrice@1s"], "id": 7}, None),
    ("binance", {"code": 2, "msg": "why"}, Refused("2", "why")),
    ("binance", {"code": 3, "msg": "why", "id": 7}, Refused("3", "why", 7)),
    ("binance", {"error": {"code": 2, "msg": "why"}, "id": 7}, Refused("2", "why", 7)),
    ("binance", {"error": {"code": 2, "msg": "why"}, "id": None}, Refused("2", "why")),
    ("bybit", {"success": True, "ret_msg": "", "req_id": "7", "op": "subscribe"}, Acked(7)),
    ("bybit", {"success": True, "ret_msg": "subscribe", "req_id": "7", "op": "subscribe"}, Acked(7)),
    ("bybit", {"success": True, "ret_msg": "", "req_id": "7", "op": "unsubscribe"}, Acked(7)),
    ("bybit", {"success": True, "ret_msg": "", "op": "subscribe"}, None),
    ("bybit", {"success": True, "ret_msg": "pong", "req_id": "ping", "op": "ping"}, Pong()),
    ("bybit", {"op": "pong", "args": ["1795320931000"]}, Pong()),
    ("bybit", {"success": False, "ret_msg": "why", "req_id": "7", "op": "subscribe"}, Refused("", "why", 7)),
    ("bybit", {"success": False, "ret_msg": "why", "req_id": "9" * 30}, Refused("", "why")),
    ("okx", b"pong", Pong()),
    ("okx", {"id": "7", "event": "subscribe", "arg": OKX_ARG}, Acked(topic="mark-price:BTC-USDT-SWAP")),
    ("okx", {"event": "subscribe", "arg": OKX_ARG}, Acked(topic="mark-price:BTC-USDT-SWAP")),
    ("okx", {"id": "7", "event": "unsubscribe", "arg": OKX_ARG}, Acked(7)),
    ("okx", {"event": "unsubscribe", "arg": OKX_ARG}, None),
    ("okx", {"event": "notice", "code": "64008", "msg": "soon"}, Closing("soon")),
    ("okx", {"event": "notice", "code": "1", "msg": "other"}, None),
    ("okx", {"id": "7", "event": "error", "code": "60012", "msg": "why"}, Refused("60012", "why", 7)),
    ("okx", {"event": "error", "code": "60014", "msg": "why"}, Refused("60014", "why")),
]


@pytest.mark.parametrize(("venue", "body", "expected"), ANSWERS)
def test_answers(venue: str, body: object, expected: Control | None) -> None:
    """Every documented answer has its meaning, and is no push."""
    answer, frame = push(venue, body)
    assert answer == expected
    assert (frame.topic, frame.stamp, frame.events, frame.rejects) == (None, None, [], [])


@pytest.mark.parametrize(
    "body", [{"e": "serverShutdown", "E": AT}, {"stream": "x", "data": {"e": "serverShutdown"}}]
)
def test_shutdown_is_announced(body: object) -> None:
    """Binance's event before a restart, wrapped or not, is an announcement."""
    assert isinstance(push("binance", body)[0], Closing)


@pytest.mark.parametrize(
    ("named", "topic"),
    [
        ("index-tickers, instId:NEAR-USDT-SWAP", "index-tickers:NEAR-USDT-SWAP"),
        ("mark-price,instId:BTC-USD_UM-SWAP", "mark-price:BTC-USD_UM-SWAP"),
        ("instruments,instType:FOO", None),
        ("a,instId:B doesn't exist. channel:a,instId:C", None),
    ],
)
def test_okx_names_an_argument_in_its_text_alone(named: str, topic: str | None) -> None:
    """A refusal is about one argument where its text names exactly one."""
    text = MISSING.format(named)
    body = {"id": "7", "event": "error", "code": "60018", "msg": text, "connId": "a"}
    assert push("okx", body)[0] == Refused("60018", text, 7, topic)


UPDATE = {
    "e": "markPriceUpdate",
    "E": AT,
    "s": "BTCUSDT",
    "p": "1",
    "i": "2",
    "r": "0.1",
    "T": AT + 9,
    "st": 1,
}
COIN_M = {**UPDATE, "s": "BTCUSD_PERP", "st": 2}
PUSHES = [
    ("binance", {"stream": "btcusdt@markPrice@1s", "data": UPDATE}, "btcusdt@markPrice@1s", AT, 3),
    ("binance", {"stream": "!markPrice@arr@1s", "data": [COIN_M, UPDATE]}, "!markPrice@arr@1s", AT, 3),
    ("binance", {"stream": "!markPrice@arr@1s", "data": [COIN_M]}, "!markPrice@arr@1s", AT, 0),
    ("binance", {"stream": "!markPrice@arr@1s", "data": []}, "!markPrice@arr@1s", None, 0),
    (
        "binance",
        {"stream": "xusdt@markPrice@1s", "data": {**UPDATE, "p": "NaN"}},
        "xusdt@markPrice@1s",
        AT,
        2,
    ),
    ("binance", UPDATE, None, AT, 3),
    ("binance", {"stream": "btcusdt@aggTrade", "data": {"e": "aggTrade", "E": AT}}, None, None, 0),
    ("bybit", ticker("snapshot", bid1Price="1"), "tickers.BTCUSDT", AT, 0),
    ("bybit", ticker("snapshot", markPrice="NaN", indexPrice="1"), "tickers.BTCUSDT", AT, 1),
    ("bybit", {**ticker("delta"), "data": {"symbol": "BTCUSD"}}, "tickers.BTCUSDT", AT, 0),
    ("bybit", {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": AT, "data": []}, None, None, 0),
    (
        "okx",
        {"arg": OKX_ARG, "data": [{"instId": "BTC-USDT-SWAP", "markPx": "1", "ts": str(AT)}]},
        "mark-price:BTC-USDT-SWAP",
        AT,
        1,
    ),
    (
        "okx",
        {"arg": OKX_ARG, "data": [{"instId": "BTC-USDT-SWAP", "markPx": "NaN", "ts": str(AT)}]},
        "mark-price:BTC-USDT-SWAP",
        AT,
        0,
    ),
    ("okx", {"arg": OKX_ARG, "data": []}, "mark-price:BTC-USDT-SWAP", None, 0),
    ("okx", {"arg": {"channel": "trades", "instId": "B"}, "data": [{"instId": "B"}]}, None, None, 0),
]


@pytest.mark.parametrize(("venue", "body", "topic", "stamp", "events"), PUSHES)
def test_topic_and_time_of_a_push(
    venue: str, body: object, topic: str | None, stamp: int | None, events: int
) -> None:
    """A push of a topic that is read says which and when, whatever is in it; others say nothing."""
    answer, frame = push(venue, body)
    assert answer is None
    assert (frame.topic, frame.stamp, len(frame.events)) == (topic, stamp, events)


def followed(venue: str, name: str) -> Context:
    """Return what is known when one contract is followed."""
    item = venues.load(venue).guess(name)
    assert isinstance(item, Instrument)
    return Context({name: item}, {item.index or "": [item]})


@pytest.mark.parametrize(
    ("venue", "name", "kind"),
    [
        ("binance", "币安人生USDT", "mark"),
        ("bybit", "BTCUSDT", "open_interest"),
        ("okx", "BTC-USDT-SWAP", "index"),
    ],
)
def test_pushes_bear_the_name_of_their_subscription(venue: str, name: str, kind: Any) -> None:
    """What was subscribed is found again in the push, name by name, non-ASCII names too."""
    endpoint = venues.load(venue).endpoints[0]
    (topic,) = endpoint.topics(followed(venue, name), frozenset({kind}))
    request = json.loads(endpoint.subscribe([topic], 5))
    asked = (request.get("params") or request["args"])[0]
    assert topic.name.encode() in endpoint.subscribe([topic], 5) or isinstance(asked, dict)
    body: dict[str, Any] = {"stream": asked, "data": UPDATE}
    if venue == "bybit":
        body = {**ticker("snapshot"), "topic": asked}
    if venue == "okx":
        body = {"arg": asked, "data": []}
    assert push(venue, body)[1].topic == topic.name


def test_a_few_contracts_have_streams_of_their_own() -> None:
    """Binance's message of all is for many contracts; it speaks for whatever its rows name."""
    venue = venues.load("binance")
    contracts = {f"C{n}USDT": venue.guess(f"C{n}USDT") for n in range(51)}
    many = Context({name: item for name, item in contracts.items() if item}, {})
    few = Context(dict(list(many.instruments.items())[:50]), {})
    topics = venue.endpoints[0].topics
    assert [(topic.name, topic.contracts) for topic in topics(many, frozenset({"mark"}))] == [
        ("!markPrice@arr@1s", None)
    ]
    assert len(topics(few, frozenset({"mark"}))) == 50


def test_an_index_topic_is_about_all_contracts_behind_it() -> None:
    """OKX pushes an index once for every contract that it stands behind."""
    venue = venues.load("okx")
    items = [venue.guess(name) for name in ("BTC-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USD_UM_XPERP-310404")]
    known = [item for item in items if item]
    context = Context({item.name: item for item in known}, {"BTC-USD": known})
    (topic,) = venue.endpoints[0].topics(context, frozenset({"index"}))
    assert (topic.name, topic.contracts) == ("index-tickers:BTC-USD", tuple(item.name for item in known))


def test_late_frames_are_counted_and_a_later_snapshot_starts_anew() -> None:
    """Bybit's `cs` grows; a snapshot made after the last frame may begin lower, and deltas go on from there."""
    session = venues.load("bybit").session()
    push("bybit", ticker("snapshot", cs=100, markPrice="1", indexPrice="2"), session)
    _, late = push("bybit", ticker("delta", cs=99, ts=AT + 1, markPrice="9"), session)
    assert (late.topic, late.stamp, late.events) == ("tickers.BTCUSDT", AT + 1, [])
    assert [(reject.symbol, reject.reason, reject.observed) for reject in late.rejects] == [
        ("btcusdt", "sequence_back", "99")
    ]
    assert push("bybit", ticker("snapshot", cs=5, ts=AT, markPrice="9"), session)[1].rejects
    assert (
        len(
            push("bybit", ticker("snapshot", cs=5, ts=AT + 2, markPrice="3", indexPrice="4"), session)[
                1
            ].events
        )
        == 2
    )
    assert len(push("bybit", ticker("delta", cs=6, ts=AT + 3, markPrice="5"), session)[1].events) == 2


def test_desynced_names_its_topic_until_a_snapshot() -> None:
    """Deltas without a snapshot raise again and again; any snapshot ends that."""
    session = venues.load("bybit").session()
    for cs in (100, 101):
        with pytest.raises(Desynced) as error:
            push("bybit", ticker("delta", cs=cs, markPrice="1"), session)
        assert error.value.topic == "tickers.BTCUSDT"
    assert push("bybit", ticker("snapshot", cs=50, markPrice="1", indexPrice="1"), session)[1].events


def test_nothing_is_kept_of_a_contract_that_is_no_longer_followed() -> None:
    """What changed while nobody followed a contract is unknown: its next delta needs a snapshot."""
    session, frame = venues.load("bybit").session(), Frame("ws", AT, "ws")
    push("bybit", ticker("snapshot", markPrice="1", indexPrice="1"), session)
    session.on_frame(json.dumps(ticker("delta", markPrice="2")).encode(), Context({}, {}), frame)
    assert not frame.events
    with pytest.raises(Desynced):
        push("bybit", ticker("delta", indexPrice="3"), session)
