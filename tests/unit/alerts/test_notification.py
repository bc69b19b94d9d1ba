"""Title and text of what is sent."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.alerts.made import START, S, rule

from microstream.alerts.notification import LONGEST, Entry, Notification
from microstream.alerts.rule import Severity
from microstream.alerts.wording import sample
from microstream.model.messages import AlertMessage


def entry(at: int = START, **changes: Any) -> Entry:
    """Return an alert that was raised, unless it is changed."""
    alert: AlertMessage = replace(
        sample(rule(), at), **({"subject": "okx:sol-usdt", "text": "it is high"} | changes)
    )
    return Entry(at, alert)


def test_one_alert_is_told_in_its_own_words() -> None:
    """Rule, subject and severity in the title; the end of one is called so."""
    assert Notification((entry(),)).title == "squeeze of okx:sol-usdt: warning"
    assert Notification((entry(),)).text == "it is high"
    over = Notification((entry(state="cleared", text="Over: it is high"),))
    assert (over.title, over.text, over.kind) == (
        "squeeze of okx:sol-usdt: over",
        "Over: it is high",
        "success",
    )


def test_several_are_counted_and_listed_with_their_times() -> None:
    """Of one rule under its name, of several together."""
    two = Notification((entry(), entry(START + S, state="cleared", text="Over: it is high")))
    assert two.title == "squeeze: 1 raised, 1 cleared"
    assert two.text == "00:38:30 UTC  it is high\n00:38:31 UTC  Over: it is high"
    assert Notification((entry(), entry(rule="other"))).title == "alerts: 2 raised"


def test_what_does_not_fit_is_counted() -> None:
    """No service cuts it in the middle."""
    many = Notification(tuple(entry(text="x" * 100) for _ in range(50)))
    lines = many.text.splitlines()
    assert len(many.text) <= LONGEST + 50
    assert lines[-1] == f"... and {50 - (len(lines) - 1)} more"
    assert len(Notification((entry(text="x" * 5_000),)).text) == LONGEST


@pytest.mark.parametrize(
    ("severity", "kind"), [("info", "info"), ("warning", "warning"), ("critical", "failure")]
)
def test_the_kind_is_that_of_the_worst(severity: Severity, kind: str) -> None:
    """Services show it in their colours."""
    assert Notification((entry(severity="info"), entry(severity=severity))).kind == kind


def test_a_target_gets_what_is_urgent_enough_for_it() -> None:
    """The rest of a summary is left out, all of it if need be."""
    mixed = Notification((entry(severity="info"), entry(severity="critical")))
    kept = mixed.least("warning")
    assert kept is not None
    assert [one.alert.severity for one in kept.entries] == ["critical"]
    assert Notification((entry(severity="info"),)).least("warning") is None


def test_a_test_says_so() -> None:
    """Nobody is to believe it."""
    test = Notification((entry(),), is_test=True)
    assert test.title.startswith("TEST ")
    assert test.text.splitlines() == ["This is a test, nothing has happened.", "it is high"]


def test_a_sample_has_the_words_of_its_rule() -> None:
    """What only a message could tell is left open."""
    alert = sample(rule(text="{subject}: {value} of {threshold}, {values.median}"), START)
    assert alert.text == "test:test: 60 of 60, …"
    assert (alert.exchange, alert.symbol, alert.evidence) == ("test", "test", {})
