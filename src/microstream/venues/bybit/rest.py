"""What is asked of Bybit, and what its replies say (venue page, sections 2 and 3)."""

from collections.abc import Sequence

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context, Feed, Poll, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.bybit import history, wire
from microstream.venues.bybit.limits import REQUESTS

_ENVELOPE = Body(wire.Envelope)
_CLOCK = Body(wire.Clock)
_TICKERS = Rows(wire.Ticker, "symbol")


def _open(body: bytes, frame: Frame) -> tuple[wire.Result, int | None]:
    """Return the result and the server's clock, which is the time of rows without one of their own."""
    envelope = _ENVELOPE.read(body)
    return envelope.result, frame.clock(envelope.time)


def parse_tickers(body: bytes, context: Context, frame: Frame) -> None:
    """Read all four values of every linear contract; rows carry no time."""
    result, time = _open(body, frame)
    if result.category != "linear":
        return
    for row in _TICKERS.read(result.list, frame):
        instrument = context.instruments.get(row.symbol)
        if instrument is not None:
            add_prices(row, instrument, time, frame)
            add_funding(row, instrument, time, frame)
            add_open_interest(row, instrument, time, frame)


def add_prices(row: wire.Ticker, instrument: Instrument, timestamp: int | None, frame: Frame) -> None:
    """Add mark and index."""
    frame.mark(instrument, timestamp, row.markPrice)
    frame.index(instrument, timestamp, row.indexPrice)


def add_funding(row: wire.Ticker, instrument: Instrument, timestamp: int | None, frame: Frame) -> None:
    """Add the rate for `nextFundingTime`; dated contracts have "" and "0" in its place."""
    rate = frame.number(instrument, "funding", row.fundingRate)
    settles_at = frame.millis(instrument, "funding", row.nextFundingTime)
    if rate is None or settles_at is None:
        frame.blank(instrument, "funding", row.fundingRate)
        return
    cap = frame.number(instrument, "funding", row.fundingCap)
    frame.funding(
        instrument,
        timestamp,
        rate=rate,
        settles_at=settles_at,
        interval_h=frame.hours(instrument, row.fundingIntervalHour),
        cap=cap or None,
        floor=-cap if cap else None,
    )


def add_open_interest(row: wire.Ticker, instrument: Instrument, timestamp: int | None, frame: Frame) -> None:
    """Add open interest; the value is counted at the mark price in the quote currency."""
    frame.open_interest(
        instrument,
        timestamp,
        contracts=history.one_side(row.singleOpenInterest, row.openInterest, instrument, frame),
        value=history.one_side(row.singleOpenInterestValue, row.openInterestValue, instrument, frame),
        value_ccy=instrument.quote,
    )


def parse_time(body: bytes, _context: Context, frame: Frame) -> None:
    """Read the venue's clock; every other reply states it too."""
    frame.clock(_CLOCK.read(body).time)


def _tickers(_context: Context) -> Sequence[Request]:
    params = (("category", "linear"),)
    return (Request("tickers", "/v5/market/tickers", params, costs=((REQUESTS, 1),)),)


CLOCK = Request("time", "/v5/market/time", costs=((REQUESTS, 1),))
POLLS = (
    Poll("tickers", frozenset({"mark", "index", "funding", "open_interest"}), bulk=_tickers, timed=True),
    Poll("time", frozenset(), bulk=lambda _context: (CLOCK,)),
)
FEEDS = {
    "tickers": Feed(parse_tickers),
    "time": Feed(parse_time),
    **history.FEEDS,
}
