"""History of linear and inverse contracts: settled funding, open interest, candles. Newest first."""

from collections.abc import Callable
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, quote

from microstream_sim.bybit.replies import bad_parameter, category, contract_of, limit, moment, ok
from microstream_sim.candles import Bar, candle, newest_first, oldest_first
from microstream_sim.contracts import Contract
from microstream_sim.exchange import Query, whole_number
from microstream_sim.spelling import price_text, rate_text
from microstream_sim.view import View
from microstream_sim.waves import DAY_MS

_OPEN_INTEREST_MINUTES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1_440}
_BARS = {
    "1": Bar(1), "3": Bar(3), "5": Bar(5), "15": Bar(15), "30": Bar(30), "60": Bar(60), "120": Bar(120),
    "240": Bar(240), "360": Bar(360), "720": Bar(720), "D": Bar(1_440), "W": Bar(10_080), "M": Bar(months=1),
}  # fmt: skip


def funding_history(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/funding/history: `startTime` alone is an error."""
    product = category(view, query, "linear", "inverse")
    contract = contract_of(view, query, product)
    start, end = moment(view, query, "startTime"), moment(view, query, "endTime")
    if start is not None and end is None:
        raise bad_parameter(view, "EndTime is required when StartTime is given")
    _check_order(view, start, end)
    rows = limit(view, query, 200, 200)
    until = view.at if end is None else min(end, view.at)
    settlements: list[int] = []
    if contract.interval_h is not None and contract.status != "PreLaunch":
        settlements = view.market.settlements(contract, start or 0, until, rows)
    found = [
        {
            "symbol": contract.symbol,
            "fundingRate": rate_text("bybit", view.market.settled(contract, at).rate),
            "fundingRateTimestamp": str(at),
        }
        for at in settlements
    ]
    return ok(view, {"category": product, "list": found})


def open_interest(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/open-interest: both sides and one side, on the grid of `intervalTime`."""
    product = category(view, query, "linear", "inverse")
    contract = contract_of(view, query, product)
    minutes = _OPEN_INTEREST_MINUTES.get(query.get("intervalTime", ""))
    if minutes is None:
        raise bad_parameter(view, "IntervalTime is invalid")
    start, end = moment(view, query, "startTime"), moment(view, query, "endTime")
    _check_order(view, start, end)
    rows = limit(view, query, 50, 200)
    until = min(end or view.at, view.at, _before_cursor(view, query.get("cursor", "")))
    since = max(start or 0, contract.listed_at)
    times = list(islice(newest_first(Bar(minutes), since, until), rows + 1))
    found = []
    for at in times[:rows]:
        text = view.open_interest(contract, at)
        row = {"openInterest": text.venue, "singleOpenInterest": text.single, "timestamp": str(at)}
        found.append(row)
    cursor = (
        quote(f"lastid={times[rows - 1] // 60_000}&lasttime={times[rows - 1]}", safe="")
        if len(times) > rows
        else ""
    )
    result = {"symbol": contract.symbol, "category": product, "list": found, "nextPageCursor": cursor}
    return ok(view, result)


def _before_cursor(view: View, cursor: str) -> int:
    if not cursor:
        return view.at
    last = whole_number(parse_qs(cursor).get("lasttime", [""])[0])
    if last is None:
        raise bad_parameter(view, "Cursor is invalid")
    return last - 1


def mark_kline(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/mark-price-kline."""
    return _klines(view, query, view.market.mark, price_text)


def index_kline(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/index-price-kline."""
    return _klines(view, query, view.market.index, price_text)


def premium_kline(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/premium-index-price-kline: fractions; linear perpetuals only."""
    contract = contract_of(view, query, category(view, query, "linear"))
    if contract.kind == "future":
        raise bad_parameter(view, "Symbol Invalid")

    def text(_: Contract, value: float) -> str:
        return f"{value:.6f}"

    return _klines(view, query, view.market.premium, text)


def kline(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/kline: trades happen at the mark here; rows carry volume and turnover too."""
    reply = _klines(view, query, view.market.mark, price_text)
    contract = contract_of(view, query, reply["result"]["category"])
    days = (_bar(view, query).next_open(0)) / DAY_MS
    turnover = contract.coin.oi_usd * contract.share * days
    for row in reply["result"]["list"]:
        row += [f"{turnover / float(row[4]):.{contract.size_decimals}f}", f"{turnover:.4f}"]
    return reply


def _klines(
    view: View,
    query: Query,
    price: Callable[[Contract, int], float],
    text: Callable[[Contract, float], str],
) -> dict[str, Any]:
    product = category(view, query, "linear", "inverse")
    contract = contract_of(view, query, product)
    bar = _bar(view, query)
    start, end = moment(view, query, "start"), moment(view, query, "end")
    _check_order(view, start, end)
    rows = limit(view, query, 200, 1000)
    since = max(contract.listed_at, 0 if start is None else bar.open_of(start))
    until = view.at if end is None else min(end, view.at)
    if start is not None and end is None:  # a page that begins at `start`, not one that ends now
        until = max(islice(oldest_first(bar, since, until), rows), default=since - 1)
    found = []
    for opened in islice(newest_first(bar, since, until), rows):
        made = candle(lambda t: price(contract, t), bar, opened, view.at)
        prices = (made.open, made.high, made.low, made.close)
        found.append([str(opened), *(text(contract, one) for one in prices)])
    return ok(view, {"symbol": contract.symbol, "category": product, "list": found})


def _bar(view: View, query: Query) -> Bar:
    bar = _BARS.get(query.get("interval", ""))
    if bar is None:
        raise bad_parameter(view, "Invalid period!")
    return bar


def _check_order(view: View, start: int | None, end: int | None) -> None:
    if start is not None and end is not None and start > end:
        raise bad_parameter(view, "The start time cannot be later than the end time")
