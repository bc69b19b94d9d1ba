"""OKX's WebSocket: topics, requests, and what its frames say (venue page, section 4)."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from msgspec import UNSET, Raw, json

from microstream.model.events import FundingRate, FundingSettled, IndexPrice, Kind, MarkPrice, OpenInterest
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.units import MS_PER_HOUR
from microstream.spec.rest import Context, Quota
from microstream.spec.stream import Acked, Closing, Control, Endpoint, Ping, Pong, Refused, Topic
from microstream.spec.wire import INF, UNREADABLE, Body, moment, request_number, stamp
from microstream.venues.okx import rest, wire

URL = "wss://ws.okx.com:8443"
CONNECTS = Quota("connects", limit=3, window_s=1)
UPGRADE = "64008"
"""Code of the notice that a connection is about to be closed."""
PROVIDES: Mapping[str, frozenset[Kind]] = {
    "mark-price": frozenset({"mark"}),
    "funding-rate": frozenset({"funding", "settled"}),
    "open-interest": frozenset({"open_interest"}),
    "index-tickers": frozenset({"index"}),
}
ALL_KINDS: frozenset[Kind] = frozenset().union(*PROVIDES.values())
SILENCES: Mapping[str, tuple[float, float | None]] = {
    "mark-price": (15, 30),  # every 10 s when unchanged
    "funding-rate": (270, 270),  # every 30 to 90 s
    "open-interest": (60, None),  # when changed, and no other sign of life
    "index-tickers": (90, 180),  # every minute when unchanged
}
"""Seconds without a push of a channel: suspect where pushes are usual, and more than the quietest topic needs."""

_MISSING = re.compile(r"channel: ?([\w-]+), ?instId: ?([\w-]+) doesn't exist", re.ASCII)
_decode = json.Decoder(wire.QuickPush, strict=False).decode
_settlement = lru_cache(maxsize=256)(moment)
_FRAME = Body(wire.PushFrame)
_STAMPS = json.Decoder(list[wire.Stamp])


def topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
    """Return the topics of each index and of the contracts that it stands behind, one after the other.

    Contracts that are not open yet have no channels: one unknown argument may refuse a whole request.
    """
    live = [item for item in context.instruments.values() if item.status == "live"]
    result: list[Topic] = []
    index: str | None = None
    for item in sorted(live, key=lambda item: (item.index or "", item.name)):
        if item.index and item.index != index:
            index = item.index
            behind = tuple(other.name for other in context.indexes.get(index, ()))
            result.append(_topic("index-tickers", index, behind))
        result.append(_topic("mark-price", item.name, (item.name,)))
        if item.funds:
            result.append(_topic("funding-rate", item.name, (item.name,)))
        result.append(_topic("open-interest", item.name, (item.name,)))
    return [topic for topic in result if topic.provides & kinds]


def _topic(channel: str, name: str, contracts: tuple[str, ...]) -> Topic:
    lively_s, quiet_s = SILENCES[channel]
    return Topic(f"{channel}:{name}", PROVIDES[channel], contracts, lively_s, quiet_s)


def subscribe(topics: Sequence[Topic], number: int) -> bytes:
    """Return a subscribe request; each argument is acknowledged by itself."""
    return _request("subscribe", topics, number)


def unsubscribe(topics: Sequence[Topic], number: int) -> bytes:
    """Return an unsubscribe request."""
    return _request("unsubscribe", topics, number)


def _request(operation: str, topics: Sequence[Topic], number: int) -> bytes:
    split = [topic.name.partition(":") for topic in topics]
    args = [{"channel": channel, "instId": name} for channel, _, name in split]
    return json.encode({"id": str(number), "op": operation, "args": args})


class PublicSession:
    """Reads pushes of the public channels. Every push is a full row: no state is kept."""

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add what a push says; other channels add nothing."""
        try:
            push = _decode(data)
        except UNREADABLE:
            return _read_tolerantly(data, context, frame)
        channel, rows = push.arg.channel, push.data
        add = _QUICK.get(channel)
        if add is None:
            return None
        events = len(frame.events)
        for row in rows:
            at = moment(row.ts)
            if at is None or not add(row, at, context, frame):
                del frame.events[events:]
                return _read_tolerantly(data, context, frame)
            frame.stamp = at
        frame.topic = f"{channel}:{push.arg.instId}"
        return None


def _add_mark(row: wire.QuickRow, at: int, context: Context, frame: Frame) -> bool:
    """Add a mark price as the lax decoder made it; False when the row has to be judged by its text."""
    instrument = context.instruments.get(row.instId)
    if instrument is None:
        return True
    price = row.markPx
    if not isinstance(price, float) or not -INF < price < INF:
        return False
    frame.events.append(
        MarkPrice(
            key=instrument.key,
            timestamp=at,
            received_at=frame.received_at,
            source=frame.source,
            price=price,
        )
    )
    return True


def _add_index(row: wire.QuickRow, at: int, context: Context, frame: Frame) -> bool:
    """Add an index price to every contract behind it, as `_add_mark` does."""
    price = row.idxPx
    if not isinstance(price, float) or not -INF < price < INF:
        return False
    for instrument in context.indexes.get(row.instId, ()):
        frame.events.append(
            IndexPrice(
                key=instrument.key,
                timestamp=at,
                received_at=frame.received_at,
                source=frame.source,
                price=price,
            )
        )
    return True


def _add_open_interest(row: wire.QuickRow, at: int, context: Context, frame: Frame) -> bool:
    """Add open interest that is stated in all three units, as `_add_mark` does."""
    instrument = context.instruments.get(row.instId)
    if instrument is None:
        return True
    contracts, base, value = row.oi, row.oiCcy, row.oiUsd
    if not (isinstance(contracts, float) and isinstance(base, float) and isinstance(value, float)):
        return False
    if not (-INF < contracts < INF and -INF < base < INF and -INF < value < INF):
        return False
    frame.events.append(
        OpenInterest(
            key=instrument.key,
            timestamp=at,
            received_at=frame.received_at,
            source=frame.source,
            contracts=contracts,
            base=base,
            value=value,
            value_ccy="USD",
        )
    )
    return True


def _add_funding(row: wire.QuickRow, at: int, context: Context, frame: Frame) -> bool:
    """Add the rate of a settlement that is well ahead, and the one paid last, as `_add_mark` does."""
    instrument = context.instruments.get(row.instId)
    if instrument is None:
        return True
    rate, cap, floor = row.fundingRate, row.maxFundingRate, row.minFundingRate
    if not (isinstance(rate, float) and isinstance(cap, float) and isinstance(floor, float)):
        return False
    if not (-INF < rate < INF and -INF < cap < INF and -INF < floor < INF):
        return False
    coming, after = _settlement(row.fundingTime), _settlement(row.nextFundingTime)
    if coming is None or after is None or not at + rest.SETTLING_MS < coming < after:
        return False
    frame.events.append(
        FundingRate(
            key=instrument.key,
            timestamp=at,
            received_at=frame.received_at,
            source=frame.source,
            rate=rate,
            settles_at=coming,
            interval_h=(after - coming) / MS_PER_HOUR,
            cap=cap,
            floor=floor,
        )
    )
    return _add_settled(row, at, instrument, frame)


def _add_settled(row: wire.QuickRow, at: int, instrument: Instrument, frame: Frame) -> bool:
    rate, settled_at = row.settFundingRate, _settlement(row.prevFundingTime)
    if settled_at is None and row.prevFundingTime is not UNSET:
        return False
    if rate is UNSET or rate == "":
        return True
    if not -INF < rate < INF:
        return False
    frame.events.append(
        FundingSettled(
            key=instrument.key,
            timestamp=at,
            received_at=frame.received_at,
            source=frame.source,
            rate=rate,
            settled_at=settled_at,
        )
    )
    return True


_QUICK: Mapping[str, Callable[[wire.QuickRow, int, Context, Frame], bool]] = {
    "mark-price": _add_mark,
    "index-tickers": _add_index,
    "open-interest": _add_open_interest,
    "funding-rate": _add_funding,
}
_TOLERANT: Mapping[str, Callable[[Raw, Context, Frame], None]] = {
    "mark-price": rest.add_mark,
    "index-tickers": rest.add_index,
    "open-interest": rest.add_open_interest,
    "funding-rate": rest.add_funding,
}


def _read_tolerantly(data: bytes, context: Context, frame: Frame) -> Control | None:
    """Read whatever a frame may be: `pong`, an answer, another channel, rows of which some cannot be used."""
    if data.strip() == b"pong":
        return Pong()
    head = _FRAME.read(data)
    if head.event:
        return _answer(head)
    add = _TOLERANT.get(head.arg.channel)
    if add is None or not isinstance(head.data, Raw):
        return None
    add(head.data, context, frame)
    frame.topic = f"{head.arg.channel}:{head.arg.instId}"
    frame.stamp = _stamp(head.data)
    return None


def _stamp(rows: Raw) -> int | None:
    """Return the time of the last row, if it has one."""
    try:
        times = _STAMPS.decode(rows)
    except UNREADABLE:
        return None
    return stamp(times[-1].ts) if times else None


def _answer(head: wire.PushFrame) -> Control | None:
    """Return what an answer says: arguments are confirmed one by one, the end of subscriptions by their request."""
    request = request_number(str(head.id))
    if head.event == "error":
        return Refused(head.code, head.msg, request, _refused_topic(head))
    if head.event == "subscribe" and head.arg.channel:
        return Acked(topic=f"{head.arg.channel}:{head.arg.instId}")
    if head.event == "unsubscribe" and request is not None:
        return Acked(request)
    return Closing(head.msg) if head.event == "notice" and head.code == UPGRADE else None


def _refused_topic(head: wire.PushFrame) -> str | None:
    """Return the argument that an error is about: its text alone names it, and may name none or repeat them all."""
    named = {f"{channel}:{name}" for channel, name in _MISSING.findall(head.msg)}
    return named.pop() if len(named) == 1 else None


ENDPOINTS = (
    Endpoint(
        name="public",
        base="ws",
        path="/ws/v5/public",
        provides=ALL_KINDS,
        topics=topics,
        session=PublicSession,
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        # No figure is documented. All of some 350 swaps (about 1,400 topics) then fit in the two connections that the
        # venue page takes as the least: few enough for their 3 a second, and a client that is slow is cut off less.
        capacity=700,
        cost=lambda _topic: 1,
        batch=350,  # half a connection: one unknown argument may refuse all of them
        batch_bytes=60_000,  # of 64 KB
        requests=450,  # of 480
        requests_s=3600,
        ping=Ping(every_s=20, text=b"ping", dead_s=30),  # silence of 30 s ends a connection
        busy=frozenset({"60014"}),
    ),
)
