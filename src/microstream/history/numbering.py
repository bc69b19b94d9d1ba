"""Holes in the numbers of channels: messages that their publisher counted and that never came (pure)."""

from collections.abc import Iterable
from typing import NamedTuple

from microstream.model.messages import Message
from microstream.model.past import Span

MOST_CHANNELS = 100_000
"""Channels whose last number is remembered."""


class Missing(NamedTuple):
    """Messages of a group that are missing, and between when they should have been written."""

    group: str
    span: Span
    rows: int


class Numbering:
    """The last number of every channel, within the run of its publisher."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, bytes], tuple[int, int, int]] = {}
        self._groups: set[str] = set()

    def knows(self, group: str) -> bool:
        """Whether a number of the group is remembered, so that a loss in it is counted here."""
        return group in self._groups

    def forget(self, groups: set[str]) -> None:
        """Begin anew with groups of which messages were left out."""
        self._groups -= groups
        self._last = {key: last for key, last in self._last.items() if key[0] not in groups}

    def take(self, messages: Iterable[tuple[str, bytes, int, Message]]) -> list[Missing]:
        """Go on with messages in order; return what is missing before them, one sum for each group."""
        found: dict[str, Missing] = {}
        for group, item, written_at, message in messages:
            key = group, item
            before = self._last.get(key)
            if before is None:
                if len(self._last) >= MOST_CHANNELS:
                    continue
                self._groups.add(group)
            elif before[0] == message.run:
                if message.seq <= before[1]:
                    continue  # a retried write repeats numbers
                if rows := message.seq - before[1] - 1:
                    _add(found, Missing(group, Span(before[2], written_at), rows))
            self._last[key] = message.run, message.seq, written_at
        return list(found.values())


def _add(found: dict[str, Missing], hole: Missing) -> None:
    known = found.get(hole.group)
    if known is not None:
        span = Span(min(known.span.start, hole.span.start), max(known.span.end, hole.span.end))
        hole = Missing(hole.group, span, known.rows + hole.rows)
    found[hole.group] = hole
