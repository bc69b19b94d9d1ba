"""Tables as text."""

import pytest

from microstream.cli.pages.plain import aligned


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ({0, 1}, ["a    bb", "ccc  d"]),
        ({0}, ["a    bb", "ccc   d"]),
        ((), ["  a  bb", "ccc   d"]),
    ],
)
def test_cells_stand_below_one_another(left: set[int], expected: list[str]) -> None:
    """To the left or to the right; nothing trails."""
    assert list(aligned([["a", "bb"], ["ccc", "d"]], left=left)) == expected


def test_wide_letters_take_two_places() -> None:
    """There are coins with such names."""
    assert list(aligned([["币", "x"], ["abc", "y"]], left={0})) == ["币   x", "abc  y"]


def test_no_rows_make_no_lines() -> None:
    """Where nothing is known yet."""
    assert list(aligned([], left=())) == []
