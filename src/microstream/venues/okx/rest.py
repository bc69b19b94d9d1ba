"""What is asked of OKX, and what its replies say (venue page, sections 2 and 3)."""

from collections.abc import Callable, Sequence

from msgspec import Raw

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context, Feed, Poll, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.okx import history, wire
from microstream.venues.okx.instruments import SWAP, interval_h

_ENVELOPE = Body(wire.Envelope)
_FUNDING = Rows(wire.FundingRate, "instId")
_MARK = Rows(wire.MarkPrice, "instId")
_INDEX = Rows(wire.IndexTicker, "instId")
_OPEN_INTEREST = Rows(wire.OpenInterest, "instId")
_TIME = Rows(wire.ServerTime, "ts")


SETTLING_MS = 60_000
"""A settlement that is being processed may be a little ahead of the time of the row."""


def add_funding(rows: bytes | Raw, context: Context, frame: Frame) -> None:
    """Add the predicted rate for `fundingTime` and the last rate that was charged.

    Right at a settlement `fundingTime` can be the one that has just passed: the coming one is then `nextFundingTime`,
    and its rate is not known yet. `settFundingRate` belongs to the passed one only in the state `processing`. A rate
    that is there and empty is not known; one that is absent (rows of before 2023) says nothing.
    """
    for row in _FUNDING.read(rows, frame):
        instrument = context.instruments.get(row.instId)
        if instrument is not None:
            _funding_row(row, instrument, frame)


def _funding_row(row: wire.FundingRate, instrument: Instrument, frame: Frame) -> None:
    timestamp = frame.millis(instrument, "funding", row.ts)
    rate = frame.number(instrument, "funding", row.fundingRate)
    coming = frame.millis(instrument, "funding", row.fundingTime)
    settled_at = frame.millis(instrument, "settled", row.prevFundingTime)
    slack = SETTLING_MS if row.settState == "processing" else 0
    passed = coming is not None and timestamp is not None and coming <= timestamp + slack
    if passed:
        settled_at = coming if row.settState == "processing" else settled_at
        coming, rate = frame.millis(instrument, "funding", row.nextFundingTime), None
    if coming is not None and (rate is not None or passed or row.fundingRate in {"", None}):
        frame.funding(
            instrument,
            timestamp,
            rate=rate,
            settles_at=coming,
            interval_h=interval_h(row, instrument, frame),
            cap=frame.number(instrument, "funding", row.maxFundingRate),
            floor=frame.number(instrument, "funding", row.minFundingRate),
        )
    else:
        frame.blank(instrument, "funding", row.fundingRate)
    charged = frame.number(instrument, "settled", row.settFundingRate)
    if charged is not None:
        frame.settled(instrument, timestamp, rate=charged, settled_at=settled_at)


def add_mark(rows: bytes | Raw, context: Context, frame: Frame) -> None:
    """Add mark prices."""
    for row in _MARK.read(rows, frame):
        instrument = context.instruments.get(row.instId)
        if instrument is not None:
            frame.mark(instrument, frame.millis(instrument, "mark", row.ts), row.markPx)


def add_index(rows: bytes | Raw, context: Context, frame: Frame) -> None:
    """Add index prices to every contract that the index stands behind."""
    for row in _INDEX.read(rows, frame):
        for instrument in context.indexes.get(row.instId, ()):
            frame.index(instrument, frame.millis(instrument, "index", row.ts), row.idxPx)


def add_open_interest(rows: bytes | Raw, context: Context, frame: Frame) -> None:
    """Add open interest in contracts, coins and dollars, as the venue states them."""
    for row in _OPEN_INTEREST.read(rows, frame):
        instrument = context.instruments.get(row.instId)
        if instrument is not None:
            frame.open_interest(
                instrument,
                frame.millis(instrument, "open_interest", row.ts),
                contracts=frame.number(instrument, "open_interest", row.oi),
                base=frame.number(instrument, "open_interest", row.oiCcy),
                value=frame.number(instrument, "open_interest", row.oiUsd),
                value_ccy="USD",
            )


def add_time(rows: bytes | Raw, _context: Context, frame: Frame) -> None:
    """Read the venue's clock."""
    for row in _TIME.read(rows, frame):
        frame.clock(row.ts)


def _feed(add: Callable[[bytes | Raw, Context, Frame], None]) -> Feed:
    def parse(body: bytes, context: Context, frame: Frame) -> None:
        add(_ENVELOPE.read(body).data, context, frame)

    return Feed(parse)


FEEDS = {
    "funding-rate": _feed(add_funding),
    "mark-price": _feed(add_mark),
    "index-tickers": _feed(add_index),
    "open-interest": _feed(add_open_interest),
    "time": _feed(add_time),
    **history.FEEDS,
}


def _request(feed: str, path: str, name: str = "", value: str = "") -> Request:
    params = ((name, value),) if name else ()
    return Request(feed, f"/api/v5/{path}/{feed}", params, costs=((feed, 1),))


def _types(context: Context) -> list[str]:
    """Return the product types that are followed: X-Perps and dated contracts are listed as futures."""
    names = context.instruments
    swaps = any(name.endswith(SWAP) for name in names)
    futures = any(not name.endswith(SWAP) for name in names)
    return ["SWAP"] * swaps + ["FUTURES"] * futures


def _mark_and_index(context: Context) -> Sequence[Request]:
    """Ask for marks by type and for indexes by quote currency."""
    quotes = sorted({index.partition("-")[2] for index in context.indexes})
    return [
        *(_request("index-tickers", "market", "quoteCcy", quote) for quote in quotes),
        *(_request("mark-price", "public", "instType", kind) for kind in _types(context)),
    ]


def _open_interest(context: Context) -> Sequence[Request]:
    return [_request("open-interest", "public", "instType", kind) for kind in _types(context)]


def _funding(context: Context) -> Sequence[Request]:
    """Ask for all funding rates, unless only dated contracts are followed."""
    funded = any(item.kind == "perpetual" for item in context.instruments.values())
    return [_request("funding-rate", "public", "instId", "ANY")] if funded else ()


CLOCK = _request("time", "public")
POLLS = (
    Poll("mark-price", frozenset({"mark", "index"}), bulk=_mark_and_index),
    Poll("funding-rate", frozenset({"funding", "settled"}), bulk=_funding, needs=frozenset({"mark"})),
    Poll("open-interest", frozenset({"open_interest"}), bulk=_open_interest),
    Poll("time", frozenset(), bulk=lambda _context: (CLOCK,)),
)
