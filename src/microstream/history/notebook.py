"""What the recorder has to note in the ledger: losses at once, presence once a minute."""

import threading
from collections.abc import Iterable

from microstream.clock import Clock
from microstream.history.ledger import WHOLE, Ledger, Note, Subject
from microstream.history.presence import FAMILIES, Presence
from microstream.history.spans import Spans
from microstream.model.messages import Message


def subject_of(group: str) -> Subject:
    """Return what notes of a group are about: `bars:okx:1m` is the family `bars` of `okx:1m`."""
    family, _, owner = group.partition(":")
    return Subject(owner, WHOLE, family)


class Notebook:
    """Writes notes from several threads. The methods block, and raise `StoreDown`."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._presence = Presence()
        self._unwritten: dict[Subject, Spans] = {}
        self._loaded = False

    def write(self, notes: Iterable[Note]) -> None:
        """Write notes now."""
        with self._lock:
            self._ledger.note(notes, self._clock.now_ms())

    def hear(self, family: str, messages: list[tuple[str, bytes, int, Message]]) -> None:
        """Take in messages that are in their table; raises nothing, because that cannot be undone."""
        if family not in FAMILIES:
            return
        by_group: dict[str, list[tuple[str, bytes, int, Message]]] = {}
        for each in messages:
            by_group.setdefault(each[0], []).append(each)
        with self._lock:
            for group, heard in by_group.items():
                self._presence.take(subject_of(group), heard)

    def write_presence(self) -> None:
        """Write the spans of presence as far as they go."""
        with self._lock:
            self._load()
            for subject, span in self._presence.due():
                self._unwritten.setdefault(subject, Spans()).add(span)
            notes = [
                Note(subject, span, "recorded")
                for subject, spans in self._unwritten.items()
                for span in spans
            ]
            self._ledger.note(notes, self._clock.now_ms())
            self._unwritten = {}

    def _load(self) -> None:
        """Read how far the spans of presence go, so that a short pause does not interrupt them."""
        if self._loaded:
            return
        self._ledger.load()
        for subject in self._ledger.subjects():
            if spans := list(self._ledger.spans(subject, "recorded")):
                self._presence.resume(subject, spans[-1].end)
        self._loaded = True
