"""Current values: funding-rate, mark-price, index-tickers, open-interest, tickers, time."""

from typing import Any

from microstream_sim.contracts import HOUR_MS, Contract, decimal_text, trimmed
from microstream_sim.exchange import Query
from microstream_sim.okx.contracts import family, underlying
from microstream_sim.okx.contracts import inst_type as type_of
from microstream_sim.okx.instruments import indices, spot_pairs
from microstream_sim.okx.replies import (
    contract_of,
    failure,
    inst_type,
    missing,
    ok,
    unknown_instrument,
    wrong,
)
from microstream_sim.quotes import Quote, contract_quote, spot_quote
from microstream_sim.spelling import price_text, rate_text
from microstream_sim.view import View

SETTLING_MS = 20_000  # so long after a settlement a row still shows it, as `processing`
_OPEN_INTEREST_STEP_MS = 3_000
_QUOTE_CURRENCIES = ("USD", "USDT", "USDC", "BTC")


def server_time(view: View, _: Query) -> dict[str, Any]:
    """GET /api/v5/public/time."""
    return ok([{"ts": str(view.clock)}])


def funding_rate(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/public/funding-rate: one instrument, or all that fund with the literal `ANY`."""
    if query.get("instId") == "ANY":
        return ok([funding_row(view, one) for one in view.contracts() if one.funds])
    contract = contract_of(view, query)
    if not contract.funds:
        raise wrong("instId")
    return ok([funding_row(view, contract)])


def is_settling(view: View, contract: Contract) -> bool:
    """Return whether the last settlement is so near that rows still show it as being processed."""
    return view.at - view.funding(contract).previous_at < SETTLING_MS


def funding_row(view: View, contract: Contract) -> dict[str, str]:
    """Return one row: `fundingTime` is the next settlement, `nextFundingTime` the one after it."""
    state = view.funding(contract)
    settled = view.market.settled(contract, state.previous_at)
    settling = is_settling(view, contract)
    interval = state.interval_h * HOUR_MS
    charged = rate_text("okx", settled.rate)
    with_rate = contract.formula == "withRate"
    row = {
        "instType": type_of(contract),
        "instId": contract.symbol,
        "method": "current_period",
        "formulaType": contract.formula,
        "fundingRate": charged if settling else rate_text("okx", state.rate),
        "fundingTime": str(state.previous_at if settling else state.settles_at),
        "nextFundingRate": "",
        "nextFundingTime": str(state.settles_at if settling else state.settles_at + interval),
        "minFundingRate": decimal_text(contract.floor),
        "maxFundingRate": decimal_text(contract.cap),
        "interestRate": rate_text("okx", view.market.interest(contract, view.at)) if with_rate else "",
        "impactValue": "10000.0000000000000000" if with_rate else "",
        "premium": rate_text("okx", state.premium),
        "settState": "processing" if settling else "settled",
        "settFundingRate": charged,
        "ts": str(view.data_time),
    }
    if with_rate:
        row["prevFundingTime"] = str(settled.previous_at if settling else state.previous_at)
    return row


def mark_price(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/public/mark-price: `instType` is required."""
    return ok([mark_row(view, one) for one in _selected(view, query, "SWAP", "FUTURES", "OPTION", "MARGIN")])


def open_interest(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/public/open-interest: contracts, coins and dollars; one side counted."""
    return ok([open_interest_row(view, one) for one in _selected(view, query, "SWAP", "FUTURES", "OPTION")])


def open_interest_time(t: int) -> int:
    """Return when the figure shown at `t` was made."""
    return t - t % _OPEN_INTEREST_STEP_MS


def index_tickers(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/index-tickers: all indices of one quote currency, or one index."""
    listed = indices(view)
    name, quote = query.get("instId"), query.get("quoteCcy")
    if name:
        if name not in listed:
            raise failure("51014", "Index doesn't exist.")
        return ok([index_row(view, name, listed[name])])
    if not quote:
        raise failure("50015", "Either parameter quoteCcy or instId is required")
    if quote not in _QUOTE_CURRENCIES:
        raise wrong("quoteCcy")
    return ok([index_row(view, key, one) for key, one in listed.items() if one.quote == quote])


def tickers(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/tickers."""
    product = inst_type(query, "SPOT", "SWAP", "FUTURES", "OPTION")
    if product == "SPOT":
        pairs = spot_pairs(view).values()
        return ok([ticker_row(view, pair, spot_quote(view, pair), "SPOT") for pair in pairs])
    return ok([contract_ticker(view, one) for one in _selected(view, query, product)])


def ticker(view: View, query: Query) -> dict[str, Any]:
    """GET /api/v5/market/ticker."""
    name = query.get("instId", "")
    if not name:
        raise missing("instId")
    pair = spot_pairs(view).get(name)
    if pair is not None:
        return ok([ticker_row(view, pair, spot_quote(view, pair), "SPOT")])
    return ok([contract_ticker(view, contract_of(view, query))])


def _selected(view: View, query: Query, *allowed: str) -> list[Contract]:
    product = inst_type(query, *allowed)
    rows = [one for one in view.contracts() if type_of(one) == product and one.status != "preopen"]
    if query.get("uly"):
        rows = [one for one in rows if underlying(one) == query["uly"]]
    if query.get("instFamily"):
        rows = [one for one in rows if family(one) == query["instFamily"]]
    if query.get("instId"):
        rows = [one for one in rows if one.symbol == query["instId"]]
        if not rows:
            raise unknown_instrument()
    return rows


def mark_row(view: View, contract: Contract) -> dict[str, str]:
    """Return one row of mark prices."""
    return {
        "instType": type_of(contract),
        "instId": contract.symbol,
        "markPx": view.mark_text(contract),
        "ts": str(view.data_time),
    }


def open_interest_row(view: View, contract: Contract) -> dict[str, str]:
    """Return one row of open interest."""
    at = open_interest_time(view.value_time(contract.symbol))
    text = view.open_interest(contract, at)
    return {
        "instType": type_of(contract),
        "instId": contract.symbol,
        "oi": text.venue,
        "oiCcy": text.units or "",
        "oiUsd": text.usd or "",
        "ts": str(view.stamp(at)),
    }


def index_row(view: View, name: str, contract: Contract) -> dict[str, str]:
    """Return the row of one index."""
    at = view.value_time(name)
    quote = spot_quote(view, contract)
    return {
        "instId": name,
        "idxPx": price_text(contract, view.market.index(contract, at)),
        "open24h": price_text(contract, quote.open_24h),
        "high24h": price_text(contract, quote.high_24h),
        "low24h": price_text(contract, quote.low_24h),
        "sodUtc0": price_text(contract, quote.open_24h),
        "sodUtc8": price_text(contract, quote.open_24h),
        "ts": str(view.data_time),
    }


def contract_ticker(view: View, contract: Contract) -> dict[str, str]:
    """Return the ticker of a contract."""
    return ticker_row(view, contract, contract_quote(view, contract), type_of(contract))


def ticker_row(view: View, contract: Contract, quote: Quote, product: str) -> dict[str, str]:
    """Return a ticker: sizes in contracts, `volCcy24h` in coins for derivatives and in quote for spot."""
    if product == "SPOT":
        size, volume, volume_ccy = quote.size, quote.volume, quote.turnover
    elif contract.inverse:
        per_contract = float(contract.contract_size) / quote.last
        size, volume, volume_ccy = quote.size / per_contract, quote.volume / per_contract, quote.volume
    else:
        per_contract = float(contract.contract_size)
        size, volume, volume_ccy = quote.size / per_contract, quote.volume / per_contract, quote.volume
    return {
        "instType": product,
        "instId": contract.symbol,
        "last": price_text(contract, quote.last),
        "lastSz": trimmed(size, 2),
        "askPx": price_text(contract, quote.ask),
        "askSz": trimmed(size, 2),
        "bidPx": price_text(contract, quote.bid),
        "bidSz": trimmed(size, 2),
        "open24h": price_text(contract, quote.open_24h),
        "high24h": price_text(contract, quote.high_24h),
        "low24h": price_text(contract, quote.low_24h),
        "volCcy24h": trimmed(volume_ccy, 4),
        "vol24h": trimmed(volume, 2),
        "sodUtc0": price_text(contract, quote.open_24h),
        "sodUtc8": price_text(contract, quote.open_24h),
        "ts": str(view.data_time),
    }
