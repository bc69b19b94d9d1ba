"""Hours of the day in a time zone, such as those in which nobody is to be woken."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

_FORM = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])(?: ([A-Za-z0-9_+\-/]{1,64}))?")


class DailyHours(Struct, frozen=True):
    """From `begin` to `end`, minutes after midnight by the clocks of `zone`; over midnight where `end` is not later.

    The first minute belongs to it, the last one does not.
    """

    begin: int
    end: int
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str) -> "DailyHours":
        """Read `22:00-07:00` or `22:00-07:00 Europe/Berlin` (IANA name; UTC without one).

        Raises `ValueError` with what would be right.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(
                "is no time of the day; write for example 22:00-07:00 or 22:00-07:00 Europe/Berlin"
            )
        begin, end = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
        if max(begin, end) > 24 * 60 or begin == 24 * 60:
            raise ValueError("has an hour that no day has; 00:00-24:00 is a whole day")
        if begin == end:
            raise ValueError("ends when it begins; 00:00-24:00 is a whole day")
        zone = match[5] or "UTC"
        try:
            _zone(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"has the time zone {zone}, which this machine does not know; write an IANA name such as"
                " Europe/Berlin (the system's package tzdata has them)"
            ) from None
        return cls(begin, end, zone)

    def end_after(self, now: int) -> int | None:
        """Return when the hours that `now` (ms UTC) is in are over (ms UTC), None outside of them."""
        zone = _zone(self.zone)
        today = datetime.fromtimestamp(now / 1000, zone).replace(
            hour=0, minute=0, second=0, microsecond=0, fold=0
        )
        length = (self.end - self.begin) % (24 * 60) or 24 * 60
        for day in (today - timedelta(days=1), today):
            begin = _instant(day + timedelta(minutes=self.begin))
            end = _instant(day + timedelta(minutes=self.begin + length))
            if begin <= now < end:
                return end
        return None

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        begin, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (self.begin, self.end))
        return f"{begin}-{end}" + (f" {self.zone}" if self.zone != "UTC" else "")


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    """Return a time zone. UTC needs no data of the system."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _instant(local: datetime) -> int:
    """Return the time of clocks on a wall, ms UTC."""
    return round(local.timestamp() * 1000)
