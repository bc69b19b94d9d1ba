"""Moments on the command line."""

import pytest

from microstream.cli.times import moment
from microstream.errors import ConfigError

NOON = 1_795_608_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-25", NOON - 43_200_000),
        ("2026-11-25T12:00", NOON),
        ("2026-11-25T12:00:00.250Z", NOON + 250),
        ("2026-11-25T13:00+01:00", NOON),
        ("1795608000000", NOON),
        ("1795608000", NOON),
        ("24h", NOON - 86_400_000),
        ("90s", NOON - 90_000),
    ],
)
def test_moments(text: str, expected: int) -> None:
    """Dates, times with and without offset, epochs, and durations back from now."""
    assert moment("--from", text, NOON) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "17956080000", "2026-13-01", "-5m"])
def test_what_is_no_time_is_told_with_its_option(text: str) -> None:
    """Also a number of seconds with a digit too much."""
    with pytest.raises(ConfigError, match="--to"):
        moment("--to", text, NOON)
