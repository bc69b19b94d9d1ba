"""The writer: takes messages from the buffer and writes them to Redis or Valkey, for ever.

A slice of messages is numbered and packed once. What the server has not acknowledged of it is sent again,
byte for byte, before anything newer is numbered: a retried write may repeat a number, but never skips one,
and a repeated number has the same payload. Meanwhile the buffer conflates, so memory stays bounded.
"""

import asyncio
import random
from typing import cast

from structlog import get_logger

from microstream.clock import Clock
from microstream.errors import SinkDown
from microstream.sinks.buffer import Buffer
from microstream.sinks.connection import Link, Refused
from microstream.sinks.delivery import deliver
from microstream.sinks.packing import Group, Packer, Slice
from microstream.sinks.resp import bulk, command
from microstream.sinks.settings import SinkSettings
from microstream.sinks.state import BusState

SLICE = 500
"""Messages of one write: some 0.7 MB, and 1 to 3 ms of work without an await."""

UPKEEP_S = 2.0
"""How often streams are cut by age, and hashes kept alive and compared with what we wrote."""

FIRST_DELAY_S, LONGEST_DELAY_S = 0.05, 0.5

log = get_logger(__name__)


class Bus:
    """Writes what the buffer holds; `state` is for metrics and readiness.

    `run` is the start of this publisher (ms UTC), part of every payload. Raises `ConfigError` for a URL that
    cannot be read.
    """

    name = "bus"

    def __init__(self, settings: SinkSettings, buffer: Buffer, clock: Clock, run: int) -> None:
        self.state = BusState()
        self._settings = settings
        self._buffer = buffer
        self._clock = clock
        self._link = Link(settings.url, settings.timeout_s, on_lost=buffer.wake)
        self._packer = Packer(settings, run)
        self._unacknowledged: Slice | None = None
        self._taken_at = 0.0
        self._kept: dict[str, frozenset[str]] = {}
        self._upkeep_due = 0.0
        self._failures = 0
        self._lost_before = (0, 0)
        self._complaint: type[SinkDown] | None = None
        self._connected_once = False
        self._running = False
        self._turn = asyncio.Lock()

    @property
    def unwritten(self) -> int:
        """Messages that the server has not acknowledged yet."""
        held = self._unacknowledged
        return len(self._buffer) + (sum(held.families.values()) if held else 0)

    async def run(self) -> None:
        """Write until cancelled; a server that is away, slow or refuses is retried."""
        self._running = True
        try:
            while True:
                await self._attempt()
                if self.state.connected:
                    await self._buffer.wait()
        finally:
            self._running = False
            await self._link.close()

    async def drain(self, deadline_s: float) -> int:
        """Write what is left, within seconds; return how many messages are still unwritten.

        To be called at shutdown, when nothing is offered any more, while `run` still runs or after it.
        """
        try:
            async with asyncio.timeout(deadline_s):
                while self.unwritten:
                    await self._attempt()
        except TimeoutError:
            log.warning("redis did not take everything before the stop", unwritten=self.unwritten)
        finally:
            if not self._running:
                await self._link.close()
        return self.unwritten

    async def _attempt(self) -> None:
        """Write one slice, or note the failure and wait a little."""
        try:
            async with self._turn:
                await self._write()
        except SinkDown as error:
            self._note_down(error)
            await asyncio.sleep(self._delay())
        else:
            self._note_up()

    async def _write(self) -> None:
        if not self._link.is_open:
            await self._link.open()
            await self._acknowledge()
            for group in self._packer.groups.values():
                await self._restore(group)
            self.state.reconnects += self._connected_once
            self._connected_once = True
        batch = self._buffer.take(SLICE)
        if batch:
            self._taken_at = self._clock.monotonic()
            self._kept |= batch.retained
            self._unacknowledged = self._packer.pack(batch)
            await self._acknowledge()
        if self._kept:
            await self._remove_leftovers()
        if self._clock.monotonic() >= self._upkeep_due:
            await self._look_after_keys()

    async def _acknowledge(self) -> None:
        """Write what is not acknowledged; keep what the server refuses, to be sent again."""
        written = self._unacknowledged
        if written is None:
            return
        await deliver(self._link, written)
        self._unacknowledged = None
        self._count(written)

    async def _restore(self, group: Group) -> None:
        for commands in group.restore():
            await self._link.execute(commands)

    async def _remove_leftovers(self) -> None:
        """Remove the fields that an earlier run left in the hashes of the groups to be cleaned."""
        for name in list(self._kept):
            group = self._packer.group(name)
            kept = {bulk(item.encode()) for item in self._kept[name]}
            [fields] = await self._link.execute([group.keys])
            found = {bulk(field) for field in cast("list[bytes]", fields)}
            gone = found - kept - group.last.keys()
            if gone:
                await self._link.execute(group.forget(gone))
            del self._kept[name]

    async def _look_after_keys(self) -> None:
        """Cut the streams by age, keep the hashes alive, restore those that the server has lost."""
        now, settings = self._clock.now_ms(), self._settings
        oldest = now - settings.stream_max_age_s * 1000
        oldest_brief = now - min(settings.brief_max_age_s, settings.stream_max_age_s) * 1000
        groups = list(self._packer.groups.values())
        commands: list[bytes] = []
        for group in groups:
            least = oldest_brief if is_brief(group.name) else oldest
            commands += [command("XTRIM", group.stream, "MINID", "~", least), group.expire, group.length]
        lengths = cast("list[int]", (await self._link.execute(commands))[2::3])
        for group, length in zip(groups, lengths, strict=True):
            if length < len(group.last):
                await self._restore(group)
        self._upkeep_due = self._clock.monotonic() + UPKEEP_S
        # a little later: a timer may come a millisecond early, and the next wake-up may be a message, or never
        asyncio.get_running_loop().call_later(UPKEEP_S + 0.05, self._buffer.wake)

    def _count(self, written: Slice) -> None:
        state = self.state
        for family, count in written.families.items():
            state.written[family] += count
        state.flushes += 1
        state.bytes += len(written.packed)
        state.latency.record(self._clock.monotonic() - self._taken_at)

    def _delay(self) -> float:
        longest = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(self._failures, 10))
        self._failures += 1
        return random.uniform(longest / 2, longest)

    def _note_down(self, error: SinkDown) -> None:
        state = self.state
        state.errors += 1
        state.last_error = str(error)
        if state.down_since is None:
            state.connected = False
            state.down_since = self._clock.now_ms()
            self._lost_before = (self._buffer.conflated, self._buffer.dropped.total())
        if type(error) is not self._complaint:
            self._complaint = type(error)
            event = "redis refuses, retrying" if isinstance(error, Refused) else "redis is away, retrying"
            log.warning(event, redis=self._link.name, error=str(error))

    def _note_up(self) -> None:
        state = self.state
        self._failures = 0
        self._complaint = None
        if state.connected:
            return
        state.connected = True
        if state.down_since is None:
            log.info("redis is connected", redis=self._link.name)
            return
        conflated, dropped = self._lost_before
        log.info(
            "redis is back",
            redis=self._link.name,
            away_s=(self._clock.now_ms() - state.down_since) / 1000,
            conflated=self._buffer.conflated - conflated,
            dropped=self._buffer.dropped.total() - dropped,
        )
        state.down_since = None


def is_brief(group: str) -> bool:
    """Whether a group has so many messages, and so little that is not said elsewhere, that its log is kept short."""
    return group.startswith("signal:") or (group.startswith("bars:") and group.endswith(":1s"))
