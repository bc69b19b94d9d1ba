"""The way to one delivery: a bounded queue, one attempt at a time, each in a thread of its own."""

import asyncio
from collections import deque
from dataclasses import dataclass
from random import Random
from threading import Thread

from structlog import get_logger

from microstream.alerts.notification import Notification
from microstream.alerts.rule import Severity
from microstream.alerts.services import Send
from microstream.transport.backoff import Backoff

MAX_HANGING = 2
"""Attempts without an answer that a thread may still be busy with; while there are so many, none is begun."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Where alerts of at least a severity go. `send` blocks. `name` is the configuration's, and all that is shown."""

    name: str
    severity: Severity
    send: Send


@dataclass(frozen=True, slots=True)
class Persistence:
    """How a notification is tried: `timeout_s` for an attempt, pauses with full jitter between them."""

    attempts: int = 8
    timeout_s: float = 30.0
    first_pause_s: float = 2.0
    longest_pause_s: float = 60.0
    max_queued: int = 100


class Lane:
    """Sends what is put into it, in order; what fails again and again is given up.

    `sent`, `failed` and `dropped` (the queue was full) count notifications, `retried` attempts after the first.
    """

    def __init__(self, target: Target, persistence: Persistence, random: Random) -> None:
        self.target = target
        self.sent = self.failed = self.dropped = self.retried = 0
        self._persistence = persistence
        self._random = random
        self._queue: deque[Notification] = deque()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._hanging = 0
        self._is_failing = False

    def __len__(self) -> int:
        """Number of notifications that wait or are being sent."""
        return len(self._queue) + (not self._idle.is_set())

    def put(self, notification: Notification) -> None:
        """Take the part of a notification that is for this target; the oldest goes where there is no room."""
        wanted = notification.least(self.target.severity)
        if wanted is None:
            return
        if len(self._queue) >= self._persistence.max_queued:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(wanted)
        self._ready.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._ready.wait()
            self._idle.clear()
            while self._queue:
                await self.deliver(self._queue.popleft())
            self._ready.clear()
            self._idle.set()

    async def drain(self) -> None:
        """Return when nothing waits and nothing is being sent, while `run` runs."""
        while len(self):
            await asyncio.sleep(0)  # `run` has to see what was put
            await self._idle.wait()

    async def deliver(self, notification: Notification) -> str | None:
        """Send a notification, trying again after failures; return why it was given up, None where it was sent."""
        settings = self._persistence
        pauses = Backoff(settings.first_pause_s, settings.longest_pause_s, self._random)
        why = None
        for number in range(settings.attempts):
            if number:
                self.retried += 1
                await asyncio.sleep(pauses.next())
            why = await self._attempt(notification)
            if why is None:
                self._works()
                return None
            self._fails(why)
        self.failed += 1
        log.warning("alert is given up", delivery=self.target.name, title=notification.title, why=why)
        return why

    async def _attempt(self, notification: Notification) -> str | None:
        if self._hanging >= MAX_HANGING:
            return "earlier attempts still wait for an answer"
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[str | None] = loop.create_future()

        def settle(why: str | None) -> None:
            self._hanging -= 1
            if not outcome.done():
                outcome.set_result(why)

        def work() -> None:
            try:
                why = self.target.send(notification)
            except Exception as error:  # noqa: BLE001  # a plug-in of the library may raise anything; its text may be secret
                why = f"the library fails ({type(error).__name__})"
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, why)

        self._hanging += 1
        try:
            Thread(target=work, name=f"delivery {self.target.name}", daemon=True).start()
        except RuntimeError:
            self._hanging -= 1
            return "the system gives no thread"
        try:
            async with asyncio.timeout(self._persistence.timeout_s):
                return await outcome
        except TimeoutError:
            return f"no answer within {self._persistence.timeout_s:g} s"

    def _works(self) -> None:
        self.sent += 1
        if self._is_failing:
            self._is_failing = False
            log.info("alerts are delivered again", delivery=self.target.name)

    def _fails(self, why: str) -> None:
        if not self._is_failing:
            self._is_failing = True
            log.warning("alerts cannot be delivered, retrying", delivery=self.target.name, why=why)
