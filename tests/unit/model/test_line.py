"""Line: for how long a subscription is believed, and what it vouches for."""

import pytest
from tests.unit.model.contracts import NOON

from microstream.model.line import LEARNT_MS, Line

S = 1_000


def heard(*, whole: bool = True, quiet_ms: int | None = 60 * S) -> Line:
    """Return a line that has spoken for the first time at noon."""
    line = Line("bybit", "tickers.SOLUSDT", whole, 5 * S, quiet_ms, since=NOON, heard_at=NOON, stamp=NOON)
    line.paced_at = NOON
    return line


def paced(line: Line, every_s: float, seconds: int, begin: int = NOON) -> int:
    """Let a line speak every so often while it is watched once a second; return when it spoke last."""
    spoken = begin
    for at in range(begin + S, begin + seconds * S + 1, S):
        while spoken + every_s * S <= at:
            spoken += round(every_s * S)
            line.heard_at = spoken
        line.watch(at)
    return spoken


@pytest.mark.parametrize(("quiet_ms", "deadline_ms"), [(60 * S, 60 * S), (None, 5 * S)])
def test_a_new_line_has_the_patience_of_the_quietest_topic(quiet_ms: int | None, deadline_ms: int) -> None:
    """One that speaks on change alone vouches for as long as usual topics pause."""
    assert Line("bybit", "t", True, 5 * S, quiet_ms).deadline_ms == deadline_ms


def test_a_lively_line_is_overdue_soon() -> None:
    """It speaks ten times a second for two minutes, then stops: the silence does not put off its own deadline."""
    line = heard()
    last = paced(line, 0.1, 120)
    overdue = next(at for at in range(last, last + 90 * S, S) if line.watch(at) or line.is_overdue(at))
    assert 5 * S < overdue - last <= 9 * S


def test_a_slow_line_is_given_time() -> None:
    """A pause every ten seconds asks for all the patience there is."""
    line = heard()
    last = paced(line, 10, 180)
    assert 35 * S <= line.deadline_ms <= 60 * S
    assert not line.is_overdue(last + 30 * S)
    assert line.is_overdue(last + 61 * S)


def test_the_pace_is_not_believed_at_once() -> None:
    """A minute of frames first."""
    line = heard()
    paced(line, 0.1, LEARNT_MS // S - 1)
    assert line.deadline_ms == 60 * S
    line.watch(NOON + LEARNT_MS)
    assert line.deadline_ms <= 8 * S


def test_pauses_are_forgotten() -> None:
    """One long pause is not held for ever."""
    line = heard()
    last = paced(line, 14, 140)
    assert line.deadline_ms > 50 * S
    paced(line, 1, 3600, last)
    assert line.deadline_ms <= 8 * S


def test_what_speaks_on_change_alone_is_never_overdue_once_it_has_spoken() -> None:
    """Its first frame is awaited all the same."""
    line = heard(quiet_ms=None)
    assert not line.is_overdue(NOON + 3600 * S)
    line.since, line.asked_at = None, NOON
    assert not line.is_overdue(NOON + 5 * S)
    assert line.is_overdue(NOON + 5 * S + 1)


def test_nothing_is_awaited_before_the_venue_has_confirmed() -> None:
    """A connection that is not there owes nothing."""
    line = Line("bybit", "t", True, 5 * S, 60 * S)
    assert not line.is_overdue(NOON)
    line.watch(NOON)
    assert line.deadline_ms == 60 * S


@pytest.mark.parametrize(
    ("whole", "heard_s", "at_s", "vouched"),
    [
        (True, 0, 60, True),
        (True, 0, 61, False),
        (True, 50, 110, True),
        (True, 50, 111, False),
        (False, 50, 60, True),
        (False, 50, 61, False),
    ],
)
def test_a_whole_frame_confirms_what_it_leaves_out(
    whole: bool, heard_s: int, at_s: int, vouched: bool
) -> None:
    """A row speaks for itself alone."""
    line = heard(whole=whole)
    line.heard_at = NOON + heard_s * S
    assert line.vouches(NOON, NOON + at_s * S) is vouched


def test_a_line_vouches_for_nothing_that_it_brought_before_its_last_loss() -> None:
    """Nor for anything while it is lost."""
    line = heard()
    assert not line.vouches(NOON - 1, NOON)
    line.since = None
    assert not line.vouches(NOON, NOON)


def test_a_topic_whose_limits_change_is_judged_by_the_new_ones() -> None:
    """Before its launch a contract may be silent; the same limits again keep what was learnt."""
    line = heard(quiet_ms=None)
    line.limit(5 * S, 60 * S)
    assert (line.quiet_ms, line.deadline_ms) == (60 * S, 60 * S)
    paced(line, 0.5, 120)
    line.limit(5 * S, 60 * S)
    assert line.deadline_ms == 8 * S
    line.limit(5 * S, None)
    assert line.deadline_ms == 5 * S
