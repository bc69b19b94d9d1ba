"""What a replay tells of its progress."""

from microstream.cli.replay_progress import iso, time_left
from microstream.history.replay import Progress
from microstream.model.past import Span

NOON = 1_795_608_000_000


def test_the_rest_takes_as_long_as_what_was_done() -> None:
    """A quarter of the span took ten seconds; before the first message nothing is known."""
    span = Span(NOON - 5_000_000, NOON + 40_000)
    assert time_left(Progress(), span, 10.0) is None
    assert time_left(Progress(first=NOON, reached=NOON), span, 10.0) is None
    assert time_left(Progress(first=NOON, reached=NOON + 10_000), span, 10.0) == 30.0


def test_times_are_told_to_the_millisecond() -> None:
    """UTC, with its Z."""
    assert iso(NOON + 7) == "2026-11-25T12:00:00.007Z"
