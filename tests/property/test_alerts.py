"""Alerts over any sequence of messages and times."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.alerts.made import START, Heard, S, instrument, rule, signal

from microstream.alerts.condition import Condition
from microstream.alerts.rule import Rule

VALUES = st.none() | st.sampled_from([-70.0, -60.0, -50.0, -45.0, 0.0, 44.0, 45.0, 50.0, 60.0, 61.0, 99.0])
SUBJECTS = st.sampled_from(["okx:sol-usdt", "okx:sol-usdt-260327", "sol"])
STEPS = st.tuples(
    st.sampled_from([0, 0, 1, 1, 3, 10, 70]),
    st.one_of(
        st.tuples(st.just("value"), VALUES, SUBJECTS, st.sampled_from(["a", "b"])),
        st.tuples(st.just("tick")),
        st.tuples(st.just("delisted")),
    ),
)
CONDITIONS = st.sampled_from(
    [
        Condition("above", 60.0),
        Condition("above", 60.0, 45.0),
        Condition("below", -50.0, -45.0),
        Condition("outside", 60.0, 45.0),
        Condition("is", 99.0),
        Condition("present"),
    ]
)


@st.composite
def rules(draw: st.DrawFn, name: str = "squeeze") -> Rule:
    """Draw a rule of any make."""
    lasts = draw(st.none() | st.sampled_from([1, 5, 60]))
    return rule(
        draw(CONDITIONS),
        name=name,
        for_ms=0 if lasts else draw(st.sampled_from([0, 0, 1, 5, 60])) * S,
        lasts_ms=lasts and lasts * S,
        cool_down_ms=draw(st.sampled_from([0, 0, 5, 60])) * S,
        distinct=draw(st.sampled_from([(), (("values", "which"),)])),
        where=draw(st.sampled_from([(), ((("values", "which"), ("a",)),)])),
    )


def play(heard: Heard, steps: list[tuple[int, tuple[Any, ...]]]) -> int:
    """Let the steps happen, one after the other, and the time of the last one; return its second."""
    at = 0
    for pause, (what, *details) in steps:
        at += pause
        if what == "value":
            value, subject, which = details
            heard.take(signal(START + at * S, {"short_squeeze": value, "which": which}, subject))
        elif what == "tick":
            heard.tick(at)
        else:
            heard.take(instrument(START + at * S, status="delisted"))
    return at


@given(st.lists(STEPS, max_size=40), rules(), rules("other"), st.sampled_from([1, 2, 10]))
def test_raised_and_cleared_alternate(
    steps: list[tuple[int, tuple[Any, ...]]], one: Rule, other: Rule, max_open: int
) -> None:
    """For every rule and subject, beginning with raised; the counts say the same, and the bound holds."""
    heard = Heard(one, other, max_open=max_open)
    play(heard, steps)
    expected: dict[tuple[str, str], str] = {}
    for alert in heard.alerts:
        key = alert.rule, alert.subject
        assert alert.state == expected.get(key, "raised")
        expected[key] = "cleared" if alert.state == "raised" else "raised"
    for name, count in heard.engine.counts.items():
        still = [key for key, following in expected.items() if key[0] == name and following == "cleared"]
        assert count.open == len(still) == count.raised - count.cleared
    assert len(heard.engine) <= max_open


@given(st.lists(STEPS, max_size=40), rules(), rules("other"))
def test_the_same_input_gives_the_same_bytes(
    steps: list[tuple[int, tuple[Any, ...]]], one: Rule, other: Rule
) -> None:
    """There is no clock and no chance in it."""
    first, second = Heard(one, other), Heard(one, other)
    play(first, steps)
    play(second, steps)
    assert first.bytes() == second.bytes()
    assert first.channels == second.channels


@given(st.lists(st.floats(45.0, 60.0, exclude_min=True), max_size=30), st.booleans())
def test_nothing_flaps_within_the_band(values: list[float], is_raised: bool) -> None:
    """Between the two thresholds an alert stays as it is."""
    heard = Heard(rule())
    heard.score(0, 61.0 if is_raised else 0.0)
    for at, value in enumerate(values):
        heard.score(at, value)
        heard.tick(at)
    assert heard.states == (["raised"] if is_raised else [])


@given(st.lists(st.tuples(st.sampled_from([1, 3, 9]), VALUES), max_size=40), st.sampled_from([0, 5, 10, 30]))
def test_what_is_raised_has_held_all_the_time(values: list[tuple[int, float | None]], for_s: int) -> None:
    """Every value between the begin and the raising was known and beyond the threshold; none is raised late."""
    heard = Heard(rule(for_ms=for_s * S))
    at, said = 0, []
    for pause, value in values:
        for second in range(at, at + pause):
            heard.tick(second)
        at += pause
        before = len(heard.alerts)
        heard.score(at, value)
        said.append((START + at * S, value))
        for alert in heard.alerts[before:]:
            if alert.state == "raised":
                meanwhile = [one for when, one in said if when >= alert.since]
                assert all(one is not None and one > 60.0 for one in meanwhile)
                assert START + at * S - alert.since >= for_s * S
    heard.tick(at)
    run = [when for when, one in said]
    while said and said[-1][1] is not None and said[-1][1] > 60.0:
        said.pop()
    begin = run[len(said)] if len(said) < len(run) else None
    if begin is not None and START + at * S - begin >= for_s * S:
        assert heard.states[-1] == "raised"


@given(st.lists(STEPS, max_size=40), rules())
def test_nothing_is_left_when_all_is_over(steps: list[tuple[int, tuple[Any, ...]]], one: Rule) -> None:
    """Once nothing holds and the cool-down has passed, nothing is remembered."""
    heard = Heard(one)
    at = play(heard, steps)
    for subject in ("okx:sol-usdt", "okx:sol-usdt-260327", "sol"):
        for which in ("a", "b"):
            end = None if one.condition.kind == "present" else 0.0
            heard.take(signal(START + at * S, {"short_squeeze": end, "which": which}, subject))
    heard.tick(at + 1_000)
    heard.tick(at + 2_000)
    assert len(heard.engine) == 0
