"""Track: the samples of one contract, put into seconds by the venue's time."""

from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any

from microstream.analytics.fold import FIELDS, Cell, Fold
from microstream.analytics.timeframes import SECOND_MS
from microstream.model.events import Source
from microstream.model.messages import FundingMessage, MarkPriceMessage, OpenInterestMessage

MARK, INDEX, BASIS, FUNDING, INTEREST, VALUE = range(len(FIELDS))
FAMILY_FIELDS = {"mark_price": (MARK, INDEX, BASIS), "funding": (FUNDING,), "oi": (INTEREST, VALUE)}
"""The fields that each family brings."""
_FAMILY_OF = {field: family for family, fields in FAMILY_FIELDS.items() for field in fields}

PRICES = 100
"""A whole message of the mark_price family, as a field."""
Sample = tuple[int, int, Any, int, int]
"""When it counts, which field, the value (None: it is not known any more), the venue's time, when it was received.

A sample whose time lies before the moment from which it counts came too late: it is in no bar, and what it says holds
from then on. A negative field is a family that has grown stale (-1 and below) or is live again, see `STALE`.
"""
STALE = {"mark_price": -1, "funding": -2, "oi": -3}
"""Families as negative fields; the value is 1 where it is stale from then on, 0 where it is live."""
_AT = itemgetter(0)
_STALE_FAMILY = {code: family for family, code in STALE.items()}


class Track:
    """One contract: the samples that no closed second has yet, and what is known at the end of the last closed one.

    `closed` is the end of the last closed second (ms UTC); `expected` are the families that the contract publishes, all
    of which must be live for it to be.
    """

    __slots__ = (
        "_dead",
        "_late",
        "_pending",
        "_prices",
        "_prices_at",
        "_said_stale",
        "_seen",
        "_stale",
        "_standing",
        "closed",
        "exchange",
        "instrument",
        "received_at",
        "source",
        "symbol",
    )

    def __init__(
        self, exchange: str, symbol: str, instrument: str | None, closed: int, expected: AbstractSet[str]
    ) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.instrument = instrument
        self.closed = closed
        self.received_at = 0
        self.source: Source = "ws"
        self._pending: list[Sample] = []
        self._prices_at = 0
        self._prices: MarkPriceMessage | None = None
        self._standing: list[Cell | None] = [None] * len(FIELDS)
        self._seen: list[tuple[int, float | None]] = [(0, None)] * len(FIELDS)
        self._said_stale: dict[str, bool] = {}
        self._stale: set[str] = set()
        self._dead = set(expected)
        self._late = 0

    def take_mark_price(self, message: MarkPriceMessage, now: int, watermark: int) -> None:
        """Take mark, index and the basis between them, each at its own time."""
        at = index_at = message.received_at
        if not message.flags or "clock_skew" not in message.flags:
            at = message.timestamp or at
            index_at = message.index_timestamp or at
        if message.flags or self._said_stale.get("mark_price", True):
            self._judge("mark_price", message.flags, now)
        if at == index_at and watermark <= at <= now + SECOND_MS and at > self._prices_at:
            self._prices_at, self._prices = at, message
            self._pending.append((at, PRICES, message, at, message.received_at))
        else:
            self._take_apart(message, at, index_at, now, watermark)
        self.source = message.source

    def _take_apart(
        self, message: MarkPriceMessage, at: int, index_at: int, now: int, watermark: int
    ) -> None:
        """Take mark and index that have different times, or come again, late, or too early."""
        received_at, before = message.received_at, self._prices
        if before is not None:
            said = (before.mark_price, before.index_price, before.basis_bps)
            self._seen[MARK], self._seen[INDEX], self._seen[BASIS] = (
                (self._prices_at, value) for value in said
            )
            self._prices = None
        self._take(MARK, message.mark_price, at, received_at, now, watermark)
        self._take(INDEX, message.index_price, index_at, received_at, now, watermark)
        self._take(BASIS, message.basis_bps, max(at, index_at), received_at, now, watermark)

    def take_funding(self, message: FundingMessage, now: int, watermark: int) -> None:
        """Take the coming rate."""
        self._judge("funding", message.flags, now)
        self._take(FUNDING, message.funding_rate, _time_of(message), message.received_at, now, watermark)
        self.source = message.source

    def take_open_interest(self, message: OpenInterestMessage, now: int, watermark: int) -> None:
        """Take open interest in coins and in dollars."""
        self._judge("oi", message.flags, now)
        at = _time_of(message)
        self._take(INTEREST, message.open_interest_base, at, message.received_at, now, watermark)
        self._take(VALUE, message.open_value, at, message.received_at, now, watermark)
        self.source = message.source

    def close(self, end: int, *, dark: bool) -> Fold:
        """Return the second that ends at `end`; in a dark one the service itself was not there."""
        second = Fold(end - SECOND_MS)
        result = second.cells
        if self._pending:
            self._spend(end, result)
        stale = self._stale
        if not dark:
            second.live_ms = 0 if stale or self._dead else SECOND_MS
            for field, standing in enumerate(self._standing):
                if result[field] is None and not (stale and _FAMILY_OF[field] in stale):
                    result[field] = standing
        second.late, self._late = self._late, 0
        second.received_at, second.source = self.received_at, self.source
        self.closed = end
        return second

    def skip(self, end: int) -> None:
        """Pass over the time up to `end`, of which nothing can be said; what is known stays known."""
        self._spend(end, [None] * len(FIELDS))
        self.closed = end

    def _take(
        self, field: int, value: float | None, at: int, received_at: int, now: int, watermark: int
    ) -> None:
        """Note a sample; one that says again what was said at that time is none."""
        if self._seen[field] == (at, value):
            return
        self._seen[field] = (at, value)
        counts_at = at
        if at < watermark:
            counts_at = watermark
        elif at > now + SECOND_MS:
            counts_at = at = now  # stamped in the future: the venue's clock is wrong, and is told elsewhere
        self._pending.append((counts_at, field, value, at, received_at))

    def _judge(self, family: str, flags: tuple[str, ...], now: int) -> None:
        """Note that a family has grown stale, or is live again."""
        is_stale = "stale" in flags
        if self._said_stale.get(family) is not is_stale:
            self._said_stale[family] = is_stale
            self._pending.append((now, STALE[family], float(is_stale), now, 0))

    def _spend(self, end: int, cells: list[Cell | None]) -> None:
        """Put the samples before `end` into the cells, in the order of their times."""
        pending = self._pending
        pending.sort(key=_AT)
        spent = 0
        for at, field, value, stamp, received_at in pending:
            if at >= end:
                break
            spent += 1
            self.received_at = max(self.received_at, received_at)
            if field == PRICES:
                self._put(cells, MARK, value.mark_price, at)
                self._put(cells, INDEX, value.index_price, at)
                self._put(cells, BASIS, value.basis_bps, at)
            elif field < 0:
                self._turn(_STALE_FAMILY[field], is_stale=bool(value))
            elif at == stamp or value is None:
                self._put(cells, field, value, at)
            else:
                self._late += 1
                standing = self._standing[field]
                if standing is None or stamp >= standing[5]:
                    self._standing[field] = (value, value, value, value, 0, stamp)
        del pending[:spent]

    def _put(self, cells: list[Cell | None], field: int, value: float | None, at: int) -> None:
        """Add a sample to its cell, and let it stand from then on."""
        if value is None:
            self._standing[field] = None
            return
        cell = cells[field]
        if cell is None:
            cells[field] = (value, value, value, value, 1, at)
        else:
            opening, high, low, _, count, _ = cell
            cells[field] = (
                opening,
                value if value > high else high,
                value if value < low else low,
                value,
                count + 1,
                at,
            )
        self._standing[field] = (value, value, value, value, 0, at)

    def _turn(self, family: str, *, is_stale: bool) -> None:
        if is_stale:
            self._stale.add(family)
        else:
            self._stale.discard(family)
            self._dead.discard(family)


def _time_of(message: FundingMessage | OpenInterestMessage) -> int:
    """Return the venue's time of a message, ours where it gives none or its clock is wrong."""
    if message.timestamp is None or "clock_skew" in message.flags:
        return message.received_at
    return message.timestamp
