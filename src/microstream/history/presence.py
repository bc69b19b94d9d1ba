"""When the recorder was there and heard live values: the spans without a long silence (pure)."""

from collections.abc import Iterable

from microstream.history.ledger import Subject
from microstream.model.messages import Message
from microstream.model.past import Span

SILENCE_MS = 90_000
"""Values are repeated at least every half minute, so a longer silence is trouble."""
FAMILIES = frozenset({"funding", "mark_price", "oi", "spot"})


class Presence:
    """Spans of every venue and family of values, extended as messages come, and taken from time to time."""

    def __init__(self) -> None:
        self._spans: dict[Subject, Span] = {}
        self._over: list[tuple[Subject, Span]] = []

    def resume(self, subject: Subject, until: int) -> None:
        """Go on where a span ended that was written before, unless there was a silence since."""
        span = self._spans.setdefault(subject, Span(until, until))
        if 0 < span.start - until <= SILENCE_MS:
            self._spans[subject] = Span(until, span.end)

    def take(self, subject: Subject, messages: Iterable[tuple[str, bytes, int, Message]]) -> None:
        """Extend the span of a subject by messages that are not stale; after a silence another begins."""
        for *_, written_at, message in messages:
            if "stale" in message.flags:
                continue
            span = self._spans.get(subject, Span(written_at, written_at))
            if written_at - span.end > SILENCE_MS:
                self._over.append((subject, span))
                span = Span(written_at, written_at)
            self._spans[subject] = Span(span.start, max(span.end, written_at + 1))

    def due(self) -> list[tuple[Subject, Span]]:
        """Return what was not taken yet, and let the spans go on from there."""
        found = [*self._over, *self._spans.items()]
        self._over = []
        self._spans = {subject: Span(span.end, span.end) for subject, span in self._spans.items()}
        return [(subject, span) for subject, span in found if span.start < span.end]
