"""Events: what a venue said, one value each, small and immutable."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from msgspec import Struct

Source = Literal["rest", "ws", "backfill", "replay"]
Kind = Literal["mark", "index", "funding", "settled", "open_interest", "spot"]


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """One statement of a venue about one instrument.

    `key` is the instrument's. `timestamp` is the venue's time of the value (of
    the reply where rows carry none), `received_at` ours as the bytes arrived; both ms UTC.
    """

    kind: ClassVar[Kind]
    bit: ClassVar[int]
    """The kind as a bit of a set."""

    key: str
    timestamp: int | None
    received_at: int
    source: Source


class MarkPrice(Event, frozen=True, gc=False, kw_only=True):
    """The venue's fair price, quote currency per contract base unit (inverse: USD per coin)."""

    kind = "mark"
    bit = 1

    price: float


class IndexPrice(Event, frozen=True, gc=False, kw_only=True):
    """The spot basket behind the mark, kept under the perpetual's key."""

    kind = "index"
    bit = 2

    price: float


class FundingRate(Event, frozen=True, gc=False, kw_only=True):
    """The rate to be paid at `settles_at`, fraction per interval; it moves until then.

    `rate` is None while the venue names the coming settlement without a rate for it. `interval_h`, `cap` and
    `floor` are None where the row does not state them.
    """

    kind = "funding"
    bit = 4

    rate: float | None
    settles_at: int | None
    interval_h: float | None = None
    cap: float | None = None
    floor: float | None = None


class FundingSettled(Event, frozen=True, gc=False, kw_only=True):
    """A rate that was paid at `settled_at` (None where the venue does not say when)."""

    kind = "settled"
    bit = 8

    rate: float
    settled_at: int | None


class OpenInterest(Event, frozen=True, gc=False, kw_only=True):
    """Contracts outstanding, one side counted.

    `contracts` in the venue's own unit; `base` in coins, multiplier applied, where the venue states it; `value`
    in `value_ccy` where the venue states it.
    """

    kind = "open_interest"
    bit = 16

    contracts: float | None
    base: float | None = None
    value: float | None = None
    value_ccy: str | None = None


class SpotQuote(Event, frozen=True, gc=False, kw_only=True):
    """Best bid and ask of a spot pair, quote currency per base unit; `last` is the last trade, where it is stated."""

    kind = "spot"
    bit = 32

    bid: float | None
    ask: float | None
    last: float | None = None


AnyEvent = MarkPrice | IndexPrice | FundingRate | FundingSettled | OpenInterest | SpotQuote

BITS: dict[Kind, int] = {
    event.kind: event.bit
    for event in (MarkPrice, IndexPrice, FundingRate, FundingSettled, OpenInterest, SpotQuote)
}


def bits(kinds: Iterable[Kind]) -> int:
    """Return a set of kinds as a number."""
    return sum(BITS[kind] for kind in kinds)
