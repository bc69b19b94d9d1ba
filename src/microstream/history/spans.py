"""Sets of times as sorted spans that neither touch nor overlap (pure)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from microstream.model.past import Span


class Spans:
    """Times that are spoken for. Spans are half-open, so those that touch become one."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for span in spans:
            self.add(span)

    def __iter__(self) -> Iterator[Span]:
        """Yield the spans, oldest first."""
        return map(Span, self._starts, self._ends)

    def __len__(self) -> int:
        """How many spans there are."""
        return len(self._starts)

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same times."""
        return isinstance(other, Spans) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # they change

    def add(self, span: Span) -> None:
        """Add the times of a span; an empty one adds nothing."""
        start, end = span
        if start >= end:
            return
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def holes(self, within: Span) -> list[Span]:
        """Return the parts of a span that are not held, oldest first."""
        found, at = [], within.start
        for start, end in self.parts(within):
            if at < start:
                found.append(Span(at, start))
            at = end
        if at < within.end:
            found.append(Span(at, within.end))
        return found

    def parts(self, within: Span) -> list[Span]:
        """Return the parts of a span that are held, oldest first."""
        first = bisect_right(self._ends, within.start)
        last = bisect_left(self._starts, within.end)
        cut = (
            Span(max(start, within.start), min(end, within.end))
            for start, end in zip(self._starts[first:last], self._ends[first:last], strict=True)
        )
        return [span for span in cut if span.start < span.end]

    def held(self, within: Span) -> int:
        """Return how many milliseconds of a span are held."""
        return sum(end - start for start, end in self.parts(within))

    def covers(self, span: Span) -> bool:
        """Whether all times of a span are held."""
        return not self.holes(span)
