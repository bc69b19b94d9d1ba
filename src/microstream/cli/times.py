"""Times as they are written on a command line."""

import re
from datetime import UTC, datetime

from microstream.config import seconds
from microstream.errors import ConfigError

_DIGITS = re.compile(r"[0-9]{10}|[0-9]{13}", re.ASCII)
_FORMS = "2026-11-24, 2026-11-24T13:00, ms or s since 1970, or a time back from now such as 24h or 30d"


def moment(option: str, text: str, now_ms: int) -> int:
    """Return the time (ms UTC) that an option means: ISO 8601, UTC where it names no zone; digits; or back from now.

    Raises `ConfigError`, which names the option.
    """
    written = text.strip()
    if _DIGITS.fullmatch(written):
        return int(written) * (1 if len(written) == 13 else 1000)
    try:
        return now_ms - round(seconds(written) * 1000)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise ConfigError(f"{option} {text} is no time; write {_FORMS}") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
