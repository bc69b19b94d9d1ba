"""How numbers are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.cli import figures

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.0001, "+0.0100%"), (-0.00125, "-0.1250%"), (0.0, "0.0000%"), (0.00000049, "+0.0000%"), (None, "-")],
)
def test_rates_have_a_sign_and_four_decimals(rate: float | None, text: str) -> None:
    """0.0001 is one basis point, 0.01 %."""
    assert figures.per_cent(rate) == text


@pytest.mark.parametrize(
    ("apr", "text"),
    [(0.1095, "+10.95%"), (-2.19, "-219.0%"), (10.26, "+1,026%"), (0.0, "+0.00%"), (None, "-")],
)
def test_annual_rates_lose_decimals_as_they_grow(apr: float | None, text: str) -> None:
    """The column stays narrow."""
    assert figures.annual(apr) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (67432.1, "67432.10"),
        (3512.44, "3512.44"),
        (152.345, "152.345"),
        (0.15231, "0.152310"),
        (0.00001234, "0.00001234"),
        (123456789.0, "123456789.00"),
        (0.0, "0"),
        (None, "-"),
    ],
)
def test_prices_keep_the_digits_that_matter_at_their_level(value: float | None, text: str) -> None:
    """A coin of 67,000 and one of 0.00001 are both readable."""
    assert figures.price(value) == text


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_a_shown_price_is_near_the_price(value: float) -> None:
    """At least four significant digits are right, and no exponent appears."""
    text = figures.price(value)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_234_000_000, "1.23B"),
        (45_600_000, "45.6M"),
        (789_000, "789K"),
        (999_600, "1.00M"),
        (99_960, "100K"),
        (9_996, "10.0K"),
        (12.3, "12.3"),
        (0.0, "0.00"),
        (2.5e12, "2.50T"),
        (None, "-"),
    ],
)
def test_amounts_have_three_digits_and_a_scale(value: float | None, text: str) -> None:
    """Rounding up moves to the next scale, not to four digits."""
    assert figures.amount(value) == text


@given(st.floats(min_value=0.01, max_value=9e14))
def test_a_shown_amount_is_near_the_amount_and_short(value: float) -> None:
    """Half a per cent off at most, six characters at most."""
    text = figures.amount(value)
    scale = {"T": 1e12, "B": 1e9, "M": 1e6, "K": 1e3}.get(text[-1], 1.0)
    assert float(text.rstrip("TBMK")) * scale == pytest.approx(value, rel=0.006, abs=0.006)
    assert len(text) <= 6


@pytest.mark.parametrize(
    ("left_ms", "text"),
    [
        (7 * HOUR + 59 * 60_000 + 59_000, "7:59:59"),
        (61_000, "0:01:01"),
        (0, "0:00:00"),
        (-1, "due"),
        (99 * HOUR, "4d 3h"),
    ],
)
def test_the_time_to_settlement_counts_down(left_ms: int, text: str) -> None:
    """Hours, minutes and seconds; days where it is far."""
    assert figures.countdown(1_000_000 + left_ms, 1_000_000) == text


@pytest.mark.parametrize(
    ("passed_ms", "text"),
    [
        (-500, "0s"),
        (3_999, "3s"),
        (119_000, "119s"),
        (17 * 60_000, "17m"),
        (5 * HOUR, "5h"),
        (72 * HOUR, "3d"),
    ],
)
def test_ages_are_short(passed_ms: int, text: str) -> None:
    """Seconds up to two minutes; a clock ahead of ours makes no negative age."""
    assert figures.age(1_000_000_000, 1_000_000_000 + passed_ms) == text


def test_unknown_is_shown_as_unknown() -> None:
    """Never as zero."""
    assert figures.countdown(None, 5) == figures.age(None, 5) == figures.interval(None) == "-"
    assert figures.basis_points(None) == "-"


def test_intervals_and_basis_have_their_units() -> None:
    """Hours and basis points."""
    assert figures.interval(8.0) == "8h"
    assert figures.basis_points(2.63) == "+2.6bp"
    assert figures.basis_points(-1234.5) == "-1,234bp"


def test_changes_scores_and_hours_are_short() -> None:
    """Signs where a sign means something, none on nothing, `-` for unknown."""
    assert [figures.change(value) for value in (0.0125, -0.5, 0.0, None)] == [
        "+1.25%",
        "-50.00%",
        "0.00%",
        "-",
    ]
    assert [figures.deviation(value) for value in (2.314, -3.0, 0.0, None)] == ["+2.31", "-3.00", "0.00", "-"]
    assert [figures.score(value) for value in (72.54, 0.0, None)] == ["72.5", "0.0", "-"]
    assert [figures.hours(value) for value in (84.0, 0.25, 48_000.0, None)] == [
        "84.0h",
        "0.2h",
        "2,000d",
        "-",
    ]


def test_a_moment_of_another_day_shows_its_date() -> None:
    """UTC; a time that no calendar has is unknown."""
    noon = 1_760_011_200_000
    assert figures.moment(noon + 1_500, noon) == "12:00:01"
    assert figures.moment(noon + 86_400_000.0, noon) == "10-10 12:00"
    assert figures.moment(None, noon) == figures.moment(1e30, noon) == "-"


def test_a_sentence_is_one_line() -> None:
    """Rules may have texts of several lines; what moves a terminal's cursor is no text."""
    assert figures.sentence("too big:\n  sell\x1b[2J\t now") == "too big: sell[2J now"
    assert figures.sentence(None) == figures.sentence("") == "-"
