"""Which alerts go out together, and when: groups of a rule, and the summary of quiet hours."""

from collections.abc import Hashable, Iterable
from math import inf

from msgspec import Struct

from microstream.alerts.notification import Entry, Notification
from microstream.alerts.rule import Rule
from microstream.model.messages import AlertMessage

MAX_HELD = 1_000
"""Alerts that are held back at once, in all groups and quiet hours; the oldest go first."""


class _Bag(Struct):
    """Alerts that wait for a time (ms UTC), and whose they are."""

    due: int
    rule: Rule
    entries: list[Entry]


class Gather:
    """Takes alerts one by one and gives out notifications when they are due.

    An alert goes out at once, unless its rule groups (then with all that come within `group_ms` of the first one) or is
    quiet and not critical (then at the end of the quiet hours, with those of every other rule that has the same hours).
    `dropped` counts what was lost because too much was held back.
    """

    def __init__(self, rules: Iterable[Rule], *, max_held: int = MAX_HELD) -> None:
        self.dropped = 0
        self._rules = {rule.name: rule for rule in rules}
        self._max_held = max_held
        self._ready: list[Notification] = []
        self._bags: dict[Hashable, _Bag] = {}

    def __len__(self) -> int:
        """Number of alerts that are held back."""
        return sum(len(bag.entries) for bag in self._bags.values())

    @property
    def next_due(self) -> float:
        """When something is due next (ms UTC); infinite where nothing is held back."""
        return -inf if self._ready else min([bag.due for bag in self._bags.values()], default=inf)

    def add(self, alert: AlertMessage, now: int) -> None:
        """Take an alert."""
        rule = self._rules.get(alert.rule)
        entry = Entry(now, alert)
        if rule is None:
            self._ready.append(Notification((entry,)))
        elif (end := quiet_until(rule, now)) is not None:
            self._put(("quiet", rule.quiet_hours), end, rule, [entry])
        elif rule.group_ms:
            self._put(("group", rule.name), now + rule.group_ms, rule, [entry])
        else:
            self._ready.append(Notification((entry,)))

    def take_due(self, now: int) -> list[Notification]:
        """Return what is to be sent now. A group that is due in quiet hours joins their summary."""
        ready, self._ready = self._ready, []
        for key in [key for key, bag in self._bags.items() if bag.due <= now]:
            bag = self._bags.pop(key)
            end = quiet_until(bag.rule, now)
            if end is None:
                ready.append(_together(bag.entries))
            else:
                self._put(("quiet", bag.rule.quiet_hours), end, bag.rule, bag.entries)
        return ready

    def take_all(self) -> list[Notification]:
        """Return everything that is held back, quiet hours or not."""
        bags = list(self._bags.values())
        self._bags.clear()
        ready, self._ready = self._ready, []
        return ready + [_together(bag.entries) for bag in bags]

    def _put(self, key: Hashable, due: int, rule: Rule, entries: list[Entry]) -> None:
        bag = self._bags.get(key)
        if bag is None:
            bag = self._bags[key] = _Bag(due, rule, [])
        bag.entries.extend(entries)
        while len(self) > self._max_held:
            fullest = max(self._bags.values(), key=_size)
            del fullest.entries[0]
            self.dropped += 1


def quiet_until(rule: Rule, now: int) -> int | None:
    """Return when the quiet hours of a rule are over, None outside of them and for critical alerts."""
    if rule.severity == "critical":
        return None
    ends = [hours.end_after(now) for hours in rule.quiet_hours]
    return max(filter(None, ends), default=None)


def _together(entries: list[Entry]) -> Notification:
    return Notification(tuple(sorted(entries, key=_at)))


def _at(entry: Entry) -> int:
    return entry.at


def _size(bag: _Bag) -> int:
    return len(bag.entries)
