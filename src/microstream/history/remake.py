"""Recorded values -> bars, signals and alerts by the code and configuration at hand, in recorded time."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from microstream.history.tape import Entry
from microstream.model.channels import Channel, channel
from microstream.model.messages import InstrumentMessage, Message

VALUES = ("instrument", "quality", "funding", "mark_price", "oi", "spot")
"""The families that the others are made of."""
SECOND_MS = 1_000
AWAY_MS = 60_000
"""Every value is published again within its interval: a longer silence means that nobody was there to make bars."""

Made = list[tuple[Channel, Message]]


class Stages(Protocol):
    """What makes messages of others: see `Outlet`. What is made is taken away with `made`."""

    def take(self, where: Channel, message: Message, now: int) -> None:
        """Take a message that is published now (ms UTC)."""
        ...

    def tick(self, now: int) -> None:
        """Do what time alone must do."""
        ...

    def made(self) -> Made:
        """Return what was made since the last call."""
        ...


class Remake:
    """Feeds stages, second by second as the service does, and numbers what they make.

    `phase_ms` is when in a second time does its work in them.
    `run` of what is made is the time of the first message. What the recorded families were is left out.
    """

    def __init__(self, stages: Stages, phase_ms: int) -> None:
        self._phase_ms = phase_ms
        self._stages = stages
        self._numbers: Counter[str] = Counter()
        self._run = 0
        self._tick_at = 0

    def learn(self, rows: Iterable[InstrumentMessage], now: int) -> None:
        """Take what the registry said before the span."""
        for row in rows:
            self._stages.take(channel("instrument", row.exchange, row.symbol), row, now)
        self._stages.made()

    def begin(self) -> None:
        """Count anew: what was made so far was for warming up."""
        self._numbers.clear()
        self._run = 0

    def entries(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield entries of values as they come, and behind them, or at full seconds, what is made of them."""
        for entry in self._fed(entries):
            self._run = self._run or entry.written_at
            yield self._numbered(entry)

    def end(self, until: int) -> Iterator[Entry]:
        """Yield what the seconds behind the last message bring up to a time."""
        if self._tick_at and until - self._tick_at < AWAY_MS:
            for entry in self._ticked(until):
                yield self._numbered(entry)

    def _fed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            yield from self._ticked(entry.written_at)
            yield entry
            for where, message in entry.messages:
                self._stages.take(where, message, entry.written_at)
            yield from _apart(self._stages.made(), entry.written_at)

    def _ticked(self, now: int) -> Iterator[Entry]:
        """Let the full seconds pass up to a time."""
        if not self._tick_at or now - self._tick_at >= AWAY_MS:
            begun = now - self._phase_ms
            self._tick_at = begun - begun % SECOND_MS + self._phase_ms
        while self._tick_at <= now:
            self._stages.tick(self._tick_at)
            yield from _apart(self._stages.made(), self._tick_at)
            self._tick_at += SECOND_MS

    def _numbered(self, entry: Entry) -> Entry:
        for where, message in entry.messages:
            if not message.seq:
                self._numbers[where.name] += 1
                message.run, message.seq = self._run, self._numbers[where.name]
        return entry


def _apart(made: Made, at: int) -> Iterator[Entry]:
    """Yield an entry for each group, and another one where an item comes again."""
    open_: dict[str, dict[str, tuple[Channel, Message]]] = {}
    for where, message in made:
        entry = open_.setdefault(where.group, {})
        if where.item in entry:
            yield _entry(entry.values(), at)
            entry.clear()
        entry[where.item] = (where, message)
    for entry in open_.values():
        yield _entry(entry.values(), at)


def _entry(messages: Iterable[tuple[Channel, Message]], at: int) -> Entry:
    kept: Sequence[tuple[Channel, Message]] = list(messages)
    return Entry(at, kept)
