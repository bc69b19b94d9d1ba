"""Binance's WebSocket: topics, requests, and what its frames say (venue page, section 4)."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from msgspec import UNSET, Raw, json

from microstream.model.events import FundingRate, IndexPrice, Kind, MarkPrice
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.units import FIRST_MS, LAST_MS
from microstream.spec.rest import Context, Quota
from microstream.spec.stream import Acked, Closing, Control, Endpoint, Ping, Refused, Topic
from microstream.spec.wire import INF, UNREADABLE, Body, Rows, stamp
from microstream.venues.binance import wire

URL = "wss://fstream.binance.com"
CONNECTS = Quota("connects", limit=300, window_s=300)
USD_M = 1
"""`st` of USD-M rows; all-market streams carry COIN-M rows (2) too since mid-2026."""
MARK_PRICE = "markPrice"
"""Stands in the names of the streams that are read, and of no other."""
UPDATE = "markPriceUpdate"
SHUTDOWN = "serverShutdown"
PRICES: frozenset[Kind] = frozenset({"mark", "index"})
ALL_KINDS: frozenset[Kind] = PRICES | {"funding"}
CADENCE_S = 5.0
"""Silence that is none of a stream that speaks every second."""
EVERYTHING = Topic("!markPrice@arr@1s", ALL_KINDS, None, CADENCE_S, CADENCE_S)
SINGLE_MOST = 50
"""Contracts up to which each has a stream of its own.

A push a second and contract costs more than its row in the message of all, about 15 us against 2 us; that message
has some 600 rows (100 kB a second), which cost most of 1 us each even if nobody follows them.
"""

_decode = json.Decoder(wire.QuickPush, strict=False).decode
_FRAME = Body(wire.PushFrame)
_UPDATES = Rows(wire.MarkPriceUpdate, "s")


def topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
    """Return one stream for all, or one for each of a few contracts. Dated ones have mark and index alone."""
    followed = sorted(context.instruments.values(), key=lambda item: item.name)
    wanted = [item for item in followed if _provided(item) & kinds]
    return [_topic(item) for item in wanted] if len(wanted) <= SINGLE_MOST else [EVERYTHING]


def _provided(instrument: Instrument) -> frozenset[Kind]:
    if not instrument.priced:
        return frozenset()
    return ALL_KINDS if instrument.funds else PRICES


def _topic(instrument: Instrument) -> Topic:
    """Return the stream of one contract: lower case, in UTF-8 as it is. Before launch it may well be silent."""
    name = f"{instrument.name.lower()}@markPrice@1s"
    quiet_s = CADENCE_S if instrument.status == "live" else None
    return Topic(name, _provided(instrument), (instrument.name,), CADENCE_S, quiet_s)


def subscribe(topics: Sequence[Topic], number: int) -> bytes:
    """Return a SUBSCRIBE request; an unknown stream is acknowledged and never speaks."""
    return _request("SUBSCRIBE", topics, number)


def unsubscribe(topics: Sequence[Topic], number: int) -> bytes:
    """Return an UNSUBSCRIBE request."""
    return _request("UNSUBSCRIBE", topics, number)


def _request(method: str, topics: Sequence[Topic], number: int) -> bytes:
    return json.encode({"method": method, "params": [topic.name for topic in topics], "id": number})


class MarkPriceSession:
    """Reads `@markPrice` and `!markPrice@arr` frames, wrapped or raw. Every frame is whole: no state is kept.

    Raw frames do not name their stream: `frame.topic` is then unknown.
    """

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add mark, index and running funding estimate; other events add nothing."""
        try:
            push = _decode(data)
        except UNREADABLE:
            return _read_tolerantly(data, context, frame)
        if MARK_PRICE not in push.stream:
            return _read_tolerantly(data, context, frame)
        rows = push.data if isinstance(push.data, list) else [push.data]
        events, rejects = len(frame.events), len(frame.rejects)
        if not _add(rows, context, frame):
            del frame.events[events:], frame.rejects[rejects:]
            return _read_tolerantly(data, context, frame)
        frame.topic = push.stream
        frame.stamp = stamp(rows[0].E) if rows else None
        return None


def _add(rows: Sequence[Any], context: Context, frame: Frame) -> bool:
    """Add rows as the lax decoder made them; False when one has to be judged by its text.

    The comparisons are false for NaN and infinity, and raise for what is empty or absent.
    """
    find, add = context.instruments.get, frame.events.append
    received_at, source = frame.received_at, frame.source
    for row in rows:
        if row.st is not UNSET:
            if row.st.__class__ is not int:
                return False
            if row.st != USD_M:
                continue
        instrument = find(row.s)
        if instrument is None or row.e != UPDATE:
            continue
        at, mark, index, rate, settles_at = row.E, row.p, row.i, row.r, row.T
        try:
            plain = (
                -INF < mark < INF
                and -INF < index < INF
                and -INF < rate < INF
                and FIRST_MS <= at < LAST_MS
                and FIRST_MS <= settles_at < LAST_MS
            )
        except TypeError:
            plain = False
        if not plain:
            if not all(isfinite(value) for value in (mark, index, rate) if value.__class__ is float):
                return False
            _update(row, instrument, frame)
            continue
        key = instrument.key
        add(MarkPrice(key=key, timestamp=at, received_at=received_at, source=source, price=mark))
        add(IndexPrice(key=key, timestamp=at, received_at=received_at, source=source, price=index))
        add(
            FundingRate(
                key=key,
                timestamp=at,
                received_at=received_at,
                source=source,
                rate=rate,
                settles_at=settles_at,
            )
        )
    return True


def _read_tolerantly(data: bytes, context: Context, frame: Frame) -> Control | None:
    """Read whatever a frame may be: an answer, a push in any shape, rows of which some cannot be used."""
    payload: bytes | Raw = data
    if data.lstrip()[:1] == b"{":
        head = _FRAME.read(data)
        if head.data is UNSET and not head.e:
            return _answer(head)
        if head.data is not UNSET:
            payload = head.data
        if MARK_PRICE in head.stream:
            frame.topic = head.stream
    text = bytes(payload).lstrip()
    rows = _UPDATES.read(b"[" + text + b"]" if text[:1] == b"{" else text, frame)
    if rows and rows[0].e == SHUTDOWN:
        return Closing("the server announces that it shuts down")
    if rows and (frame.topic or rows[0].e == UPDATE):
        frame.stamp = stamp(rows[0].E)
    for row in rows:
        instrument = context.instruments.get(row.s)
        if instrument is not None and row.e == UPDATE and row.st in {UNSET, USD_M}:
            _update(row, instrument, frame)
    return None


def _answer(head: wire.PushFrame) -> Control | None:
    """Return what an answer says; a listing of streams says nothing."""
    request = head.id if isinstance(head.id, int) else None
    error = head.error or (wire.Error(head.code, head.msg) if head.code is not None else None)
    if error is not None:
        return Refused(str(error.code), error.msg, request)
    return Acked(request) if head.result is None and request is not None else None


def _update(row: wire.MarkPriceUpdate | wire.QuickUpdate, instrument: Instrument, frame: Frame) -> None:
    timestamp = frame.millis(instrument, "mark", row.E)
    frame.mark(instrument, timestamp, row.p)
    frame.index(instrument, timestamp, row.i)
    rate = frame.number(instrument, "funding", row.r)
    settles_at = frame.millis(instrument, "funding", row.T)
    if rate is not None and settles_at is not None:
        frame.funding(instrument, timestamp, rate=rate, settles_at=settles_at)


ENDPOINTS = (
    Endpoint(
        name="market",
        base="ws",
        path="/market/stream",  # without its route the address acknowledges and stays silent
        provides=ALL_KINDS,
        topics=topics,
        session=MarkPriceSession,
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        capacity=1000,  # of 1024 streams
        cost=lambda _topic: 1,
        batch=200,
        batch_bytes=16_384,
        requests=5,  # of 10 messages, pings and pongs included
        requests_s=1,
        ping=Ping(every_s=20, text=None, dead_s=30),
        life_s=86_400,
    ),
)
