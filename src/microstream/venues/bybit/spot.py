"""Bybit spot: best quotes of the pairs behind followed contracts (venue page, sections 2.4 and 4).

Pairs have the names of linear contracts; host and limit are theirs too.
"""

from collections.abc import Sequence

from msgspec.json import encode

from microstream.errors import WireMismatch
from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, spot_pair
from microstream.model.units import Text
from microstream.spec.rest import Context, Feed, Poll, Request
from microstream.spec.spot import Spot
from microstream.spec.stream import Acked, Control, Endpoint, Ping, Pong, Refused, Topic
from microstream.spec.wire import Body, Rows, request_number
from microstream.venues.bybit import limits, wire
from microstream.venues.bybit.instruments import unit_coin

FEED = "spot/tickers"
WS_URL = "wss://stream.bybit.com"
REPEATED_S = 10.0
"""A level-1 book is sent again every 3 s when nothing changes."""
BOOK = "orderbook.1."


def pairs(contract: Instrument) -> Sequence[Instrument]:
    """Return the names that the spot pair may have: of the coin itself (SHIB), else of the contract's unit."""
    if contract.tradfi:
        return ()
    return [_pair(base, contract.quote) for base in dict.fromkeys((contract.base, contract.venue_base))]


def _pair(venue_base: str, quote: str) -> Instrument:
    base, multiplier = unit_coin(venue_base)
    return spot_pair(
        "bybit", f"{venue_base}{quote}", base=base, venue_base=venue_base, quote=quote, multiplier=multiplier
    )


_ENVELOPE = Body(wire.Envelope)
_QUOTES = Rows(wire.SpotQuote, "symbol")
_FRAME = Body(wire.SpotFrame)


def parse_tickers(body: bytes, context: Context, frame: Frame) -> None:
    """Read best bid, best ask and last trade of all pairs; rows carry no time, the reply has one."""
    envelope = _ENVELOPE.read(body)
    time = frame.clock(envelope.time)
    rows = _QUOTES.read(envelope.result.list, frame) if envelope.result.category == "spot" else []
    if not rows:
        raise WireMismatch("tickers: no spot pair in it", sample=body)
    for row in rows:
        pair = context.instruments.get(row.symbol)
        if pair is not None:
            frame.spot(pair, time, bid=row.bid1Price, ask=row.ask1Price, last=row.lastPrice)


class BookSession:
    """Reads `orderbook.1` frames; a push that repeats the last quote of its pair adds nothing.

    Every push is the whole book of one level: no snapshot to wait for.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[Text, Text]] = {}

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add the quote of a push, as of its `ts`."""
        head = _FRAME.read(data)
        if not head.topic.startswith(BOOK) or not isinstance(head.data, wire.SpotPush):
            return _control(head)
        push = head.data
        frame.topic = head.topic
        pair = context.instruments.get(push.s)
        if pair is None:
            return None
        frame.stamp = frame.millis(pair, "spot", head.ts)
        quote = _best(push.b), _best(push.a)
        if self._last.get(push.s) != quote:
            self._last[push.s] = quote
            frame.spot(pair, frame.stamp, bid=quote[0], ask=quote[1])
        return None


def _best(side: Sequence[wire.SpotLevel]) -> Text:
    return side[0].price if side else None


def _control(head: wire.SpotFrame) -> Control | None:
    request = request_number(head.req_id)
    if head.success is False:
        return Refused(head.op or "subscribe", head.ret_msg, request=request)
    if "pong" in {head.op, head.ret_msg}:
        return Pong()
    return Acked(request=request) if head.success and request is not None else None


def _topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
    if "spot" not in kinds:
        return ()
    return [
        Topic(BOOK + name, frozenset({"spot"}), (name,), lively_s=REPEATED_S, quiet_s=REPEATED_S)
        for name in context.instruments
    ]


def _request(operation: str, topics: Sequence[Topic], number: int) -> bytes:
    return encode({"req_id": str(number), "op": operation, "args": [topic.name for topic in topics]})


ENDPOINTS = (
    Endpoint(
        name="spot",
        base="spot",
        path="/v5/public/spot",
        provides=frozenset({"spot"}),
        topics=_topics,
        session=BookSession,
        subscribe=lambda topics, number: _request("subscribe", topics, number),
        unsubscribe=lambda topics, number: _request("unsubscribe", topics, number),
        capacity=21_000,  # characters of all topics of a connection
        cost=lambda topic: len(topic.name),
        batch=10,
        batch_bytes=21_000,
        requests=10,
        requests_s=1.0,
        ping=Ping(every_s=20.0, text=b'{"op":"ping"}', dead_s=60.0),
    ),
)
_TICKERS = Request(FEED, "/v5/market/tickers", (("category", "spot"),), costs=((limits.REQUESTS, 1),))
SPOT = Spot(
    quotas=limits.QUOTAS,
    verdict=limits.verdict,
    poll=Poll(
        "spot",
        frozenset({"spot"}),
        bulk=lambda context: (_TICKERS,) if context.instruments else (),
        sparse=True,
    ),
    feeds={FEED: Feed(parse_tickers)},
    pairs=pairs,
    endpoints=ENDPOINTS,
)
