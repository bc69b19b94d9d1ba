"""What is asked of Binance, and what its replies say (venue page, sections 2 and 3)."""

from collections.abc import Sequence

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context, Feed, Poll, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.binance import wire
from microstream.venues.binance.limits import WEIGHT

SPECIAL = "Special"

_PREMIUM_INDEX = Rows(wire.PremiumIndex, "symbol")
_ONE_PREMIUM_INDEX = Body(wire.PremiumIndex)
_OPEN_INTEREST = Body(wire.OpenInterest)
_TIME = Body(wire.ServerTime)
_FUNDING_HISTORY = Rows(wire.FundingHistory, "symbol")
_OPEN_INTEREST_HISTORY = Rows(wire.OpenInterestHistory, "symbol")


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


def parse_funding_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read settled rates; times jitter by some ms after the hour and are kept as they are.

    A row of `rateType` Special is an extra charge for a stock's dividend at the time of a regular settlement, no
    funding rate: it is left out.
    """
    for row in _FUNDING_HISTORY.read(body, frame):
        instrument = context.instruments.get(row.symbol)
        if instrument is None or row.rateType == SPECIAL:
            continue
        rate = frame.number(instrument, "settled", row.fundingRate)
        paid_at = frame.millis(instrument, "settled", row.fundingTime)
        frame.mark(instrument, paid_at, row.markPrice)
        if rate is not None and paid_at is not None:
            frame.settled(instrument, paid_at, rate=rate, settled_at=paid_at)


def parse_open_interest_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read open interest by period; the time of a row is the end of its period."""
    for row in _OPEN_INTEREST_HISTORY.read(body, frame):
        instrument = context.instruments.get(row.symbol)
        if instrument is not None:
            frame.open_interest(
                instrument,
                frame.millis(instrument, "open_interest", row.timestamp),
                contracts=frame.number(instrument, "open_interest", row.sumOpenInterest),
                value=frame.number(instrument, "open_interest", row.sumOpenInterestValue),
                value_ccy=instrument.quote,
            )


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
    "fundingRate": Feed(parse_funding_history, history=True),
    "openInterestHist": Feed(parse_open_interest_history, history=True),
}
