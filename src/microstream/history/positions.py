"""An entry's place in a log as the one number that a table notes (pure)."""

from microstream.client.log_position import Place

BITS = 20
"""Of the number within a millisecond; a server would have to take a million entries in one, or turn back its clock."""


def packed(at: Place) -> int:
    """Return a place as a number; later places are greater."""
    return (at[0] << BITS) + at[1]


def unpacked(number: int) -> Place:
    """Return the place of a number."""
    return number >> BITS, number & ((1 << BITS) - 1)


def counter(group: str) -> str:
    """Return the name under which the number of a group's last entry is noted, beside its place."""
    return f"{group}#entries"
