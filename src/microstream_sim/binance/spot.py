"""Binance spot, as far as a basis needs it: /api/v3/time, exchangeInfo, ticker/bookTicker, ticker/price."""

from typing import Any

import msgspec

from microstream_sim.binance.contracts import base_asset
from microstream_sim.binance.parameters import error, invalid_symbol
from microstream_sim.contracts import Contract, step_text
from microstream_sim.exchange import Query
from microstream_sim.quotes import spot_multiplier, spot_pair, spot_quote
from microstream_sim.view import View


def pairs(view: View) -> dict[str, Contract]:
    """Return the spot pairs by symbol: the coin of every live crypto perpetual, but 1MBABYDOGE without multiplier."""
    found: dict[str, Contract] = {}
    for contract in view.contracts():
        if contract.live and contract.kind == "perpetual" and contract.coin.category == "crypto":
            symbol = f"{_base(contract)}{contract.quote}"
            if symbol not in found:
                found[symbol] = spot_pair(contract, symbol, "TRADING")
    return found


def _base(contract: Contract) -> str:
    return base_asset(contract) if spot_multiplier(contract) > 1 else contract.coin.name


def book_ticker(view: View, query: Query) -> Any:
    """GET /api/v3/ticker/bookTicker: rows carry no time."""
    return _selected(view, query, _book_row)


def price_ticker(view: View, query: Query) -> Any:
    """GET /api/v3/ticker/price."""
    return _selected(view, query, _price_row)


def exchange_info(view: View, _: Query) -> dict[str, Any]:
    """GET /api/v3/exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": view.clock,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(pair) for pair in pairs(view).values()],
    }


def _selected(view: View, query: Query, row: Any) -> Any:
    listed = pairs(view)
    if query.get("symbol"):
        if query["symbol"] not in listed:
            raise invalid_symbol()
        return row(view, listed[query["symbol"]])
    if query.get("symbols"):
        try:
            wanted = msgspec.json.decode(query["symbols"], type=list[str])
        except msgspec.DecodeError as bad:
            raise error(-1100, "Illegal characters found in parameter 'symbols'.") from bad
        if any(symbol not in listed for symbol in wanted):
            raise invalid_symbol()
        return [row(view, listed[symbol]) for symbol in wanted]
    return [row(view, pair) for pair in listed.values()]


def _book_row(view: View, pair: Contract) -> dict[str, str]:
    quote = spot_quote(view, pair)
    return {
        "symbol": pair.symbol,
        "bidPrice": f"{quote.bid:.8f}",
        "bidQty": f"{quote.size:.8f}",
        "askPrice": f"{quote.ask:.8f}",
        "askQty": f"{quote.size:.8f}",
    }


def _price_row(view: View, pair: Contract) -> dict[str, str]:
    return {"symbol": pair.symbol, "price": f"{spot_quote(view, pair).last:.8f}"}


def _symbol(pair: Contract) -> dict[str, Any]:
    tick, step = step_text(pair.tick_decimals), step_text(pair.size_decimals)
    return {
        "symbol": pair.symbol,
        "status": pair.status,
        "baseAsset": _base(pair),
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }
