"""`subscribe`: the published messages as an asynchronous iterator."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

from microstream.client.connection import server_name
from microstream.client.events import Event
from microstream.client.notices import Notice
from microstream.client.reader import Reader
from microstream.client.selection import Selection
from microstream.errors import ConfigError

BUFFER = 20_000
"""Events that may wait for the consumer, some 20 MB."""

TURN_S = 0.005
"""How long a consumer may take what waits before the reading side gets its turn."""


def subscribe(
    url: str,
    *patterns: str,
    buffer: int = BUFFER,
    on_notice: Callable[[Notice], None] | None = None,
) -> "Subscription":
    """Return what is published on the channels that match, from now on and for ever::

        async for event in subscribe("redis://localhost", "funding:*:*"):
            print(event.exchange, event.symbol, event.funding_rate)

    `url` is a redis://, rediss:// or unix:// address. Each pattern is a glob over channels as Redis takes it
    (`funding:*:*`, `meta:mark_price:*:btcusdt`), or names contracts within them (`SOL`, `SOL/USDT:USDT`,
    `*/USDC:*`); everything without. See `Event` for what comes.

    The last value of every channel comes first, then every message once and in the order of its channel; there
    is no order between channels. What is missing (a number skipped, or the reader was away) is read from the
    server's log before anything newer of that channel goes on. What the log has no more is told as `Lost`, and
    counted in `missing` of the next event. The server may go and come back.

    Up to `buffer` events wait for a slow consumer; with more, it gets of each channel the newest only, but of
    instruments and quality messages up to `buffer` of the newest. It is told: `Behind`, `CaughtUp`, and
    `skipped` of the next event.

    `on_notice` gets every `Notice`, in the event loop, and must return quickly; what it raises comes out of the
    iterator. Without it they are in the log `microstream.client`.

    Use it as `async with subscribe(...) as events` where it must be closed at a certain point; else it is closed
    when nobody holds it any more. Raises `ConfigError` for a url or pattern that cannot be read, and from the
    iterator where the server refuses login or commands.
    """
    return Subscription(url, patterns, buffer=buffer, on_notice=on_notice)


class Subscription:
    """An asynchronous iterator over events, for one task. It connects with the first step."""

    def __init__(
        self,
        url: str,
        patterns: tuple[str, ...],
        *,
        buffer: int,
        on_notice: Callable[[Notice], None] | None,
    ) -> None:
        self._task: asyncio.Task[None] | None = None
        if buffer < 1:
            raise ConfigError(f"buffer is {buffer}; at least 1 event must have room")
        server_name(url)
        self._reader = Reader(url, Selection.parse(patterns), buffer, on_notice)
        self._backlog = self._reader.backlog
        self._turn_ends = 0.0
        self._closed = False

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event, as soon as there is one."""
        if self._task is None:
            self._start()
        if self._closed:
            raise StopAsyncIteration
        now = monotonic()
        if now > self._turn_ends:
            # A consumer that never waits would keep the reading side from emptying the socket.
            await asyncio.sleep(0)
            self._turn_ends = now + TURN_S
        try:
            while (event := self._backlog.take()) is None:
                await self._backlog.wait()
                self._turn_ends = monotonic() + TURN_S
        except Exception:
            await self.aclose()
            raise
        return event

    async def batch(self, limit: int) -> list[Event]:
        """Return the events that wait, as soon as there is one, at most so many; none after the end."""
        try:
            events = [await anext(self)]
        except StopAsyncIteration:
            return []
        while len(events) < limit and len(self._backlog):
            events.append(await anext(self))
        return events

    async def aclose(self) -> None:
        """Disconnect; the iterator ends."""
        self._closed = True
        self._backlog.end(StopAsyncIteration())
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self.aclose()

    def __del__(self) -> None:
        """Disconnect where the iterator was left without closing it, as by `break`."""
        task = self._task
        if task is not None and not task.done():
            with suppress(RuntimeError):  # its loop has ended already
                task.get_loop().call_soon_threadsafe(task.cancel)

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._reader.run(), name="microstream.client")
