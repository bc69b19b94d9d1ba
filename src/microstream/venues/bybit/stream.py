"""Bybit's WebSocket: topics, requests, and what its frames say (venue page, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from microstream.errors import Desynced
from microstream.model.events import FundingRate, IndexPrice, Kind, MarkPrice, OpenInterest
from microstream.model.frame import LATE, Frame
from microstream.model.instruments import Instrument
from microstream.model.units import FIRST_MS, LAST_MS, Text
from microstream.spec.rest import Context, Quota
from microstream.spec.stream import Acked, Control, Endpoint, Ping, Pong, Refused, Topic
from microstream.spec.wire import INF, UNREADABLE, Body, moment, request_number, stamp
from microstream.venues.bybit import wire
from microstream.venues.bybit.rest import add_funding, add_open_interest, add_prices

URL = "wss://stream.bybit.com"
CONNECTS = Quota("connects", limit=500, window_s=300)
TICKERS = "tickers."
ALL_KINDS: frozenset[Kind] = frozenset({"mark", "index", "funding", "open_interest"})
UNFUNDED: frozenset[Kind] = ALL_KINDS - {"funding"}
LIVELY_S, QUIET_S = 5.0, 60.0
"""Deltas come every 100 ms when something has changed; the venue page takes a minute without one as a fault."""

PRICES = ("markPrice", "indexPrice")
FUNDING = ("fundingRate", "nextFundingTime", "fundingIntervalHour", "fundingCap")
OPEN_INTEREST = ("openInterest", "openInterestValue", "singleOpenInterest", "singleOpenInterestValue")
ONE_SIDED = {"singleOpenInterest": "openInterest", "singleOpenInterestValue": "openInterestValue"}

_decode = msgspec.json.Decoder(wire.QuickPush, strict=False).decode
_FRAME = Body(wire.TickerFrame)
_TICKER = Body(wire.Ticker)


def topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
    """Return a topic for each contract, there is none for all. Before launch it may well be silent."""
    followed = sorted(context.instruments.values(), key=lambda item: item.name)
    result = []
    for item in followed:
        provided = ALL_KINDS if item.funds else UNFUNDED
        if item.priced and provided & kinds:
            quiet_s = QUIET_S if item.status == "live" else None
            result.append(Topic(TICKERS + item.name, provided, (item.name,), LIVELY_S, quiet_s))
    return result


def subscribe(topics: Sequence[Topic], number: int) -> bytes:
    """Return a subscribe request; one topic that is held already refuses it as a whole."""
    return _request("subscribe", topics, number)


def unsubscribe(topics: Sequence[Topic], number: int) -> bytes:
    """Return an unsubscribe request."""
    return _request("unsubscribe", topics, number)


def _request(operation: str, topics: Sequence[Topic], number: int) -> bytes:
    args = [topic.name for topic in topics]
    return msgspec.json.encode({"req_id": str(number), "op": operation, "args": args})


@dataclass(slots=True)
class _Merged:
    """A ticker with all that its frames have said: numbers, or the text of what is none. `cs` and `ts` are the last."""

    row: wire.Ticker
    cs: int | None
    ts: int | None


class TickerSession:
    """Merges snapshots and deltas of the `tickers` topics of one connection.

    A field that a delta leaves out is unchanged; an empty one does not apply any more. Where a delta carries open
    interest of both sides alone, the one-sided figure of earlier frames is out of date. `cs` grows; a frame with
    a lower one is late and dropped, unless it is a snapshot made later than the frame before: then the venue counts
    anew. A delta before its snapshot cannot be read. Nothing is kept of contracts that are not followed.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Merged] = {}

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add the groups of values of which the frame carries at least one."""
        try:
            push = _decode(data)
        except UNREADABLE:
            return self._read_tolerantly(data, context, frame)
        news, at, cs = push.data, push.ts, push.cs
        if not push.topic.startswith(TICKERS) or cs.__class__ is not int:
            return self._read_tolerantly(data, context, frame)
        if not isinstance(at, int) or not FIRST_MS <= at < LAST_MS:
            return self._read_tolerantly(data, context, frame)
        frame.topic, frame.stamp = push.topic, at
        instrument = context.instruments.get(news.symbol)
        if instrument is None:
            self._known.pop(news.symbol, None)
            return None
        known = self._known.get(news.symbol)
        if known is not None and known.cs is not None and known.cs <= cs and push.type == "delta":
            known.cs, known.ts = cs, at
            row: wire.Ticker | None = known.row
        else:
            row = self._admit(push.topic, push.type, news.symbol, cs, at, instrument, frame)
        if row is None:
            return None
        events, rejects = len(frame.events), len(frame.rejects)
        if not _add(row, news, instrument, at, frame):
            del frame.events[events:], frame.rejects[rejects:]
            return self._read_tolerantly(data, context, frame)
        return None

    def _admit(
        self,
        topic: str,
        kind: str,
        symbol: str,
        cs: int | None,
        ts: int | None,
        instrument: Instrument,
        frame: Frame,
    ) -> wire.Ticker | None:
        """Return the ticker to merge a frame into, or None for a late frame; raises `Desynced` when there is none."""
        known = self._known.get(symbol)
        if known is not None:
            if cs is not None and known.cs is not None and cs < known.cs:
                later = ts is not None and known.ts is not None and ts > known.ts
                if kind != "snapshot" or not later:
                    frame.reject(instrument.symbol, None, LATE, cs)
                    return None
            if kind != "snapshot":
                known.ts = ts
                known.cs = known.cs if cs is None else cs
                return known.row
        elif kind != "snapshot":
            raise Desynced(f"{topic}: a delta came before its snapshot", topic=topic)
        row = wire.Ticker(symbol)
        self._known[symbol] = _Merged(row, cs, ts)
        return row

    def _read_tolerantly(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Read whatever a frame may be: an answer, another topic, a ticker with values that cannot be used."""
        head = _FRAME.read(data)
        if not head.topic:
            return _answer(head)
        if not head.topic.startswith(TICKERS) or not isinstance(head.data, Raw):
            return None
        news = _TICKER.read(head.data)
        frame.topic, frame.stamp = head.topic, stamp(head.ts)
        instrument = context.instruments.get(news.symbol)
        if instrument is None:
            self._known.pop(news.symbol, None)
            return None
        row = self._admit(head.topic, head.type, news.symbol, head.cs, frame.stamp, instrument, frame)
        if row is None:
            return None
        carried = _merge(row, news)
        timestamp = frame.millis(instrument, "mark", head.ts)
        if carried.intersection(PRICES):
            add_prices(row, instrument, timestamp, frame)
        if carried.intersection(FUNDING):
            add_funding(row, instrument, timestamp, frame)
        if carried.intersection(OPEN_INTEREST):
            add_open_interest(row, instrument, timestamp, frame)
        return None


def _merge(row: wire.Ticker, news: wire.Ticker) -> set[str]:
    """Set the fields that a frame carries and return their names."""
    fields = msgspec.structs.asdict(news)
    carried = {name for name, value in fields.items() if value is not UNSET}
    for name in carried:
        setattr(row, name, fields[name])
    for single, both in ONE_SIDED.items():
        if both in carried and single not in carried:
            setattr(row, single, UNSET)
    return carried


def _answer(head: wire.TickerFrame) -> Control | None:
    """Return what an answer says. A refused request is refused as a whole: none of its topics begins."""
    request = request_number(str(head.req_id))
    if head.success is False:
        return Refused("", head.ret_msg, request)
    if head.op == "pong" or (head.op == "ping" and head.ret_msg == "pong"):
        return Pong()
    return Acked(request) if head.success and request is not None else None


def _add(row: wire.Ticker, news: wire.QuickTicker, instrument: Instrument, at: int, frame: Frame) -> bool:
    """Merge what the lax decoder made of a frame, and add it; False when it has to be judged by its text."""
    return (
        _add_prices(row, news, instrument, at, frame)
        and _add_funding(row, news, instrument, at, frame)
        and _add_open_interest(row, news, instrument, at, frame)
    )


def _finite(*values: Any) -> bool:
    return all(isfinite(value) for value in values if value.__class__ is float)


def _add_prices(
    row: wire.Ticker, news: wire.QuickTicker, instrument: Instrument, at: int, frame: Frame
) -> bool:
    mark: Text = news.markPrice
    index: Text = news.indexPrice
    if mark is UNSET:
        if index is UNSET:
            return True
        mark = row.markPrice
    else:
        row.markPrice = mark
    if index is UNSET:
        index = row.indexPrice
    else:
        row.indexPrice = index
    if isinstance(mark, float) and isinstance(index, float) and -INF < mark < INF and -INF < index < INF:
        key, received_at, source = instrument.key, frame.received_at, frame.source
        add = frame.events.append
        add(MarkPrice(key=key, timestamp=at, received_at=received_at, source=source, price=mark))
        add(IndexPrice(key=key, timestamp=at, received_at=received_at, source=source, price=index))
        return True
    if not _finite(mark, index):
        return False
    add_prices(row, instrument, at, frame)
    return True


def _add_funding(
    row: wire.Ticker, news: wire.QuickTicker, instrument: Instrument, at: int, frame: Frame
) -> bool:
    carried = False
    if news.fundingRate is not UNSET:
        row.fundingRate = news.fundingRate
        carried = True
    if news.nextFundingTime is not UNSET:
        row.nextFundingTime = moment(news.nextFundingTime) or news.nextFundingTime
        carried = True
    if news.fundingIntervalHour is not UNSET:
        row.fundingIntervalHour = news.fundingIntervalHour
        carried = True
    if news.fundingCap is not UNSET:
        row.fundingCap = news.fundingCap
        carried = True
    if not carried:
        return True
    rate, cap, interval_h = row.fundingRate, row.fundingCap, row.fundingIntervalHour
    settles_at = row.nextFundingTime
    if (
        isinstance(rate, float)
        and isinstance(cap, float)
        and isinstance(interval_h, float)
        and isinstance(settles_at, int)
        and -INF < rate < INF
        and -INF < cap < INF
        and 0 < interval_h < INF
        and FIRST_MS <= settles_at < LAST_MS
    ):
        frame.events.append(
            FundingRate(
                key=instrument.key,
                timestamp=at,
                received_at=frame.received_at,
                source=frame.source,
                rate=rate,
                settles_at=settles_at,
                interval_h=interval_h,
                cap=cap or None,
                floor=-cap if cap else None,
            )
        )
        return True
    if not _finite(rate, cap, interval_h) or (isinstance(interval_h, float) and interval_h < 0):
        return False
    add_funding(row, instrument, at, frame)
    return True


def _add_open_interest(
    row: wire.Ticker, news: wire.QuickTicker, instrument: Instrument, at: int, frame: Frame
) -> bool:
    contracts: Text = news.singleOpenInterest
    value: Text = news.singleOpenInterestValue
    both, both_value = news.openInterest, news.openInterestValue
    if contracts is UNSET and value is UNSET and both is UNSET and both_value is UNSET:
        return True
    if both is not UNSET:
        row.openInterest, row.singleOpenInterest = both, UNSET
    if both_value is not UNSET:
        row.openInterestValue, row.singleOpenInterestValue = both_value, UNSET
    if contracts is UNSET:
        contracts = row.singleOpenInterest
    else:
        row.singleOpenInterest = contracts
    if value is UNSET:
        value = row.singleOpenInterestValue
    else:
        row.singleOpenInterestValue = value
    if (
        isinstance(contracts, float)
        and isinstance(value, float)
        and -INF < contracts < INF
        and -INF < value < INF
    ):
        frame.events.append(
            OpenInterest(
                key=instrument.key,
                timestamp=at,
                received_at=frame.received_at,
                source=frame.source,
                contracts=contracts,
                value=value,
                value_ccy=instrument.quote,
            )
        )
        return True
    if not _finite(contracts, value, row.openInterest, row.openInterestValue):
        return False
    add_open_interest(row, instrument, at, frame)
    return True


ENDPOINTS = (
    Endpoint(
        name="linear",
        base="ws",
        path="/v5/public/linear",
        provides=ALL_KINDS,
        topics=topics,
        session=TickerSession,
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        capacity=20_000,  # of 21,000 characters
        cost=lambda topic: len(topic.name),
        batch=200,
        batch_bytes=16_384,
        requests=10,  # no figure is documented
        requests_s=1,
        ping=Ping(every_s=20, text=b'{"req_id":"ping","op":"ping"}', dead_s=30),
    ),
)
