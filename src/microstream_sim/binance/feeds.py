"""Topics of Binance's streams: mark prices, contract events, best quotes of futures and of spot."""

from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

from microstream_sim.binance.contracts import NO_EXPIRY
from microstream_sim.binance.current import UNPRICED, premium_row
from microstream_sim.binance.instruments import CONTRACT_TYPES
from microstream_sim.contracts import Contract
from microstream_sim.quotes import Quote, contract_quote, spot_quote
from microstream_sim.spelling import price_text
from microstream_sim.view import View

MARKET: Final = "/market/stream"
PUBLIC: Final = "/public/stream"
SPOT: Final = "/spot/stream"
_MARK_CADENCES = {"@markPrice": 3_000, "@markPrice@1s": 1_000}
_ALL_MARK_CADENCES = {"!markPrice@arr": 3_000, "!markPrice@arr@1s": 1_000}
_QUOTE_MS = 100
_ALL_QUOTES_MS = 5_000
_USD_M, _COIN_M = 1, 2


class _Feed:
    """What the topics of Binance have in common: nothing at once, and mark prices at the whole second."""

    phase_ms = 0

    def __init__(self, name: str, symbol: str | None, cadence_ms: int) -> None:
        self.name = name
        self.symbol = symbol
        self.cadence_ms = cadence_ms

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Nothing: the first push is the next one."""
        return []


class MarkPrice(_Feed):
    """`<symbol>@markPrice[@1s]`; silent while the symbol is not listed."""

    def next(self, view: View) -> list[Any]:
        """Return the event of this moment."""
        contract = view.contract(self.symbol or "")
        if contract is None or contract.status in UNPRICED:
            return []
        return [mark_price_event(view, contract)]


class AllMarkPrices(_Feed):
    """`!markPrice@arr[@1s]`: everything in one message, but TradFi contracts in one of their own."""

    def next(self, view: View) -> list[Any]:
        """Return both messages."""
        listed = [one for one in view.contracts() if one.status not in UNPRICED]
        rest = [mark_price_event(view, one) for one in listed if one.rule != "TRADIFI_PERPETUAL"]
        tradfi = [mark_price_event(view, one) for one in listed if one.rule == "TRADIFI_PERPETUAL"]
        return [rest, tradfi] if tradfi else [rest]


class ContractInfo(_Feed):
    """`!contractInfo`: an event when a contract is listed, changes its status or leaves."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None, 1_000)
        self._known: dict[str, Contract] | None = None

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Nothing, but from here on changes count."""
        if alone:
            self._known = _by_symbol(view)
        return []

    def next(self, view: View) -> list[Any]:
        """Return what has changed since the last time."""
        before, self._known = self._known, _by_symbol(view)
        if before is None:
            return []
        changed = [
            one
            for symbol, one in self._known.items()
            if symbol not in before or _standing(one) != _standing(before[symbol])
        ]
        events = [_contract_event(view, one, one.status) for one in changed]
        gone = [one for symbol, one in before.items() if symbol not in self._known]
        return events + [_contract_event(view, one, "CLOSE") for one in gone]


class BookTicker(_Feed):
    """`<symbol>@bookTicker` of futures: whenever the quote changes."""

    def __init__(self, name: str, symbol: str) -> None:
        super().__init__(name, symbol, _QUOTE_MS)
        self.phase_ms = crc32(name.encode()) % _QUOTE_MS
        self._last: tuple[str, ...] = ()

    def next(self, view: View) -> list[Any]:
        """Return the quote if it is another."""
        contract = view.contract(self.symbol or "")
        if contract is None or contract.status != "TRADING":
            return []
        quote = _quote_fields(contract_quote(view, contract), contract)
        before, self._last = self._last, tuple(quote.values())
        return [] if self._last == before else [_book_event(view, contract, quote)]


class AllBookTickers(_Feed):
    """`!bookTicker`: a message for each contract, every 5 s."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None, _ALL_QUOTES_MS)

    def next(self, view: View) -> list[Any]:
        """Return all quotes."""
        listed = [one for one in view.contracts() if one.status == "TRADING"]
        return [_book_event(view, one, _quote_fields(contract_quote(view, one), one)) for one in listed]


class SpotBookTicker(_Feed):
    """`<symbol>@bookTicker` of spot: no event type and no time in it."""

    def __init__(self, name: str, pair: Contract) -> None:
        super().__init__(name, pair.symbol, _QUOTE_MS)
        self.phase_ms = crc32(name.encode()) % _QUOTE_MS
        self._last: tuple[str, ...] = ()
        self._pair = pair

    def next(self, view: View) -> list[Any]:
        """Return the quote if it is another."""
        quote = spot_quote(view, self._pair)
        fields = {
            "b": f"{quote.bid:.8f}", "B": f"{quote.size:.8f}", "a": f"{quote.ask:.8f}", "A": f"{quote.size:.8f}",
        }  # fmt: skip
        before, self._last = self._last, tuple(fields.values())
        if self._last == before:
            return []
        return [{"u": view.now, "s": self.symbol, **fields}]


Feed = MarkPrice | AllMarkPrices | ContractInfo | BookTicker | AllBookTickers | SpotBookTicker


def feed_of(route: str, name: str, spot: Mapping[str, Contract]) -> Feed | None:
    """Return the feed behind a stream name on a route; None for names that never deliver there.

    Names of symbols are in lower case. `spot` are the spot pairs by symbol.
    """
    if name.startswith("!"):
        return _feed_of_all(route, name)
    symbol, at, kind = name.partition("@")
    if symbol != symbol.lower():
        return None
    symbol = symbol.upper()
    if route == MARKET:
        cadence = _MARK_CADENCES.get(at + kind)
        return None if cadence is None else MarkPrice(name, symbol, cadence)
    if kind != "bookTicker":
        return None
    if route == PUBLIC:
        return BookTicker(name, symbol)
    return SpotBookTicker(name, spot[symbol]) if symbol in spot else None


def _feed_of_all(route: str, name: str) -> Feed | None:
    if route == PUBLIC:
        return AllBookTickers(name) if name == "!bookTicker" else None
    if route != MARKET:
        return None
    if name == "!contractInfo":
        return ContractInfo(name)
    cadence = _ALL_MARK_CADENCES.get(name)
    return None if cadence is None else AllMarkPrices(name, None, cadence)


def mark_price_event(view: View, contract: Contract) -> dict[str, Any]:
    """Return the event of one contract: what premiumIndex says, in the stream's letters."""
    row = premium_row(view, contract)
    at = view.value_time(contract.symbol)
    average = (view.market.mark(contract, at) + view.market.mark(contract, at - 1_000)) / 2
    event = {
        "e": "markPriceUpdate",
        "E": view.clock,
        "s": contract.symbol,
        "p": row["markPrice"],
        "i": row.get("indexPrice"),
        "P": row["estimatedSettlePrice"],
        "ap": price_text(contract, average),
        "r": row["lastFundingRate"],
        "T": row["nextFundingTime"],
        "st": _product(contract),
    }
    if event["i"] is None:
        del event["i"]
    return event


def _product(contract: Contract) -> int:
    return _COIN_M if contract.rule == "COIN_M" else _USD_M


def _pair(contract: Contract) -> str:
    return contract.symbol.split("_", maxsplit=1)[0]


def _quote_fields(quote: Quote, contract: Contract) -> dict[str, str]:
    tick, size = contract.tick_decimals, contract.size_decimals
    return {
        "b": f"{quote.bid:.{tick}f}",
        "B": f"{quote.size:.{size}f}",
        "a": f"{quote.ask:.{tick}f}",
        "A": f"{quote.size:.{size}f}",
    }


def _book_event(view: View, contract: Contract, quote: dict[str, str]) -> dict[str, Any]:
    return {
        "e": "bookTicker",
        "u": view.now,
        "E": view.clock,
        "T": view.data_time,
        "s": contract.symbol,
        **quote,
        "st": _product(contract),
        "ps": _pair(contract),
    }


def _by_symbol(view: View) -> dict[str, Contract]:
    return {one.symbol: one for one in view.contracts()}


def _standing(contract: Contract) -> tuple[str, int | None]:
    return contract.status, contract.delivers_at


def _contract_event(view: View, contract: Contract, status: str) -> dict[str, Any]:
    rule = "" if contract.rule == "COIN_M" else contract.rule
    return {
        "e": "contractInfo",
        "E": view.clock,
        "s": contract.symbol,
        "ps": _pair(contract),
        "ct": CONTRACT_TYPES.get(rule, rule),
        "dt": NO_EXPIRY if contract.delivers_at is None else contract.delivers_at,
        "ot": contract.listed_at,
        "cs": status,
        "st": _product(contract),
    }
