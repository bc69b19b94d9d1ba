"""Rules over messages, feature by feature."""

import msgspec
import pytest
from tests.unit.alerts.made import START, Heard, S, bar, instrument, quality, rule, signal

from microstream.alerts.condition import Condition
from microstream.alerts.engine import MAX_DISTINCT
from microstream.model.channels import channel
from microstream.model.messages import PAYLOADS, AlertMessage


def test_an_alert_says_what_was_compared_with_the_evidence() -> None:
    """Every key of the payload, on the channel of rule and subject, and the same to the deliveries."""
    heard = Heard(rule(severity="critical"))
    where, message = signal(START, {"short_squeeze": 72.5})
    heard.take((where, message))
    (alert,) = heard.alerts
    assert heard.channels == ["alert:squeeze:okx:sol-usdt"]
    assert heard.notified == [alert]
    assert (alert.rule, alert.subject, alert.state, alert.severity) == (
        "squeeze",
        "okx:sol-usdt",
        "raised",
        "critical",
    )
    assert (alert.since, alert.value, alert.threshold) == (START, 72.5, 60.0)
    assert alert.text == "squeeze of okx:sol-usdt: values.short_squeeze is 72.5, above 60"
    assert alert.evidence == msgspec.to_builtins(message)
    assert (alert.exchange, alert.symbol, alert.instrument) == ("okx", "sol-usdt", "SOL/USDT:USDT")
    assert (alert.timestamp, alert.received_at, alert.source, alert.flags) == (None, START, "ws", ())


def test_an_alert_is_raised_once_and_cleared_once_with_its_own_threshold() -> None:
    """In between it is silent, within the band too; the end says when it began."""
    heard = Heard(rule())
    for at, value in enumerate([50.0, 61.0, 90.0, 61.0, 59.0, 46.0, 45.0, 44.0, 59.0]):
        heard.score(at, value)
    raised, cleared = heard.alerts
    assert (raised.state, raised.since, raised.value) == ("raised", START + S, 61.0)
    assert (cleared.state, cleared.since, cleared.value, cleared.threshold) == (
        "cleared",
        START + S,
        45.0,
        45.0,
    )
    assert cleared.text == "Over: squeeze of okx:sol-usdt: values.short_squeeze is 45"
    assert cleared.evidence["values"] == {"short_squeeze": 45.0}


def test_subjects_are_apart() -> None:
    """What one contract does is nothing to another; a coin is a subject too."""
    heard = Heard(rule())
    heard.score(0, 70.0, "okx:sol-usdt")
    heard.score(1, 70.0, "binance:solusdt")
    heard.score(2, 70.0, "sol")
    heard.score(3, 10.0, "okx:sol-usdt")
    assert [(alert.subject, alert.state) for alert in heard.alerts] == [
        ("okx:sol-usdt", "raised"),
        ("binance:solusdt", "raised"),
        ("sol", "raised"),
        ("okx:sol-usdt", "cleared"),
    ]
    assert [alert.exchange for alert in heard.alerts] == ["okx", "binance", "*", "okx"]


def test_bars_name_their_timeframe_in_the_subject() -> None:
    """Attributes of a struct within the message are reached by their names."""
    heard = Heard(rule(Condition("below", 100.0), on=("bars:*:1m",), value=("mark", "close")))
    heard.take(bar(START, 99.0))
    assert heard.alerts[0].subject == "okx:sol-usdt:1m"
    assert heard.channels == ["alert:squeeze:okx:sol-usdt:1m"]


@pytest.mark.parametrize("value", [None, "much", True])
def test_an_unknown_value_neither_raises_nor_clears(value: float | None) -> None:
    """An alert that is raised stays so until the value is known again."""
    heard = Heard(rule())
    heard.score(0, value)
    heard.score(1, 70.0)
    heard.score(2, value)
    heard.tick(1_000_000)
    assert heard.states == ["raised"]
    heard.score(3, 10.0)
    assert heard.states == ["raised", "cleared"]


def test_where_chooses_messages_and_what_it_leaves_out_changes_nothing() -> None:
    """Lists name several values; null is a value."""
    heard = Heard(
        rule(
            Condition("is", "raised"),
            on=("quality:*",),
            value=("state",),
            where=((("kind",), ("stale", "silent")), (("about",), ("oi", None))),
        )
    )
    heard.take(
        quality(START, "raised", "frozen"),
        quality(START, "raised", "stale", "funding"),
        quality(START, "raised", "silent", None),
        quality(START, "cleared", "frozen"),
        quality(START, "cleared", "stale", "funding"),
    )
    assert heard.states == ["raised"]
    assert heard.alerts[0].evidence["kind"] == "silent"
    heard.take(quality(START, "cleared", "stale", "oi"))
    assert heard.states == ["raised", "cleared"]


def test_distinct_conditions_begin_with_the_first_and_end_with_the_last() -> None:
    """The evidence is what tripped it, and what ended it."""
    heard = Heard(
        rule(Condition("is", "raised"), on=("quality:*",), value=("state",), distinct=(("kind",), ("about",)))
    )
    heard.take(
        quality(START, "raised", "stale", "oi"),
        quality(START + S, "raised", "stale", "funding"),
        quality(START + 2 * S, "cleared", "stale", "oi"),
    )
    assert heard.states == ["raised"]
    heard.take(quality(START + 3 * S, "cleared", "stale", "funding"))
    assert heard.states == ["raised", "cleared"]
    assert [alert.evidence["about"] for alert in heard.alerts] == ["oi", "funding"]
    assert heard.alerts[1].since == START


def test_for_waits_by_the_time_of_the_messages() -> None:
    """It is raised with the first message by which the condition has held for so long."""
    heard = Heard(rule(for_ms=30 * S))
    for at in (0, 10, 20, 29):
        heard.score(at, 70.0 + at)
    assert heard.alerts == []
    heard.score(30, 99.0)
    (alert,) = heard.alerts
    assert (alert.since, alert.value, alert.received_at) == (START, 99.0, START + 30 * S)


def test_for_ends_by_the_clock_where_no_message_comes() -> None:
    """With the newest message as evidence."""
    heard = Heard(rule(for_ms=30 * S))
    heard.score(0, 70.0)
    heard.score(5, 71.0)
    heard.tick(29)
    assert heard.alerts == []
    heard.tick(30)
    (alert,) = heard.alerts
    assert (alert.since, alert.value, alert.received_at) == (START, 71.0, START + 5 * S)
    heard.tick(31)
    heard.score(32, 72.0)
    assert heard.states == ["raised"]


@pytest.mark.parametrize("value", [10.0, 50.0, 60.0, None])
def test_for_begins_anew_after_a_break(value: float | None) -> None:
    """Below the threshold, the band included: hysteresis is for what is raised. Nobody vouches for the unknown."""
    heard = Heard(rule(for_ms=30 * S))
    heard.score(0, 70.0)
    heard.score(20, value)
    heard.score(25, 70.0)
    heard.tick(54)
    assert heard.alerts == []
    heard.tick(55)
    assert [alert.since for alert in heard.alerts] == [START + 25 * S]


def test_lasts_ends_an_event_by_the_time_alone() -> None:
    """Messages without the event change nothing, another event prolongs it."""
    heard = Heard(
        rule(
            Condition("present"),
            on=("meta:instrument:*",),
            value=("changed", "funding_interval_hours"),
            lasts_ms=600 * S,
        )
    )
    heard.take(instrument(START, changed={"status": None}))
    heard.take(instrument(START, changed={"funding_interval_hours": None}))
    assert heard.alerts == [], "a new listing, or an interval that became known, is no change"
    heard.take(instrument(START, changed={"funding_interval_hours": 8.0}))
    heard.take(instrument(START + S, changed={"tick_size": 0.1}))
    heard.take(instrument(START + 60 * S, changed={"funding_interval_hours": 4.0}, hours=2.0))
    heard.tick(659)
    assert heard.states == ["raised"]
    heard.tick(660)
    raised, cleared = heard.alerts
    assert (raised.value, raised.threshold, raised.since) == (8.0, None, START)
    assert (cleared.state, cleared.value, cleared.since) == ("cleared", 4.0, START)
    assert cleared.evidence["funding_interval_hours"] == 2.0
    assert len(heard.engine) == 0


def test_a_cool_down_puts_the_next_one_off() -> None:
    """What holds at its end is raised then, by the clock if need be; what does not is never told."""
    heard = Heard(rule(cool_down_ms=60 * S))
    heard.score(0, 70.0)
    heard.score(10, 40.0)
    heard.score(20, 70.0)
    heard.score(30, 40.0)
    heard.score(40, 75.0)
    heard.tick(69)
    assert heard.states == ["raised", "cleared"]
    heard.tick(70)
    assert heard.states == ["raised", "cleared", "raised"]
    assert (heard.alerts[2].since, heard.alerts[2].value) == (START + 40 * S, 75.0)


def test_an_event_within_the_cool_down_is_forgotten_when_its_time_is_over() -> None:
    """It is raised only if it still lasts at the end of the cool-down."""
    heard = Heard(rule(lasts_ms=10 * S, cool_down_ms=60 * S))
    heard.score(0, 70.0)
    heard.tick(10)
    heard.score(20, 70.0)
    heard.tick(30)
    heard.score(65, 70.0)
    heard.tick(70)
    assert [(alert.state, alert.since - START) for alert in heard.alerts] == [
        ("raised", 0),
        ("cleared", 0),
        ("raised", 65 * S),
    ]


def test_a_contract_that_leaves_takes_its_alerts_with_it() -> None:
    """Those of its bars too, and nobody else's; what waits is forgotten."""
    heard = Heard(
        rule(),
        rule(Condition("below", 100.0), name="cheap", on=("bars:*",), value=("mark", "close")),
        rule(name="slow", for_ms=60 * S),
    )
    heard.score(0, 70.0)
    heard.score(0, 70.0, "okx:sol-usdt-260327")
    heard.take(bar(START, 99.0))
    heard.take(instrument(START + S, status="suspended"))
    assert "cleared" not in heard.states
    heard.take(instrument(START + 2 * S, status="delisted"))
    gone = [alert for alert in heard.alerts if alert.state == "cleared"]
    assert [(alert.rule, alert.subject) for alert in gone] == [
        ("squeeze", "okx:sol-usdt"),
        ("cheap", "okx:sol-usdt:1m"),
    ]
    assert all(alert.value is None and alert.evidence["status"] == "delisted" for alert in gone)
    assert gone[0].text.endswith("(the contract is delisted)")
    heard.tick(120)
    assert [alert.subject for alert in heard.alerts if alert.rule == "slow"] == ["okx:sol-usdt-260327"]


def test_a_rule_can_ask_for_the_delisting_itself() -> None:
    """The message that clears the contract's alerts is looked at by the rules all the same."""
    heard = Heard(
        rule(Condition("is", "delisted"), on=("meta:instrument:*",), value=("status",), lasts_ms=10 * S)
    )
    heard.take(instrument(START, status="delisted"))
    heard.tick(10)
    assert heard.states == ["raised", "cleared"]


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        (Condition("is", True), True, ("true", "true")),
        (Condition("is", "anomalous"), "anomalous", ("anomalous", "anomalous")),
        (Condition("present"), {"a": 1}, (None, None)),
        (Condition("above", 1.0), 2.5, (2.5, 1.0)),
    ],
)
def test_value_and_threshold_are_text_or_numbers(
    condition: Condition, value: float, expected: tuple[object, object]
) -> None:
    """Whatever was compared, the payload has what its schema allows."""
    heard = Heard(rule(condition))
    heard.score(0, value)
    (alert,) = heard.alerts
    assert (alert.value, alert.threshold) == expected
    written = msgspec.json.encode(alert)
    assert msgspec.json.encode(msgspec.json.decode(written, type=PAYLOADS["alert"])) == written


def test_texts_say_what_stands_in_the_message() -> None:
    """Own words, paths, braces; what is unknown is called so, and an end says that it is one."""
    text = "{{{rule}}} {subject}: {value} of {threshold}, {values.median}, {instrument}"
    heard = Heard(rule(text=text))
    heard.take(signal(START, {"short_squeeze": 72.123456789, "median": None}))
    heard.take(signal(START, {"short_squeeze": 1.0}))
    assert [alert.text for alert in heard.alerts] == [
        "{squeeze} okx:sol-usdt: 72.1235 of 60, unknown, SOL/USDT:USDT",
        "Over: {squeeze} okx:sol-usdt: 1 of 45, unknown, SOL/USDT:USDT",
    ]


def test_channels_of_no_rule_are_looked_up_once() -> None:
    """A message of another channel does nothing, an alert is never looked at, whatever the globs say."""
    heard = Heard(rule(Condition("is", "raised"), on=("*",), value=("state",)))
    heard.take(quality(START, "raised"))
    (alert,) = heard.alerts
    heard.take((channel("alert", "squeeze", "okx:sol-usdt"), alert))
    heard.take(signal(START, {}, name="basis"))
    assert heard.states == ["raised"]


def test_the_counts_are_by_rule() -> None:
    """Raised and cleared only grow, open is what is raised now."""
    heard = Heard(rule(), rule(name="other"))
    heard.score(0, 70.0)
    heard.score(0, 70.0, "binance:solusdt")
    heard.score(1, 10.0)
    count = heard.engine.counts["squeeze"]
    assert (count.raised, count.cleared, count.open) == (2, 1, 1)
    assert list(heard.engine.counts) == ["squeeze", "other"]


def test_there_is_a_limit_to_what_is_remembered() -> None:
    """Beyond it conditions are passed over and counted, which is told once; what is open is cleared as ever."""
    told: list[str] = []
    heard = Heard(rule(), max_open=4, full=lambda: told.append("full"))
    for number in range(7):
        heard.score(0, 70.0, f"okx:c{number}")
    assert (len(heard.engine), len(heard.alerts), heard.engine.refused, told) == (4, 4, 3, ["full"])
    for number in range(7):
        heard.score(1, 10.0, f"okx:c{number}")
    assert (len(heard.engine), heard.states.count("cleared")) == (0, 4)
    for number in range(5):
        heard.score(2, 70.0, f"okx:c{number}")
    assert told == ["full", "full"]


def test_a_tick_can_be_taken_in_steps() -> None:
    """A market that moves as one is no reason to hold up the frames; what comes in between is judged as ever."""
    heard = Heard(rule(for_ms=10 * S))
    for number in range(250):
        heard.score(0, 70.0, f"okx:c{number}")
    steps = heard.engine.ticking(START + 10 * S)
    next(steps)
    assert len(heard.alerts) == 100
    heard.score(10, 0.0, "okx:c249")
    assert sum(1 for _ in steps) == 1
    assert (heard.states, heard.alerts[-1].subject) == (["raised"] * 249, "okx:c248")


def test_there_is_a_limit_to_what_is_told_apart() -> None:
    """A rule that tells conditions apart by a number does not fill the memory."""
    heard = Heard(rule(distinct=(("values", "short_squeeze"),)))
    for number in range(MAX_DISTINCT + 5):
        heard.score(0, 70.0 + number)
    assert (len(heard.engine), heard.engine.refused, heard.states) == (1, 5, ["raised"])


def test_nothing_is_left_of_what_is_over() -> None:
    """Neither of conditions that come and go while they wait, nor of cool-downs."""
    heard = Heard(rule(for_ms=3_600 * S, cool_down_ms=10 * S))
    for at in range(0, 200, 2):
        heard.score(at, 70.0)
        heard.score(at + 1, 10.0)
    assert len(heard.engine) == 1
    heard.tick(4_000)
    assert (len(heard.engine), heard.alerts) == (0, [])


def test_the_evidence_is_the_same_whenever_it_is_written() -> None:
    """The writer numbers messages when it writes them; an alert that comes later does not show it."""
    heard = Heard(rule(for_ms=10 * S))
    where, message = signal(START, {"short_squeeze": 70.0})
    heard.take((where, message))
    message.run, message.seq = 5, 7
    heard.tick(10)
    assert (heard.alerts[0].evidence["run"], heard.alerts[0].evidence["seq"]) == (0, 0)


def test_messages_that_come_late_are_judged_by_their_own_time() -> None:
    """A stall of the process is no time for which a condition held."""
    heard = Heard(rule(for_ms=30 * S))
    heard.take(signal(START, {"short_squeeze": 70.0}), delay=60 * S)
    assert heard.alerts == []
    heard.take(signal(START + S, {"short_squeeze": 10.0}), delay=60 * S)
    heard.tick(61)
    assert heard.alerts == []


def test_alert_messages_fit_their_type() -> None:
    """What is offered is what the family says."""
    heard = Heard(rule())
    heard.score(0, 70.0)
    assert type(heard.alerts[0]) is AlertMessage
