"""What faults do to the pushes of topics."""

import msgspec

from microstream_sim.exchange import Exchange
from microstream_sim.fault_effects import ROW_FAULTS, TEXT_FAULTS, spoil_rows, spoil_text
from microstream_sim.faults import Active, FaultBook, Kind
from microstream_sim.streaming.connection import Connection
from microstream_sim.streaming.topics import Topic


class FrameFaults:
    """The way of a push through the faults that act on it."""

    def __init__(self, exchange: Exchange, book: FaultBook) -> None:
        self._exchange = exchange
        self._book = book
        self._late: dict[Topic, None] = {}

    def muted(self, topic: Topic, now: int) -> bool:
        """Return whether a topic says nothing now. What it would have said stays unsaid changes."""
        muting = [one for one in self._drawn(topic, now, "mute") if _whole(one, topic)]
        for one in muting:
            one.hits += 1
        return bool(muting)

    def push(self, topic: Topic, body: object, now: int, only: Connection | None = None) -> None:
        """Send a body, or what the faults make of it, to the subscribers of a topic or to one of them."""
        api = self._exchange.streams
        rows = api.rows(body)
        spoiling = self._drawn(topic, now, *ROW_FAULTS)
        spoil_rows(spoiling, self._exchange.name, api.key, body, rows, topic.feed.symbol)
        for one in self._drawn(topic, now, "mute"):
            if topic.feed.symbol is None and one.fault.symbol is not None:
                kept = [row for row in rows if row.get(api.key) != one.fault.symbol]
                one.hits += len(rows) - len(kept)
                rows[:] = kept
        texts = [one for one in self._drawn(topic, now, *TEXT_FAULTS) if _whole(one, topic)]
        topic.last = msgspec.json.encode(body)
        self._deliver(topic, spoil_text(texts, topic.last), now, only)

    def release(self, now: int) -> None:
        """Send the delayed frames whose time has come."""
        for topic in list(self._late):
            while topic.late and topic.late[0][0] <= now:
                _, payload, only = topic.late.popleft()
                topic.send(payload, now, only)
            if not topic.late:
                del self._late[topic]

    def _deliver(self, topic: Topic, payload: bytes, now: int, only: Connection | None) -> None:
        wanted: tuple[Kind, ...] = ("close", "delay", "reorder", "repeat")
        active = {one.fault.kind: one for one in self._drawn(topic, now, *wanted) if _whole(one, topic)}
        for fault in active.values():
            fault.hits += 1
        if "close" in active:
            for connection in list(topic.subscribers) if only is None else [only]:
                connection.break_off(topic.dressed(payload, connection))
            return
        payloads = self._in_turn(topic, payload, swap="reorder" in active and only is None)
        if "repeat" in active:
            payloads = [one for one in payloads for _ in range(active["repeat"].fault.times)]
        due = now + round(1000 * (active["delay"].fault.seconds or 0)) if "delay" in active else now
        if topic.late:
            due = max(due, topic.late[-1][0])
        for one in payloads:
            if due > now:
                self._late[topic] = None
                topic.late.append((due, one, only))
            else:
                topic.send(one, now, only)

    @staticmethod
    def _in_turn(topic: Topic, payload: bytes, *, swap: bool) -> list[bytes]:
        held, topic.held = topic.held, None
        if swap and held is None:
            topic.held = payload
            return []
        if held is None:
            return [payload]
        return [payload, held] if swap else [held, payload]

    def _drawn(self, topic: Topic, now: int, *kinds: Kind) -> list[Active]:
        name = self._exchange.name
        return self._book.drawn(name, topic.path, now, *kinds, over="stream", topic=topic.name)


def _whole(one: Active, topic: Topic) -> bool:
    """Return whether a fault is meant for whole frames of a topic, not for one symbol within them."""
    return one.fault.symbol in {None, topic.feed.symbol}
