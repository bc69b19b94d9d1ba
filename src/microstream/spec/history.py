"""History of a venue as data: how a span of the past of one contract is asked for, and how the reply is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Required, TypedDict, TypeVar

from msgspec import Raw

from microstream.errors import WireMismatch
from microstream.model import formulas
from microstream.model.events import Kind
from microstream.model.frame import EMPTY, Frame, Reject
from microstream.model.instruments import Instrument
from microstream.model.past import AnyPast, PastCandle, PastFunding, PastKind, PastOpenInterest, Span
from microstream.model.units import Text
from microstream.spec.rest import Request
from microstream.spec.wire import Rows

T = TypeVar("T")

MINUTE_MS = 60_000
_KINDS: dict[PastKind, Kind | None] = {
    "funding": "settled",
    "mark": "mark",
    "index": "index",
    "premium": None,
    "oi": "open_interest",
}
"""What a refused value is counted as; a premium is no value of ours elsewhere."""


class Amounts(TypedDict, total=False):
    """Open interest as a row states it, one side counted; for `Frame.open_interest` and `Page.open_interest` alike."""

    contracts: Required[float | None]
    base: float | None
    value: float | None
    value_ccy: str | None


def _new_frame() -> Frame:
    return Frame("history", 0, "backfill")


@dataclass(slots=True)
class Page:
    """What a reply says: rows in any order, and what could not be used.

    `frame` reads numbers and times and notes what is wrong with them. `size` is how many rows the reply had, good,
    bad or left out: whether a page is full is told by it. `running` are the times of candles that the venue marks as
    unfinished.
    """

    frame: Frame = field(default_factory=_new_frame)
    rows: list[AnyPast] = field(default_factory=list)
    size: int = 0
    running: list[int] = field(default_factory=list)

    @property
    def rejects(self) -> list[Reject]:
        """What could not be used."""
        return self.frame.rejects

    def about(self, instrument: Instrument, name: str) -> None:
        """Raise `WireMismatch` when the reply is about another contract than was asked for."""
        if name != instrument.name:
            raise WireMismatch(
                f"{self.frame.feed}: asked for {instrument.name}, the reply is about {name[:40]!r}"
            )

    def read(self, rows: Rows[T], data: bytes | Raw, instrument: Instrument) -> list[T]:
        """Return the rows that fit, the others noted as rejects. Raises `WireMismatch` for what is no list."""
        found = rows.read(data, self.frame)
        bad = [Reject(instrument.symbol, None, one.reason, one.observed) for one in self.frame.rejects]
        self.frame.rejects[:] = bad  # a row that is a list has no name
        self.size = len(found) + len(bad)
        return found

    def funding(self, instrument: Instrument, time: Text, rate: Text, mark_price: Text = None) -> None:
        """Add a rate that was paid, if there is one; it stands for the whole minute that is nearest."""
        settled_time = self._time(instrument, "funding", time)
        settled_rate = self._needed(instrument, "funding", rate)
        mark = self.frame.number(instrument, "mark", mark_price)
        if settled_time is None or settled_rate is None:
            return
        self.rows.append(
            PastFunding(
                exchange=instrument.exchange,
                symbol=instrument.symbol,
                instrument=instrument.instrument,
                timestamp=(settled_time + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS,
                settled_time=settled_time,
                settled_rate=settled_rate,
                mark_price=mark,
            )
        )

    def candle(self, instrument: Instrument, kind: PastKind, time: Text, prices: Sequence[Text]) -> None:
        """Add a candle of open, high, low and close; one that lacks any of them is noted as one reject."""
        opened = self._time(instrument, kind, time)
        if opened is None:
            return
        values = []
        for raw in prices:
            value = self._needed(instrument, kind, raw)
            if value is None:
                return
            values.append(value)
        self._candle(instrument, opened, *values)

    def unfinished(self, instrument: Instrument, kind: PastKind, time: Text) -> None:
        """Note a candle that is running still, which is no row yet."""
        opened = self._time(instrument, kind, time)
        if opened is not None:
            self.running.append(opened)

    def point(self, instrument: Instrument, kind: PastKind, time: Text, value: Text) -> None:
        """Add a single point: a candle that has a close and nothing else."""
        at = self._time(instrument, kind, time)
        close = self._needed(instrument, kind, value)
        if at is not None and close is not None:
            self._candle(instrument, at, None, None, None, close)

    def open_interest(
        self,
        instrument: Instrument,
        time: Text,
        *,
        contracts: float | None,
        base: float | None = None,
        value: float | None = None,
        value_ccy: str | None = None,
    ) -> None:
        """Add open interest, one side counted, unless nothing of it is known.

        Coins that the venue does not state are computed for linear contracts; inverse ones would need a mark.
        """
        at = self._time(instrument, "oi", time)
        if at is None or (contracts is None and base is None):
            return
        if base is None and not instrument.inverse:
            base = formulas.coins(contracts, instrument.contract_size, instrument.multiplier)
        self.rows.append(
            PastOpenInterest(
                exchange=instrument.exchange,
                symbol=instrument.symbol,
                instrument=instrument.instrument,
                timestamp=at,
                open_interest=contracts,
                open_interest_base=base,
                open_value=value,
                open_value_ccy=None if value is None else value_ccy,
            )
        )

    def _candle(
        self,
        instrument: Instrument,
        opened: int,
        first: float | None,
        high: float | None,
        low: float | None,
        last: float,
    ) -> None:
        self.rows.append(
            PastCandle(
                exchange=instrument.exchange,
                symbol=instrument.symbol,
                instrument=instrument.instrument,
                timestamp=opened,
                open=first,
                high=high,
                low=low,
                close=last,
            )
        )

    def _time(self, instrument: Instrument, kind: PastKind, raw: Text) -> int | None:
        """Return a time; one that is missing is noted as a reject: a row without a time is none."""
        noted = len(self.frame.rejects)
        at = self.frame.millis(instrument, _KINDS[kind], raw)
        if at is None and len(self.frame.rejects) == noted:
            self.frame.reject(instrument.symbol, _KINDS[kind], "no_time", raw)
        return at

    def _needed(self, instrument: Instrument, kind: PastKind, raw: Text) -> float | None:
        """Return a number; one that is missing is noted as a reject."""
        noted = len(self.frame.rejects)
        value = self.frame.number(instrument, _KINDS[kind], raw)
        if value is None and len(self.frame.rejects) == noted:
            self.frame.reject(instrument.symbol, _KINDS[kind], EMPTY, raw)
        return value


@dataclass(frozen=True, slots=True)
class History:
    """One kind of the past of one contract at a time.

    `step_ms` is the distance of rows, whose times are multiples of it; None where it varies (settlements). A reply has
    at most `page` rows: the newest of the span if `newest_first`, else the oldest. One request is about `window_ms` at
    most, None where a span may be asked for whole and is paged through. `request(instrument, span, now)` asks for the
    rows of a span whose ends are multiples of `step_ms`; None when the contract has no such history. `parse` fills a
    page and raises `WireMismatch` for a body that cannot be read; it need not look at the span. The venue keeps rows
    for `keeps_ms` (None: for good), and a row whose time is less than `lag_ms` ago may be missing or running still:
    no span that is asked for ends later than that.
    """

    kind: PastKind
    step_ms: int | None
    page: int
    newest_first: bool
    window_ms: int | None
    request: Callable[[Instrument, Span, int], Request | None]
    parse: Callable[[bytes, Instrument, Page], None]
    keeps_ms: int | None = None
    lag_ms: int = 120_000


def on_grid(span: Span, step_ms: int) -> Span:
    """Return a span with the same multiples of a step in it that starts and ends at multiples."""
    return Span(-(-span.start // step_ms) * step_ms, -(-span.end // step_ms) * step_ms)


def settlement_bounds(span: Span) -> tuple[int, int]:
    """Return the first and the last ms that a settlement may be stamped with whose nearest minute is in the span.

    Spans that touch have bounds that touch, so no settlement is in two spans or in none. A span without a whole
    minute is asked about for a millisecond, since no venue takes bounds that cross.
    """
    start, end = on_grid(span, MINUTE_MS)
    half = MINUTE_MS // 2
    return start - half, max(end - half - 1, start - half)
