"""OKX's past: settled funding, candles of one minute, premiums, open interest of five minutes (venue page, section 3).

`after` means older and `before` newer, both exclusive; both are always sent.
"""

from collections.abc import Callable

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.past import PastKind, Span
from microstream.spec.history import MINUTE_MS, Amounts, History, Page, settlement_bounds
from microstream.spec.rest import Context, Feed, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.okx import wire

DAY_MS = 86_400_000
PERIOD_MS = 300_000
FUNDING_PAGE = 400
"""What is asked for; older texts of the venue allow 100, so a page of 100 does not pass for complete."""
PAGE = 100
KEPT = 1440
"""Bars of the recent candles, points of the open interest."""
RECENT_MS = (KEPT - 60) * MINUTE_MS
"""Candles of this age still come from the recent ones, also if the request waits long for its turn."""
RUNNING = "0"

_ENVELOPE = Body(wire.Envelope)
_FUNDING = Rows(wire.FundingHistory, "instId")
_PREMIUM = Rows(wire.Premium, "instId")
_CANDLES = Rows(wire.Candle, "ts")
_OPEN_INTEREST = Rows(wire.OpenInterestHistory, "ts")


def parse_funding_history(body: bytes, context: Context, frame: Frame) -> None:
    """Read rates that were charged, newest first."""
    for row in _FUNDING.read(_ENVELOPE.read(body).data, frame):
        instrument = context.instruments.get(row.instId)
        if instrument is None:
            continue
        rate = frame.number(instrument, "settled", row.realizedRate)
        paid_at = frame.millis(instrument, "settled", row.fundingTime)
        if rate is not None and paid_at is not None:
            frame.settled(instrument, paid_at, rate=rate, settled_at=paid_at)


FEEDS = {"funding-rate-history": Feed(parse_funding_history, history=True)}


def _funding(body: bytes, instrument: Instrument, page: Page) -> None:
    for row in page.read(_FUNDING, _ENVELOPE.read(body).data, instrument):
        page.about(instrument, row.instId)
        page.funding(instrument, row.fundingTime, row.realizedRate)


def _premium(body: bytes, instrument: Instrument, page: Page) -> None:
    for row in page.read(_PREMIUM, _ENVELOPE.read(body).data, instrument):
        page.about(instrument, row.instId)
        page.point(instrument, "premium", row.ts, row.premium)


def _open_interest(body: bytes, instrument: Instrument, page: Page) -> None:
    for row in page.read(_OPEN_INTEREST, _ENVELOPE.read(body).data, instrument):
        page.open_interest(instrument, row.ts, **_amounts(row, instrument, page.frame))


def _amounts(row: wire.OpenInterestHistory, instrument: Instrument, frame: Frame) -> Amounts:
    return {
        "contracts": frame.number(instrument, "open_interest", row.oi),
        "base": frame.number(instrument, "open_interest", row.oiCcy),
        "value": frame.number(instrument, "open_interest", row.oiUsd),
        "value_ccy": "USD",
    }


def _candles(kind: PastKind) -> Callable[[bytes, Instrument, Page], None]:
    def parse(body: bytes, instrument: Instrument, page: Page) -> None:
        for row in page.read(_CANDLES, _ENVELOPE.read(body).data, instrument):
            if row.confirm == RUNNING:
                page.unfinished(instrument, kind, row.ts)
            else:
                page.candle(instrument, kind, row.ts, (row.open, row.high, row.low, row.close))

    return parse


def _ask(feed: str, path: str, name: str, instrument: Instrument, *params: tuple[str, str]) -> Request:
    return Request(
        feed,
        f"/api/v5/{path}/{feed}",
        (("instId", name), *params),
        costs=((feed, 1),),
        symbol=instrument.symbol,
    )


def _between(first: int, last: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the bounds of rows from `first` to `last`, both included."""
    return ("before", str(first - 1)), ("after", str(last + 1))


def _ask_funding(instrument: Instrument, span: Span, _now: int) -> Request | None:
    """Ask for what was charged; X-Perps fund, though their type is that of futures, and dated contracts do not."""
    if instrument.kind != "perpetual":
        return None
    bounds = _between(*settlement_bounds(span))
    limit = ("limit", str(FUNDING_PAGE))
    return _ask("funding-rate-history", "public", instrument.name, instrument, *bounds, limit)


def _ask_premium(instrument: Instrument, span: Span, _now: int) -> Request | None:
    if instrument.kind != "perpetual":
        return None
    bounds = _between(span.start, span.end - 1)
    return _ask("premium-history", "public", instrument.name, instrument, *bounds, ("limit", str(PAGE)))


def _ask_open_interest(instrument: Instrument, span: Span, _now: int) -> Request:
    # whether the bounds are themselves included is not documented
    begin, end = str(span.start - 1), str(span.end - 1)
    params = (("period", "5m"), ("begin", begin), ("end", end), ("limit", str(PAGE)))
    return _ask("open-interest-history", "rubik/stat/contracts", instrument.name, instrument, *params)


def _ask_candles(feed: str, name: str, instrument: Instrument, span: Span, now: int) -> Request:
    """Ask for recent candles, or for old ones where the span is not wholly recent."""
    feed = feed if span.start >= now - RECENT_MS else f"history-{feed}"
    bounds = _between(span.start, span.end - 1)
    return _ask(feed, "market", name, instrument, ("bar", "1m"), *bounds, ("limit", str(PAGE)))


def _ask_mark(instrument: Instrument, span: Span, now: int) -> Request:
    return _ask_candles("mark-price-candles", instrument.name, instrument, span, now)


def _ask_index(instrument: Instrument, span: Span, now: int) -> Request | None:
    """Ask by the name of the index, which is not that of the contract."""
    if instrument.index is None:
        return None
    return _ask_candles("index-candles", instrument.index, instrument, span, now)


def _of_minutes(kind: PastKind, request: Callable[[Instrument, Span, int], Request | None]) -> History:
    return History(
        kind,
        step_ms=MINUTE_MS,
        page=PAGE,
        newest_first=True,
        window_ms=PAGE * MINUTE_MS,
        request=request,
        parse=_candles(kind),
        lag_ms=2 * MINUTE_MS,  # a minute to end the bar, one for caches of the venue that are behind
    )


HISTORIES = (
    History(
        "funding",
        step_ms=None,
        page=PAGE,
        newest_first=True,
        window_ms=None,
        request=_ask_funding,
        parse=_funding,
        keeps_ms=92 * DAY_MS,  # "three months": the longest that can be meant
        lag_ms=5 * MINUTE_MS,  # a settlement may be processed for a while
    ),
    _of_minutes("mark", _ask_mark),
    _of_minutes("index", _ask_index),
    History(
        "premium",
        step_ms=None,
        page=PAGE,
        newest_first=True,
        window_ms=None,
        request=_ask_premium,
        parse=_premium,
        keeps_ms=184 * DAY_MS,  # "six months": the longest that can be meant
        lag_ms=5 * MINUTE_MS,  # points are irregular: nothing tells that one is missing still
    ),
    History(
        "oi",
        step_ms=PERIOD_MS,
        page=PAGE,
        newest_first=True,
        window_ms=PAGE * PERIOD_MS,
        request=_ask_open_interest,
        parse=_open_interest,
        keeps_ms=(KEPT - 1) * PERIOD_MS,
        lag_ms=2 * PERIOD_MS,  # whether the stamp is the begin or the end of the period is not documented
    ),
)
