"""Last value + live + log -> one sequence a channel, without a repeat and without a hole that is not told (pure).

Messages are offered as they come. One that is next in its channel goes on at once. One after a hole is held,
with all that follow on its channel, until a scan of the group's stream has ended or was given up; then
everything that was found and held goes on in order. Other channels are not touched.

After an outage everything of the groups that are known is held until their streams were scanned back to what
was there before, because a channel may have appeared, or have had its last message, meanwhile.
"""

from collections import deque
from collections.abc import Container

from microstream.client.events import Event
from microstream.client.notices import Healed, Lost
from microstream.client.places import Hole, Place, in_order, spans
from microstream.client.scan import Position, Scan, Search, Wanted
from microstream.model.channels import Channel

CHANNEL_LIMIT = 100_000
"""On further channels every message counts as new and without a hole."""

HELD_LIMIT = 50_000
"""Messages that are held for holes, some 50 MB; a channel that adds one more is given up."""


class Join:
    """Puts the messages of all channels in order.

    `ready` and `told` collect what a call has released, in order; their owner empties them. `holes` are the
    channels with a hole, by stream; whoever owns the connection scans these streams.
    """

    def __init__(self, wanted: Wanted, *, channels: int = CHANNEL_LIMIT, held: int = HELD_LIMIT) -> None:
        self.ready: deque[Event] = deque()
        self.told: list[Healed | Lost] = []
        self.holes: dict[str, dict[str, Hole]] = {}
        self._places: dict[str, Place] = {}
        self._tails: set[str] = set()
        """Streams that the reader has not followed for a while."""
        self._uneven: set[str] = set()
        """Those of them of which some channels have gone on without a scan."""
        self._wanted = wanted
        self._channel_limit = channels
        self._held_limit = held
        self._held = 0

    def offer(self, event: Event) -> bool:
        """Return whether the event is next and goes on now; if not, look into `ready`, `told` and `holes`."""
        place = self._places.get(event.channel)
        if place is not None and place.hole is None and event.run == place.run:
            if event.seq == place.seq + 1:
                place.seq = event.seq
                place.uncertain = False
                return True
            if event.seq and event.seq <= place.seq:
                return False
        return self._unusual(event, place)

    def was_away(self) -> None:
        """Hold everything of the known groups: the reader has not heard them for a while."""
        for place in self._places.values():
            if place.channel is not None:
                self._tails.add(place.channel.stream_key)
                self._open(place, place.channel, away=True).away = True

    def begin(self, stream: str) -> Scan:
        """Return the scan that is to find what the holes of a stream lack; what comes later is not part of it."""
        searches = [hole.search() for hole in self.holes.get(stream, {}).values()]
        return Scan(stream, searches, self._wanted, tail=stream in self._tails, uneven=stream in self._uneven)

    def end(self, scan: Scan, reason: str) -> None:
        """Release the channels of a scan; `reason` says why what is missing now was not found."""
        for search in scan.searches.values():
            self._settle(search, reason)
        self._tails.discard(scan.stream)
        self._uneven.discard(scan.stream)
        for hole in list(self.holes.get(scan.stream, {}).values()):
            if hole.place.known is None:  # of a channel that appeared after the scan had begun
                self._settle(Search(hole.channel, None, None), reason)

    def give_up(self, stream: str, reason: str) -> None:
        """Release all channels of a stream as if nothing was in it."""
        self.end(self.begin(stream), reason)

    def _unusual(self, event: Event, place: Place | None) -> bool:
        if not event.seq:
            return True
        if place is None:
            if len(self._places) >= self._channel_limit:
                return True
            place = self._places[event.channel] = Place(event.channel)
        if place.hole is None:
            if event.run == place.run_before and place.seq:
                return False
            if not self._is_hole(event, place):
                place.advance(event.run, event.seq)
                return True
            if place.channel is None:
                self._walk(place, [(event, False)], "no log of this family is known")
                return False
            self._open(place, place.channel, away=False)
        if place.hole is not None:
            self._hold(event, place.hole)
        return False

    def _is_hole(self, event: Event, place: Place) -> bool:
        if not place.seq:
            return place.channel is not None and place.channel.stream_key in self._tails
        # A publisher that ended may have logged more than it published.
        return event.run != place.run or event.seq > place.seq + 1

    def _open(self, place: Place, where: Channel, *, away: bool) -> Hole:
        if place.hole is None:
            place.hole = Hole(place, where, away=away)
            self.holes.setdefault(where.stream_key, {})[where.name] = place.hole
        return place.hole

    def _hold(self, event: Event, hole: Hole) -> None:
        hole.held.append(event)
        self._held += 1
        if self._held > self._held_limit:
            self._uneven.add(hole.channel.stream_key)
            self._settle(hole.search(), "too many newer messages were waiting for it")

    def _settle(self, search: Search, reason: str) -> None:
        """Close the hole of a channel, if it still has one, and release what was found and held."""
        name = search.channel.name
        place = self._places.get(name)
        if place is None:
            if len(self._places) >= self._channel_limit:
                return
            place = self._places[name] = Place(name)
        hole, place.hole = place.hole, None
        if hole is None and place.seq:
            return  # given up meanwhile
        holes = self.holes.get(search.channel.stream_key, {})
        holes.pop(name, None)
        if not holes:
            self.holes.pop(search.channel.stream_key, None)
        hole = hole or Hole(place, search.channel, away=True)
        self._held -= len(hole.held)
        logged = search.found if hole.away and not search.reached else None
        self._walk(place, in_order(place, hole, search), reason, logged)
        for event in hole.held[hole.covered :]:
            if self.offer(event):
                self.ready.append(event)

    def _walk(
        self,
        place: Place,
        events: list[tuple[Event, bool]],
        reason: str,
        logged: Container[Position] | None = None,
    ) -> None:
        """Release events in order, each with whether it was found in the log; tell what is lost between them.

        With `logged`, the positions that the log still has, a run may have gone on after any other position.
        """
        healed: list[Event] = []
        place.uncertain |= logged is not None and place.known not in logged
        for event, was_found in events:
            if (event.run == place.run and event.seq <= place.seq) or (
                place.seq and event.run == place.run_before
            ):
                continue
            if place.seq:
                self._count_lost(event, place, reason)
            place.advance(event.run, event.seq)
            place.uncertain = logged is not None and place.known not in logged
            self.ready.append(event)
            if was_found:
                healed.append(event)
        self.told += spans(healed)

    def _count_lost(self, event: Event, place: Place, reason: str) -> None:
        first = place.seq + 1
        if event.run != place.run:
            if place.uncertain:
                self.told.append(Lost(event.channel, place.run, first, None, reason))
                event.missing += 1
            first = 1
        if event.seq > first:
            self.told.append(Lost(event.channel, event.run, first, event.seq - 1, reason))
            event.missing += event.seq - first
