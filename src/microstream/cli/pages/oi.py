"""Page `oi`: what open interest did while the price moved, on every timeframe."""

import re
from collections.abc import Sequence
from math import inf

from rich.style import Style

from microstream.cli import figures
from microstream.cli.board import LATE_AFTER_MS
from microstream.cli.column import LONGS_PAY, PLAIN, SHORTS_PAY, Column, by_sign
from microstream.cli.pages.signal_page import NAMES, REASONS, ContractSignalPage, SignalRow
from microstream.cli.signal_lines import regime_name
from microstream.cli.signal_values import inner, number, word

USUAL = "5m"
"""The timeframe that is sorted by at first, once changes over it are known; until then the longest shorter one."""

COLOURS = {
    "long_build_up": LONGS_PAY,
    "short_covering": LONGS_PAY,
    "short_build_up": SHORTS_PAY,
    "long_unwinding": SHORTS_PAY,
}
"""Green where the price rose."""

_LENGTH = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_of(timeframe: str) -> float:
    """Return the length of a timeframe such as `15m`, infinite for what is none."""
    found = _LENGTH.fullmatch(timeframe)
    return int(found[1]) * _SECONDS[found[2]] if found else inf


class RegimeRow(SignalRow):
    """The regimes of one contract."""

    __slots__ = ()

    @property
    def timeframes(self) -> list[str]:
        """The timeframes that something is told of."""
        values = self.signal.values
        return [name for name in values if isinstance(inner(values, name), dict)]

    def late(self, now_ms: int) -> bool:
        """Return whether nothing new was told for long: a regime is told when a bar has finished."""
        received_at = self.arrival.payload.received_at
        shortest_ms = 1_000 * min(map(seconds_of, self.timeframes), default=inf)
        return received_at is not None and now_ms - received_at > max(LATE_AFTER_MS, 2 * shortest_ms)


class OiPage(ContractSignalPage):
    """The regimes of all contracts; three columns of each timeframe that is published."""

    name = "oi"
    about = "change of open interest in coins, of the mark, and what both say: last finished bar of each timeframe"
    signal = "oi_regime"
    feeds = ("signal:oi_regime",)
    channels = ("signal:oi_regime:*",)
    needs = "regimes come with the first finished bars"
    row = RegimeRow

    def __init__(self) -> None:
        super().__init__()
        self._timeframes: tuple[str, ...] = ()
        self._usual = USUAL
        self._made: tuple[Sequence[str], str] | None = None
        self._columns: Sequence[Column[SignalRow]] = ()

    @property
    def sort(self) -> str:
        """The change of open interest over the usual timeframe."""
        return f"oi_{self._usual}"

    def columns(self, sort: str) -> Sequence[Column[SignalRow]]:
        """Return the columns; the timeframe that is sorted by, and those beside it, stay longest."""
        rows = list(self._rows.values())
        named = {name for row in rows if isinstance(row, RegimeRow) for name in row.timeframes}
        self._timeframes = tuple(sorted(named, key=lambda name: (seconds_of(name), name)))
        self._usual = _usual(
            [name for name in self._timeframes if any(_oi(row, name) is not None for row in rows)]
        )
        chosen = sort.rpartition("_")[2]
        wanted = self._timeframes, chosen if chosen in named else self._usual
        if self._made != wanted:
            self._made, self._columns = wanted, _columns(*wanted)
        return self._columns


def _oi(row: SignalRow, timeframe: str) -> float | None:
    return number(row.signal.values, timeframe, "oi_change")


def _usual(known: Sequence[str]) -> str:
    """Return the timeframe that is sorted by at first, of those whose changes are known, by length."""
    shorter = [name for name in known if seconds_of(name) <= seconds_of(USUAL)]
    return shorter[-1] if shorter else known[0] if known else USUAL


def _columns(timeframes: Sequence[str], chosen: str) -> Sequence[Column[SignalRow]]:
    place = timeframes.index(chosen) if chosen in timeframes else 0
    groups = (_of_timeframe(name, 95 - 4 * abs(at - place)) for at, name in enumerate(timeframes))
    return (*NAMES, *(column for group in groups for column in group), REASONS)


def _of_timeframe(name: str, rank: int) -> tuple[Column[SignalRow], ...]:
    """Return change of open interest, change of price and regime of a timeframe."""

    def price(row: SignalRow) -> float | None:
        return number(row.signal.values, name, "price_change")

    def regime(row: SignalRow) -> str | None:
        return word(row.signal.values, name, "regime")

    def size(row: SignalRow, _: int) -> float | None:
        change = _oi(row, name)
        return None if change is None else abs(change)

    def colour(row: SignalRow, _: int) -> Style:
        return COLOURS.get(regime(row) or "", PLAIN)

    return (
        Column(
            name=f"oi_{name}",
            title=f"OI {name}",
            text=lambda row, _: figures.change(_oi(row, name)),
            order=size,
            style=lambda row, _: by_sign(_oi(row, name)),
            floor=7,
            ceiling=9,
            rank=rank,
        ),
        Column(
            name=f"price_{name}",
            title=f"mark {name}",
            text=lambda row, _: figures.change(price(row)),
            order=lambda row, _: price(row),
            style=lambda row, _: by_sign(price(row)),
            floor=7,
            ceiling=9,
            rank=rank - 2,
        ),
        Column(
            name=f"regime_{name}",
            title=f"{name} regime",
            text=lambda row, _: regime_name(regime(row)),
            order=lambda row, _: regime(row),
            style=colour,
            floor=10,
            ceiling=14,
            rank=rank - 1,
            left=True,
            ascending=True,
        ),
    )
