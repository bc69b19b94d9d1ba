"""What the live table shows: the newest values of each contract, and the state of the reading."""

from msgspec import Struct

from microstream.cli.tally import Tally
from microstream.client.arrival import EMPTY, Arrival, Payload
from microstream.client.feed import Item
from microstream.client.notices import Away

FAMILIES = ("funding", "mark_price", "oi")
"""The families that make a row, newest payload of each."""

ROW_LIMIT = 20_000
EXTREME_APR = 1.0
"""From 100 % a year up a rate stands out: it pays, or costs, the position within a year."""

LATE_AFTER_MS = 90_000
"""Nothing new for three of the longest default interval (funding, 30 s)."""


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
    def prices(self) -> Payload:
        """The payload with mark and index: of `mark_price`, else of `funding`, which carries them too."""
        return self.funding if self.mark_price is EMPTY else self.mark_price

    def late(self, now_ms: int) -> bool:
        """Return whether the values are not to be trusted: flagged stale, or nothing new for long."""
        return "stale" in self.flags or (
            self.received_at is not None and now_ms - self.received_at > LATE_AFTER_MS
        )


class Quality(Struct, frozen=True):
    """The newest quality message: whom it concerns, and the message."""

    subject: str
    payload: Payload


class Board:
    """Rows, counts and state of the connection; filled item by item, read by the view."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.rows: dict[tuple[str, str], Row] = {}
        self.connected = False
        self.away: str | None = None
        self.reconnects = 0
        self.quality: Quality | None = None

    def take(self, item: Item, now_ms: int) -> None:
        """Take in what the feed yields."""
        if isinstance(item, Arrival):
            self.tally.count(item, now_ms)
            self._show(item)
        elif isinstance(item, Away):
            self.connected, self.away = False, item.reason
        else:
            if self.away is not None and self.tally.messages:
                self.reconnects += 1
            self.connected, self.away = True, None

    def _show(self, arrival: Arrival) -> None:
        if arrival.problem is not None:
            return
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
