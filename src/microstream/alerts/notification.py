"""Alerts -> title and text of a notification."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from microstream.alerts.rule import Severity, at_least
from microstream.model.messages import AlertMessage

LONGEST = 1_500
"""Characters of a text: the shortest limit among the usual services is Discord's 2,000."""


class Entry(Struct, frozen=True):
    """An alert, and when it was raised or cleared by our clock (ms UTC)."""

    at: int
    alert: AlertMessage


class Notification(Struct, frozen=True):
    """Alerts that go out together, oldest first."""

    entries: tuple[Entry, ...]
    is_test: bool = False

    def least(self, severity: Severity) -> "Notification | None":
        """Return the part that is at least so urgent, None where nothing is."""
        kept = tuple(entry for entry in self.entries if at_least(entry.alert.severity, severity))
        return Notification(kept, self.is_test) if kept else None

    @property
    def title(self) -> str:
        """What it is about, in a few words."""
        first = self.entries[0].alert
        if len(self.entries) == 1:
            state = first.severity if first.state == "raised" else "over"
            title = f"{first.rule} of {first.subject}: {state}"
        else:
            states = Counter(entry.alert.state for entry in self.entries)
            counts = ", ".join(f"{count} {state}" for state, count in states.items())
            rules = {entry.alert.rule for entry in self.entries}
            title = f"{rules.pop() if len(rules) == 1 else 'alerts'}: {counts}"
        return f"TEST {title}" if self.is_test else title

    @property
    def text(self) -> str:
        """A line an alert, with the time where there are several; what does not fit is counted at the end."""
        if self.is_test:
            return f"This is a test, nothing has happened.\n{_lines(self.entries)}"
        return _lines(self.entries)

    @property
    def kind(self) -> str:
        """The word of the notification library for what it is: `success`, `info`, `warning` or `failure`."""
        raised = [entry.alert for entry in self.entries if entry.alert.state == "raised"]
        if not raised:
            return "success"
        if any(alert.severity == "critical" for alert in raised):
            return "failure"
        return "warning" if any(alert.severity == "warning" for alert in raised) else "info"


def _lines(entries: Sequence[Entry]) -> str:
    if len(entries) == 1:
        return entries[0].alert.text[:LONGEST]
    lines: list[str] = []
    room = LONGEST
    for entry in entries:
        line = f"{datetime.fromtimestamp(entry.at / 1000, UTC):%H:%M:%S} UTC  {entry.alert.text}"
        room -= len(line) + 1
        if room < 0:
            lines.append(f"... and {len(entries) - len(lines)} more")
            break
        lines.append(line)
    return "\n".join(lines)
