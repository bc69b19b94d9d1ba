"""Page `squeeze`: how much speaks for a squeeze of the shorts, and of the longs."""

from collections.abc import Sequence

from rich.style import Style

from microstream.cli import figures
from microstream.cli.column import LONGS_PAY, PLAIN, SHORTS_PAY, Column
from microstream.cli.pages.signal_page import NAMES, REASONS, ContractSignalPage, SignalRow, value_column
from microstream.cli.signal_values import inner, number


class SqueezePage(ContractSignalPage):
    """Both scores of all contracts, and a column per component that is published."""

    name = "squeeze"
    about = "scores 0 to 100; components with how far they speak for a short (S) or long (L) squeeze, 0 to 1"
    signal = "squeeze"
    feeds = ("signal:squeeze",)
    channels = ("signal:squeeze:*",)
    needs = "it takes a perpetual with rate, prices and open interest"
    sort = "higher"

    def __init__(self) -> None:
        super().__init__()
        self._components: tuple[str, ...] | None = None
        self._columns: Sequence[Column[SignalRow]] = ()

    def columns(self, sort: str) -> Sequence[Column[SignalRow]]:
        """Return the columns."""
        told = (inner(row.signal.values, "components") for row in self._rows.values())
        components = tuple(dict.fromkeys(name for names in told if isinstance(names, dict) for name in names))
        if components != self._components:
            self._components = components
            self._columns = (
                *SCORES,
                *(_component(name, 90 - at) for at, name in enumerate(components)),
                REASONS,
            )
        return self._columns


def _score(row: SignalRow, side: str) -> float | None:
    return number(row.signal.values, f"{side}_squeeze")


def _higher(row: SignalRow) -> tuple[float, str] | None:
    """Return the higher score and its side, None where both are unknown."""
    scores = [(score, side) for side in ("short", "long") if (score := _score(row, side)) is not None]
    return max(scores, key=lambda pair: pair[0], default=None)


def _higher_side(row: SignalRow, _: int) -> str:
    higher = _higher(row)
    return figures.UNKNOWN if higher is None else higher[1] if higher[0] else "none"


def _higher_score(row: SignalRow, _: int) -> float | None:
    higher = _higher(row)
    return None if higher is None else higher[0]


def _higher_style(row: SignalRow, _: int) -> Style:
    higher = _higher(row)
    if not higher or not higher[0]:
        return PLAIN
    return LONGS_PAY if higher[1] == "short" else SHORTS_PAY


SCORES: tuple[Column[SignalRow], ...] = (
    *NAMES,
    Column(
        name="higher",
        title="higher",
        text=_higher_side,
        order=_higher_score,
        style=_higher_style,
        floor=7,
        ceiling=7,
        rank=70,
        left=True,
    ),
    value_column("short", "short", ("short_squeeze",), figures.score, rank=98),
    value_column("long", "long", ("long_squeeze",), figures.score, rank=97),
)


def _component(name: str, rank: int) -> Column[SignalRow]:
    def part(row: SignalRow, key: str) -> float | None:
        return number(row.signal.values, "components", name, key)

    def text(row: SignalRow, _: int) -> str:
        value, short, long = (part(row, key) for key in ("value", "short", "long"))
        return f"{figures.deviation(value)}{_speaks_for(short, long)}"

    def style(row: SignalRow, _: int) -> Style:
        short, long = part(row, "short") or 0.0, part(row, "long") or 0.0
        return PLAIN if short == long else LONGS_PAY if short > long else SHORTS_PAY

    return Column(
        name=name,
        title=name,
        text=text,
        order=lambda row, _: part(row, "value"),
        style=style,
        floor=6,
        ceiling=13,
        rank=rank,
    )


def _speaks_for(short: float | None, long: float | None) -> str:
    """Return which side a component speaks for, and how far: ` S0.58`, nothing where for none."""
    strength, side = max((short or 0.0, "S"), (long or 0.0, "L"))
    return f" {side}{strength:.2f}" if strength > 0 else ""
