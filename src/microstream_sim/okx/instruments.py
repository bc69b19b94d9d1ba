"""GET /api/v5/public/instruments and the list of indices."""

from dataclasses import replace
from typing import Any
from zlib import crc32

from microstream_sim.contracts import Contract, decimal_text, step_text
from microstream_sim.exchange import Query
from microstream_sim.okx.contracts import INST_CATEGORIES, family, underlying
from microstream_sim.okx.contracts import inst_type as type_of
from microstream_sim.okx.replies import inst_type, ok, unknown_instrument
from microstream_sim.quotes import SMALLEST, spot_pair
from microstream_sim.view import View

_BTC_QUOTED = ("ETH", "SOL", "XRP", "LTC")
_ALWAYS_BLANK = (
    "alias", "auctionEndTime", "baseCcy", "contTdSwTime", "ctMult", "ctType", "ctVal", "ctValCcy", "expTime",
    "instFamily", "lever", "lotSz", "maxIcebergSz", "maxLmtAmt", "maxLmtSz", "maxMktAmt", "maxMktSz",
    "maxPlatOILmt", "maxStopSz", "maxTriggerSz", "maxTwapSz", "minSz", "openType", "optType", "posLmtAmt",
    "posLmtPct", "preMktSwTime", "quoteCcy", "ruleType", "settleCcy", "stk", "tickSz", "uly", "category",
    "instCategory",
)  # fmt: skip


def instruments(view: View, query: Query) -> dict[str, Any]:
    """Return all instruments of a type; `uly`, `instFamily` and `instId` narrow the list."""
    product = inst_type(query)
    if product == "SPOT":
        rows = [_spot_row(pair) for pair in spot_pairs(view).values()]
    else:
        rows = [instrument_row(contract) for contract in view.contracts() if type_of(contract) == product]
    for name in ("uly", "instFamily", "instId"):
        if query.get(name):
            rows = [row for row in rows if row[name] == query[name]]
    if query.get("instId") and not rows:
        raise unknown_instrument()
    return ok(rows)


def indices(view: View) -> dict[str, Contract]:
    """Return the indices by id (BTC-USDT), each as a contract on the same coin and quote currency."""
    found: dict[str, Contract] = {}
    for contract in view.contracts():
        if contract.status != "preopen":
            found.setdefault(underlying(contract), contract)
    for name in _BTC_QUOTED:
        like = found.get(f"{name}-USDT")
        if like is not None:
            found[f"{name}-BTC"] = replace(like, quote="BTC", tick_decimals=8)
    return found


def spot_pairs(view: View) -> dict[str, Contract]:
    """Return the spot pairs by instrument id: every live crypto underlying in USDT and USDC."""
    found: dict[str, Contract] = {}
    for contract in view.contracts():
        if contract.live and contract.quote != "USD" and contract.coin.category == "crypto":
            name = underlying(contract)
            if name not in found and contract.coin.price >= SMALLEST:
                found[name] = spot_pair(contract, name, "live")
    return found


def instrument_row(contract: Contract) -> dict[str, Any]:
    """Return the row of one contract; one that is yet to open has hardly anything in it."""
    row: dict[str, Any] = {
        **dict.fromkeys(_ALWAYS_BLANK, ""),
        "instType": type_of(contract),
        "instId": contract.symbol,
        "listTime": str(contract.listed_at),
        "state": contract.status,
        "instIdCode": 10_000 + crc32(contract.symbol.encode()) % 900_000,
        "futureSettlement": False,
        "tradeQuoteCcyList": [],
        "upcChg": [],
    }
    if contract.status == "preopen":
        return row
    step = "1" if contract.inverse else "0.01"
    return row | {
        "category": "1",
        "instCategory": INST_CATEGORIES[contract.coin.category],
        "ctMult": "1",
        "ctType": "inverse" if contract.inverse else "linear",
        "ctVal": decimal_text(contract.contract_size),
        "ctValCcy": "USD" if contract.inverse else contract.coin.name,
        "expTime": "" if contract.delivers_at is None else str(contract.delivers_at),
        "instFamily": family(contract),
        "lever": "50",
        "lotSz": step,
        "maxIcebergSz": "100000000.0000000000000000",
        "maxLmtAmt": "20000000",
        "maxLmtSz": "100000000",
        "maxMktSz": "20000",
        "maxStopSz": "20000",
        "maxTriggerSz": "100000000.0000000000000000",
        "maxTwapSz": "100000000.0000000000000000",
        "minSz": step,
        "ruleType": "normal" if contract.kind == "future" else contract.rule,
        "settleCcy": contract.settle,
        "tickSz": contract.tick,
        "uly": underlying(contract),
    }


def _spot_row(pair: Contract) -> dict[str, Any]:
    step = step_text(pair.size_decimals + 3)
    return {
        **dict.fromkeys(_ALWAYS_BLANK, ""),
        "instType": "SPOT",
        "instId": pair.symbol,
        "baseCcy": pair.coin.name,
        "quoteCcy": pair.quote,
        "category": "1",
        "instCategory": "1",
        "lever": "5",
        "listTime": str(pair.listed_at),
        "lotSz": step,
        "minSz": step,
        "maxLmtSz": "9999999999",
        "maxMktSz": "1000000",
        "ruleType": "normal",
        "state": "live",
        "tickSz": pair.tick,
        "instIdCode": crc32(pair.symbol.encode()) % 10_000,
        "tradeQuoteCcyList": [pair.quote],
        "upcChg": [],
    }
