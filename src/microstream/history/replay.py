"""Publishes recorded messages again: same channels, same payloads, original order and distances."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import msgspec
from structlog import get_logger

from microstream.clock import Clock
from microstream.history.pace import Pace
from microstream.history.remake import Remake
from microstream.history.tape import Entry, Piece, Tape
from microstream.model.channels import Channel
from microstream.model.messages import Message
from microstream.model.past import Span
from microstream.sinks.relay import Relay

BATCH = 500
"""Messages of one write."""
SILENCE_S = 60.0
"""A longer wait is told."""
DRAIN_S = 3.0
"""How long what is packed may hold up a stop."""

Payloads = list[tuple[Channel, bytes]]

log = get_logger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a replay is: the recorded times of the first and the newest entry (ms UTC, 0 before), how many entries
    were taken, and how many messages went out, by family.

    `digest` is over `channel SPACE payload NEWLINE` of each of them in the order of sending.
    """

    entries: int = 0
    first: int = 0
    reached: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class Replay:
    """One replay of a span; `progress` may be read at any time.

    `remake` makes bars, signals and alerts anew, after a warm-up with so much of what was recorded before the span.
    `families` are those that are published.
    """

    def __init__(
        self,
        tape: Tape,
        span: Span,
        relay: Relay,
        pace: Pace,
        clock: Clock,
        *,
        families: frozenset[str],
        remake: Remake | None = None,
        warm_up_ms: int = 0,
    ) -> None:
        self.progress = Progress()
        self.span = span
        self._tape = tape
        self._relay = relay
        self._pace = pace
        self._clock = clock
        self._families = families
        self._remake = remake
        self._warm_up_ms = warm_up_ms
        self._stopped = asyncio.Event()
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[Payloads] = []
        self._count = 0
        self._away_s = 0.0

    def stop(self) -> None:
        """Ask for the end: what is packed is still written."""
        self._stopped.set()

    async def run(self) -> None:
        """Publish the span, until its end or `stop`. Raises `StoreDown`, in a group."""
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._relay.run())
            try:
                await self._publish()
                await self._flush()
                await self._finish()
            finally:
                writing.cancel()

    async def _publish(self) -> None:
        if self._remake is not None:
            await self._prepare(self._remake)
        async with aclosing(self._pieces(self.span)) as pieces:
            async for piece in pieces:
                for entry in self._made_of(piece):
                    if self._stopped.is_set():
                        return
                    await self._send(entry)
        for entry in self._remake.end(self.span.end - 1) if self._remake is not None else ():
            await self._send(entry)

    def _made_of(self, piece: Piece) -> Iterator[Entry]:
        return piece.entries() if self._remake is None else self._remake.entries(piece.entries())

    async def _prepare(self, remake: Remake) -> None:
        """Bring what makes messages anew into the state that it was in, as far as the warm-up tells."""
        before = Span(self.span.start - self._warm_up_ms, self.span.start)
        remake.learn(await asyncio.to_thread(self._tape.registry, before.start), before.start)
        async with aclosing(self._pieces(before)) as pieces:
            async for piece in pieces:
                for count, _ in enumerate(remake.entries(piece.entries()), 1):
                    if count % BATCH == 0:
                        await asyncio.sleep(0)
                        if self._stopped.is_set():
                            return
        remake.begin()

    async def _pieces(self, span: Span) -> AsyncGenerator[Piece, None]:
        """Yield the pieces of a span; the next one is read in a thread while one is worked on."""
        parts = self._tape.parts(span)

        def read() -> Piece | None:
            part = next(parts, None)
            return None if part is None else self._tape.read(part)

        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(None, read)
        try:
            while (piece := await reading) is not None:
                reading = loop.run_in_executor(None, read)
                yield piece
        finally:
            reading.cancel()

    async def _send(self, entry: Entry) -> None:
        """Send an entry when it is due, in one write with those that are due at the same time."""
        await self._until(entry.written_at)
        progress = self.progress
        progress.entries += 1
        progress.first = progress.first or entry.written_at
        progress.reached = entry.written_at
        if progress.entries % BATCH == 0:
            await asyncio.sleep(0)  # where little is published, nothing else waits
        if entry.messages[0][0].family not in self._families:
            return
        self._waiting.append([(where, self._payload(message)) for where, message in entry.messages])
        self._count += len(entry.messages)
        if self._count >= BATCH:
            await self._flush()

    def _payload(self, message: Message) -> bytes:
        """Return a message as it was recorded, but for its source."""
        source, message.source = message.source, "replay"
        payload = self._encode(message)
        message.source = source  # stages go by what was recorded
        return payload

    async def _until(self, moment: int) -> None:
        """Wait until a recorded moment is due; what was due before goes out first."""
        if self._relay.away_s > self._away_s:
            self._pace.shift(self._relay.away_s - self._away_s)
            self._away_s = self._relay.away_s
        if not self._pace.wait_s(moment, self._clock.monotonic()):
            return
        await self._flush()
        wait_s = self._pace.wait_s(moment, self._clock.monotonic())
        if wait_s > SILENCE_S:
            log.info("nothing was recorded for a while; it is waited for", wait_s=round(wait_s))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopped.wait()

    async def _flush(self) -> None:
        """Hand over what is due, and count it."""
        entries, self._waiting, self._count = self._waiting, [], 0
        if not entries:
            return
        progress = self.progress
        for entry in entries:
            progress.messages[entry[0][0].family] += len(entry)
        lines = [b"%b %b\n" % (where.name.encode(), payload) for entry in entries for where, payload in entry]
        progress.digest.update(b"".join(lines))
        await self._hand_over(entries)

    async def _hand_over(self, entries: list[Payloads]) -> None:
        """Wait for room while the server is away; after a stop not for long."""
        offering = asyncio.ensure_future(self._relay.offer(entries))
        stopping = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((offering, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not offering.done():
                await asyncio.wait((offering,), timeout=DRAIN_S)
        finally:
            offering.cancel()
            stopping.cancel()
        if offering.done() and not offering.cancelled():
            offering.result()

    async def _finish(self) -> None:
        """Wait until all is written; after a stop not for long."""
        try:
            async with asyncio.timeout(DRAIN_S if self._stopped.is_set() else None):
                await self._relay.written()
        except TimeoutError:
            log.warning("redis did not take everything before the stop")
