"""History of USD-M contracts: settled funding, candles, open interest. Oldest first, bounds inclusive."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from zlib import crc32

from microstream_sim.binance.parameters import (
    MINUTES,
    bounds,
    contract_of,
    error,
    invalid_symbol,
    limit,
    required,
)
from microstream_sim.candles import Bar, Candle, candle, newest_first, oldest_first
from microstream_sim.contracts import HOUR_MS, Contract
from microstream_sim.exchange import Query
from microstream_sim.spelling import price_text, rate_text
from microstream_sim.view import View
from microstream_sim.waves import DAY_MS

_MARKS_SINCE = 1_698_796_800_000  # rows of funding history before this carry an empty markPrice
_JITTER_MS = 16  # settlements are stamped up to this late
_LONGEST_INTERVAL_MS = 8 * HOUR_MS
_WINDOW_MS = 8 * HOUR_MS
_WINDOWS = 90
_OPEN_INTEREST_KEPT_MS = 30 * DAY_MS
_OPEN_INTEREST_PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")


def funding_rate(view: View, query: Query) -> list[dict[str, Any]]:
    """GET /fapi/v1/fundingRate: settled rates.

    Without a time bound the latest 200 rows; with more rows than `limit` in the window, the first ones.
    Times are a few milliseconds after the settlement.
    """
    start, end = bounds(query)
    rows = limit(query, 200 if start is None and end is None else 100, 1000)
    until = view.at if end is None else min(end, view.at)
    if query.get("symbol"):
        contract = contract_of(view, query["symbol"])
        pick = slice(rows + 1)
        if start is not None:
            # The page begins at `start`: look no further than its rows can reach, and take the oldest.
            until = min(until, max(start, contract.listed_at) + (rows + 1) * _LONGEST_INTERVAL_MS)
            pick = slice(-rows - 1, None)
        found = _settled_within(view, [contract], start or 0, until, pick)
    else:
        wanted = [one for one in view.contracts() if one.funds]
        found = _settled_of_all(view, wanted, start, until, rows)
    return found[:rows] if start is not None else found[-rows:]


def _settled_of_all(
    view: View, wanted: list[Contract], start: int | None, until: int, rows: int
) -> list[dict[str, Any]]:
    """Return rows of all symbols, looking 8 hours at a time from the end that the page starts at."""
    found: list[dict[str, Any]] = []
    for i in range(_WINDOWS):
        if start is None:
            window = (until - (i + 1) * _WINDOW_MS + 1, until - i * _WINDOW_MS)
            found = _settled_within(view, wanted, *window, slice(None)) + found
        elif start + i * _WINDOW_MS <= until:
            window = (start + i * _WINDOW_MS, min(until, start + (i + 1) * _WINDOW_MS - 1))
            found += _settled_within(view, wanted, *window, slice(None))
        if len(found) >= rows:
            break
    return found


def _settled_within(
    view: View, wanted: list[Contract], start: int, until: int, pick: slice
) -> list[dict[str, Any]]:
    """Return the rows stamped within [start, until], oldest first; `pick` chooses from newest to oldest."""
    found = [
        row
        for contract in wanted
        if contract.interval_h is not None
        for at in view.market.settlements(contract, start - _JITTER_MS, until)[pick]
        for row in _settlement_rows(view, contract, at)
        if start <= row["fundingTime"] <= until
    ]
    return sorted(found, key=lambda row: int(row["fundingTime"]))


def _settlement_rows(view: View, contract: Contract, at: int) -> list[dict[str, Any]]:
    stamp = at + crc32(f"{contract.symbol}{at}".encode()) % _JITTER_MS
    mark = view.market.mark(contract, at)
    regular = {
        "symbol": contract.symbol,
        "fundingTime": stamp,
        "fundingRate": rate_text("binance", view.market.settled(contract, at).rate),
        "markPrice": price_text(contract, mark) if at >= _MARKS_SINCE else "",
        "rateType": "Regular",
    }
    if contract.coin.category == "stock" and at % (30 * DAY_MS) == 0:  # a dividend charged to the longs
        return [regular, {**regular, "fundingRate": "0.00120000", "rateType": "Special"}]
    return [regular]


def open_interest_history(view: View, query: Query) -> list[dict[str, Any]]:
    """GET /futures/data/openInterestHist: the stamp is the end of the period; a quiet period has no row.

    A `startTime` of more than 30 days ago is refused, not clipped.
    """
    contract = contract_of(view, required(query, "symbol"))
    period = required(query, "period")
    if period not in _OPEN_INTEREST_PERIODS:
        raise error(-1130, "Data sent for parameter 'period' is not valid.")
    start, end = bounds(query)
    rows = limit(query, 30, 500)
    oldest = view.at - _OPEN_INTEREST_KEPT_MS
    if start is not None and start < oldest:
        raise error(-1130, "Data sent for parameter 'startTime' is not valid.")
    bar = Bar(minutes=MINUTES[period])
    since = max(oldest if start is None else start, contract.listed_at)
    until = view.at if end is None else min(end, view.at)
    both = start is not None and end is not None
    ends = oldest_first(bar, since, until) if both else newest_first(bar, since, until)
    kept = list(islice((at for at in ends if was_traded(contract, at)), rows))
    return [_open_interest_row(view, contract, at) for at in (kept if both else reversed(kept))]


def was_traded(contract: Contract, at: int) -> bool:
    """Return whether anything was traded in the period that ends at `at`: a quiet one has no open interest."""
    return contract.coin.oi_usd > 2e7 or crc32(f"{contract.symbol}{at}".encode()) % 40 != 0


def _open_interest_row(view: View, contract: Contract, at: int) -> dict[str, Any]:
    units = view.market.open_interest(contract, at)
    return {
        "symbol": contract.symbol,
        "sumOpenInterest": f"{units:.8f}",
        "sumOpenInterestValue": f"{units * view.market.mark(contract, at):.8f}",
        "CMCCirculatingSupply": f"{contract.coin.oi_usd / contract.coin.price * 20:.8f}",
        "timestamp": at,
    }


def mark_klines(view: View, query: Query) -> list[list[Any]]:
    """GET /fapi/v1/markPriceKlines."""
    contract = contract_of(view, required(query, "symbol"))
    return _klines(view, query, contract, lambda t: view.market.mark(contract, t), price_text)


def index_klines(view: View, query: Query) -> list[list[Any]]:
    """GET /fapi/v1/indexPriceKlines: takes `pair`, not `symbol`, and no name of a dated contract."""
    pair = required(query, "pair")
    if "_" in pair:
        raise invalid_symbol()
    contract = contract_of(view, pair)
    return _klines(view, query, contract, lambda t: view.market.index(contract, t), price_text)


def premium_klines(view: View, query: Query) -> list[list[Any]]:
    """GET /fapi/v1/premiumIndexKlines: fractions, not prices."""
    contract = contract_of(view, required(query, "symbol"))

    def text(_: Contract, value: float) -> str:
        return rate_text("binance", value)

    return _klines(view, query, contract, lambda t: view.market.premium(contract, t), text)


def klines(view: View, query: Query) -> list[list[Any]]:
    """GET /fapi/v1/klines: trades happen at the mark here; the only klines with true volume columns."""
    contract = contract_of(view, required(query, "symbol"))

    def text(one: Contract, value: float) -> str:
        return f"{value:.{one.tick_decimals}f}"

    rows = _klines(view, query, contract, lambda t: view.market.mark(contract, t), text)
    for row in rows:
        volume = contract.coin.oi_usd / contract.unit_price * (row[6] + 1 - row[0]) / DAY_MS
        row[5] = f"{volume:.{contract.size_decimals}f}"
        row[7] = f"{volume * contract.unit_price:.2f}"
        row[9] = f"{volume / 2:.{contract.size_decimals}f}"
        row[10] = f"{volume * contract.unit_price / 2:.2f}"
    return rows


def _klines(
    view: View,
    query: Query,
    contract: Contract,
    value: Callable[[int], float],
    text: Callable[[Contract, float], str],
) -> list[list[Any]]:
    bar = _bar(required(query, "interval"))
    start, end = bounds(query)
    rows = limit(query, 500, 1500)
    until = view.at if end is None else min(end, view.at)
    opens: Iterable[int]
    if start is None:
        opens = reversed(list(islice(newest_first(bar, contract.listed_at, until), rows)))
    else:
        opens = islice(oldest_first(bar, max(start, contract.listed_at), until), rows)
    return [_kline(contract, candle(value, bar, at, view.at), text) for at in opens]


def _kline(contract: Contract, made: Candle, text: Callable[[Contract, float], str]) -> list[Any]:
    prices = [text(contract, price) for price in (made.open, made.high, made.low, made.close)]
    seconds = (made.close_at - made.open_at) // 1000
    return [made.open_at, *prices, "0", made.close_at - 1, "0", seconds, "0", "0", "0"]


def _bar(interval: str) -> Bar:
    if interval == "1M":
        return Bar(months=1)
    if interval not in MINUTES:
        raise error(-1120, "Invalid interval.")
    return Bar(minutes=MINUTES[interval])
