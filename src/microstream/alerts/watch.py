"""What is remembered of one rule and one subject while there is something to remember."""

from math import inf
from typing import Any

from msgspec import Struct

from microstream.alerts.rule import Rule
from microstream.model.messages import Message

NEVER = inf


class Held(Struct):
    """A condition that holds: since when, and the newest message that says so (ms UTC)."""

    since: int
    message: Message
    value: Any


class Watch:
    """The conditions of a subject that hold, by what tells them apart; whether they have raised the alert.

    `since` is when the raised alert began, `until` when it ends by itself (`lasts_ms` of the rule), `ready_at` when it
    may be raised at the earliest (cool-down). `due` is when the engine looks at it by the clock (ms UTC).
    """

    __slots__ = ("due", "held", "raised", "ready_at", "rule", "since", "subject", "until")

    def __init__(self, rule: Rule, subject: str) -> None:
        self.rule = rule
        self.subject = subject
        self.held: dict[tuple[Any, ...], Held] = {}
        self.raised = False
        self.since = 0
        self.until = 0
        self.ready_at = 0
        self.due: float = NEVER

    @property
    def oldest(self) -> Held:
        """The condition that holds for the longest."""
        return min(self.held.values(), key=_since)

    @property
    def newest(self) -> Held:
        """The condition that was last heard of."""
        return max(self.held.values(), key=_heard_at)

    def may_rise(self, at: int, now: int) -> bool:
        """Return whether the conditions have held long enough at a time of messages, and the cool-down is over."""
        return bool(self.held) and now >= self.ready_at and at - self.oldest.since >= self.rule.for_ms

    def next_look(self, now: int) -> float:
        """Return when something changes without a message; `NEVER` where nothing does."""
        if not self.held:
            return self.ready_at if self.ready_at > now else NEVER
        ends = self.until if self.rule.lasts_ms is not None else NEVER
        return ends if self.raised else min(ends, max(self.oldest.since + self.rule.for_ms, self.ready_at))

    def is_idle(self, now: int) -> bool:
        """Return whether nothing is left to remember."""
        return not self.held and now >= self.ready_at and self.due == NEVER


def _since(held: Held) -> int:
    return held.since


def _heard_at(held: Held) -> int:
    return held.message.received_at
