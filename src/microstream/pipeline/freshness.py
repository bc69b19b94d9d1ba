"""How old values are: what turns stale, what recovers, what is said again, and how all of it is told."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from microstream.model.events import AnyEvent
from microstream.model.line import Line
from microstream.model.state import State, Upkeep
from microstream.pipeline.followed import Family, Followed
from microstream.pipeline.quality import Quality
from microstream.services import Service

Publish = Callable[[State, Family, int], None]

TOGETHER = 1.5
"""Intervals without any value of a family of a venue: what falls silent then is not told contract by contract."""
SLACK = 1.02
"""A confirmed value is repeated early rather than late: polls arrive with some jitter."""
TICK_MS = 1_000
"""How often silence is looked for."""


def is_due(upkeep: Upkeep, now: int, period_ms: int) -> bool:
    """Whether a value could not wait another period without exceeding the longest time between two messages."""
    published_at = upkeep.published_at
    return published_at is None or now - published_at + period_ms > SLACK * upkeep.interval_ms


class Freshness:
    """Judges every family of every followed instrument: a polled value against three of its intervals, a streamed one
    against the deadline of its stream (contract, section 3).

    A venue that has said nothing at all of a family is told once, under the symbol `*`, and not once per contract.
    """

    def __init__(
        self,
        services: Sequence[Service],
        followed: Mapping[str, Followed],
        quality: Quality,
        publish: Publish,
    ) -> None:
        self._services = services
        self._followed = followed
        self._quality = quality
        self._publish = publish

    def confirm(self, state: State, service: Service, own: AnyEvent, offset_ms: int) -> bool:
        """Note that the family's own value was heard; return whether it has become stale or live by that.

        A value that the venue itself calls older than its own pace explains is stale, however often it is repeated.
        """
        upkeep = state.upkeep[service.family]
        limit_ms = _max_age_ms(state, upkeep, own)
        gap = upkeep.confirmed_at is not None and own.received_at - upkeep.confirmed_at > limit_ms
        upkeep.confirmed_at = own.received_at
        age = _venue_age(own, offset_ms)
        if upkeep.lag_ms is not None and age is not None and age > limit_ms + upkeep.lag_ms:
            return self._becomes_stale(state, service, own.received_at, own.received_at - age)
        if upkeep.stale_since is not None or gap:
            upkeep.stale_since = None
            upkeep.recovered = True
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
                self._publish(followed.state, family, now)

    def resume(self, state: State, now: int) -> None:
        """Await the values of a contract that is live from now on."""
        for upkeep in state.upkeep.values():
            upkeep.followed_at = now

    def tick(self, now: int) -> None:
        """Repeat what streams vouch for, and find what has not been heard for too long."""
        groups: dict[tuple[str, Service], list[tuple[State, Family]]] = {}
        for followed in self._followed.values():
            state = followed.state
            instrument = state.instrument
            is_live = instrument.status == "live"
            for family in followed.families:
                if is_live or _has_begun(state, family.upkeep):
                    self._repeat(state, family, now)
                    place = (instrument.exchange, family.service)
                    group = groups.get(place)
                    if group is None:
                        group = groups[place] = []
                    group.append((state, family))
        for (exchange, service), group in groups.items():
            self._judge(exchange, service, group, now)

    def _repeat(self, state: State, family: Family, now: int) -> None:
        """Say a value again that its stream has vouched for by other frames than its own."""
        own = state.value(family.service.value_kind)
        if own is None or own.source != "ws":
            return
        line = state.lines.get(own.kind)
        if line is None or not state.is_vouched(own, now):
            return
        if line.whole and line.heard_at > own.received_at:
            family.upkeep.confirmed_at = line.heard_at
        if is_due(family.upkeep, now, TICK_MS):
            for kind in family.service.touches:
                _renew(state, state.value(kind), now)
            self._publish(state, family, now)

    def _judge(self, exchange: str, service: Service, group: list[tuple[State, Family]], now: int) -> None:
        heard = [_heard(family.upkeep) for _, family in group]
        newest = max(heard)
        shortest_ms = min([family.upkeep.interval_ms for _, family in group])
        quiet_ms = now - newest
        together = (
            len(group) > 1 and quiet_ms > TOGETHER * shortest_ms and not _is_streamed(service, group, now)
        )
        whole = together and quiet_ms > 3 * shortest_ms
        if whole:
            kind = "stale" if any(family.upkeep.confirmed_at is not None for _, family in group) else "silent"
            detail = f"{exchange} has not confirmed {service.family} of any of {len(group)} contracts"
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
        for (state, family), at in zip(group, heard, strict=True):
            if now - at <= FRESH_MS:
                continue  # stale by no interval and no stream's deadline
            own = state.value(service.value_kind)
            if now - at > _max_age_ms(state, family.upkeep, own) and self._becomes_stale(
                state, service, now, at, told=together
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
        return True


FRESH_MS = 2_500
"""What was heard since is not stale: the shortest interval is a second, and no stream's deadline is less than this."""


def _is_streamed(service: Service, group: Iterable[tuple[State, Family]], now: int) -> bool:
    """Whether a stream that may rest for longer than polls do still has a value of the group."""
    for state, family in group:
        own = state.value(service.value_kind)
        if own is None or own.source != "ws":
            continue
        if now - _heard(family.upkeep) <= _max_age_ms(state, family.upkeep, own):
            return True
    return False


def _max_age_ms(state: State, upkeep: Upkeep, own: AnyEvent | None) -> float:
    """Return the age at which a value is stale: three intervals, or what the stream that brought it lets it become.

    The intervals begin when the stream is lost: until then it has vouched for the value.
    """
    if own is None or own.source != "ws":
        return upkeep.max_age_ms
    line = state.lines.get(own.kind)
    if line is None:
        return upkeep.max_age_ms
    if line.vouches_still(
        own.received_at
    ):  # one that speaks on change alone makes a value old by its end only
        return float("inf") if line.quiet_ms is None else line.deadline_ms
    heard_at = own.received_at if upkeep.confirmed_at is None else upkeep.confirmed_at
    limit_ms = max(line.lost_at - heard_at, 0) + upkeep.max_age_ms
    return limit_ms if line.quiet_ms is None else min(limit_ms, line.deadline_ms)


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


def _has_begun(state: State, upkeep: Upkeep) -> bool:
    """A contract before its launch may say nothing; what it has begun to say must go on."""
    return state.instrument.priced and upkeep.confirmed_at is not None


def _heard(upkeep: Upkeep) -> int:
    confirmed_at, followed_at = upkeep.confirmed_at, upkeep.followed_at
    return followed_at if confirmed_at is None or confirmed_at < followed_at else confirmed_at


def _venue_age(event: AnyEvent, offset_ms: int) -> int | None:
    return None if event.timestamp is None else event.received_at - (event.timestamp - offset_ms)
