"""Plain tables on standard output."""

import platform
from collections.abc import Sequence


def heading(name: str, about: str) -> None:
    """Print what follows and on which Python."""
    print(f"\n{name} (Python {platform.python_version()}, {platform.machine()}): {about}", flush=True)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns: text to the left in the first, figures to the right in the others."""
    widths = [max(len(row[at]) for row in (titles, *rows)) for at in range(len(titles))]
    for row in (titles, *rows):
        cells = (
            f"{cell:>{width}}" if at else f"{cell:<{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells))
    print(flush=True)
