"""Topics of OKX's public streams: each push is a full row, sent when it changed or when it is due again."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from microstream_sim.contracts import Contract
from microstream_sim.okx.contracts import inst_type
from microstream_sim.okx.current import (
    contract_ticker,
    funding_row,
    index_row,
    mark_row,
    open_interest_row,
    ticker_row,
)
from microstream_sim.okx.instruments import instrument_row
from microstream_sim.quotes import spot_quote
from microstream_sim.view import View

Arg = dict[str, str]
Row = Callable[[View], dict[str, str] | None]
_SPREAD_MS = 500


class RowFeed:
    """One row: pushed at once, then every `cadence_ms` if it has changed, else after `repeat_ms` (if given)."""

    def __init__(self, arg: Arg, row: Row, cadence_ms: int, repeat_ms: int | None) -> None:
        self.name = topic_name(arg)
        self.symbol: str | None = arg["instId"]
        self.cadence_ms = cadence_ms
        self.phase_ms = crc32(self.name.encode()) % min(cadence_ms, _SPREAD_MS)
        self._arg = arg
        self._row = row
        self._repeat_ms = repeat_ms
        self._last: dict[str, str] | None = None
        self._sent_at = 0

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Return the row of now."""
        row = self._row(view)
        return [] if row is None else self._frame(view, row)

    def next(self, view: View) -> list[Any]:
        """Return the row if it is time for it."""
        row = self._row(view)
        if row is None:
            return []
        due_again = self._repeat_ms is not None and view.now - self._sent_at >= self._repeat_ms
        return self._frame(view, row) if due_again or self._changed(row) else []

    def _changed(self, row: dict[str, str]) -> bool:
        last = self._last
        return last is None or any(last.get(key) != value for key, value in row.items() if key != "ts")

    def _frame(self, view: View, row: dict[str, str]) -> list[Any]:
        self._last, self._sent_at = dict(row), view.now
        return [{"arg": self._arg, "data": [row]}]


class Instruments:
    """`instruments` of a type: rows of contracts that are listed, change or leave (`expired`)."""

    cadence_ms = 1_000
    phase_ms = 0
    symbol: str | None = None

    def __init__(self, arg: Arg) -> None:
        self.name = topic_name(arg)
        self._arg = arg
        self._rows: dict[str, dict[str, Any]] | None = None

    def first(self, view: View, *, alone: bool) -> list[Any]:
        """Nothing, but from here on changes count."""
        if alone:
            self._rows = self._listed(view)
        return []

    def next(self, view: View) -> list[Any]:
        """Return what has changed since the last time."""
        before, self._rows = self._rows, self._listed(view)
        if before is None:
            return []
        changed = [row for name, row in self._rows.items() if before.get(name) != row]
        gone = [row | {"state": "expired"} for name, row in before.items() if name not in self._rows]
        return [{"arg": self._arg, "data": changed + gone}] if changed or gone else []

    def _listed(self, view: View) -> dict[str, dict[str, Any]]:
        wanted = self._arg["instType"]
        return {one.symbol: instrument_row(one) for one in view.contracts() if inst_type(one) == wanted}


Feed = RowFeed | Instruments


def topic_name(arg: Arg) -> str:
    """Return a name for the topic of a subscription."""
    return f"{arg['channel']}:{arg.get('instId') or arg.get('instType', '')}"


def contract_feed(arg: Arg, contract: Contract) -> RowFeed | None:
    """Return the feed of a channel that is about a contract; None if the contract has no such channel."""
    channel, symbol = arg["channel"], contract.symbol

    def of(row: Callable[[View, Contract], dict[str, str]]) -> Row:
        def current(view: View) -> dict[str, str] | None:
            listed = view.contract(symbol)
            return None if listed is None else row(view, listed)

        return current

    if channel == "funding-rate" and contract.funds:
        # Between 30 and 90 s, the same for all time for each contract.
        cadence = 30_000 + crc32(symbol.encode()) % 60_001
        return RowFeed(arg, of(funding_row), cadence, repeat_ms=0)
    if channel == "mark-price":
        return RowFeed(arg, of(mark_row), 200, repeat_ms=10_000)
    if channel == "open-interest":
        return RowFeed(arg, of(open_interest_row), 3_000, repeat_ms=None)
    return RowFeed(arg, of(contract_ticker), 100, repeat_ms=None) if channel == "tickers" else None


def index_feed(arg: Arg, index: Contract) -> RowFeed:
    """Return the feed of an index."""
    name = arg["instId"]
    return RowFeed(arg, lambda view: index_row(view, name, index), 100, repeat_ms=60_000)


def spot_feed(arg: Arg, pair: Contract) -> RowFeed:
    """Return the feed of a spot pair's ticker."""
    return RowFeed(
        arg, lambda view: ticker_row(view, pair, spot_quote(view, pair), "SPOT"), 100, repeat_ms=None
    )
