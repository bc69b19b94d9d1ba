"""Outlet: where every message of the service goes out, and what is made of it on the way."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from microstream.clock import Clock
from microstream.model.channels import Channel
from microstream.model.messages import Message
from microstream.sinks.buffer import Buffer

SECOND_MS = 1_000
CLOSE_MS = 250
"""When in a second time does its work in the stages: not at its beginning, where venues push, and what came just before
or just after would be a matter of chance. A timer may come so much too early."""


def closing_time(now: int) -> int:
    """Return the moment that a timer was meant for (ms UTC) that comes within this second."""
    return now - now % SECOND_MS + CLOSE_MS


class Stage(Protocol):
    """What makes further messages of those that go out: bars, signals, alerts. Synchronous, never raises."""

    def take(self, channel: Channel, message: Message, now: int) -> None:
        """Take a message that is published now (ms UTC)."""
        ...

    def ticking(self, now: int) -> Iterator[None]:
        """Do what time alone must do, in steps."""
        ...


class Outlet:
    """Hands every message to the writer's buffer, and to the stages in their order.

    What a stage makes is offered here again, so that the later ones see it.
    """

    def __init__(self, buffer: Buffer, clock: Clock) -> None:
        self.buffer = buffer
        self.stages: Sequence[Stage] = ()
        self._clock = clock

    def offer(self, channel: Channel, message: Message) -> None:
        """Hand over a message; never raises, never blocks."""
        self.buffer.offer(channel, message)
        if self.stages:
            now = self._clock.now_ms()
            for stage in self.stages:
                stage.take(channel, message, now)

    def remove(self, group: str, items: Iterable[str]) -> None:
        """Take items (delisted contracts) out of `last:{group}`, after all that was offered before."""
        self.buffer.remove(group, items)

    def retain(self, group: str, items: Iterable[str]) -> None:
        """Take everything but these items, and what is offered from now on, out of `last:{group}`."""
        self.buffer.retain(group, items)

    def ticking(self, now: int) -> Iterator[None]:
        """Let the stages do what time alone must do, in steps."""
        for stage in self.stages:
            yield from stage.ticking(now)
