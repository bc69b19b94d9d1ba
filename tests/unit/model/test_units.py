"""Venue text -> numbers and times."""

import pytest
from msgspec import UNSET

from microstream.model.units import FIRST_MS, LAST_MS, BadNumber, Text, millis, number


@pytest.mark.parametrize("nothing", [None, UNSET, ""])
def test_nothing_is_none(nothing: Text) -> None:
    """Absent, null and empty text say nothing; that is not zero."""
    assert number(nothing) is None
    assert millis(nothing) is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("0", 0.0),
        ("0.00000000", 0.0),
        ("-0.00002", -0.00002),
        ("11793.63104562", 11793.63104562),
        ("1e-7", 1e-7),
        (8, 8.0),
        (0.25, 0.25),
        ("123456789012345", 123456789012345.0),
    ],
)
def test_numbers_keep_their_value(raw: Text, value: float) -> None:
    """Text and JSON numbers give the nearest float64; zero is a value."""
    assert number(raw) == value


@pytest.mark.parametrize(
    "raw",
    ["NaN", "nan", "inf", "-Infinity", "1_000", " 1", "1 ", "1,5", "0x10", "none", "--1", "١٢", 10**400],
)
def test_what_is_no_finite_decimal_is_refused(raw: Text) -> None:
    """Nothing that Python merely happens to read as a number passes."""
    with pytest.raises(BadNumber):
        number(raw)


@pytest.mark.parametrize(("raw", "value"), [("1597392000000", 1597392000000), (1597392000000, 1597392000000)])
def test_times_are_milliseconds(raw: Text, value: int) -> None:
    """Text and integers are taken as they are."""
    assert millis(raw) == value


@pytest.mark.parametrize("raw", [0, "0"])
def test_time_zero_is_no_time(raw: Text) -> None:
    """Venues write "does not apply" as 0."""
    assert millis(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "1597392000",  # seconds
        "1597392000000000",  # microseconds
        1597392000,
        "-1597392000000",
        "1597392000000.0",
        "2020-08-14T08:00:00Z",
        float("nan"),
        float("inf"),
        "١٥٩٧٣٩٢٠٠٠٠٠٠",
        FIRST_MS - 1,
        LAST_MS,
    ],
)
def test_other_units_are_refused(raw: Text) -> None:
    """A time in seconds, microseconds or words is no time of 2010 to 2100 in milliseconds."""
    with pytest.raises(BadNumber):
        millis(raw)
