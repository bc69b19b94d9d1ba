"""A topic with its subscribers, and the timetable of all topics."""

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

import msgspec

from microstream_sim.streaming.api import Feed
from microstream_sim.streaming.connection import Connection
from microstream_sim.streaming.frames import text_frame


class Topic:
    """A feed, who gets it, and its last push.

    `held` is a push that a fault keeps back to change places with the next, `late` those that a fault delays,
    with the time they are due and the one subscriber they are for (None: all).
    """

    def __init__(self, path: str, feed: Feed, step_ms: int) -> None:
        self.path = path
        self.feed = feed
        self.name = feed.name
        self.subscribers: dict[Connection, None] = {}
        self.last: bytes | None = None
        self.held: bytes | None = None
        self.late: deque[tuple[int, bytes, Connection | None]] = deque()
        self._period = max(feed.cadence_ms, step_ms)
        self._wrapper = b'{"stream":' + msgspec.json.encode(feed.name) + b',"data":'

    def due_after(self, now: int) -> int:
        """Return the next time on the topic's grid."""
        phase = self.feed.phase_ms
        return ((now - phase) // self._period + 1) * self._period + phase

    def dressed(self, payload: bytes, connection: Connection) -> bytes:
        """Return the frame of a payload as that connection wants it."""
        return text_frame(self._wrapper + payload + b"}" if connection.wrapped else payload)

    def send(self, payload: bytes, now: int, only: Connection | None = None) -> None:
        """Queue a payload for all subscribers, or for one."""
        if only is not None:
            only.queue(self.dressed(payload, only), now)
            return
        plain = wrapped = None
        for connection in self.subscribers:
            if connection.wrapped:
                wrapped = wrapped or self.dressed(payload, connection)
                connection.queue(wrapped, now)
            else:
                plain = plain or text_frame(payload)
                connection.queue(plain, now)


class Timetable:
    """When each topic is due."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Topic]] = []
        self._made = 0

    def add(self, topic: Topic, now: int) -> None:
        """Enter the next push of a topic after `now`."""
        self._made += 1
        heappush(self._entries, (topic.due_after(now), self._made, topic))

    def due(self, now: int) -> Iterator[Topic]:
        """Yield the topics that are due and enter them again; those without subscribers drop out."""
        while self._entries and self._entries[0][0] <= now:
            _, _, topic = heappop(self._entries)
            if topic.subscribers:
                self.add(topic, now)
                yield topic

    def restart(self, now: int) -> None:
        """Enter all topics anew after a clock that went backwards."""
        topics = [topic for _, _, topic in self._entries]
        self._entries = [(topic.due_after(now), number, topic) for number, topic in enumerate(topics)]
        self._made = len(topics)
        heapify(self._entries)
