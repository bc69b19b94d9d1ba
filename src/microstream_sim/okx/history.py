"""History: settled funding, candles, premium, open interest. Newest first; `after` means older."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from zlib import crc32

from microstream_sim.candles import Bar, Candle, candle, newest_first, utc_offset
from microstream_sim.contracts import Contract
from microstream_sim.exchange import Query
from microstream_sim.okx.contracts import inst_type as type_of
from microstream_sim.okx.instruments import indices
from microstream_sim.okx.replies import (
    contract_of,
    failure,
    limit,
    missing,
    moment,
    ok,
    older_and_newer,
    wrong,
)
from microstream_sim.spelling import price_text, rate_text
from microstream_sim.view import View
from microstream_sim.waves import DAY_MS

_RECENT_BARS = 1_440
_FUNDING_KEPT_MS = 92 * DAY_MS
_PREMIUM_KEPT_MS = 183 * DAY_MS
_CANDLES_KEPT_MS = 5 * 365 * DAY_MS
_UTC8 = utc_offset(8)
_MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240}
_LONG_MINUTES = {"6H": 360, "12H": 720, "1D": 1_440, "2D": 2_880, "3D": 4_320, "1W": 10_080}
# The long bars are aligned to UTC+8 unless their name ends in `utc`.
_BARS: dict[str, Bar] = {
    **{name: Bar(minutes) for name, minutes in _MINUTES.items()},
    **{name: Bar(minutes, shift_ms=_UTC8) for name, minutes in _LONG_MINUTES.items()},
    **{f"{name}utc": Bar(minutes) for name, minutes in _LONG_MINUTES.items()},
    "1M": Bar(months=1, shift_ms=_UTC8), "3M": Bar(months=3, shift_ms=_UTC8),
    "1Mutc": Bar(months=1), "3Mutc": Bar(months=3),
}  # fmt: skip


def funding_rate_history(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/public/funding-rate-history: about three months; `realizedRate` is what was charged."""
    contract = contract_of(view, query)
    if contract.interval_h is None:
        raise wrong("instId")
    rows = limit(query, 400, 400)
    since, until = older_and_newer(query, view.at)
    settlements = view.market.settlements(contract, max(since, view.at - _FUNDING_KEPT_MS), until, rows)
    return ok([_settlement_row(view, contract, at) for at in settlements])


def _settlement_row(view: View, contract: Contract, at: int) -> dict[str, str]:
    return {
        "instType": type_of(contract),
        "instId": contract.symbol,
        "formulaType": contract.formula,
        "fundingRate": rate_text("okx", view.market.funding(contract, at - 1).rate),
        "realizedRate": rate_text("okx", view.market.settled(contract, at).rate),
        "fundingTime": str(at),
        "method": "current_period",
    }


def premium_history(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/public/premium-history: about one row a minute, at irregular times."""
    contract = contract_of(view, query)
    if contract.interval_h is None:
        raise wrong("instId")
    rows = limit(query, 100, 100)
    since, until = older_and_newer(query, view.at)
    since = max(since, view.at - _PREMIUM_KEPT_MS, contract.listed_at)
    stamps = (premium_stamp(contract, minute) for minute in newest_first(Bar(1), since - 60_000, until))
    within = islice((at for at in stamps if since <= at <= until), rows)
    return ok([_premium_row(view, contract, at) for at in within])


def premium_stamp(contract: Contract, minute: int) -> int:
    """Return when within a minute the venue took the premium down."""
    return minute + crc32(f"{contract.symbol}{minute}".encode()) % 60_000


def _premium_row(view: View, contract: Contract, at: int) -> dict[str, str]:
    premium = rate_text("okx", view.market.premium(contract, at))
    return {"instType": type_of(contract), "instId": contract.symbol, "premium": premium, "ts": str(at)}


def open_interest_history(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/rubik/stat/contracts/open-interest-history: rows [ts, contracts, coins, dollars]."""
    contract = contract_of(view, query)
    bar = _bar(query.get("period") or "5m", "period")
    rows = limit(query, 100, 100)
    begin, end = moment(query, "begin"), moment(query, "end")
    until = view.at if end is None else min(end, view.at)
    kept = _recent(bar, view.at)
    times = islice(newest_first(bar, max(begin or 0, kept, contract.listed_at), until), rows)
    found = []
    for at in times:
        text = view.open_interest(contract, at)
        found.append([str(at), text.venue, text.units, text.usd])
    return ok(found)


def mark_candles(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/mark-price-candles: the last 1440 bars."""
    return _contract_candles(view, query, recent=True)


def old_mark_candles(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/history-mark-price-candles."""
    return _contract_candles(view, query, recent=False)


def index_candles(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/index-candles: `instId` is the index (`uly`)."""
    return _index_candles(view, query, recent=True)


def old_index_candles(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/history-index-candles."""
    return _index_candles(view, query, recent=False)


def trade_candles(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/candles: trades happen at the mark here; volume in contracts, coins and quote."""
    return _trade_candles(view, query, recent=True)


def old_trade_candles(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/history-candles."""
    return _trade_candles(view, query, recent=False)


def _contract_candles(view: View, query: Query, *, recent: bool) -> dict[str, Any]:
    contract = contract_of(view, query)
    rows = limit(query, 100, 100)
    made = _candles(
        view, query, rows, lambda t: view.market.mark(contract, t), recent=recent, since=contract.listed_at
    )
    return ok([_candle_row(contract, one) for one in made])


def _index_candles(view: View, query: Query, *, recent: bool) -> dict[str, Any]:
    name = query.get("instId", "")
    if not name:
        raise missing("instId")
    index = indices(view).get(name)
    if index is None:
        raise failure("51014", "Index doesn't exist.")
    rows = limit(query, 100, 100)
    made = _candles(view, query, rows, lambda t: view.market.index(index, t), recent=recent)
    return ok([_candle_row(index, one) for one in made])


def _trade_candles(view: View, query: Query, *, recent: bool) -> dict[str, Any]:
    contract = contract_of(view, query)
    rows = limit(query, 100, 300)
    made = _candles(
        view, query, rows, lambda t: view.market.mark(contract, t), recent=recent, since=contract.listed_at
    )
    found = []
    for one in made:
        quote = contract.coin.oi_usd * contract.share * (one.close_at - one.open_at) / DAY_MS
        coins = quote / one.close
        contracts = quote if contract.inverse else coins
        volumes = [f"{contracts / float(contract.contract_size):.2f}", f"{coins:.4f}", f"{quote:.4f}"]
        row = _candle_row(contract, one)
        found.append([*row[:-1], *volumes, row[-1]])
    return ok(found)


def _candles(
    view: View, query: Query, rows: int, value: Callable[[int], float], *, recent: bool, since: int = 0
) -> Iterable[Candle]:
    """Return the newest `rows` candles of the window; the old-candle endpoints show closed bars only.

    There are none before `since`.
    """
    bar = _bar(query.get("bar") or "1m", "bar")
    newer, until = older_and_newer(query, view.at)
    since = max(since, newer, _recent(bar, view.at) if recent else view.at - _CANDLES_KEPT_MS)
    if not recent:
        until = min(until, bar.open_of(view.at) - 1)
    return (candle(value, bar, at, view.at) for at in islice(newest_first(bar, since, until), rows))


def _candle_row(contract: Contract, made: Candle) -> list[str]:
    prices = [price_text(contract, one) for one in (made.open, made.high, made.low, made.close)]
    return [str(made.open_at), *prices, "1" if made.closed else "0"]


def _bar(name: str, parameter: str) -> Bar:
    bar = _BARS.get(name)
    if bar is None:
        raise wrong(parameter)
    return bar


def _recent(bar: Bar, now: int) -> int:
    """Return the opening time of the oldest of the last 1440 bars (or months' worth of them)."""
    if bar.months:
        return max(0, now - _CANDLES_KEPT_MS)
    return bar.open_of(now) - (_RECENT_BARS - 1) * bar.minutes * 60_000
