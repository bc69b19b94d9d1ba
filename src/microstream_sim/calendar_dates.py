"""Expiry dates of dated futures: the last Friday of each quarter's last month, 08:00 UTC."""

from datetime import UTC, datetime, timedelta


def quarter_ends(now: int, count: int) -> list[int]:
    """Return the next `count` quarterly expiries after `now`, in ms."""
    day = datetime.fromtimestamp(now / 1000, UTC)
    found: list[int] = []
    year, month = day.year, (day.month - 1) // 3 * 3 + 3
    while len(found) < count:
        expiry = _last_friday(year, month)
        if expiry > now:
            found.append(expiry)
        year, month = (year, month + 3) if month < 12 else (year + 1, 3)
    return found


def yymmdd(at: int) -> str:
    """Return 261225 for a time on 2026-12-25."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%y%m%d}"


def ddmmmyy(at: int) -> str:
    """Return 25DEC26 for a time on 2026-12-25."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%d%b%y}".upper().lstrip("0")


def month_code(at: int) -> str:
    """Return Z26 for a time in December 2026: the month code of a quarter's last month, and the year."""
    day = datetime.fromtimestamp(at / 1000, UTC)
    return f"{'HMUZ'[day.month // 3 - 1]}{day:%y}"


def _last_friday(year: int, month: int) -> int:
    first_of_next = datetime(year + month // 12, month % 12 + 1, 1, 8, tzinfo=UTC)
    day = first_of_next - timedelta(days=1)
    day -= timedelta(days=(day.weekday() - 4) % 7)
    return round(day.timestamp() * 1000)
