"""What a signal says, read from its payload when somebody looks at it."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

NAMED = 2
"""Contracts that are named for one reason; further ones are counted."""


class Left(Struct, frozen=True):
    """What was left out of a signal, and why."""

    exchange: str = ""
    symbol: str = ""
    reason: str = ""


class Signal(Struct, frozen=True):
    """The keys of a signal that are shown; `values` as docs/signals.md defines them, or a newer service."""

    values: dict[str, Any] = {}
    flags: tuple[str, ...] = ()
    excluded: tuple[Left, ...] = ()


NO_SIGNAL = Signal(flags=("values:unreadable",))
_decoder = Decoder(Signal)


def read_signal(raw: bytes) -> Signal:
    """Return the signal of a payload; one without values where the keys are of other types."""
    try:
        return _decoder.decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return NO_SIGNAL


def inner(values: Any, *path: str) -> Any:
    """Return what stands at the end of a path of keys, None where it does not lead there."""
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def number(values: Any, *path: str) -> float | None:
    """Return the number at the end of a path of keys, None where there is none."""
    found = inner(values, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        return float(found)
    except OverflowError:
        return None


def word(values: Any, *path: str) -> str | None:
    """Return the text at the end of a path of keys, None where there is none."""
    found = inner(values, *path)
    return found if isinstance(found, str) else None


def reasons(signal: Signal) -> str:
    """Return why values are null and what was left out: `stale: bybit solusdt; too few samples: z_score`."""
    return "; ".join([*_grouped(_of_values(signal.flags)), *_grouped(_of_legs(signal.excluded))])


def _of_values(flags: Iterable[str]) -> Iterator[tuple[str, str]]:
    for flag in flags:
        value, _, reason = flag.rpartition(":")
        yield reason, value


def _of_legs(excluded: Iterable[Left]) -> Iterator[tuple[str, str]]:
    """Yield the contracts that were left out, then the pairs, of which there may be many."""
    for left in sorted(excluded, key=lambda left: "/" in left.exchange):
        yield left.reason, f"{left.exchange} {left.symbol}".strip()


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for reason, subject in pairs:
        groups.setdefault(reason.replace("_", " "), []).append(subject)
    for reason, subjects in groups.items():
        named = [subject for subject in subjects[:NAMED] if subject]
        more = [f"{len(subjects) - NAMED} more"] if len(subjects) > NAMED else []
        yield f"{reason}: {', '.join([*named, *more])}" if named else reason
