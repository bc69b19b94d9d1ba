"""Moments on the command line."""

from datetime import UTC, datetime

from microstream.config import seconds
from microstream.errors import ConfigError


def moment(option: str, text: str, now_ms: int) -> int:
    """Return the time that an option names (ms UTC).

    ISO 8601 (`2026-11-24`, `2026-11-24T13:00`, with `Z` or an offset, UTC without), seconds or milliseconds since the
    epoch, or a duration back from now (`24h`, `30d`). Raises `ConfigError`.
    """
    if text.isdecimal() and len(text) in {10, 13}:
        return int(text) * (1000 if len(text) == 10 else 1)
    try:
        return now_ms - round(seconds(text) * 1000)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} {text}: is no time; write for example 2026-11-24, 2026-11-24T13:00Z, 1795525200000 or 24h"
        ) from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
