"""One way back through the stream of a group, entry by entry from the newest: what is found for its holes (pure)."""

from collections.abc import Callable, Iterable, Mapping
from math import inf

from microstream.client.events import read_numbers
from microstream.model.channels import Channel, channel

Position = tuple[int, int]
"""`run` and `seq` of a message."""

Wanted = Callable[[Channel, str | None], bool]
"""Whether the messages of a channel and an instrument are wanted."""


class Search:
    """What is looked for in one channel, and what was found.

    `known` is the newest position that was handed on, None for a channel that appeared while the reader was
    away. `before` is the oldest position that came after the hole, None where none came. `reached` says that
    the way back arrived at `known`: the log is complete from there on.
    """

    __slots__ = ("before", "channel", "found", "known", "lacking", "reached")

    def __init__(self, place: Channel, known: Position | None, before: Position | None) -> None:
        self.channel = place
        self.known = known
        self.before = before
        self.found: dict[Position, bytes] = {}
        """Payload by position, the newest first."""
        self.reached = False
        self.lacking = _lacking(known, before)

    def take(self, position: Position, raw: bytes) -> bool:
        """Note an entry's payload; return whether it was handed on before."""
        if self.known is not None and position[0] == self.known[0] and position[1] <= self.known[1]:
            self.reached = True
        if self.reached:
            return True
        if position not in self.found:
            self.found[position] = raw
            if self.before is not None and position[0] == self.before[0] and position[1] < self.before[1]:
                self.lacking -= 1
        return False


class Scan:
    """The search for all holes of one stream.

    With `tail` the reader was away: the search goes back to an entry of which it has had everything, and also
    takes channels that it does not know. Where some channels went on before others (`uneven`) such an entry says
    nothing of the others. Without `tail` it ends when every number that is missing was found.
    """

    def __init__(
        self, stream: str, searches: Iterable[Search], wanted: Wanted, *, tail: bool, uneven: bool = False
    ) -> None:
        _, self._family, self._exchange = stream.split(":", 2)
        self.stream = stream
        self.searches = {search.channel.item.encode(): search for search in searches}
        self.tail = tail
        self.messages = 0
        self._wanted = wanted
        self._uneven = uneven
        self._open = {item for item, search in self.searches.items() if tail or search.lacking > 0}
        self.done = not tail and not self._open

    def entry(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in the next older entry: payloads by item."""
        had = new = 0
        for item, raw in fields.items():
            search = self.searches.get(item) or (self._appeared(item, raw) if self.tail else None)
            if search is None:
                continue
            numbers = read_numbers(raw)
            if not numbers.seq:
                continue
            self.messages += 1
            if search.take((numbers.run, numbers.seq), raw):
                had += 1
            else:
                new += 1
            if search.reached or (not self.tail and search.lacking <= 0):
                self._open.discard(item)
        if self.tail and had and not new and not self._uneven:
            # A group keeps its order, so everything older was there before the reader went away.
            for item, search in self.searches.items():
                if search.lacking <= 0:
                    search.reached = True
                    self._open.discard(item)
        self.done = not self._open

    def _appeared(self, item: bytes, raw: bytes) -> Search | None:
        place = channel(self._family, self._exchange, item.decode(errors="replace"))
        if not self._wanted(place, read_numbers(raw).instrument):
            return None
        search = self.searches[item] = Search(place, None, None)
        self._open.add(item)
        return search


def _lacking(known: Position | None, before: Position | None) -> float:
    """Return how many numbers are to be found; how far a run came that has ended cannot be counted."""
    if known is None or before is None:
        return 0
    return before[1] - 1 - known[1] if known[0] == before[0] else inf
