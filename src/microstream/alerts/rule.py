"""A rule: which messages it looks at, what it asks of them, and what follows."""

from dataclasses import dataclass
from typing import Literal

from microstream.alerts.condition import Condition, same
from microstream.model.hours import DailyHours
from microstream.model.messages import Message
from microstream.model.paths import Path, look

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From the least to the most urgent."""

Filter = tuple[Path, tuple[str | float | bool | None, ...]]
"""A path, and the values that may stand there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the configuration has it; durations in milliseconds, paths taken apart.

    `on` are channel globs. `value` is looked up in the messages that fit `where`, and compared by `condition`.
    `distinct` tells conditions of one subject apart: the alert begins with the first and ends with the last of them.
    `for_ms` is how long the condition must hold before the alert is raised. With `lasts_ms` the alert is cleared so
    long after the condition held for the last time, and by nothing else. Within `cool_down_ms` of its end it is not
    raised again. `group_ms` and `quiet_hours` are for deliveries only.
    """

    name: str
    on: tuple[str, ...]
    value: Path
    condition: Condition
    where: tuple[Filter, ...] = ()
    distinct: tuple[Path, ...] = ()
    for_ms: int = 0
    lasts_ms: int | None = None
    cool_down_ms: int = 0
    severity: Severity = "warning"
    group_ms: int = 0
    quiet_hours: tuple[DailyHours, ...] = ()
    text: str | None = None

    def chooses(self, message: Message) -> bool:
        """Return whether the rule looks at a message of its channels."""
        for path, allowed in self.where:
            found = look(path, message)
            if not any(same(found, value) for value in allowed):
                return False
        return True


def at_least(severity: Severity, least: Severity) -> bool:
    """Return whether a severity is as urgent as another, or more."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)
