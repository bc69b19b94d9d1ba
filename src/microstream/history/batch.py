"""Entries of one family that are written together, and what its table has of a group."""

from dataclasses import dataclass, field

from microstream.client.log_position import BEGINNING, Entry, Lost, Place
from microstream.history.ledger import Note
from microstream.history.log_rows import Read
from microstream.history.positions import unpacked


@dataclass(slots=True)
class Batch:
    """Entries that are written together. `anew` has the places that groups had before their logs began anew."""

    entries: list[Entry] = field(default_factory=list)
    count: int = 0
    lost: list[Lost] = field(default_factory=list)
    anew: dict[str, Place] = field(default_factory=dict)
    read: Read | None = None
    notes: list[Note] | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.entries or self.lost)


@dataclass(slots=True)
class Standing:
    """What the table has of a group: place and number of its last entry as they are noted, None before the first."""

    place: int | None
    number: int | None

    @property
    def at(self) -> Place:
        """The last entry that is in the table."""
        return BEGINNING if self.place is None else unpacked(self.place)
