"""Bounded hand-over between the synchronous core and the writer.

While the server is away the newest message of every conflating channel is kept and the oldest of the others
is dropped. Conflation spends no sequence number, a drop does.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, islice

from microstream.model.channels import Channel
from microstream.model.messages import Message

Entry = tuple[Channel, Message]

BULK = "bars"
"""The family that comes in bursts: at full hours ten bars of every contract within a second."""
BULK_ROOM = 5
"""So many times `max_queued` of its messages may wait, because a burst is no outage."""


@dataclass(slots=True)
class Batch:
    """What the writer takes at once.

    `spent` counts the messages of a channel that were dropped before the ones here. `removed` names the items
    of a group whose last word was their removal: they leave the hash even if `messages` has one of theirs.
    `retained` names the items that a group may keep.
    """

    messages: list[Entry]
    spent: Counter[Channel] = field(default_factory=Counter)
    removed: dict[str, set[str]] = field(default_factory=dict)
    retained: dict[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.messages or self.removed or self.retained)


class Buffer:
    """Messages that wait for the writer.

    `conflated` counts messages that a newer one of their channel replaced, `dropped` by family those that
    were lost because more than `max_queued` messages of the family waited, where they are not conflated. For one
    event loop only.
    """

    def __init__(self, max_queued: int) -> None:
        if max_queued < 1:
            raise ValueError(f"max_queued is {max_queued}, but at least 1 message must fit")
        self.conflated = 0
        self.dropped: Counter[str] = Counter()
        self._max_queued = max_queued
        self._newest: dict[str, Entry] = {}
        self._queues: dict[str, deque[Entry]] = {}
        self._spent: Counter[Channel] = Counter()
        self._removed: dict[str, set[str]] = {}
        self._retained: dict[str, frozenset[str]] = {}
        self._ready = asyncio.Event()
        self._asleep = True

    def __len__(self) -> int:
        """Number of messages that wait."""
        return len(self._newest) + sum(map(len, self._queues.values()))

    def offer(self, channel: Channel, message: Message) -> None:
        """Hand over a message; never raises, never blocks."""
        if self._removed and (removed := self._removed.get(channel.group)):
            removed.discard(channel.item)  # the message sets the field again, so nothing is left to remove
        if not message.conflates:
            self._enqueue(channel, message)
        else:
            name = channel.name
            if name in self._newest:
                self.conflated += 1
            self._newest[name] = (channel, message)
        if self._asleep:
            self.wake()

    def remove(self, group: str, items: Iterable[str]) -> None:
        """Take items (delisted contracts) out of `last:{group}`, after all that was offered before."""
        self._removed.setdefault(group, set()).update(items)
        self.wake()

    def retain(self, group: str, items: Iterable[str]) -> None:
        """Take everything but these items, and what is offered from now on, out of `last:{group}`."""
        kept = frozenset(items)
        waiting = {item for in_group, item in self._waiting() if in_group == group}
        self._removed.setdefault(group, set()).update(waiting - kept)
        self._retained[group] = kept
        self.wake()

    def wake(self) -> None:
        """Let `wait` return although there may be nothing to take."""
        self._asleep = False
        self._ready.set()

    async def wait(self) -> None:
        """Return as soon as there is something to take."""
        await self._ready.wait()

    def take(self, limit: int) -> Batch:
        """Return at most `limit` messages, oldest first, and what is to be done to the hashes with them."""
        messages: list[Entry] = []
        for family, queue in self._queues.items():
            if family != BULK:
                messages += _popped(queue, limit - len(messages))
        bulk = self._queues.get(BULK, ())
        room = (
            limit - len(messages) - min(len(bulk), limit // 4)
        )  # a burst of bars does not hold up newer values
        if room >= len(self._newest):
            messages.extend(self._newest.values())
            self._newest.clear()
        elif room > 0:
            messages.extend([self._newest.pop(name) for name in list(islice(self._newest, room))])
        if bulk:
            messages += _popped(self._queues[BULK], limit - len(messages))
        batch = Batch(messages, self._spent, self._take_removed(), self._retained)
        self._spent, self._retained = Counter(), {}
        if not self:
            self._asleep = True
            self._ready.clear()
        return batch

    def _enqueue(self, channel: Channel, message: Message) -> None:
        queue = self._queues.get(message.family)
        if queue is None:
            queue = self._queues[message.family] = deque()
        room = self._max_queued * (BULK_ROOM if message.family == BULK else 1)
        if len(queue) >= room:
            oldest, lost = queue.popleft()
            self.dropped[lost.family] += 1
            self._spent[oldest] += 1
        queue.append((channel, message))

    def _take_removed(self) -> dict[str, set[str]]:
        """Return the removals that no message of the same item, offered earlier, still waits for."""
        taken: dict[str, set[str]] = {}
        if not self._removed:
            return taken
        waiting = self._waiting()
        for group, items in self._removed.items():
            later = {item for item in items if (group, item) in waiting}
            if items - later:
                taken[group] = items - later
            self._removed[group] = later
        self._removed = {group: items for group, items in self._removed.items() if items}
        return taken

    def _waiting(self) -> set[tuple[str, str]]:
        entries = chain(self._newest.values(), *self._queues.values())
        return {(channel.group, channel.item) for channel, _ in entries}


def _popped(queue: deque[Entry], most: int) -> list[Entry]:
    """Take the oldest out of a queue."""
    return [queue.popleft() for _ in range(min(most, len(queue)))]
