"""The hand-over to the consumer: bounded, in order, never waiting for a slow one."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from time import monotonic

from microstream.client.events import Event
from microstream.client.notices import Behind, CaughtUp

TOLD_EVERY_S = 10.0

LEFT_OUT_LIMIT = 100_000
"""Channels of which it is remembered that something was dropped."""

_Key = str | int


class Backlog:
    """Events that wait for the consumer.

    Up to `limit` events all are kept. With one more the consumer is behind: of each channel of a conflating
    family the newest is kept, at the place of its oldest, and of the other families the newest `limit` events.
    When the consumer has taken everything, all are kept again. `tell` learns when that begins and ends.
    """

    def __init__(self, limit: int, tell: Callable[[Behind | CaughtUp], None]) -> None:
        self._limit = limit
        self._tell = tell
        self._events: deque[Event] = deque()
        self._newest: OrderedDict[_Key, Event] = OrderedDict()
        """What waits while the consumer is behind: by channel, or by a number of its own where all count."""
        self._others: OrderedDict[int, None] = OrderedDict()
        self._left_out: dict[str, tuple[int, int]] = {}
        """`skipped` and `missing` for the next event of a channel whose older ones were dropped."""
        self._serial = 0
        self._conflated = self._dropped = 0
        self._tell_at = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._end: BaseException | None = None

    def __len__(self) -> int:
        """Return how many events wait."""
        return len(self._events) + len(self._newest)

    @property
    def has_waiter(self) -> bool:
        """Whether the consumer waits for the next event."""
        return self._waiter is not None

    def put(self, event: Event) -> None:
        """Add an event."""
        if self._newest:
            self._put_behind(event)
        elif len(self._events) < self._limit:
            self._events.append(event)
        else:
            self._fall_behind(event)
        if self._waiter is not None:
            self._wake()

    def end(self, error: BaseException) -> None:
        """Let the consumer get this error after the last event; the first one counts."""
        self._end = self._end or error
        self._wake()

    def take(self) -> Event | None:
        """Return the next event, None if none waits. Raises the error of the end."""
        if self._events:
            event = self._events.popleft()
        elif self._newest:
            event = self._take_behind()
        elif self._end is not None:
            raise self._end
        else:
            return None
        if self._left_out and (left_out := self._left_out.pop(event.channel, None)):
            event.skipped += left_out[0]
            event.missing += left_out[1]
        return event

    async def wait(self) -> None:
        """Return when there is something to take. One consumer at a time."""
        if len(self) or self._end is not None:
            return
        if self._waiter is not None:
            raise RuntimeError("two tasks wait for the events of one subscription; give each its own")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fall_behind(self, event: Event) -> None:
        self._conflated = self._dropped = 0
        self._tell_at = 0.0
        while self._events:
            self._keep(self._events.popleft())
        self._put_behind(event)

    def _put_behind(self, event: Event) -> None:
        self._keep(event)
        now = monotonic()
        if now >= self._tell_at:
            self._tell_at = now + TOLD_EVERY_S
            self._tell(Behind(len(self._newest), self._conflated, self._dropped))

    def _keep(self, event: Event) -> None:
        if event.conflates:
            older = self._newest.get(event.channel)
            if older is not None:
                event.skipped += older.skipped + 1
                event.missing += older.missing
                self._conflated += 1
            self._newest[event.channel] = event
            return
        if len(self._others) >= self._limit:
            self._drop(self._newest.pop(self._others.popitem(last=False)[0]))
        self._serial += 1
        self._newest[self._serial] = event
        self._others[self._serial] = None

    def _drop(self, event: Event) -> None:
        skipped, missing = self._left_out.get(event.channel, (0, 0))
        if event.channel in self._left_out or len(self._left_out) < LEFT_OUT_LIMIT:
            self._left_out[event.channel] = skipped + event.skipped + 1, missing + event.missing
        self._dropped += 1

    def _take_behind(self) -> Event:
        key, event = self._newest.popitem(last=False)
        if isinstance(key, int):
            del self._others[key]
        if not self._newest:
            self._tell(CaughtUp(self._conflated, self._dropped))
        return event
