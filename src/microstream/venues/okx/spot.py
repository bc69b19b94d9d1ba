"""OKX spot: best quotes of the pairs behind followed contracts (venue page, sections 2.3 and 4).

The host is that of the contracts; limits are counted for each endpoint, and this one is asked for spot alone.
"""

from collections.abc import Sequence

from msgspec.json import encode

from microstream.errors import WireMismatch
from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, spot_pair
from microstream.model.units import Text
from microstream.spec.rest import Context, Feed, Poll, Quota, Request
from microstream.spec.spot import Spot
from microstream.spec.stream import Acked, Closing, Control, Endpoint, Ping, Pong, Refused, Topic
from microstream.spec.wire import Body, Rows, request_number
from microstream.venues.okx import limits, wire

FEED = "spot/tickers"
WS_URL = "wss://ws.okx.com:8443"
QUOTAS = (Quota("tickers", limit=20, window_s=2),)
CHANNEL = "tickers"
LIVELY_S = 60.0
"""The pairs that are streamed trade more often than this; a push comes on change alone, so silence proves nothing."""


def pairs(contract: Instrument) -> Sequence[Instrument]:
    """Return the names that the spot pair may have: in the contract's quote, of a dollar contract else in USDT."""
    if contract.tradfi:
        return ()
    quotes = ("USD", "USDT") if contract.quote == "USD" else (contract.quote,)
    base = contract.base
    return [spot_pair("okx", f"{base}-{quote}", base=base, venue_base=base, quote=quote) for quote in quotes]


_ENVELOPE = Body(wire.Envelope)
_TICKERS = Rows(wire.SpotTicker, "instId")
_FRAME = Body(wire.SpotFrame)


def parse_tickers(body: bytes, context: Context, frame: Frame) -> None:
    """Read best bid, best ask and last trade of all pairs, each as of its `ts`."""
    rows = _TICKERS.read(_ENVELOPE.read(body).data, frame)
    if not rows:
        raise WireMismatch("tickers: no pair in it", sample=body)
    for row in rows:
        pair = context.instruments.get(row.instId)
        if pair is not None:
            timestamp = frame.millis(pair, "spot", row.ts)
            frame.spot(pair, timestamp, bid=row.bidPx, ask=row.askPx, last=row.last)


class TickerSession:
    """Reads pushes of the `tickers` channel; one that repeats the last quote of its pair (a trade) adds nothing."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Text, Text]] = {}

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add the quotes of a push, as of the `ts` of its rows."""
        if data.strip() == b"pong":
            return Pong()
        head = _FRAME.read(data)
        if head.event or head.arg.channel != CHANNEL or not isinstance(head.data, list):
            return _control(head)
        frame.topic = _topic(head.arg.instId)
        for row in head.data:
            pair = context.instruments.get(row.instId)
            if pair is None:
                continue
            frame.stamp = frame.millis(pair, "spot", row.ts)
            if self._last.get(row.instId) != (row.bidPx, row.askPx):
                self._last[row.instId] = (row.bidPx, row.askPx)
                frame.spot(pair, frame.stamp, bid=row.bidPx, ask=row.askPx, last=row.last)
        return None


def _topic(name: str) -> str:
    return f"{CHANNEL}:{name}"


def _control(head: wire.SpotFrame) -> Control | None:
    request = request_number(head.id)
    if head.event == "error":
        return Refused(head.code, head.msg, request=request)
    if head.event == "notice":
        return Closing(f"{head.code}: {head.msg}")
    if head.event in {"subscribe", "unsubscribe"}:
        return Acked(request=request, topic=_topic(head.arg.instId))
    return None


def _topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
    if "spot" not in kinds:
        return ()
    return [
        Topic(_topic(name), frozenset({"spot"}), (name,), lively_s=LIVELY_S, quiet_s=None)
        for name in context.instruments
    ]


def _request(operation: str, topics: Sequence[Topic], number: int) -> bytes:
    names = [topic.name.partition(":")[2] for topic in topics]
    args = [{"channel": CHANNEL, "instId": name} for name in names]
    return encode({"id": str(number), "op": operation, "args": args})


ENDPOINTS = (
    Endpoint(
        name="spot",
        base="spot",
        path="/ws/v5/public",
        provides=frozenset({"spot"}),
        topics=_topics,
        session=TickerSession,
        subscribe=lambda topics, number: _request("subscribe", topics, number),
        unsubscribe=lambda topics, number: _request("unsubscribe", topics, number),
        capacity=200,
        cost=lambda _topic: 1,
        batch=100,
        batch_bytes=65_536,
        requests=480,
        requests_s=3600.0,
        ping=Ping(every_s=20.0, text=b"ping", dead_s=60.0),
    ),
)
_REQUEST = Request(FEED, "/api/v5/market/tickers", (("instType", "SPOT"),), costs=(("tickers", 1),))
SPOT = Spot(
    quotas=QUOTAS,
    verdict=limits.verdict,
    poll=Poll(
        "spot",
        frozenset({"spot"}),
        bulk=lambda context: (_REQUEST,) if context.instruments else (),
        sparse=True,
    ),
    feeds={FEED: Feed(parse_tickers)},
    pairs=pairs,
    endpoints=ENDPOINTS,
)
