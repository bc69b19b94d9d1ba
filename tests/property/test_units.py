"""Numbers and times of any text."""

import math

from hypothesis import given
from hypothesis import strategies as st

from microstream.model.units import FIRST_MS, LAST_MS, BadNumber, Text, millis, number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_survives(value: float) -> None:
    """Text of a float64 reads back to the same one."""
    assert number(repr(value)) == value
    assert number(value) == value


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6))
def test_venue_numbers_of_fifteen_digits_survive(value: object) -> None:
    """Shortest text of the float has the venue's digits."""
    read = number(f"{value:f}")
    assert read is not None
    assert f"{read:.6f}".lstrip("-") == f"{value:f}".lstrip("-")


@given(st.integers(FIRST_MS, LAST_MS - 1))
def test_every_time_of_the_century_survives(value: int) -> None:
    """As text and as a JSON number."""
    assert millis(str(value)) == millis(value) == value


@given(st.one_of(st.text(), st.text("0123456789.eE+-_ \u0661\u00b2"), st.integers(), st.floats()))
def test_anything_is_a_finite_number_or_nothing_or_refused(raw: Text) -> None:
    """No other exception, no NaN, no infinity, no time out of range."""
    try:
        value = number(raw)
    except BadNumber:
        value = None
    assert value is None or math.isfinite(value)
    try:
        time = millis(raw)
    except BadNumber:
        time = None
    assert time is None or FIRST_MS <= time < LAST_MS
