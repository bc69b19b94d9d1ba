"""GET /v5/market/instruments-info: pages of 500, and only `Trading` unless another status is asked for."""

from typing import Any
from urllib.parse import parse_qs, quote

from microstream_sim.bybit.contracts import base_coin
from microstream_sim.bybit.contracts import category as category_of
from microstream_sim.bybit.replies import bad_parameter, category, limit, ok
from microstream_sim.bybit.spot import instruments as spot_instruments
from microstream_sim.contracts import HOUR_MS, Contract, decimal_text, step_text
from microstream_sim.exchange import Query
from microstream_sim.view import View

_STATUSES = ("PreLaunch", "Trading", "Delivering", "Closed")
_SYMBOL_TYPES = {"crypto": "", "stock": "stock", "commodity": "commodity", "forex": "forex"}


def instruments_info(view: View, query: Query) -> dict[str, Any]:
    """Return one page of instruments, in the order of their symbols."""
    product = category(view, query)
    if product == "option":
        return ok(view, {"category": product, "list": [], "nextPageCursor": ""})
    if product == "spot":
        return ok(view, {"category": product, "list": spot_instruments(view, query)})
    rows = limit(view, query, 500, 1000)
    found = _matching(view, query, product)
    after = _cursor_symbol(view, query.get("cursor", ""))
    rest = [contract for contract in found if contract.symbol > after]
    page = rest[:rows]
    cursor = _cursor(page) if len(rest) > rows else ""
    return ok(view, {"category": product, "list": [_row(one) for one in page], "nextPageCursor": cursor})


def _matching(view: View, query: Query, product: str) -> list[Contract]:
    status = query.get("status", "")
    if status and status not in _STATUSES:
        raise bad_parameter(view, "Status is invalid")
    symbol, base = query.get("symbol"), query.get("baseCoin")
    if symbol:
        contract = view.contract(symbol)
        if contract is None or category_of(contract) != product:
            raise bad_parameter(view, "Symbol Invalid")
        return [contract]
    wanted = status or "Trading"
    found = [
        one
        for one in view.contracts()
        if category_of(one) == product and one.status == wanted and (not base or base_coin(one) == base)
    ]
    return sorted(found, key=lambda one: one.symbol)


def _cursor(page: list[Contract]) -> str:
    """Return the cursor as Bybit sends it: already percent-encoded."""
    return quote(f"first={page[0].symbol}&last={page[-1].symbol}", safe="")


def _cursor_symbol(view: View, cursor: str) -> str:
    """Return the last symbol of the page before; a cursor that was encoded twice is refused."""
    if not cursor:
        return ""
    last = parse_qs(cursor).get("last")
    if last is None:
        raise bad_parameter(view, "Cursor is invalid")
    return last[0]


def _row(contract: Contract) -> dict[str, Any]:
    inverse = "Inverse" if contract.inverse else "Linear"
    dated = contract.kind == "future"
    prelaunch = contract.status == "PreLaunch"
    step = step_text(contract.size_decimals)
    row: dict[str, Any] = {
        "symbol": contract.symbol,
        "symbolId": sum(contract.symbol.encode()),
        "contractType": f"{inverse}{'Futures' if dated else 'Perpetual'}",
        "status": contract.status,
        "baseCoin": base_coin(contract),
        "quoteCoin": contract.quote,
        "launchTime": str(contract.listed_at),
        "deliveryTime": str(contract.delivers_at or 0),
        "deliveryFeeRate": "0.0005" if dated else "",
        "priceScale": str(contract.tick_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "50.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": contract.tick, "maxPrice": "1999999.80", "tickSize": contract.tick},
        "lotSizeFilter": {
            "maxOrderQty": "1000000",
            "minOrderQty": step,
            "qtyStep": step,
            "postOnlyMaxOrderQty": "1000000",
            "maxMktOrderQty": "500000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 0 if contract.interval_h is None else contract.interval_h * HOUR_MS // 60_000,
        "settleCoin": contract.settle,
        "copyTrading": "none" if dated else "both",
        "upperFundingRate": "" if dated else decimal_text(contract.cap),
        "lowerFundingRate": "" if dated else decimal_text(contract.floor),
        "isPreListing": prelaunch,
        "preListingInfo": None,
        "displayName": "",
        "symbolType": contract.rule or _SYMBOL_TYPES[contract.coin.category],
    }
    if prelaunch:
        row["preListingInfo"] = {
            "curAuctionPhase": "NotStarted",
            "phases": [{"phase": "NotStarted", "startTime": str(contract.listed_at), "endTime": ""}],
            "auctionFeeInfo": {"auctionFeeRate": "0", "takerFeeRate": "0.001", "makerFeeRate": "0.0004"},
        }
    return row
