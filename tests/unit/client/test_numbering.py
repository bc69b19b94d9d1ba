"""Repeats and holes in the numbers of a channel."""

from hypothesis import given
from hypothesis import strategies as st

from microstream.client.numbering import Numbering


def test_the_first_message_of_a_channel_has_no_hole_before_it() -> None:
    """What was published before this reader came is unknown."""
    assert Numbering().missing_before("a", 1, 500) == 0


def test_a_jump_counts_the_numbers_that_are_missing() -> None:
    """From 5 to 9 three numbers are missing; other channels are not touched."""
    numbering = Numbering()
    numbering.missing_before("a", 1, 5)
    numbering.missing_before("b", 1, 100)
    assert numbering.missing_before("a", 1, 9) == 3
    assert numbering.missing_before("b", 1, 101) == 0


def test_a_repeated_number_is_a_repeat_and_no_hole() -> None:
    """A retried write, or a last value that was seen live, is told apart from a new message."""
    numbering = Numbering()
    numbering.missing_before("a", 1, 5)
    assert numbering.missing_before("a", 1, 5) is None
    assert numbering.missing_before("a", 1, 4) is None
    assert numbering.missing_before("a", 1, 6) == 0


def test_a_new_run_starts_anew() -> None:
    """The publisher restarted: neither a smaller nor a larger number is a repeat or a hole."""
    numbering = Numbering()
    numbering.missing_before("a", 1, 50)
    assert numbering.missing_before("a", 2, 1) == 0
    assert numbering.missing_before("a", 3, 70) == 0
    assert numbering.missing_before("a", 3, 72) == 1


def test_messages_without_numbers_are_always_new() -> None:
    """Another publisher on the same channels may not count."""
    numbering = Numbering()
    assert [numbering.missing_before("a", None, None) for _ in range(2)] == [0, 0]
    assert [numbering.missing_before("a", 1, None) for _ in range(2)] == [0, 0]


def test_memory_is_bounded() -> None:
    """Channels past the limit count as new each time; the known ones stay exact."""
    numbering = Numbering(limit=1)
    numbering.missing_before("a", 1, 1)
    assert [numbering.missing_before("b", 1, number) for number in (1, 9, 9)] == [0, 0, 0]
    assert numbering.missing_before("a", 1, 3) == 1


@given(st.sets(st.integers(min_value=1, max_value=200), min_size=1), st.integers(min_value=1, max_value=3))
def test_the_missing_numbers_add_up(numbers: set[int], repeats: int) -> None:
    """Over an ascending sequence with repeats, holes are exactly the numbers in between that never came."""
    numbering = Numbering()
    arrivals = [number for number in sorted(numbers) for _ in range(repeats)]
    counted = [numbering.missing_before("a", 7, number) for number in arrivals]
    new = [missing for missing in counted if missing is not None]
    assert len(new) == len(numbers)
    assert sum(new) == max(numbers) - min(numbers) + 1 - len(numbers)
