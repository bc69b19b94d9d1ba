"""Faults of connections that happen at a moment: ends, announcements, floods."""

from itertools import cycle, islice
from typing import TYPE_CHECKING

from microstream_sim.faults import Active
from microstream_sim.streaming.connection import Connection

if TYPE_CHECKING:
    from microstream_sim.streaming.hub import Hub

_NOTICE_S = 60.0
_MOST_AT_ONCE = 20_000


class Events:
    """Watches for the faults of one hub and carries them out."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._noticed: dict[int, tuple[int, list[Connection]]] = {}
        self._flooded_to: dict[int, int] = {}

    def act(self, now: int) -> None:
        """Do what is due."""
        hub = self._hub
        for one in hub.book.acting(hub.exchange.name, now, "disconnect", "notice", "flood"):
            if one.fault.kind == "disconnect":
                self._disconnect(one)
            elif one.fault.kind == "notice":
                self._notice(one, now)
            else:
                self._flood(one, now)

    def _touched(self, one: Active) -> list[Connection]:
        return [each for each in self._hub.connections.values() if one.touches(each.path)]

    def _disconnect(self, one: Active) -> None:
        for connection in self._touched(one)[: one.fault.count]:
            connection.close(one.fault.code, one.fault.raw or "")
            one.hits += 1
        one.done = True

    def _notice(self, one: Active, now: int) -> None:
        if one.number not in self._noticed:
            told = []
            for connection in self._touched(one)[: one.fault.count]:
                view = self._hub.view(connection.path, now)
                body = self._hub.exchange.streams.notice(view, connection)
                if body is not None:
                    connection.reply(body, now)
                    told.append(connection)
            closes_at = now + round(1000 * (_NOTICE_S if one.fault.seconds is None else one.fault.seconds))
            self._noticed[one.number] = (closes_at, told)
        closes_at, told = self._noticed[one.number]
        if now >= closes_at:
            for connection in told:
                connection.close(1001, "service upgrade")
            one.hits += len(told)
            one.done = True
            del self._noticed[one.number]

    def _flood(self, one: Active, now: int) -> None:
        since = self._flooded_to.get(one.number, one.start)
        frames = min(_MOST_AT_ONCE, (now - since) * (one.fault.rate or 0) // 1000)
        topics = [
            topic
            for topic in self._hub.topics.values()
            if topic.last is not None
            and one.touches(topic.path, topic.name)
            and one.fault.symbol in {None, topic.feed.symbol}
        ]
        if not topics or frames <= 0:
            return
        self._flooded_to[one.number] = now
        for topic in islice(cycle(topics), frames):
            topic.send(topic.last or b"", now)
        one.hits += frames
