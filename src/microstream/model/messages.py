"""Messages: what we publish, one struct a family. They live here so that readers see them without a service."""

from typing import Any, ClassVar, Literal

from msgspec import Struct

from microstream.model.events import Source
from microstream.model.instruments import ContractKind, Status

VERSION = 1
"""Of the payloads: within it keys are added and none is taken away."""

Flag = Literal["stale", "frozen", "out_of_range", "clock_skew", "recovered", "outlier", "disagrees"]


class Message(Struct, gc=False):
    """The keys that every payload has, in the order in which they are written.

    `run` (start of the publisher, ms UTC) and `seq` (counter per channel from 1) are 0 until the message is
    written, so that a hole means a loss and conflation makes none. Views name the keys by their places: a message with
    twenty keys is made ten times as fast as by keywords.
    """

    family: ClassVar[str]
    conflates: ClassVar[bool] = True
    """True where only the newest message of a channel matters to one who comes late."""

    v: int
    exchange: str
    symbol: str
    instrument: str | None
    timestamp: int | None
    received_at: int
    source: Source
    run: int
    seq: int
    flags: tuple[Flag, ...]


class MarkPriceMessage(Message, gc=False):
    """`meta:mark_price:*`: mark and index in quote currency per contract base unit.

    `timestamp` is the mark's time (the index's while no mark is known), `index_timestamp` the index's.
    `basis` = mark - index, `basis_bps` = basis / index * 10,000; null unless both are known and were received within
    5 s of each other. An index older than 15 s is null.
    """

    family = "mark_price"
    mark_price: float | None
    index_price: float | None
    basis: float | None
    basis_bps: float | None
    index_timestamp: int | None


class FundingMessage(Message, gc=False):
    """`funding:*`: the coming funding payment.

    `funding_rate` is a fraction per interval (0.0001 = 1 bp; positive: longs pay shorts), `funding_rate_pct` the
    same in per cent, `funding_rate_8h` normalised to eight hours, `funding_apr` the simple annual rate as a
    fraction. `next_funding_time` is when it is paid. `rate_cap` and `rate_floor` are limits per interval. Prices
    are the newest known in quote currency, null when older than 15 s.
    """

    family = "funding"
    funding_rate: float | None
    funding_rate_pct: float | None
    funding_interval_hours: float | None
    funding_rate_8h: float | None
    funding_apr: float | None
    next_funding_time: int | None
    settled_rate: float | None
    settled_time: int | None
    rate_cap: float | None
    rate_floor: float | None
    mark_price: float | None
    index_price: float | None


class OpenInterestMessage(Message, gc=False):
    """`meta:oi:*`: contracts outstanding, one side counted.

    `open_interest` in the venue's own unit, `open_interest_base` in coins with the multiplier applied,
    `open_value` in US dollars (a USD-pegged quote counts 1:1) counted in `open_value_ccy`, stated by the
    `venue` or `computed` as coins x mark.
    """

    family = "oi"
    open_interest: float | None
    open_interest_base: float | None
    open_value: float | None
    open_value_ccy: str | None
    open_value_source: Literal["venue", "computed"] | None


class SpotMessage(Message, gc=False):
    """`meta:spot:*`: best quotes of a spot pair, quote currency per quoted unit.

    `mid` = (bid + ask) / 2, null unless both are known; `last` is the last trade, null where the venue does not state
    it here. `multiplier` is the number of coins in a quoted unit: prices divided by it are per coin.
    """

    family = "spot"
    bid: float | None
    ask: float | None
    mid: float | None
    last: float | None
    multiplier: float


class InstrumentMessage(Message, gc=False):
    """`meta:instrument:*`: a row of the registry; `changed` has the old value of every key that changed."""

    family = "instrument"
    conflates = False
    base: str
    quote: str
    settle: str
    kind: ContractKind
    multiplier: float
    contract_size: float | None
    tick_size: float | None
    funding_interval_hours: float | None
    rate_cap: float | None
    rate_floor: float | None
    status: Status
    listed_at: int | None
    delisted_at: int | None
    changed: dict[str, str | float | int | None] = {}


class QualityMessage(Message, gc=False):
    """`quality:*`: something is wrong with a value, or right again.

    `about` is the family or value meant, `since` when the condition began (ms UTC), `detail` a sentence,
    `expected` and `observed` what was wanted and what was seen. The symbol is `*` where a whole venue is meant.
    """

    family = "quality"
    conflates = False
    kind: Literal["gap", "stale", "frozen", "silent", "out_of_range", "clock_skew", "outlier", "refused"]
    state: Literal["raised", "cleared"]
    severity: Literal["info", "warning", "critical"]
    detail: str
    about: str | None
    since: int
    expected: str | float | None
    observed: str | float | None


class Range(Struct, gc=False):
    """What one value did within a bar, in the unit of the value.

    `samples` counts the messages that brought it with a time inside the bar. Without any it stood where it stood
    before. `age_ms` is how old the newest of them was at the end of the bar, by the venue's time.
    """

    open: float
    high: float
    low: float
    close: float
    samples: int
    age_ms: int


class BarMessage(Message, gc=False):
    """`bars:*`: a finished bar, half-open [`open_time`, `close_time`), UTC-aligned, final.

    `mark` and `index` in quote currency, `basis_bps` in basis points, `funding_rate` as a fraction per interval,
    `open_interest` in coins, `open_value` in US dollars; null when it was not known, or stale, all the time.
    `coverage` is the share of the bar's seconds in which everything that is published of the contract was live, `late`
    the number of samples that came while this bar was the newest, but after the watermark of the bar that their time
    belongs to: they are in none. `timestamp` is `close_time`, `received_at` when the newest of the messages behind
    it was received.
    """

    family = "bars"
    conflates = False
    timeframe: str
    open_time: int
    close_time: int
    mark: Range | None
    index: Range | None
    basis_bps: Range | None
    funding_rate: Range | None
    open_interest: Range | None
    open_value: Range | None
    coverage: float
    late: int


class Input(Struct, gc=False):
    """A number that went into a signal: which, whose, and how long before the signal it was received."""

    name: str
    exchange: str
    symbol: str
    value: float | None
    age_ms: int | None


class Excluded(Struct, gc=False):
    """What was left out of a signal, and why."""

    exchange: str
    symbol: str
    reason: str


class SignalMessage(Message, gc=False):
    """`signal:*`: the result of a definition in docs/signals.md, and everything that went into it.

    `formula` is the version of the definition. `exchange` is `*` where the subject is a coin across venues.
    `flags` has the reason of every value that is null, as `value:reason`.
    """

    family = "signal"
    flags: tuple[str, ...]  # type: ignore[assignment]  # reasons, not flags of a value
    name: str
    subject: str
    formula: str
    values: dict[str, Any]
    inputs: list[Input]
    excluded: list[Excluded]


class AlertMessage(Message, gc=False):
    """`alert:*`: a rule has begun to hold for a subject, or holds no more.

    `since` is when the condition began (ms UTC), `value` and `threshold` are what was compared, `text` is a sentence,
    `evidence` the message that tripped or cleared it.
    """

    family = "alert"
    conflates = False
    rule: str
    subject: str
    state: Literal["raised", "cleared"]
    severity: Literal["info", "warning", "critical"]
    since: int
    value: str | float | None
    threshold: str | float | None
    text: str
    evidence: dict[str, Any]


PAYLOADS: dict[str, type[Message]] = {
    message.family: message
    for message in (
        FundingMessage,
        MarkPriceMessage,
        OpenInterestMessage,
        SpotMessage,
        InstrumentMessage,
        QualityMessage,
        BarMessage,
        SignalMessage,
        AlertMessage,
    )
}
"""Every published family with its payload."""
