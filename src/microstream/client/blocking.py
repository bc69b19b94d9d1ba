"""`subscribe_sync`: the same for code without an event loop, and for notebooks, where one runs already."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from microstream.client.events import Event
from microstream.client.notices import Notice
from microstream.client.subscription import BUFFER, Subscription

BATCH = 2000
"""Events that are handed from thread to thread at once."""


def subscribe_sync(
    url: str,
    *patterns: str,
    buffer: int = BUFFER,
    on_notice: Callable[[Notice], None] | None = None,
) -> "BlockingSubscription":
    """Return the events of `subscribe` as a plain iterator::

        for event in subscribe_sync("redis://localhost", "funding:*:*"):
            print(event.exchange, event.symbol, event.funding_rate)

    Parameters and errors are those of `subscribe`. It reads in a thread of its own, which also calls
    `on_notice`; so it works in a notebook, while an event loop runs in the thread that iterates. That thread is
    blocked until the next event. Up to 2,000 events are handed over at once, which
    newer ones no longer replace.
    """
    return BlockingSubscription(Subscription(url, patterns, buffer=buffer, on_notice=on_notice))


class BlockingSubscription:
    """A plain iterator over events, for one thread. It connects with the first step."""

    def __init__(self, subscription: Subscription) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._subscription = subscription
        self._thread: threading.Thread | None = None
        self._events: deque[Event] = deque()
        self._closed = False

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Event:
        """Return the next event, as soon as there is one."""
        if not self._events:
            if self._closed:
                raise StopIteration
            self._events.extend(self._fetch(self._loop or self._start()))
            if not self._events:
                raise StopIteration
        return self._events.popleft()

    def close(self) -> None:
        """Disconnect and end the thread; the iterator ends."""
        self._closed = True
        self._events.clear()
        loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._subscription.aclose(), loop).result()
            _end(loop)
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self.close()

    def __del__(self) -> None:
        """Disconnect where the iterator was left without closing it, as by `break`."""
        if self._loop is not None:
            _end(self._loop)

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=_run, args=(self._loop,), name="microstream.client", daemon=True
        )
        self._thread.start()
        return self._loop

    def _fetch(self, loop: asyncio.AbstractEventLoop) -> list[Event]:
        """Return the events that wait, at least one."""
        fetching = asyncio.run_coroutine_threadsafe(self._subscription.batch(BATCH), loop)
        try:
            events = fetching.result()
        except BaseException:  # the consumer was interrupted, or the subscription has failed
            fetching.cancel()
            self.close()
            raise
        return events


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, then end what is left in it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _end(loop: asyncio.AbstractEventLoop) -> None:
    with suppress(RuntimeError):  # it has ended already
        loop.call_soon_threadsafe(loop.stop)
