"""The pusher of one venue: who is subscribed to what, and what goes out when."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from microstream_sim.contracts import Contract
from microstream_sim.exchange import Exchange
from microstream_sim.fault_effects import view_through
from microstream_sim.faults import FaultBook
from microstream_sim.market import Market
from microstream_sim.streaming.api import Feed
from microstream_sim.streaming.connection import Connection
from microstream_sim.streaming.events import Events
from microstream_sim.streaming.frame_faults import FrameFaults
from microstream_sim.streaming.topics import Timetable, Topic
from microstream_sim.view import View

_TICK_S = 0.005
_TEND_EVERY = 20  # ticks
_FRAMES_A_BREATH = 200  # pushed before the event loop has its turn again
_encode = msgspec.json.Encoder().encode


class Hub:
    """All stream connections and topics of one venue.

    `life_ms` is how long a connection may live where the venue limits that. Pushes follow `clock`: one that
    a test sets pushes when it is set. `counters` are numbers,
    by path and topic, that outlive the topics which count with them.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        market: Market,
        listed: Mapping[str, Contract],
        book: FaultBook,
        clock: Callable[[], int],
        life_ms: int,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.life_ms = life_ms
        self.connections: dict[int, Connection] = {}
        self.topics: dict[tuple[str, str], Topic] = {}
        self.counters: dict[str, dict[str, int]] = {}
        self.book = book
        self._market = market
        self._listed = listed
        self._timetable = Timetable()
        self._faults = FrameFaults(exchange, book)
        self._events = Events(self)
        self._connected = asyncio.Event()
        self._time = 0

    def view(self, path: str, now: int, topic: str | None = None) -> View:
        """Return what the venue shows on a stream now."""
        if self.book.quiet(self.exchange.name, now):
            return View(self._market, self._listed, now, now)
        return view_through(
            self.book,
            self.exchange,
            self._market,
            self._listed,
            path=path,
            now=now,
            over="stream",
            topic=topic,
        )

    def refuses(self, path: str, topic: str, symbol: str | None, now: int) -> tuple[bool, bool]:
        """Return whether a fault refuses a subscription, and whether all that came with it."""
        found = [
            one
            for one in self.book.drawn(
                self.exchange.name, path, now, "refuse_topic", over="stream", topic=topic
            )
            if one.fault.symbol in {None, symbol}
        ]
        for one in found:
            one.hits += 1
        return bool(found), any(one.fault.batch for one in found)

    def enter(self, connection: Connection) -> None:
        """Take a new connection in."""
        self.connections[connection.number] = connection
        self._connected.set()

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.pop(connection.number, None)
        for topic in [one for one in self.topics.values() if connection in one.subscribers]:
            self._drop(topic, connection)

    def subscribe(self, connection: Connection, path: str, feed: Feed, now: int) -> None:
        """Subscribe a connection to a feed, of which the hub keeps the instance that it has already."""
        topic = self.topics.get((path, feed.name))
        if topic is None:
            topic = self.topics[path, feed.name] = Topic(path, feed, self._market.step_ms)
        alone = not topic.subscribers
        topic.subscribers[connection] = None
        if alone:
            self._timetable.add(topic, now)
        if self._faults.muted(topic, now):
            return
        for body in topic.feed.first(self.view(path, now, topic.name), alone=alone):
            self._faults.push(topic, body, now, only=connection)

    def unsubscribe(self, connection: Connection, path: str, name: str) -> None:
        """End a subscription."""
        topic = self.topics.get((path, name))
        if topic is not None:
            self._drop(topic, connection)

    async def run(self) -> None:
        """Push until cancelled."""
        ticks = 0
        while True:
            if not self.connections:
                self._connected.clear()
                await self._connected.wait()
            ticks += 1
            await self._tick(self.clock(), tend=ticks % _TEND_EVERY == 0)
            await asyncio.sleep(_TICK_S)

    async def _tick(self, now: int, *, tend: bool) -> None:
        if now < self._time:
            self._timetable.restart(now)
        self._time = now
        quiet = self.book.quiet(self.exchange.name, now)
        view = View(self._market, self._listed, now, now)
        if not quiet:
            self._events.act(now)
        self._faults.release(now)
        for number, topic in enumerate(self._timetable.due(now), start=1):
            if quiet and topic.held is None and not topic.late:
                for body in topic.feed.next(view):
                    topic.last = _encode(body)
                    topic.send(topic.last, now)
            elif not self._faults.muted(topic, now):
                for body in topic.feed.next(self.view(topic.path, now, topic.name)):
                    self._faults.push(topic, body, now)
            if number % _FRAMES_A_BREATH == 0:
                self._flush()
                await asyncio.sleep(0)
        if tend:
            for connection in list(self.connections.values()):
                connection.talk.tend(now)
        self._flush()

    def _flush(self) -> None:
        for connection in list(self.connections.values()):
            if not connection.flush():
                connection.close(self.exchange.streams.too_slow, "client too slow")

    def _drop(self, topic: Topic, connection: Connection) -> None:
        topic.subscribers.pop(connection, None)
        if not topic.subscribers:
            self.topics.pop((topic.path, topic.name), None)
