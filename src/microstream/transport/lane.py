"""One lane of a stream feed: topics that share a connection, and the connections that carry them in turn."""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

import structlog

from microstream.errors import Banned, MicrostreamError, RegionBlocked
from microstream.spec.stream import Topic
from microstream.transport.backoff import Backoff
from microstream.transport.handshake import stay_away_s
from microstream.transport.stream_connection import StreamConnection
from microstream.transport.stream_outlet import StreamInlet

BASE_S = 0.25
CAP_S = 30.0
STEADY_S = 60.0
"""Uptime after which a connection counts as one that works, and the next delay is short again."""

CONNECTED, REPLACED = "connected", "replaced"

log = structlog.get_logger()


class Lane:
    """Keeps one connection open for its topics; replaces it by a successor that is ready before it ends.

    `connections` are the living ones, the oldest first: one, or two while the younger takes over. `changed` is called
    when that may have changed.
    """

    def __init__(
        self,
        inlet: StreamInlet,
        topics: Mapping[str, Topic],
        random: Random,
        changed: Callable[[], None],
    ) -> None:
        self.topics = topics
        self.connections: list[StreamConnection] = []
        self._inherited: dict[str, float] = {}
        self._inlet = inlet
        self._random = random
        self._changed_above = changed
        self._backoff = Backoff(BASE_S, CAP_S, random)
        self._news = asyncio.Event()
        self._retired = False
        self._tasks: dict[StreamConnection, asyncio.Task[None]] = {}
        self._told: str | None = None
        self._begun = 0
        life_s = inlet.endpoint.life_s
        self._steady_s = STEADY_S if life_s is None else min(STEADY_S, life_s / 2)

    @property
    def is_open(self) -> bool:
        """Whether a connection is there."""
        return any(connection.opened_at is not None for connection in self.connections)

    @property
    def refusals(self) -> dict[str, float]:
        """The refused topics, and when they are asked for again (monotonic)."""
        return self.connections[-1].subscriptions.refusals if self.connections else self._inherited

    def confirmed(self) -> int:
        """Return how many topics some connection carries."""
        if len(self.connections) <= 1:
            return sum(item.subscriptions.confirmed for item in self.connections)
        return sum(any(item.subscriptions.is_on(name) for item in self.connections) for name in self.topics)

    def want(self, topics: Mapping[str, Topic]) -> None:
        """Carry these topics from now on."""
        self.topics = topics
        self._inherited = {name: at for name, at in self._inherited.items() if name in topics}
        for connection in self.connections:
            connection.want(topics)

    def renew(self, name: str) -> None:
        """Unsubscribe and subscribe one topic."""
        for connection in self.connections:
            connection.renew(name)

    def replace(self, reason: str) -> None:
        """Replace the connection by a new one."""
        if self.connections and self.connections[-1].opened_at is not None:
            self.connections[-1].ask_replacement(reason)

    def retire(self) -> None:
        """End all connections and the lane."""
        self._retired = True
        self._news.set()

    async def run(self) -> None:
        """Carry the topics until retired."""
        async with asyncio.TaskGroup() as group:
            while not self._retired:
                await self._until(self._needs_connection)
                await self._pause()
                if self._retired:
                    break
                fresh = self._begin(group)
                await self._until(lambda fresh=fresh: fresh.is_over or fresh.is_ready)  # type: ignore[misc]
                if fresh.is_ready and not fresh.is_over:
                    self._settle_on(fresh)
            for connection in self.connections:
                self._finish(connection)

    def _needs_connection(self) -> bool:
        return not self.connections or self.connections[-1].replace is not None

    async def _until(self, condition: Callable[[], bool], within_s: float | None = None) -> None:
        """Wait until a condition holds, the lane is retired, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not (self._retired or condition()):
                    self._news.clear()
                    await self._news.wait()

    async def _pause(self) -> None:
        """Wait before a connection that is not the first."""
        if self._begun == 0:
            return
        if self.connections:
            self._remember(self.connections[-1])
        await self._until(lambda: False, self._backoff.next())

    def _remember(self, connection: StreamConnection) -> None:
        """Let the next delay be short if a connection has worked for long enough."""
        if connection.uptime_s(self._inlet.clock.monotonic()) >= self._steady_s:
            self._backoff.reset(math.inf)

    def _begin(self, group: asyncio.TaskGroup) -> StreamConnection:
        self._inlet.tally.reconnects += self._begun > 0
        self._begun += 1
        if self.connections and self._told == CONNECTED and self._is_news(REPLACED):
            log.info("stream is replaced", **self._where(), why=self.connections[-1].replace)
        fresh = StreamConnection(self._inlet, self.topics, dict(self.refusals), self._random, self._changed)
        self.connections.append(fresh)
        self._tasks[fresh] = group.create_task(self._carry(fresh))
        return fresh

    def _settle_on(self, fresh: StreamConnection) -> None:
        """Let the others end: the fresh connection carries all."""
        for connection in self.connections[:-1]:
            self._finish(connection)
        if self._is_news(CONNECTED):
            log.info("stream is connected", **self._where(), topics=fresh.subscriptions.confirmed)

    def _finish(self, connection: StreamConnection) -> None:
        if connection.opened_at is None:
            self._tasks[connection].cancel()
        else:
            connection.finish()

    async def _carry(self, connection: StreamConnection) -> None:
        try:
            await connection.run()
        finally:
            self.connections.remove(connection)
            self._inherited = connection.subscriptions.refusals
            del self._tasks[connection]
            tally = self._inlet.tally
            tally.frames += connection.frames
            tally.bytes += connection.bytes
            tally.binary += connection.binary
            tally.mismatches += connection.mismatches
        self._ended(connection)
        self._changed()

    def _ended(self, connection: StreamConnection) -> None:
        """Tell what the end of a connection means."""
        if self._retired:
            return
        self._remember(connection)
        error = connection.error
        if error is not None:
            self._failed(error)
        lost = [
            topic
            for name, topic in connection.told.items()
            if not any(other.subscriptions.is_on(name) for other in self.connections)
        ]
        if lost:
            self._inlet.outlet.lost(lost, "replaced" if error is None else str(error))

    def _failed(self, error: MicrostreamError) -> None:
        """Note why a connection failed, keep away if the venue asks for it, and log what is news."""
        self._inlet.tally.failed(f"{error.reason}: {error}", self._inlet.clock.now_ms())
        away_s = stay_away_s(error)
        if away_s:
            self._inlet.connects.close("connects", away_s)
        if isinstance(error, Banned | RegionBlocked):
            error.args = (f"{self._inlet.venue} {self._inlet.endpoint.name}: {error}",)
            self._inlet.blockade.begin(error)
        if self._is_news(error.reason):
            log.warning(
                "stream has failed, retrying",
                **self._where(),
                reason=error.reason,
                why=str(error),
                wait_s=away_s,
            )

    def _is_news(self, state: str) -> bool:
        """Say whether the log does not know this state yet: retries that fail alike are one line."""
        is_news, self._told = state != self._told, state
        return is_news

    def _changed(self) -> None:
        self._news.set()
        self._changed_above()

    def _where(self) -> dict[str, str]:
        return {"venue": self._inlet.venue, "endpoint": self._inlet.endpoint.name}
