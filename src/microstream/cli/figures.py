"""Numbers as people read them. None is shown as `-`: unknown, never 0."""

from datetime import UTC, datetime
from math import floor, log10

UNKNOWN = "-"
MS_PER_DAY = 86_400_000


def per_cent(rate: float | None) -> str:
    """Return a funding rate, a fraction per interval, as `+0.0100%`."""
    if rate is None:
        return UNKNOWN
    return f"{rate:+.4%}" if rate else "0.0000%"


def annual(apr: float | None) -> str:
    """Return an annual rate, a fraction, as `+10.95%`; from 100 % up with fewer decimals."""
    if apr is None:
        return UNKNOWN
    size = abs(apr)
    return f"{apr:+.2%}" if size < 1 else f"{apr:+.1%}" if size < 10 else f"{apr:+,.0%}"


def interval(hours: float | None) -> str:
    """Return a funding interval as `8h`."""
    return UNKNOWN if hours is None else f"{hours:g}h"


def price(value: float | None) -> str:
    """Return a price with six significant digits (four below 0.001), at least two decimals and no exponent."""
    if value is None:
        return UNKNOWN
    if not value:
        return "0"
    magnitude = floor(log10(abs(value)))
    significant = 6 if magnitude >= -3 else 4
    return f"{value:.{max(significant - 1 - magnitude, 2)}f}"


def basis_points(value: float | None) -> str:
    """Return basis points as `+2.6bp`."""
    if value is None:
        return UNKNOWN
    return f"{value:+.1f}bp" if abs(value) < 1000 else f"{value:+,.0f}bp"


def amount(value: float | None) -> str:
    """Return an amount with three significant digits and its scale: `1.23B`, `45.6M`, `789K`, `12.3`."""
    if value is None:
        return UNKNOWN
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"), (1.0, "")):
        scaled = value / size
        if abs(scaled) >= 0.9995 or not letter:
            decimals = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:.{decimals}f}{letter}"
    raise AssertionError("unreachable: the last scale takes every value")


def countdown(until_ms: int | None, now_ms: int) -> str:
    """Return the time left as `7:59:59`, `2d 3h` from four days up, `due` once it has come."""
    if until_ms is None:
        return UNKNOWN
    left = (until_ms - now_ms) // 1000
    if left < 0:
        return "due"
    hours, seconds = divmod(left, 3600)
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02}" if hours < 96 else f"{hours // 24}d {hours % 24}h"


def age(since_ms: int | None, now_ms: int) -> str:
    """Return the time passed as `3s`, `17m`, `5h`, `2d`; a moment ahead of our clock counts as 0."""
    if since_ms is None:
        return UNKNOWN
    seconds = max(now_ms - since_ms, 0) // 1000
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def moment(ms: float | None, now_ms: int) -> str:
    """Return the time of day as `12:01:00`, UTC, and of another day the date and the minute: `11-29 08:00`."""
    if ms is None:
        return UNKNOWN
    try:
        then = datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return UNKNOWN
    return f"{then:%H:%M:%S}" if ms // MS_PER_DAY == now_ms // MS_PER_DAY else f"{then:%m-%d %H:%M}"


def change(fraction: float | None) -> str:
    """Return a change, a fraction, as `+1.25%`, without a sign where nothing is left of it."""
    if fraction is None:
        return UNKNOWN
    text = f"{fraction:+.2%}"
    return text[1:] if text in {"+0.00%", "-0.00%"} else text


def share(fraction: float | None) -> str:
    """Return a share or cost, a fraction, as `0.2100%`: without a sign above 0."""
    return UNKNOWN if fraction is None else f"{fraction:.4%}"


def deviation(score: float | None) -> str:
    """Return a z-score or robust score as `+2.31`."""
    return UNKNOWN if score is None else f"{score:+.2f}" if score else "0.00"


def score(points: float | None) -> str:
    """Return a score of 0 to 100 as `72.5`."""
    return UNKNOWN if points is None else f"{points:.1f}"


def hours(value: float | None) -> str:
    """Return a number of hours as `84.0h`, from a hundred days up in days."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}h" if abs(value) < 2_400 else f"{value / 24:,.0f}d"


def sentence(text: str | None) -> str:
    """Return a text on one line, whatever was written over several; what cannot be printed is left out."""
    if not text:
        return UNKNOWN
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
