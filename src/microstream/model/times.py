"""Moments as people write them, and as we print them. A time without an offset is UTC."""

import re
from datetime import UTC, datetime, timedelta

_SECONDS, _MILLISECONDS = 10, 13
"""Digits of a time since 1970 that is counted in seconds, and in milliseconds."""
_DIGITS = re.compile(r"[0-9]+")
_MS = timedelta(milliseconds=1)


def ms_from_datetime(moment: datetime) -> int:
    """Return milliseconds UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MS


def ms_from_text(text: str) -> int:
    """Read ISO 8601 (`2026-11-24`, `2026-11-24T13:00Z`), or 13 digits (ms) or 10 (s) since 1970.

    Raises `ValueError` for anything else.
    """
    text = text.strip()
    if _DIGITS.fullmatch(text) and text.isascii():
        if len(text) == _MILLISECONDS:
            return int(text)
        if len(text) == _SECONDS:
            return int(text) * 1000
        if len(text) != len("20261124"):
            raise ValueError(f"has {len(text)} digits; 13 are milliseconds since 1970, 10 are seconds")
    return ms_from_datetime(datetime.fromisoformat(text))


def text_from_ms(moment: int, *, seconds: bool = True) -> str:
    """Return `2026-11-24 13:00:00` of milliseconds UTC; a fraction only where there is one."""
    whole, rest = divmod(moment, 1000)
    text = f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}"
    if rest:
        return f"{text}.{rest:03d}"
    return text if seconds else text[:-3]
