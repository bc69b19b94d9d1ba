"""Binance's contract lists -> instruments (venue page, sections 2.2, 2.5 and 7)."""

import re

from msgspec.structs import replace

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, InstrumentKind, Status, unified
from microstream.spec.rest import InstrumentList, Listed, Replies, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.binance import wire
from microstream.venues.binance.limits import FUNDING_INFO, WEIGHT

NO_DELIVERY_MS = 4_133_404_800_000
"""`deliveryDate` of a perpetual that is not about to be delisted."""
DEFAULT_INTERVAL_H = 8.0
"""Interval of the contracts that `fundingInfo` does not list."""

STATUS: dict[str, Status] = {
    "TRADING": "live",
    "PENDING_TRADING": "prelaunch",
    "TRADING_HALT": "suspended",
    "DOWN": "suspended",
    "PRE_DELIVERING": "settling",
    "DELIVERING": "settling",
    "PRE_SETTLE": "settling",
    "SETTLING": "settling",
    "PRE_DELISTING": "settling",
    "DELISTING": "settling",
    "DELIVERED": "delisted",
    "CLOSE": "delisted",
}
PERPETUALS = frozenset({"PERPETUAL", "PERPETUAL_DELIVERING", "TRADIFI_PERPETUAL"})
"""Contracts of other types end on the date in their name; some odd perpetuals have no type at all."""
_DATED = re.compile(r"_(\d{6})$", re.ASCII)
_MULTIPLIER = re.compile(r"^(1M|10{3,7})(?=\D)")
_NAME = re.compile(
    r"^(?P<base>[^_]+?)(?:(?P<dated>USDT|USDC)_(?P<date>\d{6})|(?P<quote>USDT|USDC|BUSD|FDUSD|USD1))$",
    re.ASCII,
)


def unit_coin(venue_base: str) -> tuple[str, float]:
    """Return the coin and how many of it one base unit stands for: `1000PEPE` is 1,000 PEPE, `1INCH` a coin."""
    match = _MULTIPLIER.match(venue_base)
    if match is None:
        return venue_base, 1.0
    factor = 1e6 if match.group(1) == "1M" else float(match.group(1))
    return venue_base[match.end() :], factor


def guess(name: str) -> Instrument | None:
    """Return the contract that a name stands for, or None for names that are no USD-M contract.

    Dated contracts are in USDT and USDC alone: `BNBUSD_260327` is BNB in dollars, a COIN-M contract, not BN in BUSD.
    """
    match = _NAME.match(name)
    if match is None:
        return None
    base, quote, date = match["base"], match["dated"] or match["quote"], match["date"]
    return _instrument(name, base, quote, quote, "future" if date else "perpetual", date)


def _instrument(
    name: str, venue_base: str, quote: str, settle: str, kind: InstrumentKind, date: str | None
) -> Instrument:
    base, multiplier = unit_coin(venue_base)
    return Instrument(
        exchange="binance",
        name=name,
        symbol=name.lower(),
        instrument=unified(base, quote, settle, date),
        base=base,
        venue_base=venue_base,
        quote=quote,
        settle=settle,
        kind=kind,
        multiplier=multiplier,
    )


_EXCHANGE_INFO = Body(wire.ExchangeInfo)
_CONTRACTS = Rows(wire.Contract, "symbol")
_FUNDING_INFO = Rows(wire.FundingInfo, "symbol")
_TICKERS = Rows(wire.Ticker, "symbol")


def build(replies: Replies) -> Listed:
    """Return the contracts of `exchangeInfo` with the terms of `fundingInfo` and the turnover of `ticker/24hr`.

    Without a `fundingInfo` reply intervals are unknown; with one, a contract that it does not list has 8 h. A
    contract whose row there cannot be read has unknown terms, not 8 h.
    """
    info = _EXCHANGE_INFO.read(replies["exchangeInfo"][0])
    frame = Frame("exchangeInfo", 0, "rest")
    terms = _terms(replies, frame)
    turnover = {
        row.symbol: row.quoteVolume for body in replies.get("24hr", ()) for row in _TICKERS.read(body, frame)
    }
    instruments = []
    for row in _CONTRACTS.read(info.symbols, frame):
        instrument = _from_row(row, terms, frame)
        if instrument is not None:
            volume = frame.number(instrument, "mark", turnover.get(row.symbol))
            instruments.append(replace(instrument, turnover=volume))
    return Listed(instruments, frame.rejects, _limits(info))


def _terms(replies: Replies, frame: Frame) -> dict[str, wire.FundingInfo] | None:
    bodies = replies.get("fundingInfo")
    if not bodies:
        return None
    rows = {row.symbol: row for row in _FUNDING_INFO.read(bodies[0], frame)}
    return {reject.symbol: wire.FundingInfo(reject.symbol) for reject in frame.rejects} | rows


def _from_row(
    row: wire.Contract, terms: dict[str, wire.FundingInfo] | None, frame: Frame
) -> Instrument | None:
    status = STATUS.get(row.status, "suspended")
    if status == "delisted" or row.quoteAsset == "USD":  # USD is COIN-M
        return None
    dated = _DATED.search(row.symbol)
    perpetual = row.contractType in PERPETUALS or (not row.contractType and dated is None)
    if not perpetual and dated is None:
        frame.reject(row.symbol, None, "no_delivery_date_in_name", row.contractType)
        return None
    known = _instrument(
        row.symbol,
        row.baseAsset,
        row.quoteAsset,
        row.marginAsset,
        "perpetual" if perpetual else "future",
        None if perpetual or dated is None else dated.group(1),
    )
    if row.contractType == "PERPETUAL_DELIVERING" and status == "live":
        status = "settling"
    delivery = frame.millis(known, "mark", row.deliveryDate)
    ticks = [item.tickSize for item in row.filters if item.filterType == "PRICE_FILTER"]
    listed = replace(
        known,
        status=status,
        tick_size=frame.number(known, "mark", ticks[0]) if ticks else None,
        listed_at=frame.millis(known, "mark", row.onboardDate),
        delisted_at=None if delivery == NO_DELIVERY_MS else delivery,
        tradfi=row.contractType == "TRADIFI_PERPETUAL",
    )
    return _with_terms(listed, terms, frame) if perpetual else listed


def _with_terms(
    instrument: Instrument, terms: dict[str, wire.FundingInfo] | None, frame: Frame
) -> Instrument:
    if terms is None:
        return instrument
    row = terms.get(instrument.name)
    if row is None:
        return replace(instrument, funding_interval_hours=DEFAULT_INTERVAL_H)
    return replace(
        instrument,
        funding_interval_hours=frame.hours(instrument, row.fundingIntervalHours),
        rate_cap=frame.number(instrument, "funding", row.adjustedFundingRateCap),
        rate_floor=frame.number(instrument, "funding", row.adjustedFundingRateFloor),
    )


def _limits(info: wire.ExchangeInfo) -> dict[str, float]:
    for row in info.rateLimits:
        if (row.rateLimitType, row.interval, row.intervalNum) == (
            "REQUEST_WEIGHT",
            "MINUTE",
            1,
        ) and row.limit > 0:
            return {WEIGHT: row.limit}
    return {}


LIST = InstrumentList(
    feed="exchangeInfo",
    requests=(
        Request("exchangeInfo", "/fapi/v1/exchangeInfo", costs=((WEIGHT, 1),)),
        Request("fundingInfo", "/fapi/v1/fundingInfo", costs=((FUNDING_INFO, 1),)),
        Request("24hr", "/fapi/v1/ticker/24hr", costs=((WEIGHT, 40),)),
    ),
    build=build,
    optional=frozenset({"fundingInfo", "24hr"}),
)
