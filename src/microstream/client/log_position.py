"""How far the log of a group was read, and what it has lost since (pure)."""

from typing import Any, NamedTuple

Place = tuple[int, int]
"""Id of an entry: ms UTC, and a number within them."""

BEGINNING: Place = (0, 0)


class Entry(NamedTuple):
    """An entry of a log: payloads by item. `number` is which entry of the log's life it is, where the server counts."""

    group: str
    id: Place
    number: int | None
    fields: dict[bytes, bytes]


class Anew(NamedTuple):
    """The log was flushed, or its server replaced. `after` was read before; ids that are smaller now are new ones."""

    group: str
    after: Place


class Lost(NamedTuple):
    """Entries between two ids were cut off before they were read; `entries` is how many, None where nobody counts."""

    group: str
    after: Place
    before: Place
    entries: int | None


class LogInfo(NamedTuple):
    """What the server says of a log; `first` is None while it is empty, `added` on a server before Redis 7."""

    last: Place
    first: Place | None
    length: int
    added: int | None


def place(raw: bytes) -> Place:
    """Return the id that a server writes."""
    ms, _, number = raw.partition(b"-")
    return int(ms), int(number)


def log_info(reply: list[Any]) -> LogInfo:
    """Return what stands in the reply to `XINFO STREAM`."""
    said = dict(zip(reply[::2], reply[1::2], strict=True))
    first = said[b"first-entry"]
    return LogInfo(
        place(said[b"last-generated-id"]),
        place(first[0]) if first else None,
        said[b"length"],
        said.get(b"entries-added"),
    )


class LogPosition:
    """The last entry of a group that was read, and its number.

    Logs are cut from their beginning only, so the number of an entry follows from how many were added and are left.
    A count that falls short at a place where it is known is a loss; cutting what was read before is none.
    """

    def __init__(self, group: str, at: Place = BEGINNING, number: int | None = None) -> None:
        self.group = group
        self.at = at
        self.number = number
        self._sure = at
        """Up to here nothing is lost that was not told."""

    def take(self, at: Place) -> int | None:
        """Go on to the next entry; return its number."""
        self.at = at
        if self.number is not None:
            self.number += 1
        return self.number

    def check(self, info: LogInfo) -> list[Anew | Lost]:
        """Compare with what the server says; return what happened to the log."""
        told: list[Anew | Lost] = []
        if info.last < self.at:
            told.append(Anew(self.group, self.at))
            self.at, self.number, self._sure = BEGINNING, 0, BEGINNING
        elif self.number is not None and info.added is not None and info.added < self.number:
            # ids go on by the clock, so what is behind the place is new, and what is before it may have been read
            told.append(Anew(self.group, self.at))
            self.number = 0 if self._is_behind(info) else None
        expected = self._expected(info)
        if lost := self._lost(info, expected):
            told.append(lost)
        if expected is not None:
            self.number = expected
        self._sure = self.at
        return told

    def _is_behind(self, info: LogInfo) -> bool:
        """Whether the entry after the one that was read may be cut off."""
        return self.at < info.last and (info.first is None or self.at < info.first)

    def _expected(self, info: LogInfo) -> int | None:
        """Return the number that the last entry must have that is read or cut off; None where that cannot be told."""
        if info.added is None:
            return None
        if self.at == info.last:
            return info.added
        return info.added - info.length if self._is_behind(info) else None

    def _lost(self, info: LogInfo, expected: int | None) -> Lost | None:
        before = info.first or info.last
        if expected is not None and self.number is not None:
            missing = expected - self.number
            end = before if self._is_behind(info) else self.at
            return Lost(self.group, self._sure, end, missing) if missing > 0 else None
        if self.at != BEGINNING and self._is_behind(info):
            return Lost(self.group, self.at, before, None)
        return None
