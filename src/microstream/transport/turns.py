"""Turns: how long frames hold the event loop in one go.

Frames are taken where they are read, from the socket's callback. When those of one pass of the loop have taken
`LIMIT_MS`, later ones wait in order for the next pass, so that timers, the writer and other sockets get their turn
in a flood, and a frame with hundreds of rows is taken in parts.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from microstream.clock import Clock

LIMIT_MS = 4
"""Time for frames in one pass; what is begun is finished, some 2 ms more at most."""
MOST = 10_000
"""Entries that may wait; beyond, all are taken at once, and the venues' sockets wait instead."""

Step = Callable[..., None]


class Owner(Protocol):
    """Whose frames wait."""

    def failed(self, error: Exception) -> None:
        """Take that a late step has raised."""
        ...


class Turns:
    """What waits for the next pass of the loop. One for all connections of a process; for one event loop only.

    `until` is the time (ms UTC) before which a frame may be taken at once, 0 while `take` must be asked.
    """

    def __init__(self, clock: Clock) -> None:
        self.until = 0
        self._now_ms = clock.now_ms
        self._waiting: deque[tuple[Owner, Step, tuple[Any, ...]]] = deque()
        self._called = False

    def __len__(self) -> int:
        """How many steps wait."""
        return len(self._waiting)

    def take(self, owner: Owner, step: Step, *args: Any) -> None:
        """Do a step now if the pass has only begun, else in a later one, after all that waits."""
        if not self._waiting and not self._called:
            self._begin()
            step(*args)
            return
        self._waiting.append((owner, step, args))
        self._call()
        if len(self._waiting) > MOST:
            self.flush()

    def put_first(self, owner: Owner, steps: Iterable[tuple[Step, tuple[Any, ...]]]) -> None:
        """Let steps wait before all others: the rest of the frame that is being taken."""
        self._waiting.extendleft([(owner, step, args) for step, args in steps][::-1])
        self.until = 0
        self._call()

    def flush(self) -> None:
        """Do now all that waits."""
        while self._waiting:
            self._do()

    def _begin(self) -> None:
        self.until = self._now_ms() + LIMIT_MS
        self._call()

    def _call(self) -> None:
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Begin the next pass, with what waits."""
        self._called = False
        self.until = 0
        if not self._waiting:
            return
        end = self._now_ms() + LIMIT_MS
        while self._waiting and self._now_ms() < end:
            self._do()
        self._call()
        if not self._waiting:
            self.until = end

    def _do(self) -> None:
        owner, step, args = self._waiting.popleft()
        try:
            step(*args)
        except Exception as error:  # noqa: BLE001 (its owner raises it where it is awaited)
            owner.failed(error)
