"""Spans: sets of times, compared with sets of integers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from microstream.history.spans import Spans
from microstream.model.past import Span

SPAN = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: Span(*pair))


def _times(spans: Spans | list[Span]) -> set[int]:
    return {time for start, end in spans for time in range(start, end)}


@given(st.lists(SPAN, max_size=12))
def test_spans_hold_what_was_added(added: list[Span]) -> None:
    """They hold every time that was added, no other, and are as few as can be."""
    spans = Spans(added)
    assert _times(spans) == _times(added)
    held = list(spans)
    assert all(one.end < other.start for one, other in itertools.pairwise(held))


@given(st.lists(SPAN, max_size=12), SPAN)
def test_parts_and_holes_make_the_whole(added: list[Span], within: Span) -> None:
    """What is held of a span and what is not are the span, and nothing of it is in both."""
    spans = Spans(added)
    parts, holes = spans.parts(within), spans.holes(within)
    whole = set(range(within.start, within.end))
    assert _times(parts) == _times(spans) & whole
    assert _times(holes) == whole - _times(spans)
    assert spans.held(within) == len(_times(parts))
    assert spans.covers(within) == (not holes)
