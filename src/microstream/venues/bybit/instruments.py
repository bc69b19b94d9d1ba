"""Bybit's contract list -> instruments (venue page, sections 2.2 and 7)."""

import re
from urllib.parse import unquote

from msgspec.structs import replace

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, InstrumentKind, Status, unified
from microstream.spec.rest import InstrumentList, Listed, Replies, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.bybit import wire
from microstream.venues.bybit.limits import REQUESTS

STATUS: dict[str, Status] = {
    "PreLaunch": "prelaunch",
    "Trading": "live",
    "Delivering": "settling",
    "Closed": "delisted",
}
KINDS: dict[str, InstrumentKind] = {"LinearPerpetual": "perpetual", "LinearFutures": "future"}
TRADFI = frozenset({"stock", "commodity", "forex", "xstocks"})
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MULTIPLIER = re.compile(r"^(10{3,7})(\D.*)$")
_SUFFIXED = re.compile(r"^(SHIB)(1000)$")
_NAME = re.compile(
    rf"^(?P<base>[^-]+?)(?P<quote>USDT|PERP)?(?:-(?P<day>\d{{1,2}})(?P<month>{'|'.join(MONTHS)})(?P<year>\d{{2}}))?$",
    re.ASCII,
)


def unit_coin(venue_base: str) -> tuple[str, float]:
    """Return the coin and how many of it one base unit stands for: `10000SATS` is 10,000 SATS, `1INCH` a coin."""
    match = _MULTIPLIER.match(venue_base)
    if match:
        return match.group(2), float(match.group(1))
    match = _SUFFIXED.match(venue_base)
    return (match.group(1), float(match.group(2))) if match else (venue_base, 1.0)


def guess(name: str) -> Instrument | None:
    """Return the linear contract that a name stands for, or None for other products.

    `BTCPERP` and `BTC-26DEC26` are margined in USDC, `BTCUSD` and `BTCUSDZ26` are inverse.
    """
    match = _NAME.match(name)
    if match is None or (match["quote"] is None and match["day"] is None):
        return None
    if match["quote"] == "PERP" and match["day"]:
        return None
    quote = "USDT" if match["quote"] == "USDT" else "USDC"
    kind: InstrumentKind = "future" if match["day"] else "perpetual"
    return _instrument(name, match["base"], quote, quote, kind)


def _date(name: str) -> str | None:
    match = _NAME.match(name)
    if match is None or match["day"] is None:
        return None
    return f"{match['year']}{MONTHS.index(match['month']) + 1:02d}{int(match['day']):02d}"


def _instrument(name: str, venue_base: str, quote: str, settle: str, kind: InstrumentKind) -> Instrument:
    base, multiplier = unit_coin(venue_base)
    date = _date(name) if kind == "future" else None
    return Instrument(
        exchange="bybit",
        name=name,
        symbol=name.lower(),
        instrument=unified(base, quote, settle, date),
        base=base,
        venue_base=venue_base,
        quote=quote,
        settle=settle,
        kind=kind,
        multiplier=multiplier,
    )


_ENVELOPE = Body(wire.Envelope)
_CONTRACTS = Rows(wire.Contract, "symbol")


def build(replies: Replies) -> Listed:
    """Return the contracts of all pages of all statuses."""
    frame = Frame("instruments-info", 0, "rest")
    instruments: dict[str, Instrument] = {}
    for feed in FEEDS:
        for body in replies.get(feed, ()):
            result = _ENVELOPE.read(body).result
            if result.category != "linear":
                continue
            for row in _CONTRACTS.read(result.list, frame):
                instrument = _from_row(row, frame)
                if instrument is not None:
                    instruments.setdefault(instrument.name, instrument)
    return Listed(tuple(instruments.values()), frame.rejects)


def _from_row(row: wire.Contract, frame: Frame) -> Instrument | None:
    kind = KINDS.get(row.contractType)
    status = STATUS.get(row.status, "suspended")
    if kind is None or status == "delisted":
        return None
    if kind == "future" and _date(row.symbol) is None:
        frame.reject(row.symbol, None, "no_delivery_date_in_name", row.contractType)
        return None
    known = _instrument(row.symbol, row.baseCoin, row.quoteCoin, row.settleCoin or row.quoteCoin, kind)
    minutes = frame.number(known, "funding", row.fundingInterval) if kind == "perpetual" else None
    return replace(
        known,
        status=status,
        tick_size=frame.number(known, "mark", row.priceFilter.tickSize),
        funding_interval_hours=None if minutes is None else frame.hours(known, minutes / 60),
        rate_cap=frame.number(known, "funding", row.upperFundingRate) if kind == "perpetual" else None,
        rate_floor=frame.number(known, "funding", row.lowerFundingRate) if kind == "perpetual" else None,
        listed_at=frame.millis(known, "mark", row.launchTime),
        delisted_at=frame.millis(known, "mark", row.deliveryTime),
        tradfi=row.symbolType in TRADFI,
    )


FEEDS = ("instruments-info", "prelaunch", "delivering")


def _page(feed: str, status: str | None, cursor: str | None = None) -> Request:
    params = [("category", "linear"), ("limit", "1000")]
    if status:
        params.append(("status", status))
    if cursor:
        params.append(("cursor", cursor))
    return Request(feed, "/v5/market/instruments-info", tuple(params), costs=((REQUESTS, 1),))


def following(request: Request, body: bytes) -> Request | None:
    """Return the request for the next page. The cursor comes percent-encoded and is decoded to be encoded once."""
    cursor = _ENVELOPE.read(body).result.nextPageCursor
    if not cursor:
        return None
    return _page(request.feed, dict(request.params).get("status"), unquote(cursor))


LIST = InstrumentList(
    feed="instruments-info",
    requests=(
        _page("instruments-info", None),
        _page("prelaunch", "PreLaunch"),
        _page("delivering", "Delivering"),
    ),
    build=build,
    following=following,
    optional=frozenset({"prelaunch", "delivering"}),
)
