"""Hours of the day in a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.model.hours import DailyHours


def at(text: str, zone: str = "UTC") -> int:
    """Return a local time as ms UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "now", "end"),
    [
        ("09:00-17:30", at("2026-11-25 09:00"), at("2026-11-25 17:30")),
        ("09:00-17:30", at("2026-11-25 17:29:59"), at("2026-11-25 17:30")),
        ("09:00-17:30", at("2026-11-25 17:30"), None),
        ("09:00-17:30", at("2026-11-25 08:59:59"), None),
        ("22:00-07:00", at("2026-11-25 23:00"), at("2026-11-26 07:00")),
        ("22:00-07:00", at("2026-11-25 06:59"), at("2026-11-25 07:00")),
        ("22:00-07:00", at("2026-11-25 12:00"), None),
        ("00:00-24:00", at("2026-11-25 12:00"), at("2026-11-26 00:00")),
        (
            "22:00-07:00 Europe/Berlin",
            at("2026-11-25 21:30"),
            at("2026-11-26 07:00", "Europe/Berlin"),
        ),
        ("22:00-07:00 Europe/Berlin", at("2026-11-25 20:59"), None),
        (
            "22:00-07:00 Asia/Kolkata",
            at("2026-11-25 16:30"),
            at("2026-11-26 07:00", "Asia/Kolkata"),
        ),
        # the night in which clocks go forward is an hour shorter, and the end is by the new time
        (
            "22:00-07:00 Europe/Berlin",
            at("2026-03-28 23:00", "Europe/Berlin"),
            at("2026-03-29 05:00"),
        ),
        # the one in which they go back is an hour longer
        (
            "22:00-07:00 Europe/Berlin",
            at("2026-10-24 23:00", "Europe/Berlin"),
            at("2026-10-25 06:00"),
        ),
    ],
)
def test_when_the_hours_are_over(text: str, now: int, end: int | None) -> None:
    """By the clocks of the zone, over midnight, and over the changes of summer time."""
    assert DailyHours.parse(text).end_after(now) == end


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22-7", "no time of the day"),
        ("22:00", "no time of the day"),
        ("22:60-07:00", "no time of the day"),
        ("22:00-07:00 ", "no time of the day"),
        ("22:00-07:00 Europe Berlin", "no time of the day"),
        ("24:30-07:00", "hour that no day has"),
        ("29:00-07:00", "hour that no day has"),
        ("24:00-07:00", "hour that no day has"),
        ("07:00-07:00", "ends when it begins"),
        ("22:00-07:00 Mars", "time zone Mars"),
        ("22:00-07:00 Europe", "time zone Europe"),
        ("22:00-07:00 ../x", "no time of the day"),
        ("22:00-07:00 //x", "time zone //x"),
    ],
)
def test_what_are_no_hours(text: str, said: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(ValueError, match=said):
        DailyHours.parse(text)


@given(
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 24 * 60 - 1),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  # Hypothesis takes naive bounds
)
def test_the_end_is_ahead_and_is_the_end(begin: int, end: int, zone: str, when: datetime) -> None:
    """At the end the hours are over, a minute before they are not, and the text says the same."""
    hours = DailyHours(begin, end if end != begin else (end + 1) % 1440, zone)
    assert DailyHours.parse(str(hours)) == hours
    now = round(when.replace(tzinfo=UTC).timestamp() * 1000)
    over = hours.end_after(now)
    if over is not None:
        assert now < over <= now + 25 * 3_600_000
        assert hours.end_after(max(now, over - 1)) == over
        assert hours.end_after(over) is None or hours.begin == hours.end
