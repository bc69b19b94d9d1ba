"""Spot of the venues: names of pairs, and fixtures written after the venues' documents, value by value."""

import json
from pathlib import Path

import pytest
from tests.unit.model.contracts import contract

from microstream import venues
from microstream.errors import WireMismatch
from microstream.model.events import SpotQuote
from microstream.model.frame import EMPTY, Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context
from microstream.spec.spot import Spot
from microstream.spec.stream import Acked, Closing, Control, Endpoint, Pong, Refused, Topic

FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = 1795320940000
FOLLOWED = {
    "binance": ("BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT", "1MBABYDOGEUSDT"),
    "bybit": ("BTCUSDT", "BTCPERP", "SHIB1000USDT", "SOLUSDT"),
    "okx": ("BTC-USDT-SWAP", "BTC-USD-SWAP", "ETH-USDT-SWAP"),
}
QUOTES = {
    "binance": {
        "BTCUSDT": (84001.1, 84001.11, None, None),
        "ETHUSDT": (None, 3001.25, None, None),
        "PEPEUSDT": (0.00001081, 0.00001082, None, None),
        "1000PEPEUSDT": (0.01081, 0.01082, None, None),
        "1MBABYDOGEUSDT": (0.0015, 0.00151, None, None),
    },
    "bybit": {
        "BTCUSDT": (84001.1, 84001.2, 84001.1, 1795320930021),
        "SHIBUSDT": (None, 0.00001201, 0.00001199, 1795320930021),
        "BTCUSDC": (84000.9, 84001.5, 84001.0, 1795320930021),
    },
    "okx": {
        "BTC-USDT": (84001.1, 84001.2, 84001.1, 1795320930012),
        "BTC-USD": (84009.0, 84011.0, 84010.0, 1795320930013),
    },
}
"""Bid, ask, last and time of what the fixtures say, by the pair's name."""
BLANK = {"binance": ["solusdt"], "bybit": [], "okx": ["eth-usdt"]}
"""Pairs whose rows have nothing in them."""
Heard = tuple[str | None, int | None, list[tuple[float | None, ...]], Control | None]
PUSHES: dict[str, list[Heard]] = {
    "binance": [
        (None, None, [], Acked(request=1)),
        ("btcusdt@bookTicker", None, [(84001.1, 84001.11, None)], None),
        ("btcusdt@bookTicker", None, [], None),
        ("ltcbtc@bookTicker", None, [], None),
        ("btcusdt@bookTicker", None, [(84001.2, 84001.21, None)], None),
        (None, None, [], Refused("2", "Invalid request: params must be a list of streams", request=3)),
        (None, None, [], Refused("3", "Invalid JSON", request=4)),
        (None, None, [], Closing("serverShutdown")),
    ],
    "bybit": [
        (None, None, [], Acked(request=1)),
        ("orderbook.1.BTCUSDT", 1795320931000, [(84001.1, 84001.2, None)], None),
        ("orderbook.1.BTCUSDT", 1795320934000, [], None),
        ("orderbook.1.LTCBTC", None, [], None),
        ("orderbook.1.BTCUSDT", 1795320934500, [(None, 84001.2, None)], None),
        (None, None, [], Refused("subscribe", "Invalid topic: orderbook.1.FOO", request=3)),
        (None, None, [], Pong()),
    ],
    "okx": [
        (None, None, [], Acked(request=1, topic="tickers:BTC-USDT")),
        ("tickers:BTC-USDT", 1795320931000, [(84001.1, 84001.2, 84001.1)], None),
        ("tickers:BTC-USDT", 1795320931100, [], None),
        ("tickers:LTC-BTC", None, [], None),
        ("tickers:BTC-USDT", 1795320931300, [(84001.1, 84001.3, 84001.2)], None),
        (
            None,
            None,
            [],
            Refused("60018", "Wrong URL or channel:tickers,instId:FOO-BAR doesn't exist.", request=3),
        ),
        (
            None,
            None,
            [],
            Closing(
                "64008: The connection will soon be closed for a service upgrade. Please reconnect.",
            ),
        ),
        (None, None, [], Pong()),
    ],
}
"""Topic, stamp, quotes and control of each frame of the fixtures, in order."""

every_venue = pytest.mark.parametrize("name", venues.REGISTRY)


def spot_of(name: str) -> Spot:
    """Return the spot market of a venue."""
    spot = venues.load(name).spot
    assert spot is not None
    return spot


def endpoint_of(name: str) -> Endpoint:
    """Return the streams of the spot market of a venue."""
    (endpoint,) = spot_of(name).endpoints
    return endpoint


def context_of(name: str, *names: str) -> Context:
    """Return every pair that followed contracts may have."""
    pairs = [pair for item in names or FOLLOWED[name] for pair in spot_of(name).pairs(contract(name, item))]
    return Context({pair.name: pair for pair in pairs}, {})


def parsed(name: str, body: bytes, *names: str) -> Frame:
    """Return what the parser of the poll makes of a body."""
    (feed,) = spot_of(name).feeds.items()
    frame = Frame(feed[0], AT, "rest")
    feed[1].parse(body, context_of(name, *names), frame)
    return frame


def fixture(name: str, file: str) -> bytes:
    """Return a fixture."""
    return (FIXTURES / name / file).read_bytes()


@pytest.mark.parametrize(
    ("venue", "name", "pairs"),
    [
        ("binance", "BTCUSDT", [("BTCUSDT", "BTC/USDT", 1)]),
        ("binance", "BTCUSDC", [("BTCUSDC", "BTC/USDC", 1)]),
        ("binance", "BTCUSDT_270326", [("BTCUSDT", "BTC/USDT", 1)]),
        ("binance", "1000PEPEUSDT", [("PEPEUSDT", "PEPE/USDT", 1), ("1000PEPEUSDT", "PEPE/USDT", 1e3)]),
        (
            "binance",
            "1MBABYDOGEUSDT",
            [("BABYDOGEUSDT", "BABYDOGE/USDT", 1), ("1MBABYDOGEUSDT", "BABYDOGE/USDT", 1e6)],
        ),
        ("binance", "1INCHUSDT", [("1INCHUSDT", "1INCH/USDT", 1)]),
        ("binance", "币安人生USDT", [("币安人生USDT", "币安人生/USDT", 1)]),
        ("bybit", "BTCPERP", [("BTCUSDC", "BTC/USDC", 1)]),
        ("bybit", "BTCUSDT-26MAR27", [("BTCUSDT", "BTC/USDT", 1)]),
        ("bybit", "SHIB1000USDT", [("SHIBUSDT", "SHIB/USDT", 1), ("SHIB1000USDT", "SHIB/USDT", 1e3)]),
        ("okx", "BTC-USDT-SWAP", [("BTC-USDT", "BTC/USDT", 1)]),
        ("okx", "BTC-USD-SWAP", [("BTC-USD", "BTC/USD", 1), ("BTC-USDT", "BTC/USDT", 1)]),
        ("okx", "BTC-USD_UM_XPERP-310404", [("BTC-USD", "BTC/USD", 1), ("BTC-USDT", "BTC/USDT", 1)]),
        ("okx", "BTC-USDT-270326", [("BTC-USDT", "BTC/USDT", 1)]),
    ],
)
def test_names_of_pairs(venue: str, name: str, pairs: list[tuple[str, str, float]]) -> None:
    """The coin against the contract's quote, the best name first; multipliers stand in the venue's own name."""
    found = spot_of(venue).pairs(contract(venue, name))
    assert [(item.name, item.instrument, item.multiplier) for item in found] == pairs
    assert all((item.kind, item.settle, item.exchange) == ("spot", "", venue) for item in found)
    assert all(item.symbol == item.name.lower() for item in found)


@pytest.mark.parametrize(
    ("venue", "name"), [("binance", "TSLAUSDT"), ("bybit", "XAUUSDT"), ("okx", "TSLA-USDT-SWAP")]
)
def test_stocks_have_no_pair(venue: str, name: str) -> None:
    """What is no coin has no spot market here."""
    assert spot_of(venue).pairs(contract(venue, name, tradfi=True)) == ()


@every_venue
def test_spot_pair_has_a_key_of_its_own(name: str) -> None:
    """A pair and a contract may share a symbol, and never what events and states go by."""
    for item in FOLLOWED[name]:
        followed = contract(name, item)
        for pair in spot_of(name).pairs(followed):
            assert pair.key == f"{name}:spot:{pair.symbol}"
            assert followed.key == f"{name}:{followed.symbol}"


@every_venue
def test_rest_fixture(name: str) -> None:
    """Bid, ask and last of every pair that is asked for, nothing of others, and no guess where a side is empty."""
    frame = parsed(name, fixture(name, "spot-rest-1.json"))
    pairs = {pair.key: pair for pair in context_of(name).instruments.values()}
    found = {}
    for event in frame.events:
        assert isinstance(event, SpotQuote)
        found[pairs[event.key].name] = (event.bid, event.ask, event.last, event.timestamp)
    assert found == QUOTES[name]
    assert [reject.symbol for reject in frame.rejects] == BLANK[name]
    assert {reject.reason for reject in frame.rejects} <= {EMPTY}


def test_binance_spot_has_no_time() -> None:
    """Neither in rows nor in pushes: nothing is put in its place."""
    frame = parsed("binance", fixture("binance", "spot-rest-1.json"))
    assert {event.timestamp for event in frame.events} == {None}
    assert frame.server_time is None


@every_venue
def test_a_part_that_cannot_be_read_spoils_its_quote_alone(name: str) -> None:
    """A bid that is no number is no bid of null; the other pairs go on."""
    text = fixture(name, "spot-rest-1.json").decode()
    bad = {
        "binance": text.replace('"84001.10000000"', '"NaN"'),
        "bybit": text.replace('"84001.2"', '"many"'),
        "okx": text.replace('"84001.2"', '"-"'),
    }[name]
    frame = parsed(name, bad.encode())
    assert len(frame.events) == len(QUOTES[name]) - 1
    assert [one.reason for one in frame.rejects if one.reason != EMPTY] == ["not_a_number"]


@every_venue
def test_a_reply_without_any_pair_is_no_reply(name: str) -> None:
    """An empty list, or another product's, is a body that cannot be read, and not the end of all pairs."""
    empty = {
        "binance": b"[]",
        "bybit": b'{"retCode":0,"result":{"category":"linear","list":[{"symbol":"BTCUSDT"}]},"time":1795320930021}',
        "okx": b'{"code":"0","data":[]}',
    }[name]
    with pytest.raises(WireMismatch):
        parsed(name, empty)


@every_venue
def test_frames(name: str) -> None:
    """Topic, time and quote of every push; what repeats the last quote is no event; answers of the venue by kind."""
    session = endpoint_of(name).session()
    heard: list[Heard] = []
    for line in fixture(name, "spot-ws-1.jsonl").splitlines():
        frame = Frame("ws", AT, "ws")
        control = session.on_frame(line, context_of(name), frame)
        quotes = [(one.bid, one.ask, one.last) for one in frame.events if isinstance(one, SpotQuote)]
        assert [one.timestamp for one in frame.events] == [frame.stamp] * len(quotes)
        heard.append((frame.topic, frame.stamp, list(quotes), control))
    assert heard == PUSHES[name]


@every_venue
def test_a_quote_is_told_again_when_its_pair_joins(name: str) -> None:
    """A push that nobody wanted is not remembered as said."""
    session = endpoint_of(name).session()
    push = fixture(name, "spot-ws-1.jsonl").splitlines()[1]
    for context, count in ((Context({}, {}), 0), (context_of(name), 1), (context_of(name), 0)):
        frame = Frame("ws", AT, "ws")
        session.on_frame(push, context, frame)
        assert len(frame.events) == count


@pytest.mark.parametrize(
    ("name", "topic", "subscribe", "unsubscribe"),
    [
        (
            "binance",
            "btcusdt@bookTicker",
            {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 7},
            {"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 7},
        ),
        (
            "bybit",
            "orderbook.1.BTCUSDT",
            {"req_id": "7", "op": "subscribe", "args": ["orderbook.1.BTCUSDT"]},
            {"req_id": "7", "op": "unsubscribe", "args": ["orderbook.1.BTCUSDT"]},
        ),
        (
            "okx",
            "tickers:BTC-USDT",
            {"id": "7", "op": "subscribe", "args": [{"channel": "tickers", "instId": "BTC-USDT"}]},
            {"id": "7", "op": "unsubscribe", "args": [{"channel": "tickers", "instId": "BTC-USDT"}]},
        ),
    ],
)
def test_streams_are_asked_for_as_documented(
    name: str, topic: str, subscribe: object, unsubscribe: object
) -> None:
    """One topic a pair, about that pair, in the venue's own words."""
    endpoint = endpoint_of(name)
    first: Instrument = next(iter(context_of(name).instruments.values()))
    topics = endpoint.topics(Context({first.name: first}, {}), frozenset({"spot"}))
    assert [(one.name, one.provides, one.contracts) for one in topics] == [
        (topic, frozenset({"spot"}), (first.name,))
    ]
    assert json.loads(endpoint.subscribe(topics, 7)) == subscribe
    assert json.loads(endpoint.unsubscribe(topics, 7)) == unsubscribe
    assert endpoint.topics(context_of(name), frozenset({"mark"})) == ()
    assert endpoint.base == "spot"
    assert venues.load(name).spot_ws_url.startswith("wss://")


@pytest.mark.parametrize(("name", "key"), [("bybit", "req_id"), ("okx", "id")])
def test_a_number_too_long_to_be_ours_is_no_request(name: str, key: str) -> None:
    """Python refuses to read numbers of more than 4,300 digits; a refusal that bears one is still a refusal."""
    body = {"success": False, "event": "error", "op": "subscribe", key: "9" * 5000}
    refusal = (
        endpoint_of(name)
        .session()
        .on_frame(json.dumps(body).encode(), Context({}, {}), Frame("ws", AT, "ws"))
    )
    assert isinstance(refusal, Refused)
    assert refusal.request is None


def test_bybit_takes_ten_topics_a_request() -> None:
    """And 21,000 characters of topics on a connection."""
    endpoint = endpoint_of("bybit")
    topic = Topic("orderbook.1.BTCUSDT", frozenset({"spot"}), ("BTCUSDT",), 10.0, 10.0)
    assert (endpoint.batch, endpoint.capacity, endpoint.cost(topic)) == (10, 21_000, 19)


@every_venue
def test_the_poll_is_one_request_that_is_paid(name: str) -> None:
    """All pairs at once, from a quota that is declared; nothing where nothing is followed."""
    spot = spot_of(name)
    assert spot.poll.bulk is not None
    (request,) = spot.poll.bulk(context_of(name))
    limits = {quota.name: quota.limit for quota in spot.quotas}
    assert all(0 < cost <= limits[quota] for quota, cost in request.costs)
    assert request.costs
    assert request.feed in spot.feeds
    assert request.feed not in venues.load(name).feeds
    assert not spot.poll.bulk(Context({}, {}))
