"""What the pages of signals share: a row per subject, read when it is looked at."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from microstream.cli.board import ROW_LIMIT, is_late
from microstream.cli.column import PLAIN, Column, by_sign
from microstream.cli.pages.published import PublishedPage, Record
from microstream.cli.signal_values import Signal, number, read_signal, reasons
from microstream.client.arrival import Arrival
from microstream.client.selection import spellings

REASONS_COUNTED = 4


class SignalRow:
    """The newest signal of one subject: a contract of a venue, or a coin (`exchange` is empty then)."""

    __slots__ = ("_of", "_signal", "arrival", "exchange", "symbol")

    def __init__(self, arrival: Arrival) -> None:
        self.exchange, _, self.symbol = arrival.item.rpartition(":")
        self.arrival = arrival
        self._of: Arrival | None = None
        self._signal = Signal()

    @property
    def signal(self) -> Signal:
        """What the signal says; the payload is read when that is asked for the first time."""
        if self._of is not self.arrival:
            self._signal, self._of = read_signal(self.arrival.raw), self.arrival
        return self._signal

    @property
    def instrument(self) -> str:
        """The cross-venue name, the symbol while that is unknown, the coin in capitals."""
        return self.arrival.payload.instrument or (self.symbol if self.exchange else self.symbol.upper())

    @property
    def key(self) -> tuple[str, ...]:
        """What orders rows that are equal in the column sorted by."""
        return (self.instrument, self.exchange)

    @property
    def names(self) -> set[str]:
        """Every way to name the subject, in lower case."""
        return {*spellings(self.symbol, self.arrival.payload.instrument), self.exchange}

    def late(self, now_ms: int) -> bool:
        """Return whether nothing new was told for long: a signal is repeated once a minute."""
        return is_late((), self.arrival.payload.received_at, now_ms)


NAMES: tuple[Column[SignalRow], ...] = (
    Column(
        name="instrument",
        title="instrument",
        text=lambda row, _: row.instrument,
        order=lambda row, _: row.instrument,
        floor=10,
        ceiling=24,
        rank=100,
        left=True,
        ascending=True,
    ),
    Column(
        name="venue",
        title="venue",
        text=lambda row, _: row.exchange,
        order=lambda row, _: row.exchange,
        floor=5,
        ceiling=8,
        rank=99,
        left=True,
        ascending=True,
    ),
)
"""Name and venue of a contract."""


def value_column(
    name: str,
    title: str,
    path: Sequence[str],
    text: Callable[[float | None], str],
    *,
    rank: int,
    signed: bool = False,
    ascending: bool = False,
) -> Column[SignalRow]:
    """Return the column of a number at the end of a path of keys; `signed` colours it by its sign."""

    def value(row: SignalRow) -> float | None:
        return number(row.signal.values, *path)

    return Column(
        name=name,
        title=title,
        text=lambda row, _: text(value(row)),
        order=lambda row, _: value(row),
        style=lambda row, _: by_sign(value(row)) if signed else PLAIN,
        floor=7,
        ceiling=11,
        rank=rank,
        ascending=ascending,
    )


REASONS: Column[SignalRow] = Column(
    name="reasons",
    title="left out, unknown",
    text=lambda row, _: reasons(row.signal),
    order=lambda row, _: reasons(row.signal) or None,
    floor=17,
    ceiling=120,
    rank=50,
    left=True,
    cut=True,
    ascending=True,
)
"""Why values are null, and what was left out."""


class SignalPage(PublishedPage[SignalRow]):
    """A page of one signal. `needs` says what it takes until the first one is published.

    `off` says where signals are switched off, if that is known.
    """

    signal: ClassVar[str]
    needs: ClassVar[str]
    row: ClassVar[type[SignalRow]] = SignalRow
    off = ""

    def __init__(self) -> None:
        self._rows: dict[str, SignalRow] = {}

    def take(self, arrival: Arrival) -> None:
        """Keep the newest signal of a subject as it came."""
        row = self._rows.get(arrival.item)
        if row is not None:
            row.arrival = arrival
        elif len(self._rows) < ROW_LIMIT:
            self._rows[arrival.item] = self.row(arrival)

    def rows(self) -> Iterable[SignalRow]:
        """Return the subjects."""
        return self._rows.values()

    def above(self, now_ms: int) -> Sequence[str]:
        """Return why values are unknown, and of how many rows."""
        told = Counter(
            reason
            for row in self._rows.values()
            for reason in {flag.rpartition(":")[2].replace("_", " ") for flag in row.signal.flags}
        )
        often = sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))[:REASONS_COUNTED]
        counts = ", ".join(f"{reason} ({count} rows)" for reason, count in often)
        return (f"unknown values: {counts}",) if counts else ()

    def nothing(self) -> str:
        """Return why there are no rows."""
        if self.off:
            return f"signals are switched off: signals.enabled is false in {self.off}"
        return f"no {self.signal} published yet: {self.needs}; none comes while signals.enabled is false"

    def record(self, row: SignalRow, now_ms: int) -> Record:
        """Return a signal for programs."""
        signal = row.signal
        return {
            **self.subject(row),
            "received_at": row.arrival.payload.received_at,
            "late": row.late(now_ms),
            "flags": signal.flags,
            "values": signal.values,
            "excluded": signal.excluded,
        }

    @abstractmethod
    def subject(self, row: SignalRow) -> Record:
        """Return the keys that name the subject of a row."""


class ContractSignalPage(SignalPage):
    """A page of a signal of contracts."""

    def subject(self, row: SignalRow) -> Record:
        """Return venue, symbol and cross-venue name."""
        return {
            "exchange": row.exchange,
            "symbol": row.symbol,
            "instrument": row.arrival.payload.instrument,
        }
