"""How old values are: what turns stale, what recovers, what is said again, and how all of it is told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from msgspec.structs import replace

from microstream.model.events import AnyEvent, Kind
from microstream.model.line import Line
from microstream.model.state import PORTION, State, Upkeep
from microstream.pipeline.followed import Family, Followed
from microstream.pipeline.lines import STREAMS
from microstream.pipeline.quality import Quality
from microstream.services import Service

Publish = Callable[[State, Family, int], None]

TOGETHER = 0.5
"""Part of the age at which a value is stale, without any value of a family of a venue: what falls silent then is not
told contract by contract."""
SLACK = 1.02
"""A confirmed value is repeated early rather than late: polls arrive with some jitter."""
TICK_MS = 1_000
"""How often silence is looked for."""


def is_due(upkeep: Upkeep, now: int, period_ms: int) -> bool:
    """Whether a value could not wait another period without exceeding the longest time between two messages."""
    published_at = upkeep.published_at
    return published_at is None or now - published_at + period_ms > SLACK * upkeep.interval_ms


@dataclass(slots=True)
class Group:
    """One family of one venue at one look: how many contracts have it, and which of them have not been heard lately."""

    service: Service
    count: int = 0
    newest: int = 0
    has_begun: bool = False
    quiet: list[tuple[State, Family]] = field(default_factory=list)

    def take(self, upkeep: Upkeep) -> int:
        """Count one contract; return when its value was heard, or since when it is awaited."""
        heard = _heard_at(upkeep)
        if upkeep.confirmed_at is not None:
            self.has_begun = True
        self.newest = max(self.newest, heard)
        self.count += 1
        return heard


class Freshness:
    """Judges every family of every followed instrument: a polled value against three of its intervals, a streamed one
    against the deadline of its stream (contract, section 3).

    A venue that has said nothing at all of a family is told once, under the symbol `*`, and not once per contract.
    """

    def __init__(
        self,
        services: Sequence[Service],
        quality: Quality,
        publish: Publish,
        streamed: frozenset[Kind],
    ) -> None:
        self._services = services
        self._streamed = streamed
        self._quality = quality
        self._publish = publish

    def confirm(self, state: State, service: Service, own: AnyEvent, offset_ms: int | None) -> bool:
        """Note that the family's own value was heard; return whether it has become stale or live by that.

        A value that the venue itself calls older than its own pace explains is stale, however often it is repeated.
        `offset_ms` is None while the venue's clock is not known.
        """
        upkeep = state.upkeep[service.family]
        limit_ms = max(
            upkeep.max_age_ms, _max_age_ms(state, upkeep, own)
        )  # the last one may have come otherwise
        gap = upkeep.confirmed_at is not None and own.received_at - upkeep.confirmed_at > limit_ms
        upkeep.confirmed_at = own.received_at
        age = _venue_age(own, offset_ms or 0)
        if age is not None and _is_old(state, upkeep, own, offset_ms):
            return self._becomes_stale(state, service, own.received_at, own.received_at - age)
        if upkeep.stale_since is not None or gap:
            upkeep.stale_since = None
            upkeep.recovered = True
            state.calm = False
            self._clear(state, service, own.received_at)
        return upkeep.recovered

    def _clear(self, state: State, service: Service, now: int) -> None:
        """Tell that what was stale or silent is live again."""
        instrument = state.instrument
        detail = f"{service.family} is live again"
        for kind in ("stale", "silent"):
            self._quality.cleared(
                instrument.exchange, instrument, kind, service.family, now=now, detail=detail
            )

    def suspend(self, followed: Followed, now: int) -> None:
        """Flag what is known of a contract that is no longer live, and publish it so for the last time."""
        for family in followed.families:
            if family.upkeep.stale_since is None:
                family.upkeep.stale_since = now
                followed.state.calm = False
                self._publish(followed.state, family, now)

    def resume(self, state: State, now: int) -> None:
        """Await the values of a contract that is live from now on."""
        for upkeep in state.upkeep.values():
            upkeep.followed_at = now

    def ticking(self, exchange: str, followed: Sequence[Followed], now: int) -> Iterator[None]:
        """Repeat what streams vouch for, and find what has not been heard for too long, of one venue's contracts."""
        groups = {service.family: Group(service) for service in self._services}
        for number, one in enumerate(followed, 1):
            if number % PORTION == 0:
                yield
            state = one.state
            if state.gone:
                continue
            is_live = state.instrument.status == "live"
            for family in one.families:
                upkeep = family.upkeep
                if is_live or _has_begun(state, upkeep):
                    confirmed_at = upkeep.confirmed_at
                    fresh = confirmed_at is not None and now - confirmed_at <= FRESH_MS
                    if not fresh or is_due(upkeep, now, TICK_MS):
                        self._repeat(state, family, now)
                    group = groups[family.service.family]
                    heard = group.take(upkeep)
                    if now - heard > FRESH_MS:  # else it is stale by no interval and no stream's deadline
                        group.quiet.append((state, family))
        for group in groups.values():
            if group.count:
                self._judge(exchange, group, now)
        yield

    def _repeat(self, state: State, family: Family, now: int) -> None:
        """Say a value again that its stream has vouched for by other frames than its own."""
        own = state.value(family.service.value_kind)
        if own is None or not state.is_vouched(own, now):
            return
        line = state.lines[own.kind]
        if line.quiet_ms is None:
            family.upkeep.confirmed_at = now
        elif line.whole and line.heard_at > own.received_at:
            family.upkeep.confirmed_at = line.heard_at
        # what has been quiet is the polls' to confirm, where there are any and they come
        quiet = (
            own.kind not in self._streamed
            and now - (line.heard_at if line.whole else own.received_at) > FRESH_MS
        )
        wait_ms = TICK_MS - family.upkeep.interval_ms // 2 if quiet else TICK_MS
        if is_due(family.upkeep, now, wait_ms):
            for kind in family.service.touches:
                _renew(state, state.value(kind), now)
            self._publish(state, family, now)

    def _judge(self, exchange: str, group: "Group", now: int) -> None:
        service, newest = group.service, group.newest
        idle_ms = now - newest
        limit_ms = _patience_ms(group) if group.count > 1 and idle_ms > FRESH_MS else inf
        whole = idle_ms > limit_ms
        together = idle_ms > TOGETHER * limit_ms or self._quality.is_open(exchange, "*", "silent", STREAMS)
        if whole:
            kind = "stale" if group.has_begun else "silent"
            detail = f"{exchange} has not confirmed {service.family} of any of {group.count} contracts"
            self._quality.raised(
                exchange,
                None,
                kind,
                service.family,
                now=now,
                detail=detail,
                since=newest,
                severity="critical",
            )
        elif self._quality.open:
            for ended in ("stale", "silent"):
                detail = f"{exchange} confirms {service.family} again"
                self._quality.cleared(exchange, None, ended, service.family, now=now, detail=detail)
        for state, family in group.quiet:
            if state.gone:
                continue
            heard = _heard_at(family.upkeep)  # asked again: it may have spoken since it was looked at
            own = state.value(service.value_kind)
            if now - heard > _max_age_ms(state, family.upkeep, own) and self._becomes_stale(
                state, service, now, heard, told=together
            ):
                self._publish(state, family, now)

    def _becomes_stale(
        self, state: State, service: Service, now: int, since: int, *, told: bool = False
    ) -> bool:
        """Flag a value as stale and return whether it was not before; `told` where that is left to the whole venue."""
        upkeep, instrument = state.upkeep[service.family], state.instrument
        kind = "stale" if upkeep.confirmed_at is not None else "silent"
        if not told and not self._quality.is_open(
            instrument.exchange, instrument.symbol, kind, service.family
        ):
            seconds = round((now - since) / 1000)
            self._quality.raised(
                instrument.exchange,
                instrument,
                kind,
                service.family,
                now=now,
                since=since,
                detail=f"{service.family} of {instrument.symbol}: nothing newer for {seconds} s",
                expected=_max_age_ms(state, upkeep, state.value(service.value_kind)) / 1000,
                observed=(now - since) / 1000,
            )
        if upkeep.stale_since is not None:
            return False
        upkeep.stale_since = since
        state.calm = False
        return True


FRESH_MS = 2_500
"""What was heard since is not stale: the shortest interval is a second, and no stream's deadline is less than this."""


def _max_age_ms(state: State, upkeep: Upkeep, own: AnyEvent | None) -> int:
    """Return the age at which a value is stale: three intervals, or what the stream that brought it lets it become."""
    if own is None or own.source != "ws":
        return upkeep.max_age_ms
    line = state.lines.get(own.kind)
    if line is None or line.quiet_ms is None:
        return upkeep.max_age_ms
    cut_off = line.since is None and line.silent_since is None
    if cut_off or (
        line.since is not None and own.received_at < line.since
    ):  # until then it vouched for the value
        return max(line.lost_at - (upkeep.confirmed_at or own.received_at), 0) + upkeep.max_age_ms
    return min(line.deadline_ms, max(upkeep.max_age_ms, line.lively_ms))


def _patience_ms(group: Group) -> int:
    """Return for how long a venue may confirm nothing of a family of which nothing has been heard lately.

    Polls are the measure as long as they serve it.
    """
    owns = [(state, family.upkeep, state.value(group.service.value_kind)) for state, family in group.quiet]
    polled = [upkeep.max_age_ms for _, upkeep, own in owns if own is None or own.source != "ws"]
    return min(polled or [_max_age_ms(state, upkeep, own) for state, upkeep, own in owns])


def is_late(state: State, event: AnyEvent, offset_ms: int | None) -> bool:
    """Whether a stream brought a value after its deadline, by the venue's own clock; it cannot be said without that."""
    if offset_ms is None or event.source != "ws":
        return False
    line, age = state.lines.get(event.kind), _venue_age(event, offset_ms)
    return line is not None and line.quiet_ms is not None and age is not None and age > line.deadline_ms


def _is_old(state: State, upkeep: Upkeep, own: AnyEvent, offset_ms: int | None) -> bool:
    if own.source == "ws":
        return is_late(state, own, offset_ms)
    age = _venue_age(own, offset_ms or 0)
    return upkeep.lag_ms is not None and age is not None and age > upkeep.max_age_ms + upkeep.lag_ms


def _renew(state: State, event: AnyEvent | None, now: int) -> None:
    """Give a value the time at which its stream last confirmed it."""
    if event is None or event.source != "ws":
        return
    line = state.lines.get(event.kind)
    if line is not None and _confirms(line, event, now):
        renewed = replace(
            event,
            received_at=line.heard_at,
            timestamp=event.timestamp if line.stamp is None else line.stamp,
        )
        setattr(state, event.kind, renewed)


def _confirms(line: Line, event: AnyEvent, now: int) -> bool:
    return line.whole and line.heard_at > event.received_at and line.vouches(event.received_at, now)


def _heard_at(upkeep: Upkeep) -> int:
    """Return when a value was heard, or since when it is awaited."""
    confirmed_at, followed_at = upkeep.confirmed_at, upkeep.followed_at
    return followed_at if confirmed_at is None or confirmed_at < followed_at else confirmed_at


def _has_begun(state: State, upkeep: Upkeep) -> bool:
    """A contract before its launch may say nothing; what it has begun to say must go on."""
    return state.instrument.priced and upkeep.confirmed_at is not None


def _venue_age(event: AnyEvent, offset_ms: int) -> int | None:
    return None if event.timestamp is None else event.received_at - (event.timestamp - offset_ms)
