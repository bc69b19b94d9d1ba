"""Durations and sizes as people write them."""

import re

from pydantic import AfterValidator

_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_LONGEST_MS = 365 * _MILLISECONDS["d"]

_SIZE = re.compile(r"([0-9]{1,12})(KB|MB|GB)")
_BYTES = {"GB": 1 << 30, "MB": 1 << 20, "KB": 1 << 10}


def seconds(text: object) -> float:
    """Return the seconds that `250ms`, `10s`, `1m`, `8h` or `1d` stand for.

    Raises `ValueError` for anything else, a bare number included (of what?), and for more than 365 days.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("is not a duration; write for example 10s, 250ms, 1m or 8h")
    milliseconds = int(match[1]) * _MILLISECONDS[match[2]]
    if milliseconds > _LONGEST_MS:
        raise ValueError("is too long; at most 365d")
    return milliseconds / 1000


def duration_text(duration_s: float) -> str:
    """Return a duration in the largest unit that leaves no rest; below a millisecond it is rounded."""
    milliseconds = round(duration_s * 1000)
    if milliseconds == 0:
        return "0s"
    unit = next(unit for unit, length in _MILLISECONDS.items() if milliseconds % length == 0)
    return f"{milliseconds // _MILLISECONDS[unit]}{unit}"


def at_least(text: str) -> AfterValidator:
    """Return a validator that refuses durations shorter than `text`."""
    shortest = seconds(text)

    def check(duration_s: float) -> float:
        if duration_s < shortest:
            raise ValueError(f"is too short; at least {text}")
        return duration_s

    return AfterValidator(check)


def size_bytes(raw: object) -> int:
    """Return the bytes that `1GB`, `64MB`, `512KB` or a whole number stand for; 1 KB is 1024 bytes, as in Redis.

    Raises `ValueError` for anything else.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    match = _SIZE.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise ValueError("is not a size; write for example 64MB, 512KB or the number of bytes")
    return int(match[1]) * _BYTES[match[2]]


def at_least_size(text: str) -> AfterValidator:
    """Return a validator that refuses sizes smaller than `text`."""
    smallest = size_bytes(text)

    def check(size: int) -> int:
        if size < smallest:
            raise ValueError(f"is too small; at least {text}")
        return size

    return AfterValidator(check)


def size_text(size: int) -> str | int:
    """Return a size in GB, MB or KB where that is exact, else the number of bytes."""
    for unit, length in _BYTES.items():
        if size and size % length == 0:
            return f"{size // length}{unit}"
    return size
