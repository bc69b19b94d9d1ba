"""Severities of alerts and quality conditions: their order and colour."""

from collections import Counter
from collections.abc import Iterable

from rich.style import Style

from microstream.cli.column import PLAIN, TROUBLE

RANKS = {"critical": 3, "warning": 2, "info": 1}
WARNING = Style(color="yellow", bold=True)


def rank(severity: str | None) -> int:
    """Return the higher number for what is worse; 0 for what is unknown."""
    return RANKS.get(severity or "", 0)


def style(severity: str | None) -> Style:
    """Return the colour of a severity."""
    return {"critical": TROUBLE, "warning": WARNING}.get(severity or "", PLAIN)


def counted(severities: Iterable[str | None]) -> str:
    """Return how many there are of each, the worst first: `1 critical, 2 warning`; `none` where there are none."""
    counts = Counter(severity or "unknown" for severity in severities)
    worst_first = sorted(counts.items(), key=lambda pair: (-rank(pair[0]), pair[0]))
    return ", ".join(f"{count} {severity}" for severity, count in worst_first) or "none"
