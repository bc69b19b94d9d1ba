"""Binance's past: settled funding, klines of one minute, open interest of five (venue page, section 3)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.past import PastKind, Span
from microstream.spec.history import MINUTE_MS, Amounts, History, Page, settlement_bounds
from microstream.spec.rest import Context, Feed, Request
from microstream.spec.wire import Rows
from microstream.venues.binance import wire
from microstream.venues.binance.limits import FUNDING_INFO, STATISTICS, WEIGHT

DAY_MS = 86_400_000
PERIOD_MS = 300_000
SPECIAL = "Special"
FUNDING_PAGE = 1000
FUNDING_WINDOW_MS = 40 * DAY_MS
"""960 hourly settlements: a page holds them, so that the newest can be asked for first though pages go forward."""
KLINES_PAGE = 1000
WEIGHTS = ((99, 1), (499, 2), (KLINES_PAGE, 5))
"""Rows that may be asked for, and the weight that is charged for them; beyond 1000 rows it is 10."""
STATISTICS_PAGE = 500
STATISTICS_MS = 30 * DAY_MS
"""What is older is refused, not left out."""
MARGIN_MS = 3_600_000
"""A request may wait for its turn for so long and still begin after the oldest period."""

_FUNDING = Rows(wire.FundingHistory, "symbol")
_OPEN_INTEREST = Rows(wire.OpenInterestHistory, "symbol")
_KLINES = Rows(wire.Kline, "open_time")


def parse_funding_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read settled rates; times jitter by some ms after the hour and are kept as they are."""
    for row in _regular(_FUNDING.read(body, frame)):
        instrument = context.instruments.get(row.symbol)
        if instrument is None:
            continue
        rate = frame.number(instrument, "settled", row.fundingRate)
        paid_at = frame.millis(instrument, "settled", row.fundingTime)
        frame.mark(instrument, paid_at, row.markPrice)
        if rate is not None and paid_at is not None:
            frame.settled(instrument, paid_at, rate=rate, settled_at=paid_at)


def parse_open_interest_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read open interest by period; the time of a row is the end of its period."""
    for row in _OPEN_INTEREST.read(body, frame):
        instrument = context.instruments.get(row.symbol)
        if instrument is not None:
            timestamp = frame.millis(instrument, "open_interest", row.timestamp)
            frame.open_interest(instrument, timestamp, **_amounts(row, instrument, frame))


def _regular(rows: Iterable[wire.FundingHistory]) -> Iterator[wire.FundingHistory]:
    """Leave out rows of `rateType` Special.

    Such a row is an extra charge for a stock's dividend at the time of a regular settlement, no funding rate.
    """
    return (row for row in rows if row.rateType != SPECIAL)


def _amounts(row: wire.OpenInterestHistory, instrument: Instrument, frame: Frame) -> Amounts:
    return {
        "contracts": frame.number(instrument, "open_interest", row.sumOpenInterest),
        "value": frame.number(instrument, "open_interest", row.sumOpenInterestValue),
        "value_ccy": instrument.quote,
    }


FEEDS = {
    "fundingRate": Feed(parse_funding_history, history=True),
    "openInterestHist": Feed(parse_open_interest_history, history=True),
}


def _funding(body: bytes, instrument: Instrument, page: Page) -> None:
    for row in _regular(page.read(_FUNDING, body, instrument)):
        page.about(instrument, row.symbol)
        page.funding(instrument, row.fundingTime, row.fundingRate, row.markPrice)


def _open_interest(body: bytes, instrument: Instrument, page: Page) -> None:
    for row in page.read(_OPEN_INTEREST, body, instrument):
        page.about(instrument, row.symbol)
        page.open_interest(instrument, row.timestamp, **_amounts(row, instrument, page.frame))


def _klines(kind: PastKind) -> Callable[[bytes, Instrument, Page], None]:
    def parse(body: bytes, instrument: Instrument, page: Page) -> None:
        for row in page.read(_KLINES, body, instrument):
            page.candle(instrument, kind, row.open_time, (row.open, row.high, row.low, row.close))

    return parse


def _ask_funding(instrument: Instrument, span: Span, _now: int) -> Request | None:
    if instrument.kind != "perpetual":
        return None
    first, last = settlement_bounds(span)
    bounds = (("startTime", str(first)), ("endTime", str(last)), ("limit", str(FUNDING_PAGE)))
    return Request(
        "fundingRate",
        "/fapi/v1/fundingRate",
        (("symbol", instrument.name), *bounds),
        costs=((FUNDING_INFO, 1),),
        symbol=instrument.symbol,
    )


def _ask_open_interest(instrument: Instrument, span: Span, now: int) -> Request:
    """Ask for periods, the start clipped to what is kept and the end with it, if all is older."""
    start = max(span.start, now - STATISTICS_MS + MARGIN_MS)
    bounds = (("startTime", str(start)), ("endTime", str(max(span.end - 1, start))))
    return Request(
        "openInterestHist",
        "/futures/data/openInterestHist",
        (("symbol", instrument.name), ("period", "5m"), *bounds, ("limit", str(STATISTICS_PAGE))),
        costs=((STATISTICS, 1),),
        symbol=instrument.symbol,
    )


def _ask_klines(feed: str, name: Literal["symbol", "pair"], instrument: Instrument, span: Span) -> Request:
    """Ask with the cheapest limit that the span fits into; `pair` is the name of a dated contract before its date."""
    value = instrument.name.partition("_")[0] if name == "pair" else instrument.name
    rows = (span.end - span.start) // MINUTE_MS
    limit, weight = next((item for item in WEIGHTS if rows <= item[0]), WEIGHTS[-1])
    bounds = (("startTime", str(span.start)), ("endTime", str(span.end - 1)), ("limit", str(limit)))
    return Request(
        feed,
        f"/fapi/v1/{feed}",
        ((name, value), ("interval", "1m"), *bounds),
        costs=((WEIGHT, weight),),
        symbol=instrument.symbol,
    )


def _ask_mark(instrument: Instrument, span: Span, _now: int) -> Request:
    return _ask_klines("markPriceKlines", "symbol", instrument, span)


def _ask_index(instrument: Instrument, span: Span, _now: int) -> Request:
    return _ask_klines("indexPriceKlines", "pair", instrument, span)


def _ask_premium(instrument: Instrument, span: Span, _now: int) -> Request | None:
    """Ask for the premium index, from which funding follows: a dated contract has none."""
    if instrument.kind != "perpetual":
        return None
    return _ask_klines("premiumIndexKlines", "symbol", instrument, span)


def _of_minutes(kind: PastKind, request: Callable[[Instrument, Span, int], Request | None]) -> History:
    return History(
        kind,
        step_ms=MINUTE_MS,
        page=KLINES_PAGE,
        newest_first=False,
        window_ms=KLINES_PAGE * MINUTE_MS,
        request=request,
        parse=_klines(kind),
        lag_ms=2
        * MINUTE_MS,  # the running bar is the last row, unmarked: a minute to end it, one for our clocks
    )


HISTORIES = (
    History(
        "funding",
        step_ms=None,
        page=FUNDING_PAGE,
        newest_first=False,
        window_ms=FUNDING_WINDOW_MS,
        request=_ask_funding,
        parse=_funding,
        lag_ms=5 * MINUTE_MS,  # no figure is documented
    ),
    _of_minutes("mark", _ask_mark),
    _of_minutes("index", _ask_index),
    _of_minutes("premium", _ask_premium),
    History(
        "oi",
        step_ms=PERIOD_MS,
        page=STATISTICS_PAGE,
        newest_first=False,
        window_ms=STATISTICS_PAGE * PERIOD_MS,
        request=_ask_open_interest,
        parse=_open_interest,
        keeps_ms=STATISTICS_MS - 2 * MARGIN_MS,  # clear of the clip, so that what is asked for is kept whole
        lag_ms=2 * PERIOD_MS,  # the stamp is the period's end; a period of grace for the statistics
    ),
)
