"""Track: the samples of one contract, put into seconds by the venue's time."""

from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Any

from msgspec import Struct

from microstream.analytics.fold import FIELDS, Cell, Fold, empty
from microstream.analytics.timeframes import SECOND_MS
from microstream.model.events import Source
from microstream.model.messages import FundingMessage, MarkPriceMessage, OpenInterestMessage

MARK, INDEX, BASIS, FUNDING, INTEREST, VALUE = range(len(FIELDS))
FAMILY_FIELDS = {"mark_price": (MARK, INDEX, BASIS), "funding": (FUNDING,), "oi": (INTEREST, VALUE)}
"""The fields that each family brings."""
_FAMILY_OF = {field: family for family, fields in FAMILY_FIELDS.items() for field in fields}

PRICES = 100
"""A whole message of the mark_price family, as a field."""


class Sample(Struct, gc=False):
    """What a message says of one field, or of all prices.

    `counts_at` is when it counts. One whose venue's time `at` lies before came too late: it is in no bar, and what it
    says holds from then on. `value` None: it is not known any more. A negative field is a family that has grown stale
    (1) or is live again (0), see `STALE`.
    """

    counts_at: int
    field: int
    value: Any
    at: int
    received_at: int
    source: Source


STALE = {"mark_price": -1, "funding": -2, "oi": -3}
"""Families as negative fields."""
_COUNTS_AT = attrgetter("counts_at")
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
        "_times",
        "_values",
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
        self._values: list[float | None] = [None] * len(FIELDS)
        self._times = [0] * len(FIELDS)
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
            self._pending.append(Sample(at, PRICES, message, at, message.received_at, message.source))
        else:
            self._take_apart(message, at, index_at, now, watermark)

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
        self._take(MARK, message.mark_price, at, received_at, message.source, now, watermark)
        self._take(INDEX, message.index_price, index_at, received_at, message.source, now, watermark)
        basis_at = max(at, index_at)
        self._take(BASIS, message.basis_bps, basis_at, received_at, message.source, now, watermark)

    def take_funding(self, message: FundingMessage, now: int, watermark: int) -> None:
        """Take the coming rate."""
        self._judge("funding", message.flags, now)
        rate, at, received_at = message.funding_rate, _time_of(message), message.received_at
        self._take(FUNDING, rate, at, received_at, message.source, now, watermark)

    def take_open_interest(self, message: OpenInterestMessage, now: int, watermark: int) -> None:
        """Take open interest in coins and in dollars."""
        self._judge("oi", message.flags, now)
        at, received_at, source = _time_of(message), message.received_at, message.source
        self._take(INTEREST, message.open_interest_base, at, received_at, source, now, watermark)
        self._take(VALUE, message.open_value, at, received_at, source, now, watermark)

    def close(self, end: int, *, dark: bool) -> Fold:
        """Return the second that ends at `end`; in a dark one the service itself was not there."""
        second = empty(end - SECOND_MS)
        result = second.cells
        if self._pending:
            self._spend(end, result)
        stale = self._stale
        if not dark:
            second.live_ms = 0 if stale or self._dead else SECOND_MS
            for field, cell in enumerate(result):
                if cell is None and not (stale and _FAMILY_OF[field] in stale):
                    result[field] = self._stood(field)
        second.late, self._late = self._late, 0
        second.received_at, second.source = self.received_at, self.source
        self.closed = end
        return second

    def skip(self, end: int) -> None:
        """Pass over the time up to `end`, of which nothing can be said; what is known stays known."""
        self._spend(end, [None] * len(FIELDS))
        self.closed = end

    def _take(
        self,
        field: int,
        value: float | None,
        at: int,
        received_at: int,
        source: Source,
        now: int,
        watermark: int,
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
        self._pending.append(Sample(counts_at, field, value, at, received_at, source))

    def _judge(self, family: str, flags: tuple[str, ...], now: int) -> None:
        """Note that a family has grown stale, or is live again."""
        is_stale = "stale" in flags
        if self._said_stale.get(family) is not is_stale:
            self._said_stale[family] = is_stale
            self._pending.append(Sample(now, STALE[family], is_stale, now, 0, self.source))

    def _spend(self, end: int, cells: list[Cell | None]) -> None:
        """Put the samples before `end` into the cells, in the order of their times."""
        pending = self._pending
        pending.sort(key=_COUNTS_AT)
        spent = 0
        for sample in pending:
            at, field, value = sample.counts_at, sample.field, sample.value
            if at >= end:
                break
            spent += 1
            if sample.received_at >= self.received_at:
                self.received_at, self.source = sample.received_at, sample.source
            if field == PRICES:
                self._put(cells, MARK, value.mark_price, at)
                self._put(cells, INDEX, value.index_price, at)
                self._put(cells, BASIS, value.basis_bps, at)
            elif field < 0:
                self._turn(_STALE_FAMILY[field], is_stale=value)
            elif at == sample.at or value is None:
                self._put(cells, field, value, at)
            else:
                self._late += 1
                if sample.at >= self._times[field]:
                    self._stand(field, value, sample.at)
        del pending[:spent]

    def _put(self, cells: list[Cell | None], field: int, value: float | None, at: int) -> None:
        """Add a sample to its cell, and let it stand from then on."""
        if value is not None:
            cell = cells[field]
            if cell is None:
                cells[field] = Cell(value, value, value, value, 1, at)
            else:
                if value > cell.high:
                    cell.high = value
                elif value < cell.low:
                    cell.low = value
                cell.close = value
                cell.samples += 1
                cell.at = at
        self._stand(field, value, at)

    def _stand(self, field: int, value: float | None, at: int) -> None:
        self._values[field], self._times[field] = value, at
        self._standing[field] = None

    def _stood(self, field: int) -> Cell | None:
        """Return what a field without a sample is: where it stood."""
        cell, value = self._standing[field], self._values[field]
        if cell is None and value is not None:
            cell = self._standing[field] = Cell(value, value, value, value, 0, self._times[field])
        return cell

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
