"""Bybit's past: settled funding, klines of one minute, open interest of five (venue page, section 3)."""

from collections.abc import Callable

from microstream.errors import WireMismatch
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.past import PastKind, Span
from microstream.model.units import Text
from microstream.spec.history import MINUTE_MS, Amounts, History, Page, settlement_bounds
from microstream.spec.rest import Context, Feed, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.bybit import wire
from microstream.venues.bybit.limits import REQUESTS

PERIOD_MS = 300_000
FUNDING_PAGE = 200
OPEN_INTEREST_PAGE = 200
KLINES_PAGE = 1000
LINEAR = "linear"

_ENVELOPE = Body(wire.Envelope)
_FUNDING = Rows(wire.FundingHistory, "symbol")
_OPEN_INTEREST = Rows(wire.OpenInterestHistory, "timestamp")
_KLINES = Rows(wire.Kline, "start")


def one_side(single: Text, both: Text, instrument: Instrument, frame: Frame) -> float | None:
    """Return one side's count; before June 2026 only the sum of both sides was sent (venue page, trap 1)."""
    amount = frame.number(instrument, "open_interest", single)
    if amount is not None:
        return amount
    amount = frame.number(instrument, "open_interest", both)
    return None if amount is None else amount / 2


def parse_funding_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read settled rates, newest first; the stamp is the settlement."""
    result = _opened(body, frame)
    if result.category != LINEAR:
        return
    for row in _FUNDING.read(result.list, frame):
        instrument = context.instruments.get(row.symbol)
        if instrument is None:
            continue
        rate = frame.number(instrument, "settled", row.fundingRate)
        paid_at = frame.millis(instrument, "settled", row.fundingRateTimestamp)
        if rate is not None and paid_at is not None:
            frame.settled(instrument, paid_at, rate=rate, settled_at=paid_at)


def parse_open_interest_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read open interest of one contract, newest first."""
    result = _opened(body, frame)
    instrument = context.instruments.get(result.symbol)
    if instrument is None or result.category != LINEAR:
        return
    for row in _OPEN_INTEREST.read(result.list, frame):
        timestamp = frame.millis(instrument, "open_interest", row.timestamp)
        frame.open_interest(instrument, timestamp, **_amounts(row, instrument, frame))


FEEDS = {
    "funding/history": Feed(parse_funding_history, history=True),
    "open-interest": Feed(parse_open_interest_history, history=True),
}


def _opened(body: bytes, frame: Frame) -> wire.Result:
    envelope = _ENVELOPE.read(body)
    frame.clock(envelope.time)
    return envelope.result


def _amounts(row: wire.OpenInterestHistory, instrument: Instrument, frame: Frame) -> Amounts:
    return {"contracts": one_side(row.singleOpenInterest, row.openInterest, instrument, frame)}


def _result(body: bytes, page: Page) -> wire.Result:
    """Return the result; raises `WireMismatch` when it is about another category."""
    result = _ENVELOPE.read(body).result
    if result.category != LINEAR:
        raise WireMismatch(
            f"{page.frame.feed}: asked for {LINEAR}, the reply is about {result.category[:40]!r}", sample=body
        )
    return result


def _funding(body: bytes, instrument: Instrument, page: Page) -> None:
    for row in page.read(_FUNDING, _result(body, page).list, instrument):
        page.about(instrument, row.symbol)
        page.funding(instrument, row.fundingRateTimestamp, row.fundingRate)


def _open_interest(body: bytes, instrument: Instrument, page: Page) -> None:
    result = _result(body, page)
    page.about(instrument, result.symbol)
    for row in page.read(_OPEN_INTEREST, result.list, instrument):
        page.open_interest(instrument, row.timestamp, **_amounts(row, instrument, page.frame))


def _klines(kind: PastKind) -> Callable[[bytes, Instrument, Page], None]:
    def parse(body: bytes, instrument: Instrument, page: Page) -> None:
        result = _result(body, page)
        page.about(instrument, result.symbol)
        for row in page.read(_KLINES, result.list, instrument):
            page.candle(instrument, kind, row.start, (row.open, row.high, row.low, row.close))

    return parse


def _ask(feed: str, instrument: Instrument, *params: tuple[str, str]) -> Request:
    return Request(
        feed,
        f"/v5/market/{feed}",
        (("category", LINEAR), ("symbol", instrument.name), *params),
        costs=((REQUESTS, 1),),
        symbol=instrument.symbol,
    )


def _ask_funding(instrument: Instrument, span: Span, _now: int) -> Request | None:
    """Ask with both bounds: `startTime` alone is an error."""
    if instrument.kind != "perpetual":
        return None
    first, last = settlement_bounds(span)
    bounds = (("startTime", str(first)), ("endTime", str(last)))
    return _ask("funding/history", instrument, *bounds, ("limit", str(FUNDING_PAGE)))


def _ask_open_interest(instrument: Instrument, span: Span, _now: int) -> Request:
    """Ask with both bounds: `startTime` alone is ignored."""
    bounds = (("startTime", str(span.start)), ("endTime", str(span.end - 1)))
    limit = ("limit", str(OPEN_INTEREST_PAGE))
    return _ask("open-interest", instrument, ("intervalTime", "5min"), *bounds, limit)


def _ask_klines(feed: str, *, dated: bool) -> Callable[[Instrument, Span, int], Request | None]:
    """Return how to ask for klines; the bar that contains a bound is in the reply, hence the last ms of the span."""

    def request(instrument: Instrument, span: Span, _now: int) -> Request | None:
        if instrument.kind != "perpetual" and not dated:
            return None
        bounds = (("start", str(span.start)), ("end", str(span.end - 1)))
        return _ask(feed, instrument, ("interval", "1"), *bounds, ("limit", str(KLINES_PAGE)))

    return request


def _of_minutes(kind: PastKind, feed: str, *, dated: bool = True) -> History:
    return History(
        kind,
        step_ms=MINUTE_MS,
        page=KLINES_PAGE,
        newest_first=True,
        window_ms=KLINES_PAGE * MINUTE_MS,
        request=_ask_klines(feed, dated=dated),
        parse=_klines(kind),
        lag_ms=2
        * MINUTE_MS,  # the running bar is the first row, unmarked: a minute to end it, one for our clocks
    )


HISTORIES = (
    History(
        "funding",
        step_ms=None,
        page=FUNDING_PAGE,
        newest_first=True,
        window_ms=None,
        request=_ask_funding,
        parse=_funding,
        lag_ms=5 * MINUTE_MS,  # no figure is documented
    ),
    _of_minutes("mark", "mark-price-kline"),
    _of_minutes("index", "index-price-kline"),
    _of_minutes("premium", "premium-index-price-kline", dated=False),
    History(
        "oi",
        step_ms=PERIOD_MS,
        page=OPEN_INTEREST_PAGE,
        newest_first=True,
        window_ms=OPEN_INTEREST_PAGE * PERIOD_MS,
        request=_ask_open_interest,
        parse=_open_interest,
        lag_ms=3 * PERIOD_MS,  # the endpoint lags in volatile times, by how much is not documented
    ),
)
