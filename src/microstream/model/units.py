"""Text and numbers of the venues -> our numbers and milliseconds: the only conversions."""

import math

from msgspec import UNSET, UnsetType

Text = str | float | int | None | UnsetType
"""A number or a time as venues send it: mostly text, sometimes a JSON number, empty, null or absent."""

MS_PER_HOUR = 3_600_000
FIRST_MS = 1_262_304_000_000  # 2010-01-01: no venue here is older
LAST_MS = 4_133_980_800_000  # 2101-01-01


class BadNumber(ValueError):
    """Text that is not a finite decimal number, or a time outside 2010 to 2100."""


def number(raw: Text) -> float | None:
    """Return a venue's number, or None where the venue says nothing.

    Absent, null and empty text are all "nothing"; zero is a value. Raises `BadNumber` for text that is not a
    finite decimal number (NaN, infinity, digits with underscores or of another script, words).
    """
    if raw is None or raw is UNSET or raw == "":
        return None
    if isinstance(raw, str) and ("_" in raw or raw != raw.strip() or not raw.isascii()):
        raise BadNumber(raw)
    try:
        value = float(raw)
    except (ValueError, OverflowError) as error:
        raise BadNumber(str(raw)) from error
    if not math.isfinite(value):
        raise BadNumber(str(raw))
    return value


def millis(raw: Text) -> int | None:
    """Return a venue's time in ms UTC, or None for nothing, 0 and "0" (venues write "no time" so).

    Raises `BadNumber` for text that is no integer and for times outside 2010 to 2100 (seconds or
    microseconds in the place of milliseconds).
    """
    if raw is None or raw is UNSET or raw == "":
        return None
    try:
        value = int(raw)
    except (ValueError, OverflowError) as error:
        raise BadNumber(str(raw)) from error
    if isinstance(raw, str) and not (raw.isascii() and raw.isdigit()):
        raise BadNumber(raw)
    if value == 0:
        return None
    if not FIRST_MS <= value < LAST_MS:
        raise BadNumber(str(raw))
    return value
