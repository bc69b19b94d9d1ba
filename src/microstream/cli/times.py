"""Times on the command line."""

from microstream.config import seconds
from microstream.errors import ConfigError
from microstream.model.times import ms_from_text

RIGHT = (
    "write for example 2026-11-24, 2026-11-24T13:00, milliseconds or seconds since 1970, or 24h for a day ago"
)
EARLIEST, LATEST = 0, 4_102_444_800_000
"""1970 and 2100: what lies outside was written in another unit."""


def moment(option: str, text: str, now_ms: int) -> int:
    """Return the ms UTC of what stands behind an option.

    ISO 8601 (UTC without an offset), ms or s since 1970 as 13 or 10 digits, or a duration back from now (`24h`).
    Raises `ConfigError`.
    """
    try:
        return now_ms - round(seconds(text.strip()) * 1000)
    except ValueError as error:
        if "too long" in str(error):
            raise ConfigError(f"{option} {text} {error}") from None
    try:
        found = ms_from_text(text)
    except (ValueError, OverflowError) as error:
        why = f"{error}; {RIGHT}" if "digits" in str(error) else f"is no time; {RIGHT}"
        raise ConfigError(f"{option} {text} {why}") from None
    if not EARLIEST <= found < LATEST:
        raise ConfigError(f"{option} {text} is not between 1970 and 2100; {RIGHT}")
    return found
