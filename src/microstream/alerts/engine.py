"""Messages -> alerts. Synchronous, without a clock: the same input twice gives the same alerts, byte for byte."""

import re
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any

from msgspec import Struct

from microstream.alerts.rule import Rule
from microstream.alerts.watch import NEVER, Held, Watch
from microstream.alerts.wording import alert, subject_of
from microstream.model.channels import Channel, channel
from microstream.model.globs import channel_regex
from microstream.model.messages import AlertMessage, InstrumentMessage, Message
from microstream.model.paths import look

MAX_OPEN = 10_000
"""Rules x subjects that are remembered at once: those that hold, and those in their cool-down."""
PORTION = 100
"""Looks by the clock at a time: each may raise an alert, which takes some 15 us."""
MAX_DISTINCT = 100
"""Conditions that are told apart within one of them."""

Offer = Callable[[Channel, Message], None]
Notify = Callable[[AlertMessage], None]


class Count(Struct):
    """Alerts of one rule: raised and cleared so far, open now."""

    raised: int = 0
    cleared: int = 0
    open: int = 0


class Route(Struct, frozen=True):
    """What is to be done with the messages of a channel."""

    rules: tuple[Rule, ...] = ()
    subject: str = ""
    of_registry: bool = False


NOWHERE = Route()


class Alerts:
    """Looks at every message, and publishes when a rule begins to hold for a subject and when it holds no more.

    `offer` publishes, `notify` hands the same message to the deliveries. Unknown values neither raise nor clear: an
    alert that is raised stays so, one that waits for its `for_ms` begins to wait anew. What a rule's `where` leaves out
    changes nothing. A contract that is delisted takes its alerts with it.

    `counts` has the alerts by rule. `refused` counts conditions that were passed over because `max_open` are remembered
    already; `full` is called when that begins.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        offer: Offer,
        notify: Notify,
        *,
        max_open: int = MAX_OPEN,
        full: Callable[[], None] = lambda: None,
    ) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.counts = {name: Count() for name in self.rules}
        self.refused = 0
        self._offer = offer
        self._notify = notify
        self._max_open = max_open
        self._full = full
        self._told_full = False
        self._globs: list[tuple[Rule, list[re.Pattern[str]]]] = [
            (rule, [channel_regex(glob) for glob in rule.on]) for rule in self.rules.values()
        ]
        self._routes: dict[str, Route] = {}
        self._watches: dict[tuple[str, str], Watch] = {}
        self._looks: list[tuple[float, int, Watch]] = []
        self._pushed = 0

    def __len__(self) -> int:
        """Number of rules x subjects that are remembered."""
        return len(self._watches)

    def take(self, where: Channel, message: Message, now: int) -> None:
        """Look at a message that is being published; one look-up where no rule is interested in its channel."""
        route = self._routes.get(where.name)
        if route is NOWHERE:
            return
        if route is None:
            route = self._routes[where.name] = self._route(where.name, message)
        if route.of_registry and isinstance(message, InstrumentMessage) and message.status == "delisted":
            self._forget(route.subject, message, now)
        for rule in route.rules:
            if rule.chooses(message):
                self._judge(rule, route.subject, message, now)

    def tick(self, now: int) -> None:
        """Raise and clear what the time alone raises and clears; to be called about once a second."""
        for _ in self.ticking(now):
            pass

    def ticking(self, now: int) -> Iterator[None]:
        """Do what `tick` does in steps of a millisecond or two, so that messages can be taken in between."""
        looked = 0
        while self._looks and self._looks[0][0] <= now:
            due, _, watch = heappop(self._looks)
            if due != watch.due:
                continue  # a sooner look has replaced it
            watch.due = NEVER
            if self._watches.get((watch.rule.name, watch.subject)) is watch:
                self._look_at(watch, now)
            looked += 1
            if looked % PORTION == 0:
                yield

    def _route(self, name: str, message: Message) -> Route:
        if message.family == "alert":
            return NOWHERE
        rules = tuple(rule for rule, globs in self._globs if any(glob.fullmatch(name) for glob in globs))
        of_registry = message.family == "instrument"
        return Route(rules, subject_of(name), of_registry) if rules or of_registry else NOWHERE

    def _judge(self, rule: Rule, subject: str, message: Message, now: int) -> None:
        watch = self._watches.get((rule.name, subject))
        key = tuple([_plain(look(path, message)) for path in rule.distinct])
        value = look(rule.value, message)
        held = watch.held.get(key) if watch else None
        holds = rule.condition.holds(value, already=held is not None and watch is not None and watch.raised)
        if holds:
            self._holds(rule, subject, key, Held(message.received_at, message, value), now)
        elif watch is not None and held is not None and rule.lasts_ms is None:
            if holds is None and watch.raised:
                return
            del watch.held[key]
            if watch.raised and not watch.held:
                self._clear(watch, message, value, now)
            self._settle(watch, now)

    def _holds(self, rule: Rule, subject: str, key: tuple[Any, ...], held: Held, now: int) -> None:
        watch = self._watches.get((rule.name, subject)) or self._begin(rule, subject)
        if watch is None or (key not in watch.held and len(watch.held) >= MAX_DISTINCT):
            self.refused += 1
            return
        before = watch.held.get(key)
        at = held.since
        if before is not None:
            held.since = before.since
        watch.held[key] = held
        if rule.lasts_ms is not None:
            watch.until = now + rule.lasts_ms
        if not watch.raised and watch.may_rise(at, now):
            self._raise(watch)
        self._settle(watch, now)

    def _begin(self, rule: Rule, subject: str) -> Watch | None:
        """Return a new watch, None where there is no room for one."""
        if len(self._watches) >= self._max_open:
            if not self._told_full:
                self._told_full = True
                self._full()
            return None
        if len(self._watches) < self._max_open // 2:
            self._told_full = False
        watch = self._watches[rule.name, subject] = Watch(rule, subject)
        return watch

    def _look_at(self, watch: Watch, now: int) -> None:
        if watch.held and watch.rule.lasts_ms is not None and now >= watch.until:
            last = watch.newest
            watch.held.clear()
            if watch.raised:
                self._clear(watch, last.message, last.value, now)
        elif not watch.raised and watch.may_rise(now, now):
            self._raise(watch)
        self._settle(watch, now)

    def _settle(self, watch: Watch, now: int) -> None:
        """See to it that the watch is looked at in time, or forgotten where nothing is left of it."""
        following = watch.next_look(now)
        if following < watch.due:
            watch.due = following
            self._pushed += 1
            heappush(self._looks, (following, self._pushed, watch))
        elif watch.is_idle(now):
            self._watches.pop((watch.rule.name, watch.subject), None)

    def _raise(self, watch: Watch) -> None:
        held = watch.oldest
        watch.raised, watch.since = True, held.since
        count = self.counts[watch.rule.name]
        count.raised += 1
        count.open += 1
        self._publish(
            alert(watch.rule, watch.subject, held.message, held.value, since=held.since, raised=True)
        )

    def _clear(self, watch: Watch, message: Message, value: Any, now: int, note: str = "") -> None:
        watch.raised = False
        watch.ready_at = now + watch.rule.cool_down_ms
        count = self.counts[watch.rule.name]
        count.cleared += 1
        count.open -= 1
        self._publish(
            alert(watch.rule, watch.subject, message, value, since=watch.since, raised=False, note=note)
        )

    def _forget(self, contract: str, message: InstrumentMessage, now: int) -> None:
        """Clear the alerts of a contract that has left, and of its bars."""
        bars = f"{contract}:"
        for key, watch in list(self._watches.items()):
            if watch.subject == contract or watch.subject.startswith(bars):
                if watch.raised:
                    self._clear(watch, message, None, now, " (the contract is delisted)")
                del self._watches[key]

    def _publish(self, message: AlertMessage) -> None:
        self._offer(channel("alert", message.rule, message.subject), message)
        self._notify(message)


def _plain(value: Any) -> str | float | bool | None:
    """Return what conditions can be told apart by; of objects and lists nothing."""
    return value if isinstance(value, str | int | float | bool) else None
