"""The writer of what has been published before: numbered payloads in their order, to a server that may be away."""

import asyncio
import random
from collections.abc import Iterable, Sequence

from structlog import get_logger

from microstream.clock import Clock
from microstream.errors import SinkDown
from microstream.model.channels import Channel
from microstream.sinks.connection import Link
from microstream.sinks.delivery import deliver
from microstream.sinks.packing import Packer, Slice
from microstream.sinks.settings import SinkSettings

FIRST_DELAY_S, LONGEST_DELAY_S = 0.05, 0.5
AHEAD = 2
"""Slices that are packed while the server still works on one."""
UPKEEP_S = 30.0
"""How often the hashes are kept alive while nothing is written."""

log = get_logger(__name__)


class Relay:
    """Writes the slices that it is given, one after the other, each until the server has taken it.

    `away_s` is how long the server was away altogether. Raises `ConfigError` for a URL that cannot be read.
    """

    def __init__(self, settings: SinkSettings, clock: Clock) -> None:
        self.away_s = 0.0
        self._clock = clock
        self._link = Link(settings.url, settings.timeout_s)
        self._packer = Packer(settings, run=0)
        self._slices: asyncio.Queue[Slice] = asyncio.Queue(AHEAD)
        self.name = self._link.name

    async def offer(self, entries: Iterable[Sequence[tuple[Channel, bytes]]]) -> None:
        """Pack entries, each the payloads of one entry of a stream; wait while too much is unwritten."""
        await self._slices.put(self._packer.pack_numbered(entries))

    async def written(self) -> None:
        """Return when everything that was offered is written."""
        await self._slices.join()

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await self._write(await self._next())
                self._slices.task_done()
        finally:
            await self._link.close()

    async def _next(self) -> Slice:
        """Return the next slice; keep the hashes alive while there is none."""
        while True:
            try:
                async with asyncio.timeout(UPKEEP_S):
                    return await self._slices.get()
            except TimeoutError:
                commands = [group.expire for group in list(self._packer.groups.values())]
                await self._write(Slice(b"".join(commands), len(commands)))

    async def _write(self, written: Slice) -> None:
        """Write one slice, however long the server is away."""
        failures, since = 0, self._clock.monotonic()
        while True:
            try:
                if not self._link.is_open:
                    await self._open()
                await deliver(self._link, written)
            except SinkDown as error:
                if not failures:
                    log.warning("redis is away, retrying", redis=self.name, error=str(error))
                longest = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(failures, 10))
                failures += 1
                await asyncio.sleep(random.uniform(longest / 2, longest))
            else:
                break
        if failures:
            away_s = self._clock.monotonic() - since
            self.away_s += away_s
            log.info("redis is back", redis=self.name, away_s=round(away_s, 1))

    async def _open(self) -> None:
        """Connect, and set again the last values that the server may have lost."""
        await self._link.open()
        for group in list(self._packer.groups.values()):  # others are packed meanwhile
            for commands in group.restore():
                await self._link.execute(commands)
