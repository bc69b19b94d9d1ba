"""Topics of Bybit's streams: tickers of contracts (snapshot, then deltas) and of spot, and level-1 books."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zlib import crc32

from microstream_sim.bybit.current import ticker_row
from microstream_sim.bybit.spot import spot_row
from microstream_sim.contracts import Contract
from microstream_sim.quotes import Quote, contract_quote, spot_quote
from microstream_sim.view import View

_TICKER_MS: Final = 100
_SPOT_TICKER_MS: Final = 50
_BOOK_MS: Final = 10
_BOOK_REPEAT_MS: Final = 3_000
_DATED_FIELDS = (
    "predictedDeliveryPrice", "basisRate", "basis", "basisRateYear", "deliveryFeeRate", "deliveryTime",
)  # fmt: skip
_FUNDING_FIELDS = ("fundingRate", "nextFundingTime", "fundingIntervalHour", "fundingCap")


class _Feed:
    """What the topics of Bybit have in common."""

    cadence_ms = _TICKER_MS

    def __init__(self, name: str, symbol: str) -> None:
        self.name = name
        self.symbol = symbol
        self.phase_ms = crc32(name.encode()) % self.cadence_ms

    def _frame(self, view: View, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return a frame; `cs`, the cross sequence, grows with the time of the values."""
        return {
            "topic": self.name, "type": kind, "data": data, "cs": cross_sequence(view), "ts": view.clock
        }  # fmt: skip


class Ticker(_Feed):
    """`tickers.<symbol>` of contracts: a snapshot for each subscriber, then what has changed."""

    def __init__(self, name: str, symbol: str) -> None:
        super().__init__(name, symbol)
        self._row: dict[str, str] | None = None

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Return the snapshot, in the state that the last delta has left if there are subscribers."""
        row = self._row
        if alone or row is None:
            row = self._row = _stream_row(view, self.symbol, None)
        return [] if row is None else [self._frame(view, "snapshot", dict(row))]

    def next(self, view: View) -> list[Any]:
        """Return the fields that have changed since the last push; nothing if none has."""
        before = self._row
        row = _stream_row(view, self.symbol, before)
        if row is None:
            return []
        self._row = row
        if before is None:
            return [self._frame(view, "snapshot", dict(row))]
        changed = {key: value for key, value in row.items() if before.get(key) != value}
        return [self._frame(view, "delta", {"symbol": self.symbol, **changed})] if changed else []


class SpotTicker(_Feed):
    """`tickers.<symbol>` of spot: snapshots alone, and no best quotes in them."""

    cadence_ms = _SPOT_TICKER_MS

    def __init__(self, name: str, pair: Contract) -> None:
        super().__init__(name, pair.symbol)
        self._pair = pair
        self._last: dict[str, str] = {}

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Return the state of now."""
        self._last = self._fields(view)
        return [self._frame(view, "snapshot", dict(self._last))]

    def next(self, view: View) -> list[Any]:
        """Return the state if it has changed."""
        before, self._last = self._last, self._fields(view)
        return [] if self._last == before else [self._frame(view, "snapshot", dict(self._last))]

    def _fields(self, view: View) -> dict[str, str]:
        row = spot_row(view, self._pair)
        return {key: value for key, value in row.items() if not key.startswith(("bid1", "ask1"))}


class LevelOne(_Feed):
    """`orderbook.1.<symbol>`: snapshots alone, and the same again every 3 s when nothing happens."""

    cadence_ms = _BOOK_MS

    def __init__(
        self, name: str, contract: Contract, quote: Callable[[View, Contract], Quote], updates: dict[str, int]
    ) -> None:
        super().__init__(name, contract.symbol)
        self._contract = contract
        self._quote = quote
        self._updates = updates
        self._last: list[list[str]] = []
        self._sent_at = 0

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Return the book of now."""
        return [self._book(view, self._levels(view))]

    def next(self, view: View) -> list[Any]:
        """Return the book if it has changed or is due again."""
        levels = self._levels(view)
        if levels == self._last and view.now - self._sent_at < _BOOK_REPEAT_MS:
            return []
        return [self._book(view, levels)]

    def _levels(self, view: View) -> list[list[str]]:
        quote = self._quote(view, self._contract)
        tick, size = self._contract.tick_decimals, self._contract.size_decimals
        quantity = f"{quote.size:.{size}f}"
        return [[f"{quote.bid:.{tick}f}", quantity], [f"{quote.ask:.{tick}f}", quantity]]

    def _book(self, view: View, levels: list[list[str]]) -> dict[str, Any]:
        if levels != self._last:
            self._updates[self.name] = self._updates.get(self.name, 1_000_000) + 1
        self._last, self._sent_at = levels, view.now
        data = {
            "s": self.symbol,
            "b": [levels[0]],
            "a": [levels[1]],
            "u": self._updates[self.name],
            "seq": cross_sequence(view),
        }
        return {"topic": self.name, "ts": view.clock, "type": "snapshot", "data": data, "cts": view.data_time}


Feed = Ticker | SpotTicker | LevelOne


def cross_sequence(view: View) -> int:
    """Return the cross sequence at the time of the values."""
    return view.at // 10


def perpetual_book(name: str, contract: Contract, updates: dict[str, int]) -> LevelOne:
    """Return the level-1 book of a contract."""
    return LevelOne(name, contract, contract_quote, updates)


def spot_book(name: str, pair: Contract, updates: dict[str, int]) -> LevelOne:
    """Return the level-1 book of a spot pair."""
    return LevelOne(name, pair, spot_quote, updates)


def _stream_row(view: View, symbol: str, before: dict[str, str] | None) -> dict[str, str] | None:
    """Return the ticker as streams spell it: the row of REST with `tickDirection`, fields of its kind alone.

    The delivery time of a dated contract is ISO text here; funding is "" or absent.
    """
    contract = view.contract(symbol)
    if contract is None or contract.status == "Closed":
        return None
    row = ticker_row(view, contract)
    rising = before is None or before["lastPrice"] <= row["lastPrice"]
    row["tickDirection"] = "PlusTick" if rising else "MinusTick"
    if contract.kind != "future":
        for field in _DATED_FIELDS:
            del row[field]
        return row
    moment = datetime.fromtimestamp((contract.delivers_at or 0) / 1000, UTC)
    row["deliveryTime"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    for field in _FUNDING_FIELDS:
        del row[field]
    if contract.coin.name == "BTC":
        row |= {"fundingRate": "", "nextFundingTime": ""}
    return row
