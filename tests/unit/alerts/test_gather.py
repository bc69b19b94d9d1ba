"""What goes out together, and when."""

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.alerts.made import START, S, rule

from microstream.alerts.gather import Gather
from microstream.alerts.notification import Notification
from microstream.alerts.rule import Rule
from microstream.alerts.wording import sample
from microstream.model.hours import DailyHours
from microstream.model.messages import AlertMessage

NIGHT = (DailyHours.parse("00:00-01:00"),)
"""START is 00:38:30 UTC."""
MORNING = START + 1_290 * S


def alert(of: Rule, number: int = 0) -> AlertMessage:
    """Return an alert of a rule, told apart by its subject."""
    return replace(sample(of, START), subject=f"okx:c{number}")


def subjects(notifications: list[Notification]) -> list[list[str]]:
    """Return what each of them is about."""
    return [[entry.alert.subject[4:] for entry in one.entries] for one in notifications]


def test_an_alert_goes_out_at_once() -> None:
    """Each by itself."""
    of = rule()
    gather = Gather([of])
    gather.add(alert(of, 1), START)
    gather.add(alert(of, 2), START)
    assert gather.next_due == -inf
    assert subjects(gather.take_due(START)) == [["c1"], ["c2"]]
    assert (gather.next_due, gather.take_due(START)) == (inf, [])


def test_a_rule_that_groups_waits_from_its_first_alert_on() -> None:
    """All that come meanwhile go with it, those of other rules do not; then it begins anew."""
    one, other = rule(group_ms=60 * S), rule(name="other", group_ms=60 * S)
    gather = Gather([one, other])
    gather.add(alert(one, 1), START)
    gather.add(alert(other, 2), START + 10 * S)
    gather.add(alert(one, 3), START + 59 * S)
    assert gather.next_due == START + 60 * S
    assert gather.take_due(START + 59 * S) == []
    assert subjects(gather.take_due(START + 60 * S)) == [["c1", "c3"]]
    gather.add(alert(one, 4), START + 61 * S)
    assert subjects(gather.take_due(START + 70 * S)) == [["c2"]]
    assert (len(gather), gather.next_due) == (1, START + 121 * S)


def test_quiet_hours_end_with_one_summary() -> None:
    """Of all rules with the same hours, oldest first; a critical alert goes out at once."""
    one = rule(quiet_hours=NIGHT)
    other = rule(name="other", quiet_hours=NIGHT, group_ms=60 * S)
    urgent = rule(name="urgent", quiet_hours=NIGHT, severity="critical")
    awake = rule(name="awake")
    gather = Gather([one, other, urgent, awake])
    for number, of in enumerate([other, one, urgent, awake, one]):
        gather.add(alert(of, number), START + number * S)
    assert subjects(gather.take_due(START + 5 * S)) == [["c2"], ["c3"]]
    assert gather.next_due == MORNING
    assert gather.take_due(MORNING - 1) == []
    assert subjects(gather.take_due(MORNING)) == [["c0", "c1", "c4"]]
    gather.add(alert(one, 5), MORNING)
    assert subjects(gather.take_due(MORNING)) == [["c5"]]


def test_a_group_that_is_due_in_quiet_hours_joins_the_summary() -> None:
    """Nobody is woken by what happened a minute before."""
    of = rule(quiet_hours=NIGHT, group_ms=60 * S)
    gather = Gather([of])
    before = START - 2_330 * S  # 23:59:40 of the day before
    gather.add(alert(of, 1), before)
    assert gather.next_due == before + 60 * S
    assert gather.take_due(before + 60 * S) == []
    gather.add(alert(of, 2), START)
    assert subjects(gather.take_due(MORNING)) == [["c1", "c2"]]


def test_hours_that_follow_each_other_are_one_night() -> None:
    """The summary waits for the end of the last ones."""
    of = rule(quiet_hours=(*NIGHT, DailyHours.parse("01:00-02:00")))
    gather = Gather([of])
    gather.add(alert(of), START)
    assert gather.take_due(MORNING) == []
    assert subjects(gather.take_due(MORNING + 3_600 * S)) == [["c0"]]


def test_an_end_takes_everything() -> None:
    """What is held back would be lost."""
    one, other = rule(quiet_hours=NIGHT), rule(name="other", group_ms=60 * S)
    gather = Gather([one, other])
    for number, of in enumerate([one, other, rule(name="unknown")]):
        gather.add(alert(of, number), START)
    assert sorted(subjects(gather.take_all())) == [["c0"], ["c1"], ["c2"]]
    assert (len(gather), gather.next_due) == (0, inf)


def test_no_more_is_held_back_than_fits() -> None:
    """The oldest of the fullest goes, and is counted."""
    of, other = rule(quiet_hours=NIGHT), rule(name="other", group_ms=60 * S)
    gather = Gather([of, other], max_held=3)
    gather.add(alert(other, 0), START)
    for number in range(1, 6):
        gather.add(alert(of, number), START)
    assert (len(gather), gather.dropped) == (3, 3)
    assert sorted(subjects(gather.take_all())) == [["c0"], ["c4", "c5"]]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3_000), st.booleans()), max_size=40))
def test_nothing_is_lost_and_nothing_comes_twice(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever the order of alerts and looks at the clock."""
    rules: list[Any] = [rule(name="a"), rule(name="b", group_ms=60 * S), rule(name="c", quiet_hours=NIGHT)]
    gather, now, out = Gather(rules), START, []
    for number, (which, pause_s, look) in enumerate(steps):
        now += pause_s * S
        gather.add(alert(rules[which], number), now)
        if look:
            out += gather.take_due(now)
    day = 86_400 * S
    out += gather.take_due((now // day + 1) * day + day // 2)
    said = sorted(int(name[1:]) for one in subjects(out) for name in one)
    assert said == list(range(len(steps)))
    assert len(gather) == 0


@pytest.mark.parametrize("at", [0, 59])
def test_the_time_of_an_entry_is_when_it_came(at: int) -> None:
    """By our clock, whatever the message behind it says."""
    of = rule(group_ms=60 * S)
    gather = Gather([of])
    gather.add(alert(of), START + at * S)
    assert gather.take_all()[0].entries[0].at == START + at * S
