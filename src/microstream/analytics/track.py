"""Track: the samples of one contract, put into seconds by the venue's time."""

from collections.abc import Set as AbstractSet
from operator import itemgetter

from microstream.analytics.fold import FIELDS, Cell, Fold
from microstream.analytics.timeframes import SECOND_MS
from microstream.model.events import Source
from microstream.model.messages import FundingMessage, MarkPriceMessage, OpenInterestMessage

MARK, INDEX, BASIS, FUNDING, INTEREST, VALUE = range(len(FIELDS))
FAMILY_FIELDS = {"mark_price": (MARK, INDEX, BASIS), "funding": (FUNDING,), "oi": (INTEREST, VALUE)}
"""The fields that each family brings."""
_FAMILY_OF = {field: family for family, fields in FAMILY_FIELDS.items() for field in fields}

Sample = tuple[int, int, float | None, int, int]
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
        "_levels",
        "_pending",
        "_said_stale",
        "_seen",
        "_stale",
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
        self._levels: list[tuple[float, int] | None] = [None] * len(FIELDS)
        self._seen: list[tuple[int, float | None]] = [(0, None)] * len(FIELDS)
        self._said_stale: dict[str, bool] = {}
        self._stale: set[str] = set()
        self._dead = set(expected)
        self._late = 0

    def take_mark_price(self, message: MarkPriceMessage, now: int, watermark: int) -> None:
        """Take mark, index and the basis between them, each at its own time."""
        at = message.received_at
        index_at = at
        if not message.flags or "clock_skew" not in message.flags:
            at = message.timestamp or at
            index_at = message.index_timestamp or at
        if message.flags or self._said_stale.get("mark_price", True):
            self._judge("mark_price", message.flags, now)
        received_at = message.received_at
        self._take(MARK, message.mark_price, at, received_at, now, watermark)
        self._take(INDEX, message.index_price, index_at, received_at, now, watermark)
        self._take(BASIS, message.basis_bps, max(at, index_at), received_at, now, watermark)
        self.source = message.source

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
        cells: list[list[float] | None] = [None] * len(FIELDS)
        if self._pending:
            self._spend(end, cells)
        live = not dark and not self._stale and not self._dead
        stale = self._stale
        result: list[Cell | None] = second.cells
        for field, level in enumerate(self._levels):
            cell = cells[field]
            if cell is not None:
                result[field] = tuple(cell)  # type: ignore[assignment]  # six numbers, see `_spend`
            elif level is not None and not dark and (not stale or _FAMILY_OF[field] not in stale):
                value, at = level
                result[field] = (value, value, value, value, 0, at)
        second.live_ms = SECOND_MS if live else 0
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

    def _spend(self, end: int, cells: list[list[float] | None]) -> None:
        """Put the samples before `end` into the cells, in the order of their times."""
        pending = self._pending
        pending.sort(key=_AT)
        spent = 0
        for at, field, value, stamp, received_at in pending:
            if at >= end:
                break
            spent += 1
            if field < 0:
                self._turn(_STALE_FAMILY[field], is_stale=bool(value))
                continue
            self.received_at = max(self.received_at, received_at)
            level = self._levels[field]
            if value is None:
                self._levels[field] = None
            elif at == stamp:
                _into(cells, field, value, at)
                self._levels[field] = (value, at)
            else:
                self._late += 1
                if level is None or stamp >= level[1]:
                    self._levels[field] = (value, stamp)
        del pending[:spent]

    def _turn(self, family: str, *, is_stale: bool) -> None:
        if is_stale:
            self._stale.add(family)
        else:
            self._stale.discard(family)
            self._dead.discard(family)


def _into(cells: list[list[float] | None], field: int, value: float, at: int) -> None:
    cell = cells[field]
    if cell is None:
        cells[field] = [value, value, value, value, 1, at]
        return
    if value > cell[1]:
        cell[1] = value
    elif value < cell[2]:
        cell[2] = value
    cell[3] = value
    cell[4] += 1
    cell[5] = at


def _time_of(message: FundingMessage | OpenInterestMessage) -> int:
    """Return the venue's time of a message, ours where it gives none or its clock is wrong."""
    if message.timestamp is None or "clock_skew" in message.flags:
        return message.received_at
    return message.timestamp
