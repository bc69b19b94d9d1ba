"""GET /fapi/v1/exchangeInfo and GET /fapi/v1/fundingInfo."""

from typing import Any

from microstream_sim.binance.contracts import NO_EXPIRY, base_asset
from microstream_sim.contracts import Contract, step_text
from microstream_sim.exchange import Query
from microstream_sim.spelling import cap_text
from microstream_sim.view import View

_DEFAULT_INTERVAL_H = 8
CONTRACT_TYPES = {"EMPTY_TYPE": "", "": "PERPETUAL"}
_UNDERLYING_TYPES = {"crypto": "COIN", "stock": "EQUITY", "commodity": "COMMODITY", "forex": "FOREX"}


def exchange_info(view: View, _: Query) -> dict[str, Any]:
    """Return all USD-M symbols; COIN-M symbols have a list of their own elsewhere."""
    return {
        "timezone": "UTC",
        "serverTime": view.clock,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"},
            {"asset": "USDC", "marginAvailable": True, "autoAssetExchange": "-10000"},
            {"asset": "BTC", "marginAvailable": True, "autoAssetExchange": "-0.10000000"},
        ],
        "symbols": [_symbol(contract) for contract in view.contracts() if contract.rule != "COIN_M"],
    }


def funding_info(view: View, _: Query) -> list[dict[str, Any]]:
    """Return interval, cap and floor of those contracts alone for which any of them was ever adjusted."""
    return [
        {
            "symbol": contract.symbol,
            "adjustedFundingRateCap": cap_text("binance", contract.cap),
            "adjustedFundingRateFloor": cap_text("binance", contract.floor),
            "fundingIntervalHours": contract.interval_h,
            "disclaimer": False,
            "updateTime": contract.listed_at,
        }
        for contract in view.contracts()
        if contract.funds and is_adjusted(contract)
    ]


def is_adjusted(contract: Contract) -> bool:
    """Return whether fundingInfo names the contract."""
    return contract.caps_published or contract.interval_h != _DEFAULT_INTERVAL_H


def _symbol(contract: Contract) -> dict[str, Any]:
    base = base_asset(contract)
    step = step_text(contract.size_decimals)
    return {
        "symbol": contract.symbol,
        "pair": contract.symbol.split("_")[0],
        "contractType": CONTRACT_TYPES.get(contract.rule, contract.rule),
        "deliveryDate": NO_EXPIRY if contract.delivers_at is None else contract.delivers_at,
        "onboardDate": contract.listed_at,
        "status": contract.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": contract.quote,
        "marginAsset": contract.settle,
        "pricePrecision": contract.tick_decimals,
        "quantityPrecision": contract.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": _UNDERLYING_TYPES[contract.coin.category],
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012000",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(contract.tick, step),
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _filters(tick: str, step: str) -> list[dict[str, Any]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "10000000", "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "1000000", "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]
