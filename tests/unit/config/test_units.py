"""Durations and sizes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.config.units import duration_text, seconds, size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("1m", 60.0),
        ("8h", 28_800.0),
        ("1d", 86_400.0),
        ("0s", 0.0),
        ("365d", 31_536_000.0),
    ],
)
def test_seconds(text: str, expected: float) -> None:
    """Each unit of the contract."""
    assert expected == seconds(text)


@pytest.mark.parametrize(
    "raw",
    [
        "10",
        "",
        "s",
        "1.5s",
        "-1s",
        "10 s",
        " 10s",
        "10S",
        "1m30s",
        "١s",
        "10s\n",
        "9" * 5000 + "s",
        10,
        1.0,
        True,
        None,
    ],
)
def test_what_is_no_duration(raw: object) -> None:
    """Only whole numbers with a unit count; a bare number says nothing of its unit."""
    with pytest.raises(ValueError, match=r"^is not a duration; write for example 10s, 250ms, 1m or 8h$"):
        seconds(raw)


@pytest.mark.parametrize("text", ["366d", "8761h", "999999999999d"])
def test_too_long(text: str) -> None:
    """A year is the limit."""
    with pytest.raises(ValueError, match=r"^is too long; at most 365d$"):
        seconds(text)


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [
        (0.25, "250ms"),
        (10.0, "10s"),
        (60.0, "1m"),
        (90.0, "90s"),
        (3600.0, "1h"),
        (86_400.0, "1d"),
        (0.0, "0s"),
        (1.0004, "1s"),
    ],
)
def test_duration_text(duration_s: float, expected: str) -> None:
    """The largest unit without a rest."""
    assert expected == duration_text(duration_s)


@given(st.integers(0, 365 * 86_400_000))
def test_every_duration_survives(milliseconds: int) -> None:
    """Printing and reading again loses nothing, down to the millisecond."""
    assert milliseconds / 1000 == seconds(duration_text(milliseconds / 1000))


@given(st.text() | st.from_regex(r"[0-9]{1,12}(ms|s|m|h|d)?"))
def test_text_is_a_duration_or_refused(text: str) -> None:
    """Any text gives a duration of at most a year or a `ValueError`."""
    duration_s = 0.0
    with contextlib.suppress(ValueError):
        duration_s = seconds(text)
    assert 0 <= duration_s <= 365 * 86_400


@pytest.mark.parametrize(
    ("raw", "expected"), [("1GB", 1 << 30), ("64MB", 67_108_864), ("512KB", 524_288), (1000, 1000)]
)
def test_size_bytes(raw: object, expected: int) -> None:
    """1 KB is 1024 bytes."""
    assert expected == size_bytes(raw)


@pytest.mark.parametrize("raw", ["64", "64mb", "1TB", "MB", "1.5MB", 1.5, True, None])
def test_what_is_no_size(raw: object) -> None:
    """Only whole numbers, with KB, MB, GB or as bytes."""
    with pytest.raises(
        ValueError, match=r"^is not a size; write for example 64MB, 512KB or the number of bytes$"
    ):
        size_bytes(raw)


@given(st.integers(0, 1 << 50))
def test_every_size_survives(size: int) -> None:
    """Printing and reading again loses nothing."""
    assert size == size_bytes(size_text(size))


def test_size_text() -> None:
    """The largest unit without a rest, bytes as a number."""
    assert [size_text(size) for size in (1 << 30, 64 << 20, 1024, 1025, 0)] == [
        "1GB",
        "64MB",
        "1KB",
        1025,
        0,
    ]
