"""What a rule asks of a value: more, less, outside, equal, there."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

Kind = Literal["above", "below", "outside", "is", "present"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison with a threshold, and with another one for its end.

    `above` holds for value > threshold, `below` for value < threshold, `outside` for |value| >= threshold, `is` for
    equal text, numbers and truth values, `present` for every value that is known. What already holds ends at `clear`:
    value <= clear, value >= clear, |value| < clear; without it at the threshold.
    """

    kind: Kind
    threshold: float | str | bool | None = None
    clear: float | None = None

    def holds(self, value: Any, *, already: bool) -> bool | None:
        """Return whether the condition holds, None where the value does not tell; `already`: it did before."""
        if self.kind == "present":
            return value is not None
        if value is None:
            return None
        if self.kind == "is":
            return same(value, self.threshold)
        if not is_number(value):
            return None
        bound = self.bound(already=already)
        if self.kind == "above":
            return bool(value > bound)
        if self.kind == "below":
            return bool(value < bound)
        return bool(abs(value) >= bound)

    def bound(self, *, already: bool) -> Any:
        """Return what a value is compared with: the end's threshold for what already holds."""
        return self.clear if already and self.clear is not None else self.threshold


def is_number(value: Any) -> bool:
    """Return whether a value is a number that can be compared; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def same(value: Any, other: Any) -> bool:
    """Return whether two values are equal; a truth value equals no number."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)
