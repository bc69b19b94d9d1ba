"""Rule and message -> the alert that is published."""

from collections.abc import Callable
from string import Formatter
from typing import Any

import msgspec

from microstream.alerts.condition import is_number
from microstream.alerts.rule import Rule
from microstream.model.channels import parts
from microstream.model.messages import VERSION, AlertMessage, Message
from microstream.model.paths import look, parse

OVER = "Over: "
"""What the text of a cleared alert begins with."""

LONGEST_SHOWN = 300
"""Characters of a value in a text."""

_MARK = {"above": ", above {}", "below": ", below {}", "outside": ", outside of ±{}"}


def subject_of(channel: str) -> str:
    """Return what a message on a channel is about.

    `{exchange}:{symbol}`, of bars with the timeframe behind it; of signals their subject.
    """
    family, owner, item = parts(channel)
    if family == "signal":
        return item
    exchange, _, timeframe = owner.partition(":")
    return f"{exchange}:{item}:{timeframe}" if timeframe else f"{exchange}:{item}"


def alert(
    rule: Rule, subject: str, message: Message, value: Any, *, since: int, raised: bool, note: str = ""
) -> AlertMessage:
    """Return the message that says that a rule began to hold for a subject (`raised`), or holds no more.

    `message` is the evidence; it is not numbered yet, whenever it is written. `note` is added to the text.
    """

    def find(path: str) -> Any:
        return look(parse(path), message)

    evidence = msgspec.to_builtins(message)
    evidence["run"] = evidence["seq"] = 0
    threshold = rule.condition.bound(already=not raised)
    return AlertMessage(
        v=VERSION,
        exchange=message.exchange,
        symbol=message.symbol,
        instrument=message.instrument,
        timestamp=None,
        received_at=message.received_at,
        source=message.source,
        run=0,
        seq=0,
        flags=(),
        rule=rule.name,
        subject=subject,
        state="raised" if raised else "cleared",
        severity=rule.severity,
        since=since,
        value=_plain(value),
        threshold=_plain(threshold),
        text=("" if raised else OVER) + _text(rule, subject, value, threshold, find, raised=raised) + note,
        evidence=evidence,
    )


def sample(rule: Rule, now: int) -> AlertMessage:
    """Return an alert of a rule as an example, about nothing; what only a message could tell is an ellipsis."""
    subject, threshold = "test:test", rule.condition.threshold
    value = "…" if threshold is None else threshold
    return AlertMessage(
        v=VERSION,
        exchange="test",
        symbol="test",
        instrument=None,
        timestamp=None,
        received_at=now,
        source="rest",
        run=0,
        seq=0,
        flags=(),
        rule=rule.name,
        subject=subject,
        state="raised",
        severity=rule.severity,
        since=now,
        value=_plain(value),
        threshold=_plain(threshold),
        text=_text(rule, subject, value, threshold, lambda _: "…", raised=True),
        evidence={},
    )


def _text(
    rule: Rule, subject: str, value: Any, threshold: Any, find: Callable[[str], Any], *, raised: bool
) -> str:
    if rule.text is None:
        mark = _MARK.get(rule.condition.kind, "") if raised else ""
        said = mark.format(_shown(threshold))
        return f"{rule.name} of {subject}: {'.'.join(rule.value)} is {_shown(value)}{said}"
    own = {"subject": subject, "value": value, "threshold": threshold, "rule": rule.name}
    pieces = []
    for literal, name, _, _ in Formatter().parse(rule.text):
        pieces.append(literal)
        if name is not None:
            pieces.append(_shown(own[name] if name in own else find(name)))
    return "".join(pieces)


def _plain(value: Any) -> str | float | None:
    """Return what can stand as value or threshold: text or a number, truth values as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) or is_number(value) else None


def _shown(value: Any) -> str:
    """Return a value for a sentence; fractions with six digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return str(value).lower()
    return "unknown" if value is None else str(value)[:LONGEST_SHOWN]
