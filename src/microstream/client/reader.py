"""The reading side of a subscription: puts in order what is read, heals holes, hands over to the consumer."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from msgspec import DecodeError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from microstream.client.backlog import Backlog
from microstream.client.events import read_event
from microstream.client.join import Join
from microstream.client.journal import Journal
from microstream.client.log_reader import read_back
from microstream.client.notices import Away, Behind, CaughtUp, Connected, Healed, Lost, Notice, Unreadable
from microstream.client.reading import Joined, read
from microstream.client.scan import Scan
from microstream.client.selection import Selection
from microstream.model.channels import Channel, parts

SCANS_AT_ONCE = 4
"""Streams that are scanned at the same time; further ones wait."""

SCAN_AGAIN_S = 0.05
"""Rest between two scans of a stream that has ever new holes."""

SCAN_TRIES = 3
"""Scans of a stream that fail while the subscription lives, before its holes are given up."""

TURN, TURN_WHILE_AWAITED = 250, 16
"""Messages after which other tasks get their turn: soon where the consumer waits, so that it gets the first early."""

RELEASED_AT_ONCE = 500
"""Messages that a scan releases before the consumer gets its turn."""


class Reader:
    """Reads one server for one consumer, who takes from `backlog`.

    `on_notice` is called in the task that reads. What it raises ends the reading and reaches the consumer.
    """

    def __init__(
        self, url: str, selection: Selection, limit: int, on_notice: Callable[[Notice], None] | None
    ) -> None:
        self.backlog = Backlog(limit, self._tell)
        self._url = url
        self._selection = selection
        self._on_notice = on_notice
        self._join = Join(self._wants)
        self._scans: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(SCANS_AT_ONCE)
        self._client: Redis | None = None
        self._handing_over = 0
        """Scans that hand over piece by piece what they have released."""
        self._journal = Journal()

    async def run(self) -> None:
        """Read until cancelled; an error ends the backlog."""
        try:
            async with aclosing(read(self._url, self._selection)) as items:
                count = 0
                async for item in items:
                    if isinstance(item, tuple):
                        self._take(*item)
                        count += 1
                        if count >= (TURN_WHILE_AWAITED if self.backlog.has_waiter else TURN):
                            count = 0
                            await asyncio.sleep(0)
                    elif isinstance(item, Joined):
                        self._client = item.client
                        self._heal()
                    else:
                        await self._note(item)
        except asyncio.CancelledError:
            self.backlog.end(RuntimeError("the task that reads this subscription was cancelled"))
            raise
        except Exception as error:  # noqa: BLE001  # the consumer gets it
            self.backlog.end(error)
        finally:
            await self._stop_scans()

    async def _note(self, item: Connected | Away) -> None:
        if isinstance(item, Away):
            await self._stop_scans()
        else:
            self._join.was_away()
        self._tell(item)

    def _take(self, name: str, raw: bytes, live: bool) -> None:
        try:
            event = read_event(name, raw, live=live)
        except (DecodeError, UnicodeDecodeError) as error:
            self._tell(Unreadable(name, str(error)))
            return
        if self._selection.names is not None:
            item = parts(name)[2]
            if not self._selection.wants_contract(item, event.instrument):
                return
        if self._join.offer(event):
            if self._join.ready:
                self._join.ready.append(event)  # behind what is being handed over
            else:
                self.backlog.put(event)
        else:
            self._journal.note_holes(self._release())

    def _wants(self, place: Channel, instrument: str | None) -> bool:
        return self._selection.wants_channel(place.name) and self._selection.wants_contract(
            place.item, instrument
        )

    def _release(self) -> list[Healed | Lost]:
        """Hand over what the join has released, tell what it tells and return that, look after new holes."""
        join = self._join
        if not self._handing_over:
            while join.ready:
                self.backlog.put(join.ready.popleft())
        told, join.told = join.told, []
        if self._on_notice is not None:
            for notice in told:
                self._on_notice(notice)
        if join.holes:
            self._heal()
        return told

    def _heal(self) -> None:
        """Start a scan of every stream with holes that is not being scanned."""
        if self._client is None:
            return
        for stream in self._join.holes.keys() - self._scans.keys():
            self._scans[stream] = asyncio.create_task(self._scan(stream, self._client))
            self._scans[stream].add_done_callback(self._scan_ended)

    async def _scan(self, stream: str, questions: Redis) -> None:
        tries = 0
        while stream in self._join.holes:
            async with self._slots:
                scan = self._join.begin(stream)
                try:
                    reason = await read_back(questions, scan)
                except (RedisError, OSError) as error:
                    tries += 1
                    if tries >= SCAN_TRIES:
                        await self._settle(scan, f"{stream} cannot be read: {error}")
                else:
                    await self._settle(scan, reason or f"{stream} does not have it")
            await asyncio.sleep(SCAN_AGAIN_S)

    async def _settle(self, scan: Scan, reason: str) -> None:
        ready = self._join.ready
        self._join.end(scan, reason)
        self._handing_over += 1
        try:
            while len(ready) > RELEASED_AT_ONCE:
                for _ in range(RELEASED_AT_ONCE):
                    self.backlog.put(ready.popleft())
                await asyncio.sleep(0)
        finally:
            self._handing_over -= 1
            self._journal.note_holes(self._release())

    def _scan_ended(self, task: "asyncio.Task[None]") -> None:
        for stream, scan in list(self._scans.items()):
            if scan is task:
                del self._scans[stream]
        if not task.cancelled() and (error := task.exception()):
            self.backlog.end(error)

    async def _stop_scans(self) -> None:
        self._client = None
        scans = list(self._scans.values())
        for scan in scans:
            scan.cancel()
        if scans:
            await asyncio.wait(scans)

    def _tell(self, notice: Connected | Away | Behind | CaughtUp | Unreadable) -> None:
        self._journal.note(notice)
        if self._on_notice is not None:
            self._on_notice(notice)
