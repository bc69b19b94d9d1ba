"""Bybit spot, as far as a basis needs it: rows of tickers and instruments-info with category=spot."""

from typing import Any

from microstream_sim.bybit.contracts import base_coin
from microstream_sim.bybit.replies import bad_parameter
from microstream_sim.contracts import Contract, step_text
from microstream_sim.exchange import Query
from microstream_sim.quotes import spot_multiplier, spot_pair, spot_quote
from microstream_sim.view import View


def pairs(view: View) -> dict[str, Contract]:
    """Return the spot pairs by symbol; BTCUSDT is the name of the spot pair and of the perpetual."""
    found: dict[str, Contract] = {}
    for contract in view.contracts():
        if contract.live and not contract.inverse and contract.coin.category == "crypto":
            symbol = f"{_base(contract)}{contract.quote}"
            if symbol not in found:
                found[symbol] = spot_pair(contract, symbol, "Trading")
    return found


def _base(contract: Contract) -> str:
    return base_coin(contract) if spot_multiplier(contract) > 1 else contract.coin.name


def tickers(view: View, query: Query) -> list[dict[str, str]]:
    """Return the spot rows of /v5/market/tickers."""
    return [spot_row(view, pair) for pair in _selected(view, query)]


def instruments(view: View, query: Query) -> list[dict[str, Any]]:
    """Return the spot rows of /v5/market/instruments-info, all in one page."""
    return [_instrument(pair) for pair in _selected(view, query)]


def _selected(view: View, query: Query) -> list[Contract]:
    listed = pairs(view)
    symbol = query.get("symbol")
    if not symbol:
        return list(listed.values())
    if symbol not in listed:
        raise bad_parameter(view, "Symbol Invalid")
    return [listed[symbol]]


def spot_row(view: View, pair: Contract) -> dict[str, str]:
    """Return the ticker of one pair."""
    quote = spot_quote(view, pair)
    tick, size = pair.tick_decimals, pair.size_decimals
    return {
        "symbol": pair.symbol,
        "bid1Price": f"{quote.bid:.{tick}f}",
        "bid1Size": f"{quote.size:.{size}f}",
        "ask1Price": f"{quote.ask:.{tick}f}",
        "ask1Size": f"{quote.size:.{size}f}",
        "lastPrice": f"{quote.last:.{tick}f}",
        "prevPrice24h": f"{quote.open_24h:.{tick}f}",
        "price24hPcnt": f"{quote.last / quote.open_24h - 1:.4f}",
        "highPrice24h": f"{quote.high_24h:.{tick}f}",
        "lowPrice24h": f"{quote.low_24h:.{tick}f}",
        "turnover24h": f"{quote.turnover:.4f}",
        "volume24h": f"{quote.volume:.{size}f}",
        "usdIndexPrice": f"{quote.last:.6f}" if pair.coin.oi_usd > 1e7 else "",
    }


def _instrument(pair: Contract) -> dict[str, Any]:
    step = step_text(pair.size_decimals)
    return {
        "symbol": pair.symbol,
        "baseCoin": _base(pair),
        "quoteCoin": pair.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": step,
            "quotePrecision": "0.00000001",
            "minOrderQty": step,
            "maxOrderQty": "1000000",
            "minOrderAmt": "1",
            "maxOrderAmt": "2000000",
        },
        "priceFilter": {"tickSize": pair.tick},
        "symbolType": "",
    }
