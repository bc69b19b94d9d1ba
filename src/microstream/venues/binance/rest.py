"""What is asked of Binance, and what its replies say (venue page, sections 2 and 3)."""

from collections.abc import Sequence

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context, Feed, Poll, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.binance import history, wire
from microstream.venues.binance.limits import WEIGHT

_PREMIUM_INDEX = Rows(wire.PremiumIndex, "symbol")
_ONE_PREMIUM_INDEX = Body(wire.PremiumIndex)
_OPEN_INTEREST = Body(wire.OpenInterest)
_TIME = Body(wire.ServerTime)


def parse_premium_index(body: bytes, context: Context, frame: Frame) -> None:
    """Read mark, index and the running estimate of the coming funding, for one contract or all.

    `lastFundingRate` is, in spite of its name, the rate for `nextFundingTime`. Dated and settling contracts
    have no settlement time (0) and so no funding.
    """
    one = body.lstrip()[:1] == b"{"
    for row in [_ONE_PREMIUM_INDEX.read(body)] if one else _PREMIUM_INDEX.read(body, frame):
        instrument = context.instruments.get(row.symbol)
        if instrument is None:
            continue
        timestamp = frame.millis(instrument, "mark", row.time)
        frame.mark(instrument, timestamp, row.markPrice)
        frame.index(instrument, timestamp, row.indexPrice)
        rate = frame.number(instrument, "funding", row.lastFundingRate)
        settles_at = frame.millis(instrument, "funding", row.nextFundingTime)
        if rate is not None and settles_at is not None:
            frame.funding(instrument, timestamp, rate=rate, settles_at=settles_at)
        else:
            frame.blank(instrument, "funding", row.lastFundingRate)


def parse_open_interest(body: bytes, context: Context, frame: Frame) -> None:
    """Read the open interest of one contract: base units, one side counted, at its last transaction."""
    row = _OPEN_INTEREST.read(body)
    instrument = context.instruments.get(row.symbol)
    if instrument is not None:
        timestamp = frame.millis(instrument, "open_interest", row.time)
        contracts = frame.number(instrument, "open_interest", row.openInterest)
        frame.open_interest(instrument, timestamp, contracts=contracts)


def parse_time(body: bytes, _context: Context, frame: Frame) -> None:
    """Read the venue's clock."""
    frame.clock(_TIME.read(body).serverTime)


def _premium_index(_context: Context) -> Sequence[Request]:
    return (Request("premiumIndex", "/fapi/v1/premiumIndex", costs=((WEIGHT, 10),)),)


def _open_interest(instrument: Instrument) -> Request:
    return Request(
        "openInterest",
        "/fapi/v1/openInterest",
        params=(("symbol", instrument.name),),
        costs=((WEIGHT, 1),),
        symbol=instrument.symbol,
    )


CLOCK = Request("time", "/fapi/v1/time", costs=((WEIGHT, 1),))
POLLS = (
    Poll("premiumIndex", frozenset({"mark", "index", "funding"}), bulk=_premium_index),
    Poll("openInterest", frozenset({"open_interest"}), single=_open_interest, needs=frozenset({"mark"})),
    Poll("time", frozenset(), bulk=lambda _context: (CLOCK,)),
)
FEEDS = {
    "premiumIndex": Feed(parse_premium_index),
    "openInterest": Feed(parse_open_interest),
    "time": Feed(parse_time),
    **history.FEEDS,
}
