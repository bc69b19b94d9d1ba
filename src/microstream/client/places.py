"""How far each channel has come, and what is held of it while a hole is looked into (pure)."""

from collections.abc import Iterator
from contextlib import suppress

from msgspec import DecodeError

from microstream.client.events import Event, read_event
from microstream.client.notices import Healed
from microstream.client.scan import Position, Search
from microstream.model.channels import PREFIXES, Channel, channel, parts


class Place:
    """How far a channel has come.

    `run_before` tells a late repeat of the publisher before from a new run. `uncertain` is whether the run may
    have gone on during an outage that the log did not cover.
    """

    __slots__ = ("channel", "hole", "run", "run_before", "seq", "uncertain")

    def __init__(self, name: str) -> None:
        family, exchange, item = parts(name)
        self.channel: Channel | None = channel(family, exchange, item) if family in PREFIXES else None
        self.run = self.run_before = self.seq = 0
        self.hole: Hole | None = None
        self.uncertain = False

    @property
    def known(self) -> Position | None:
        """Return the newest position that went on, None before the first."""
        return (self.run, self.seq) if self.seq else None

    def advance(self, run: int, seq: int) -> None:
        """Note what goes on."""
        if run != self.run:
            self.run, self.run_before = run, self.run
        self.seq = seq


class Hole:
    """What is held of a channel; the first `covered` came before the scan of the stream began."""

    __slots__ = ("away", "channel", "covered", "held", "place")

    def __init__(self, place: Place, where: Channel, *, away: bool) -> None:
        self.place = place
        self.channel = where
        self.away = away
        self.covered = 0
        self.held: list[Event] = []

    def search(self) -> Search:
        """Return what is to be found for it."""
        self.covered = len(self.held)
        before = (self.held[0].run, self.held[0].seq) if self.held else None
        return Search(self.channel, self.place.known, before)


def in_order(place: Place, hole: Hole, search: Search) -> list[tuple[Event, bool]]:
    """Return what was found, and held when the scan began, each once: runs as they appeared, numbers ascending."""
    copies = {(event.run, event.seq): event for event in hole.held}
    events: dict[Position, tuple[Event, bool]] = {}
    for position, raw in reversed(search.found.items()):
        if position in copies:
            events[position] = copies[position], False
            continue
        with suppress(DecodeError, UnicodeDecodeError):  # it has numbers, but may be no payload else
            events[position] = read_event(search.channel.name, raw, live=False), True
    for event in hole.held[: hole.covered]:
        events.setdefault((event.run, event.seq), (event, False))
    ranks = _ranks([place.run], list(dict.fromkeys(run for run, _ in reversed(search.found))), hole.held)
    return sorted(events.values(), key=lambda found: (ranks[found[0].run], found[0].seq))


def _ranks(known: list[int], found: list[int], held: list[Event]) -> dict[int, int]:
    """Return the order of the runs: that of the log, which no longer has what is only held and so is older."""
    runs = known
    for run in dict.fromkeys(event.run for event in held):
        if run in found:
            cut = found.index(run) + 1
            runs, found = [*runs, *found[:cut]], found[cut:]
        else:
            runs = [*runs, run]
    return {run: rank for rank, run in enumerate(dict.fromkeys([*runs, *found]))}


def spans(events: list[Event]) -> Iterator[Healed]:
    """Return runs of consecutive numbers."""
    start = 0
    for index, event in enumerate(events):
        following = events[index + 1] if index + 1 < len(events) else None
        if following is None or (following.run, following.seq) != (event.run, event.seq + 1):
            yield Healed(event.channel, event.run, events[start].seq, event.seq)
            start = index + 1
