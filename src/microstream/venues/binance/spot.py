"""Binance spot: best quotes of the pairs behind followed contracts (venue page, sections 2.7 and 4.7).

Rows and pushes carry no time. A host of its own, with limits of its own.
"""

from collections.abc import Sequence

from msgspec.json import encode

from microstream.errors import WireMismatch
from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, spot_pair
from microstream.model.units import Text
from microstream.spec.rest import Context, Feed, Headers, Poll, Quota, Request, header_number
from microstream.spec.spot import Spot
from microstream.spec.stream import Acked, Closing, Control, Endpoint, Ping, Refused, Topic
from microstream.spec.wire import Body, Rows
from microstream.venues.binance import limits, wire
from microstream.venues.binance.instruments import unit_coin

REST_URL = "https://api.binance.com"
WS_URL = "wss://stream.binance.com:9443"
WEIGHT = "spot_weight"
FEED = "spot/bookTicker"
LIVELY_S = 60.0
"""The pairs that are streamed trade more often than this; a push comes on change alone, so silence proves nothing."""


def _used_weight(headers: Headers) -> float | None:
    return header_number(headers, "X-MBX-USED-WEIGHT-1M")


QUOTAS = (Quota(WEIGHT, limit=6000, window_s=60, aligned=True, used=_used_weight),)


def pairs(contract: Instrument) -> Sequence[Instrument]:
    """Return the names that the spot pair may have: of the coin itself (PEPE), else of the unit (1000SATS)."""
    if contract.tradfi:
        return ()
    return [_pair(base, contract.quote) for base in dict.fromkeys((contract.base, contract.venue_base))]


def _pair(venue_base: str, quote: str) -> Instrument:
    base, multiplier = unit_coin(venue_base)
    return spot_pair(
        "binance",
        f"{venue_base}{quote}",
        base=base,
        venue_base=venue_base,
        quote=quote,
        multiplier=multiplier,
    )


_QUOTES = Rows(wire.SpotQuote, "symbol")
_FRAME = Body(wire.SpotFrame)


def parse_book_ticker(body: bytes, context: Context, frame: Frame) -> None:
    """Read best bid and ask of all pairs; a side without orders, and a pair that does not trade, is written as zero."""
    rows = _QUOTES.read(body, frame)
    if not rows:
        raise WireMismatch("bookTicker: no pair in it", sample=body)
    for row in rows:
        pair = context.instruments.get(row.symbol)
        if pair is not None:
            frame.spot(pair, None, bid=_some(row.bidPrice), ask=_some(row.askPrice))


def _some(price: Text) -> Text:
    """Return a price, or nothing for one that consists of zeros."""
    return None if isinstance(price, str) and not price.strip("0.") else price


class BookTickerSession:
    """Reads `<symbol>@bookTicker` frames; a push that repeats the last quote of its pair adds nothing."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Text, Text]] = {}

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add the quote of a push; it has no time, so `frame.stamp` stays None."""
        head = _FRAME.read(data)
        push = head.data
        if isinstance(push, wire.SpotPush) and push.s:
            frame.topic = head.stream
            pair = context.instruments.get(push.s)
            if pair is not None and self._last.get(push.s) != (push.b, push.a):
                self._last[push.s] = (push.b, push.a)
                frame.spot(pair, None, bid=_some(push.b), ask=_some(push.a))
            return None
        return _control(head)


def _control(head: wire.SpotFrame) -> Control | None:
    event = head.data.e if isinstance(head.data, wire.SpotPush) else head.e
    if event == "serverShutdown":
        return Closing("serverShutdown")
    error = head.error or (wire.Error(head.code, head.msg) if head.code is not None else None)
    if error is not None:
        return Refused(str(error.code), error.msg, request=head.id)
    return Acked(request=head.id) if head.id is not None else None


def _topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
    if "spot" not in kinds:
        return ()
    return [
        Topic(f"{name.lower()}@bookTicker", frozenset({"spot"}), (name,), lively_s=LIVELY_S, quiet_s=None)
        for name in context.instruments
    ]


def _request(method: str, topics: Sequence[Topic], number: int) -> bytes:
    return encode({"method": method, "params": [topic.name for topic in topics], "id": number})


ENDPOINTS = (
    Endpoint(
        name="spot",
        base="spot",
        path="/stream",
        provides=frozenset({"spot"}),
        topics=_topics,
        session=BookTickerSession,
        subscribe=lambda topics, number: _request("SUBSCRIBE", topics, number),
        unsubscribe=lambda topics, number: _request("UNSUBSCRIBE", topics, number),
        capacity=1024,
        cost=lambda _topic: 1,
        batch=200,
        batch_bytes=16_384,
        requests=4,  # of five client messages a second one is left for pings and pongs
        requests_s=1.0,
        ping=Ping(every_s=20.0, text=None, dead_s=60.0),
        life_s=86_400.0,
    ),
)
SPOT = Spot(
    quotas=QUOTAS,
    verdict=limits.verdict,
    poll=Poll(
        "spot",
        frozenset({"spot"}),
        bulk=lambda context: (
            (Request(FEED, "/api/v3/ticker/bookTicker", costs=((WEIGHT, 4),)),) if context.instruments else ()
        ),
        sparse=True,
    ),
    feeds={FEED: Feed(parse_book_ticker)},
    pairs=pairs,
    endpoints=ENDPOINTS,
)
