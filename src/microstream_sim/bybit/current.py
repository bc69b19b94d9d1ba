"""GET /v5/market/tickers and /v5/market/time: one bulk reply carries funding, mark, index, open interest."""

from typing import Any

from microstream_sim.bybit.contracts import category as category_of
from microstream_sim.bybit.replies import category, contract_of, ok
from microstream_sim.bybit.spot import tickers as spot_tickers
from microstream_sim.contracts import Contract, decimal_text, trimmed
from microstream_sim.exchange import Query
from microstream_sim.quotes import Quote, contract_quote
from microstream_sim.spelling import rate_text
from microstream_sim.view import View

_HALF_HOUR_MS = 1_800_000
_BLANK_IN_PRELAUNCH = (
    "lastPrice", "indexPrice", "markPrice", "prevPrice24h", "price24hPcnt", "highPrice24h", "lowPrice24h",
    "prevPrice1h", "openInterest", "openInterestValue", "singleOpenInterest", "singleOpenInterestValue",
    "turnover24h", "volume24h", "fundingRate", "nextFundingTime", "fundingIntervalHour", "fundingCap",
    "bid1Price", "bid1Size", "ask1Price", "ask1Size",
)  # fmt: skip


def server_time(view: View, _: Query) -> dict[str, Any]:
    """GET /v5/market/time."""
    return ok(view, {"timeSecond": str(view.clock // 1000), "timeNano": f"{view.clock}000000"})


def tickers(view: View, query: Query) -> dict[str, Any]:
    """GET /v5/market/tickers: every contract of the category, or one; rows carry no time of their own."""
    product = category(view, query)
    if product == "option":
        return ok(view, {"category": product, "list": []})
    if product == "spot":
        return ok(view, {"category": product, "list": spot_tickers(view, query)})
    if query.get("symbol"):
        wanted = [contract_of(view, query, product)]
    else:
        wanted = [one for one in view.contracts() if category_of(one) == product and one.status != "Closed"]
    return ok(view, {"category": product, "list": [ticker_row(view, one) for one in wanted]})


def ticker_row(view: View, contract: Contract) -> dict[str, str]:
    """Return the row of one contract."""
    tick = contract.tick_decimals
    quote = contract_quote(view, contract)
    interest = view.open_interest(contract)
    row = {
        "symbol": contract.symbol,
        "lastPrice": f"{quote.last:.{tick}f}",
        "indexPrice": view.index_text(contract),
        "markPrice": view.mark_text(contract),
        "prevPrice24h": f"{quote.open_24h:.{tick}f}",
        "price24hPcnt": trimmed(quote.last / quote.open_24h - 1, 6),
        "highPrice24h": f"{quote.high_24h:.{tick}f}",
        "lowPrice24h": f"{quote.low_24h:.{tick}f}",
        "prevPrice1h": f"{quote.open_1h:.{tick}f}",
        "openInterest": interest.venue,
        "openInterestValue": interest.both_value or "",
        "singleOpenInterest": interest.single,
        "singleOpenInterestValue": interest.single_value or "",
        **_volumes(contract, quote),
        **_funding(view, contract),
        **_delivery(view, contract, quote),
        "bid1Price": f"{quote.bid:.{tick}f}",
        "bid1Size": f"{quote.size:.{contract.size_decimals}f}",
        "ask1Price": f"{quote.ask:.{tick}f}",
        "ask1Size": f"{quote.size:.{contract.size_decimals}f}",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }
    if contract.status == "PreLaunch":
        row |= dict.fromkeys(_BLANK_IN_PRELAUNCH, "") | {"curPreListingPhase": "NotStarted"}
    return row


def _volumes(contract: Contract, quote: Quote) -> dict[str, str]:
    """Return 24-hour figures: base and quote for linear contracts, dollars and coins for inverse ones."""
    volume, turnover = (quote.volume, quote.turnover)
    if contract.inverse:
        return {"turnover24h": f"{volume:.8f}", "volume24h": f"{turnover:.0f}"}
    return {"turnover24h": f"{turnover:.4f}", "volume24h": f"{volume:.4f}"}


def _funding(view: View, contract: Contract) -> dict[str, str]:
    """Return the funding fields; dated futures say "" or "0"."""
    if contract.interval_h is None or contract.kind == "future":
        return {"fundingRate": "", "nextFundingTime": "0", "fundingIntervalHour": "", "fundingCap": ""}
    state = view.funding(contract)
    return {
        "fundingRate": rate_text("bybit", state.rate),
        "nextFundingTime": str(state.settles_at),
        "fundingIntervalHour": str(state.interval_h),
        "fundingCap": decimal_text(contract.cap),
    }


def _delivery(view: View, contract: Contract, quote: Quote) -> dict[str, str]:
    blank = dict.fromkeys(
        ("predictedDeliveryPrice", "basisRate", "basis", "basisRateYear", "deliveryFeeRate"), ""
    )
    row = {**blank, "deliveryTime": str(contract.delivers_at or 0)}
    if contract.kind == "future" and contract.delivers_at is not None:
        index = view.market.index(contract, view.value_time(contract.symbol))
        left = max(1, contract.delivers_at - view.at)
        row["basis"] = f"{quote.last - index:.{contract.tick_decimals}f}"
        row["basisRate"] = f"{quote.last / index - 1:.8f}"
        row["basisRateYear"] = f"{(quote.last / index - 1) * 365 * 86_400_000 / left:.8f}"
        row["deliveryFeeRate"] = "0.0005"
        if left < _HALF_HOUR_MS:
            row["predictedDeliveryPrice"] = view.index_text(contract)
    return row
