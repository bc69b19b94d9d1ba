"""MultiTimeframeCoordinator: start, stop and status of the whole, nothing more."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random

import structlog

from microstream.api.server import StatusServer
from microstream.app.health import VenueHealth, venue_health
from microstream.app.measurements import measurements
from microstream.app.names import check_names
from microstream.app.outlet import CLOSE_MS, closing_time
from microstream.app.recording import Recording
from microstream.app.supervisor import supervise
from microstream.app.wiring import Parts, wire
from microstream.clock import Clock, SystemClock
from microstream.config import Config
from microstream.errors import ConfigError, StartError
from microstream.sinks.embedded import EmbeddedServer
from microstream.telemetry.lag import LoopLag
from microstream.telemetry.metrics import exposition, process_exposition

TICK_S = 1.0
DRAIN_S = 3.0
"""How long unsent messages may hold up the end."""

log = structlog.get_logger()


class MultiTimeframeCoordinator:
    """Builds the service from a configuration, runs it, stops it.

    `run` returns after `stop`, when everything is drained and closed. `where(key)` names the place of a
    configuration key for error messages (`Loaded.where`).
    """

    def __init__(
        self,
        config: Config,
        *,
        where: Callable[[tuple[str, ...]], str] = ".".join,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self._config = config
        self._where = where
        self._clock = clock or SystemClock()
        random = random or Random()
        self._parts: Parts = wire(config, self._clock, random, os.environ, where)
        self._recording = Recording(config, random, where) if config.history.record else None
        self._lag = LoopLag(self._clock)
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until `stop`. Raises `ConfigError` or `StartError` when it cannot start, in a group what fails later."""
        async with AsyncExitStack() as stack:
            runners = [self._tick, self._close, self._lag.run, self._check_names]
            taken = []
            try:
                await self._serve(stack)
            except ConfigError as error:
                taken.append(error)
            if self._config.redis.url == "embedded":
                try:
                    server = await self._embedded(stack)
                except ConfigError as error:
                    taken.append(error)
                else:
                    runners.append(lambda: _keep_alive(server))
            if taken:
                raise ConfigError("\n".join(map(str, taken)))
            log.info("started", venues=[item.venue.name for item in self._parts.collectors])
            tap, delivery = self._parts.tap, self._parts.delivery
            await supervise(
                [*runners, *(collector.run for collector in self._parts.collectors)],
                [
                    self._parts.bus.run,
                    *([tap.run] if tap else []),
                    *([delivery.run] if delivery is not None else []),
                    *([self._recording.run] if self._recording is not None else []),
                ],
                stop=self._stop,
                drain=self._drain,
            )
        log.info("stopped")

    def stop(self) -> None:
        """Ask for the end: polling stops, what is unsent is written, everything is closed."""
        self._stop.set()

    async def status(self) -> dict[str, VenueHealth]:
        """Return how every venue is doing: one after the other, so that frames are taken in between."""
        found = {}
        for item in self._parts.collectors:
            found[item.venue.name] = venue_health(item, self._parts.pipeline, self._clock.now_ms())
            await asyncio.sleep(0)
        return found

    async def _embedded(self, stack: AsyncExitStack) -> EmbeddedServer:
        server = EmbeddedServer(self._config.redis.port)
        try:
            return await stack.enter_async_context(server)
        except ConfigError as error:
            raise ConfigError(f"{self._where(('redis', 'port'))}: redis.port: {error}") from error

    async def _serve(self, stack: AsyncExitStack) -> None:
        settings = self._config.server
        if not settings.enabled:
            return
        server = StatusServer(
            settings.host,
            settings.port,
            metrics=self._metrics,
            readiness=self._readiness,
            rejects=lambda: list(self._parts.pipeline.rejects.samples),
        )
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            place = self._where(("server", "port"))
            raise ConfigError(
                f"{place}: server.port: {settings.host}:{settings.port} cannot be listened on"
                f" ({error.strerror or error}); choose a free port, or 0 for any"
            ) from error
        log.info("status server listens", url=server.url)

    async def _metrics(self) -> bytes:
        health = await self.status()
        samples = list(
            measurements(self._parts, self._lag, health, len(asyncio.all_tasks()), self._recording)
        )
        await asyncio.sleep(0)  # each of these takes milliseconds
        own = exposition(samples)
        await asyncio.sleep(0)
        return own + process_exposition()

    async def _readiness(self) -> tuple[bool, object]:
        """Return whether every enabled venue is live and the server takes what is written, and all about it."""
        health = await self.status()
        sink = self._parts.bus.state
        ready = sink.connected and all(venue.ready for venue in health.values())
        body = {
            "ready": ready,
            "redis": {"connected": sink.connected, "last_error": None if sink.connected else sink.last_error},
            "venues": health,
        }
        return ready, body

    async def _tick(self) -> None:
        """Look for silence between full seconds: venues push at those, and what has just come needs no repetition."""
        while True:
            await self._until(TICK_S / 2)
            for _ in self._parts.pipeline.ticking(self._clock.now_ms()):
                await asyncio.sleep(0)

    async def _close(self) -> None:
        """Close bars, and compute what is made of values, a little after full seconds.

        The time that this goes by is the moment that it was meant for, not when the loop came to it, and it is one at
        which venues are quiet: so the same values make the same signals once more when they are replayed. Time begins
        before the first value.
        """
        while True:
            for _ in self._parts.outlet.ticking(closing_time(self._clock.now_ms())):
                await asyncio.sleep(0)
            await self._until(CLOSE_MS / 1000)

    async def _until(self, phase_s: float) -> None:
        """Wait until the clock is so far past a full second."""
        pause_s = TICK_S - (self._clock.now_ms() / 1000 - phase_s) % TICK_S
        await asyncio.sleep(
            pause_s if pause_s > TICK_S / 4 else pause_s + TICK_S
        )  # a timer may come a bit early

    async def _check_names(self) -> None:
        await check_names(
            self._parts.selection,
            [item.book for item in self._parts.collectors],
            strict=self._config.strict,
            where=self._where(("symbols",)),
            gate=self._parts.gate,
        )

    async def _drain(self) -> None:
        delivery = self._parts.delivery
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._parts.bus.drain(DRAIN_S))
            sending = group.create_task(delivery.drain(DRAIN_S)) if delivery is not None else None
        if left := writing.result():
            log.warning("ended with unsent messages", count=left)
        if sending is not None and (left := sending.result()):
            log.warning("ended with unsent notifications", count=left)


async def _keep_alive(server: EmbeddedServer) -> None:
    """Start the embedded server again when it dies."""
    while True:
        code = await server.watch()
        log.error("the embedded server has died; it is started again", exit_code=code)
        try:
            await server.start()
        except (ConfigError, StartError) as error:
            log.error("the embedded server cannot be started again", why=str(error))
            await asyncio.sleep(TICK_S)
