"""What the table of contracts shows: the newest values of each."""

from collections.abc import Iterable

from msgspec import Struct

from microstream.cli.tally import Tally
from microstream.cli.watch import Watch
from microstream.client.arrival import EMPTY, Arrival, Payload
from microstream.client.selection import spellings

FAMILIES = ("funding", "mark_price", "oi")
"""The families that make a row, newest payload of each."""

ROW_LIMIT = 20_000
LATE_AFTER_MS = 90_000
"""Nothing new for three of the longest default interval (funding, 30 s)."""


def is_late(flags: Iterable[str], received_at: int | None, now_ms: int) -> bool:
    """Return whether values are not to be trusted: flagged stale, or nothing new for long."""
    return "stale" in flags or (received_at is not None and now_ms - received_at > LATE_AFTER_MS)


class Row:
    """One contract of one venue; the payload of a family is empty until its first message."""

    __slots__ = ("exchange", "flags", "funding", "instrument", "mark_price", "oi", "received_at", "symbol")

    def __init__(self, exchange: str, symbol: str) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.instrument = symbol
        self.funding = EMPTY
        self.mark_price = EMPTY
        self.oi = EMPTY
        self.received_at: int | None = None
        self.flags: tuple[str, ...] = ()

    def take(self, family: str, payload: Payload) -> None:
        """Replace the newest payload of one family."""
        setattr(self, family, payload)
        if payload.instrument:
            self.instrument = payload.instrument
        if payload.received_at is not None:
            self.received_at = max(self.received_at or 0, payload.received_at)
        newest = (self.funding, self.mark_price, self.oi)
        self.flags = tuple(dict.fromkeys(flag for held in newest for flag in held.flags))

    @property
    def key(self) -> tuple[str, ...]:
        """What orders rows that are equal in the column sorted by."""
        return (self.instrument, self.exchange)

    @property
    def names(self) -> set[str]:
        """Every way to name the contract, and its venue, in lower case."""
        return {*spellings(self.symbol, self.instrument), self.exchange}

    @property
    def prices(self) -> Payload:
        """The payload with mark and index: of `mark_price`, else of `funding`, which carries them too."""
        return self.funding if self.mark_price is EMPTY else self.mark_price

    def late(self, now_ms: int) -> bool:
        """Return whether the values are not to be trusted: flagged stale, or nothing new for long."""
        return is_late(self.flags, self.received_at, now_ms)


class Quality(Struct, frozen=True):
    """The newest quality message: whom it concerns, and the message."""

    subject: str
    payload: Payload


class Board(Watch):
    """Rows by exchange and symbol, and the newest quality message."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self.rows: dict[tuple[str, str], Row] = {}
        self.quality: Quality | None = None

    def show(self, arrival: Arrival) -> None:
        """Take in a message that could be read."""
        if arrival.family == "quality":
            self._warn(Quality(f"{arrival.exchange}:{arrival.item}", arrival.payload))
        elif arrival.family in FAMILIES:
            row = self._row(arrival.exchange, arrival.item)
            if row is not None:
                row.take(arrival.family, arrival.payload)

    def _row(self, exchange: str, symbol: str) -> Row | None:
        """Return the row of a contract; None where it would be one too many."""
        row = self.rows.get((exchange, symbol))
        if row is None and len(self.rows) < ROW_LIMIT:
            row = self.rows[exchange, symbol] = Row(exchange, symbol)
        return row

    def _warn(self, quality: Quality) -> None:
        known = self.quality.payload.received_at if self.quality else None
        if (quality.payload.received_at or 0) >= (known or 0):
            self.quality = quality
