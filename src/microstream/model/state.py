"""State: all that is known of one instrument, each value with its own time and source.

Plain classes with slots: setting an attribute of a `Struct` takes several times as long, and these are set for every
value.
"""

from dataclasses import dataclass, field
from math import nan

from microstream.model.channels import Channel
from microstream.model.events import (
    AnyEvent,
    FundingRate,
    FundingSettled,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    Source,
    SpotQuote,
)
from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.model.messages import Flag

PRICE_LIFE_MS = 15_000
"""A price that was received longer ago is not shown beside other values (contract, section 3)."""

PORTION = 50
"""How many contracts or lines are looked at in one go: half a millisecond."""


@dataclass(slots=True)
class Upkeep:
    """How one family of one instrument is doing; times are ms UTC by our clock.

    `followed_at` is since when its value is awaited, `confirmed_at` when it was last heard, `published_at` when it was
    last offered to the sink, `interval_ms` the longest time between two messages. `lag_ms` is how far the venue's own
    time of the value may lie back beyond that while all is well, None where that time tells nothing. `stale_since` is
    set while the value is stale, `recovered` until the first message after that has gone out.
    """

    interval_ms: int
    lag_ms: int | None
    followed_at: int
    confirmed_at: int | None = None
    published_at: int | None = None
    stale_since: int | None = None
    recovered: bool = False
    flags: tuple[Flag, ...] = ()
    """Those of the last message."""

    @property
    def max_age_ms(self) -> int:
        """The age at which a polled value is stale: three intervals (contract, section 3)."""
        return 3 * self.interval_ms


@dataclass(slots=True)
class State:
    """One followed instrument. Values are the newest accepted events; `upkeep` is kept per published family."""

    instrument: Instrument
    mark: MarkPrice | None = None
    index: IndexPrice | None = None
    funding: FundingRate | None = None
    settled: FundingSettled | None = None
    open_interest: OpenInterest | None = None
    spot: SpotQuote | None = None
    interval_h: float | None = None
    """Hours that the current funding rate pays for, as far as it is known."""
    rate_cap: float = nan
    rate_floor: float = nan
    """Limits of the current funding rate, general ones where the venue states none; NaN until they are looked up."""
    upkeep: dict[str, Upkeep] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    """Where the messages of each family go."""
    lines: dict[Kind, Line] = field(default_factory=dict)
    """The stream's subscription that brings each kind of value, where there is one."""
    gone: bool = False
    """The contract is not followed any more; what looks at many in steps may still meet it."""
    calm: bool = False
    """Nothing is open against the contract or its values, so that plain values need no look at what else there is."""
    bad: set[Kind] = field(default_factory=set)
    """Kinds of values whose newest one was kept out."""
    rejected_at: dict[Kind, tuple[int, Source]] = field(default_factory=dict)
    """When a value of a kind was last kept out, as it was received, and which way it came."""
    stuck: dict[Kind, object] = field(default_factory=dict)
    """What a stream says again and again of a kind, where it was found frozen: it may not write that any more."""
    doubts: dict[Kind, set[Flag]] = field(default_factory=dict)
    """What the comparison with other values says against a kind: frozen, outlier, disagrees."""
    changed_at: dict[Kind, int] = field(default_factory=dict)
    """When a value of a kind last moved, as it was received."""

    def value(self, kind: Kind) -> AnyEvent | None:
        """Return the newest accepted event of a kind."""
        event: AnyEvent | None = getattr(self, kind)
        return event

    def is_vouched(self, event: AnyEvent, now: int) -> bool:
        """Whether the stream that brought a value says that it still holds, however long ago that was."""
        if event.source != "ws":
            return False
        if event.kind in self.bad and self.rejected_at[event.kind][1] == "ws":
            return False
        line = self.lines.get(event.kind)
        return line is not None and line.vouches(event.received_at, now)

    def fresh_mark(self, now: int) -> float | None:
        """Return the mark price unless it was received more than 15 s before `now` and no stream vouches for it."""
        mark = self.mark
        if mark is None or (now - mark.received_at > PRICE_LIFE_MS and not self.is_vouched(mark, now)):
            return None
        return mark.price

    def fresh_index(self, now: int) -> float | None:
        """Return the index price unless it was received more than 15 s before `now` and no stream vouches for it."""
        index = self.index
        if index is None or (now - index.received_at > PRICE_LIFE_MS and not self.is_vouched(index, now)):
            return None
        return index.price
