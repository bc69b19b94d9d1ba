"""Current values of USD-M contracts: /fapi/v1/premiumIndex, openInterest, tickers, time."""

from typing import Any
from zlib import crc32

from microstream_sim.binance.parameters import contract_of, required
from microstream_sim.contracts import Contract
from microstream_sim.exchange import Query
from microstream_sim.quotes import Quote, contract_quote
from microstream_sim.spelling import rate_text
from microstream_sim.view import View
from microstream_sim.waves import DAY_MS

UNPRICED = {"PENDING_TRADING", "CLOSE"}


def server_time(view: View, _: Query) -> dict[str, Any]:
    """GET /fapi/v1/time."""
    return {"serverTime": view.clock}


def ping(_view: View, _: Query) -> dict[str, Any]:
    """GET /fapi/v1/ping."""
    return {}


def premium_index(view: View, query: Query) -> Any:
    """GET /fapi/v1/premiumIndex: mark, index and running funding estimate; all symbols without `symbol`."""
    if query.get("symbol"):
        return premium_row(view, contract_of(view, query["symbol"]))
    return [premium_row(view, one) for one in view.contracts() if one.status not in UNPRICED]


def open_interest(view: View, query: Query) -> dict[str, Any]:
    """GET /fapi/v1/openInterest: one symbol only; the time is that of the last change."""
    contract = contract_of(view, required(query, "symbol"))
    at = open_interest_time(contract, view.value_time(contract.symbol))
    return {
        "openInterest": view.open_interest(contract, at).venue,
        "symbol": contract.symbol,
        "time": view.stamp(at),
    }


def open_interest_time(contract: Contract, t: int) -> int:
    """Return when the figure shown at `t` was made: this second, or up to 30 s ago for small contracts."""
    seconds = 1 if contract.coin.oi_usd > 2e7 else 5 + crc32(contract.symbol.encode()) % 26
    return t - t % (1_000 * seconds)


def ticker_price(view: View, query: Query) -> Any:
    """GET /fapi/v1/ticker/price and /fapi/v2/ticker/price."""
    return _one_or_all(view, query, _price_row)


def ticker_book(view: View, query: Query) -> Any:
    """GET /fapi/v1/ticker/bookTicker."""
    return _one_or_all(view, query, _book_row)


def ticker_24h(view: View, query: Query) -> Any:
    """GET /fapi/v1/ticker/24hr."""
    return _one_or_all(view, query, _day_row)


def premium_row(view: View, contract: Contract) -> dict[str, Any]:
    """Return the row of one contract; dated ones and those that do not trade have no funding in it."""
    index = view.index_text(contract)
    row = {
        "symbol": contract.symbol,
        "markPrice": view.mark_text(contract),
        "indexPrice": index,
        "estimatedSettlePrice": index,
        "lastFundingRate": "",
        "interestRate": "",
        "nextFundingTime": 0,
        "time": view.data_time,
    }
    if contract.status in {"TRADING", "PENDING_TRADING"} and contract.interval_h is not None:
        state = view.funding(contract)
        row["lastFundingRate"] = rate_text("binance", state.rate)
        row["interestRate"] = rate_text("binance", view.market.interest(contract, view.at))
        row["nextFundingTime"] = state.settles_at
    elif contract.kind == "future" and contract.coin.name == "ETH":
        row["lastFundingRate"] = "0.00000000"
    if contract.index_shown == "empty":
        row["indexPrice"] = ""
    elif contract.index_shown == "missing":
        del row["indexPrice"]
    return row


def _one_or_all(view: View, query: Query, row: Any) -> Any:
    if query.get("symbol"):
        contract = contract_of(view, query["symbol"])
        return row(view, contract, contract_quote(view, contract))
    return [row(view, one, contract_quote(view, one)) for one in view.contracts() if one.status == "TRADING"]


def _price_row(view: View, contract: Contract, quote: Quote) -> dict[str, Any]:
    price = f"{quote.last:.{contract.tick_decimals}f}"
    return {"symbol": contract.symbol, "price": price, "time": view.data_time}


def _book_row(view: View, contract: Contract, quote: Quote) -> dict[str, Any]:
    tick, size = contract.tick_decimals, contract.size_decimals
    return {
        "symbol": contract.symbol,
        "bidPrice": f"{quote.bid:.{tick}f}",
        "bidQty": f"{quote.size:.{size}f}",
        "askPrice": f"{quote.ask:.{tick}f}",
        "askQty": f"{quote.size:.{size}f}",
        "time": view.data_time,
    }


def _day_row(view: View, contract: Contract, quote: Quote) -> dict[str, Any]:
    tick = contract.tick_decimals
    change = quote.last - quote.open_24h
    return {
        "symbol": contract.symbol,
        "priceChange": f"{change:.{tick}f}",
        "priceChangePercent": f"{100 * change / quote.open_24h:.3f}",
        "weightedAvgPrice": f"{quote.turnover / quote.volume:.{tick}f}",
        "lastPrice": f"{quote.last:.{tick}f}",
        "lastQty": f"{quote.size:.{contract.size_decimals}f}",
        "openPrice": f"{quote.open_24h:.{tick}f}",
        "highPrice": f"{quote.high_24h:.{tick}f}",
        "lowPrice": f"{quote.low_24h:.{tick}f}",
        "volume": f"{quote.volume:.{contract.size_decimals}f}",
        "quoteVolume": f"{quote.turnover:.2f}",
        "openTime": view.data_time - DAY_MS,
        "closeTime": view.data_time,
        "firstId": 1,
        "lastId": 1_000_000,
        "count": 1_000_000,
    }
