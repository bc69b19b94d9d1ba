"""Times on the command line."""

import pytest

from microstream.cli.times import moment
from microstream.errors import ConfigError
from microstream.model.times import text_from_ms

NOW = 1_790_000_000_000
DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-24", 1_795_478_400_000),
        ("2026-11-24T13:00", 1_795_525_200_000),
        ("2026-11-24 13:00:00.250Z", 1_795_525_200_250),
        ("2026-11-24T13:00+02:00", 1_795_518_000_000),
        ("1795525200123", 1_795_525_200_123),
        ("1795525200", 1_795_525_200_000),
        ("20261124", 1_795_478_400_000),
        ("24h", NOW - DAY),
        ("30d", NOW - 30 * DAY),
        (" 90s ", NOW - 90_000),
    ],
)
def test_a_time_has_several_spellings(text: str, wanted: int) -> None:
    """ISO 8601, digits, or back from now."""
    assert moment("--from", text, NOW) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterday", "is no time; write for example 2026-11-24"),
        ("", "is no time"),
        ("2026-13-01", "is no time"),
        ("24", "has 2 digits; 13 are milliseconds since 1970, 10 are seconds"),
        ("17955252001234", "has 14 digits"),
        ("-5h", "is no time"),
        ("500d", "is too long"),
        ("9999999999999", "is not between 1970 and 2100"),
        ("1969-12-31", "is not between 1970 and 2100"),
        ("２４h", "is no time"),
    ],
)
def test_what_is_no_time_is_said_with_what_would_be(text: str, why: str) -> None:
    """The option is named."""
    with pytest.raises(ConfigError, match=f"--to {text} {why}"):
        moment("--to", text, NOW)


def test_a_fraction_is_printed_where_there_is_one() -> None:
    """UTC, to the second or the minute."""
    assert text_from_ms(1_795_525_200_000) == "2026-11-24 13:00:00"
    assert text_from_ms(1_795_525_200_250) == "2026-11-24 13:00:00.250"
    assert text_from_ms(1_795_525_200_000, seconds=False) == "2026-11-24 13:00"
