"""OKX's contract lists -> instruments (venue page, sections 2.4 and 7)."""

import re

from msgspec.structs import replace

from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, Status, unified
from microstream.model.units import MS_PER_HOUR
from microstream.spec.rest import InstrumentList, Listed, Replies, Request
from microstream.spec.wire import Body, Rows
from microstream.venues.okx import wire

STATUS: dict[str, Status] = {
    "live": "live",
    "preopen": "prelaunch",
    "suspend": "suspended",
    "post_only": "suspended",
    "rebase": "suspended",
    "expired": "delisted",
}
TRADFI = frozenset({"3", "4", "5", "6"})
"""`instCategory` of stocks, commodities, currencies and bonds."""
DOLLAR_FAMILY = "USDⓈ"
"""Settlement currency of the USD-margined family: dollars and several dollar stablecoins."""
SWAP = "-SWAP"
XPERP = "xperp"
"""`ruleType` of futures with a far expiry that fund as perpetuals do."""
INDEX_QUOTES = frozenset({"USD", "USDT", "USDC"})
"""Quote currencies of the indexes that stand behind contracts; there is a bulk list of BTC-quoted ones too."""
_NAME = re.compile(r"^(?P<base>[^-]+)-(?P<family>[^-]+)-(?P<end>SWAP|\d{6})$", re.ASCII)


def guess(name: str) -> Instrument | None:
    """Return the contract that an instId stands for, or None for other products.

    `BTC-USD-SWAP` settles in BTC, `BTC-USD_UM-SWAP` and X-Perps in dollars; the index of all three is `BTC-USD`.
    """
    match = _NAME.match(name)
    if match is None:
        return None
    base, family, end = match["base"], match["family"], match["end"]
    quote, _, margin = family.partition("_")
    inverse = quote == "USD" and not margin
    date = None if end == "SWAP" else end
    perpetual = date is None or margin.endswith("XPERP")
    settle = base if inverse else quote
    return Instrument(
        exchange="okx",
        name=name,
        symbol=name.removesuffix(SWAP).lower(),
        instrument=unified(base, quote, settle, date),
        base=base,
        venue_base=base,
        quote=quote,
        settle=settle,
        kind="perpetual" if perpetual else "future",
        inverse=inverse,
        contract_size=None,
        index=f"{base}-{quote}",
    )


def guess_index(name: str) -> Instrument | None:
    """Return the swap that an index most likely stands behind."""
    return guess(name + SWAP) if name.partition("-")[2] in INDEX_QUOTES else None


_ENVELOPE = Body(wire.Envelope)
_CONTRACTS = Rows(wire.Contract, "instId")
_FUNDING = Rows(wire.FundingRate, "instId")


def build(replies: Replies) -> Listed:
    """Return the contracts of all lists, with interval, cap and floor of the funding rows where there are any."""
    frame = Frame("instruments", 0, "rest")
    terms = {
        row.instId: row
        for body in replies.get("funding-rate", ())
        for row in _FUNDING.read(_ENVELOPE.read(body).data, frame)
    }
    instruments: dict[str, Instrument] = {}
    for feed in ("instruments", "futures"):
        for body in replies.get(feed, ()):
            for row in _CONTRACTS.read(_ENVELOPE.read(body).data, frame):
                instrument = _from_row(row, frame)
                if instrument is not None:
                    instruments[instrument.name] = _with_terms(instrument, terms.get(row.instId), frame)
    return Listed(tuple(instruments.values()), frame.rejects)


def _from_row(row: wire.Contract, frame: Frame) -> Instrument | None:
    status: Status | None = None if row.state == "test" else STATUS.get(row.state, "suspended")
    known = guess(row.instId)
    if known is None or status is None or status == "delisted":
        return None
    if row.uly:
        known = _by_underlying(known, row)
    size = frame.number(known, "open_interest", row.ctVal)
    factor = frame.number(known, "open_interest", row.ctMult)
    return replace(
        known,
        status=status,
        kind="perpetual" if row.ruleType == XPERP else known.kind,
        contract_size=None if size is None or factor is None else size * factor,
        tick_size=frame.number(known, "mark", row.tickSz),
        listed_at=frame.millis(known, "mark", row.listTime),
        delisted_at=frame.millis(known, "mark", row.expTime),
        tradfi=str(row.instCategory) in TRADFI,
    )


def _by_underlying(known: Instrument, row: wire.Contract) -> Instrument:
    """Take base, quote and settlement from the row: the name alone is a rule, not a promise."""
    base, _, quote = row.uly.partition("-")
    settle = "USD" if row.settleCcy == DOLLAR_FAMILY else row.settleCcy or known.settle
    date = known.instrument.partition("-")[2] or None
    return replace(
        known,
        instrument=unified(base, quote, settle, date),
        base=base,
        venue_base=base,
        quote=quote,
        settle=settle,
        inverse=row.ctType == "inverse" if row.ctType else known.inverse,
        index=row.uly,
    )


def _with_terms(instrument: Instrument, row: wire.FundingRate | None, frame: Frame) -> Instrument:
    if row is None or instrument.kind != "perpetual":
        return instrument
    return replace(
        instrument,
        funding_interval_hours=interval_h(row, instrument, frame),
        rate_cap=frame.number(instrument, "funding", row.maxFundingRate),
        rate_floor=frame.number(instrument, "funding", row.minFundingRate),
    )


def interval_h(row: wire.FundingRate, instrument: Instrument, frame: Frame) -> float | None:
    """Return the hours between the coming settlement and the one after it; OKX states no interval elsewhere."""
    coming = frame.millis(instrument, "funding", row.fundingTime)
    after = frame.millis(instrument, "funding", row.nextFundingTime)
    if coming is None or after is None or after <= coming:
        return None
    return (after - coming) / MS_PER_HOUR


def _of_type(feed: str, kind: str) -> Request:
    return Request(feed, "/api/v5/public/instruments", (("instType", kind),), costs=(("instruments", 1),))


LIST = InstrumentList(
    feed="instruments",
    requests=(
        _of_type("instruments", "SWAP"),
        _of_type("futures", "FUTURES"),
        Request(
            "funding-rate",
            "/api/v5/public/funding-rate",
            (("instId", "ANY"),),
            costs=(("funding-rate", 1),),
        ),
    ),
    build=build,
    optional=frozenset({"futures", "funding-rate"}),
)
