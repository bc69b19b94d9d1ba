"""The past of a contract as its venue tells it: one row each, and the spans that are asked for.

Rows are what `venue/<kind>` tables are made of. Times are ms UTC; a value that the venue does not state is None.
"""

from typing import Literal, NamedTuple

from msgspec import Struct

PastKind = Literal["funding", "mark", "index", "premium", "oi"]
"""Settled funding rates; candles of mark, index and premium index; open interest by period."""


class Span(NamedTuple):
    """Times from `start` up to, but not including, `end`."""

    start: int
    end: int


class PastRow(Struct, frozen=True, gc=False, kw_only=True):
    """What every row has. `timestamp` is what the row stands for, and with exchange and symbol its key."""

    exchange: str
    symbol: str
    instrument: str
    timestamp: int


class PastFunding(PastRow, frozen=True, gc=False, kw_only=True):
    """A rate that was paid.

    `timestamp` is the settlement, to the minute: venues stamp it some milliseconds late, as `settled_time` says.
    `settled_rate` is a fraction per interval; no venue states the interval here. `mark_price` is the venue's at that
    time.
    """

    settled_time: int
    settled_rate: float
    mark_price: float | None = None


class PastCandle(PastRow, frozen=True, gc=False, kw_only=True):
    """A finished candle that opened at `timestamp`, in quote currency; of the premium index a fraction.

    A venue that states single points (OKX's premium) has them in `close`, and nothing else.
    """

    open: float | None
    high: float | None
    low: float | None
    close: float


class PastOpenInterest(PastRow, frozen=True, gc=False, kw_only=True):
    """Open interest at `timestamp`, one side counted: venue's unit, coins, and its value where the venue states it."""

    open_interest: float | None
    open_interest_base: float | None
    open_value: float | None
    open_value_ccy: str | None


AnyPast = PastFunding | PastCandle | PastOpenInterest

ROWS: dict[PastKind, type[AnyPast]] = {
    "funding": PastFunding,
    "mark": PastCandle,
    "index": PastCandle,
    "premium": PastCandle,
    "oi": PastOpenInterest,
}
"""The row of every kind."""
