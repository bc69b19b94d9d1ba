"""What a condition asks of a value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.alerts.condition import Condition, Kind


@pytest.mark.parametrize(
    ("kind", "threshold", "value", "expected"),
    [
        ("above", 60.0, 60.1, True),
        ("above", 60.0, 60.0, False),
        ("above", 60.0, 61, True),
        ("below", 0.0, -0.1, True),
        ("below", 0.0, 0.0, False),
        ("outside", 3.5, 3.5, True),
        ("outside", 3.5, -3.5, True),
        ("outside", 3.5, -3.4, False),
        ("is", "raised", "raised", True),
        ("is", "raised", "cleared", False),
        ("is", True, True, True),
        ("is", True, 1, False),
        ("is", 1.0, True, False),
        ("is", 8.0, 8, True),
        ("present", None, 0, True),
        ("present", None, {}, True),
        ("present", None, None, False),
    ],
)
def test_a_condition_holds(kind: Kind, threshold: Any, value: Any, expected: bool) -> None:
    """More, less, outside of a band around zero, equal, there; a truth value equals no number."""
    assert Condition(kind, threshold).holds(value, already=False) is expected


@pytest.mark.parametrize("kind", ["above", "below", "outside"])
@pytest.mark.parametrize("value", [None, "72", True, [1], float("nan"), float("inf")])
def test_what_is_no_number_tells_nothing(kind: Kind, value: Any) -> None:
    """Neither that it holds nor that it does not."""
    assert Condition(kind, 1.0).holds(value, already=False) is None
    assert Condition(kind, 1.0).holds(value, already=True) is None


def test_an_unknown_value_equals_nothing_and_differs_from_nothing() -> None:
    """It is unknown."""
    assert Condition("is", "raised").holds(None, already=True) is None


@pytest.mark.parametrize(
    ("condition", "goes_on", "ends"),
    [
        (Condition("above", 60.0, 45.0), 45.1, 45.0),
        (Condition("above", 60.0), 60.1, 60.0),
        (Condition("below", -10.0, -5.0), -5.1, -5.0),
        (Condition("outside", 3.5, 2.5), -2.5, -2.4),
        (Condition("outside", 3.5), 3.5, 3.4),
    ],
)
def test_what_holds_ends_at_its_own_threshold(condition: Condition, goes_on: float, ends: float) -> None:
    """Without one, where it began."""
    assert condition.holds(goes_on, already=True) is True
    assert condition.holds(ends, already=True) is False


@given(
    st.sampled_from(["above", "below", "outside"]),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.floats(-1e7, 1e7),
)
def test_what_begins_does_not_end_at_once(kind: Kind, one: float, other: float, value: float) -> None:
    """A value that begins a condition keeps it, whatever the band, as long as its end is on the calm side."""
    low, high = sorted((one, other))
    condition = Condition(kind, low, high) if kind == "below" else Condition(kind, high, low)
    if condition.holds(value, already=False):
        assert condition.holds(value, already=True)
