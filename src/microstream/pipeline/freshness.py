"""How old values are: what turns stale, what recovers, and how both are told."""

from collections.abc import Callable, Mapping, Sequence

from microstream.model.events import AnyEvent
from microstream.model.state import State, Upkeep
from microstream.pipeline.quality import Quality
from microstream.services import Service

Publish = Callable[[State, Service, int], None]

TOGETHER = 1.5
"""Intervals without any value of a family of a venue: what falls silent then is not told contract by contract."""


class Freshness:
    """Judges every family of every followed instrument against three of its intervals (contract, section 3).

    A venue that has said nothing at all of a family is told once, under the symbol `*`, and not once per contract.
    """

    def __init__(
        self, services: Sequence[Service], states: Mapping[str, State], quality: Quality, publish: Publish
    ) -> None:
        self._services = services
        self._states = states
        self._quality = quality
        self._publish = publish

    def confirm(self, state: State, service: Service, own: AnyEvent, offset_ms: int) -> bool:
        """Note that the family's own value was heard; return whether it has become stale or live by that.

        A value that the venue itself calls older than its own pace explains is stale, however often it is repeated.
        """
        upkeep = state.upkeep[service.family]
        gap = upkeep.confirmed_at is not None and own.received_at - upkeep.confirmed_at > upkeep.max_age_ms
        upkeep.confirmed_at = own.received_at
        age = _venue_age(own, offset_ms)
        if upkeep.lag_ms is not None and age is not None and age > upkeep.max_age_ms + upkeep.lag_ms:
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

    def suspend(self, state: State, now: int) -> None:
        """Flag what is known of a contract that is no longer live, and publish it so for the last time."""
        for service in self._services:
            upkeep = state.upkeep.get(service.family)
            if upkeep is not None and upkeep.stale_since is None:
                upkeep.stale_since = now
                self._publish(state, service, now)

    def resume(self, state: State, now: int) -> None:
        """Await the values of a contract that is live from now on."""
        for upkeep in state.upkeep.values():
            upkeep.followed_at = now

    def tick(self, now: int) -> None:
        """Find what has not been heard for too long."""
        for service in self._services:
            by_venue: dict[str, list[tuple[State, Upkeep]]] = {}
            for state in self._states.values():
                upkeep = state.upkeep.get(service.family)
                if upkeep is not None and (state.instrument.status == "live" or _has_begun(state, upkeep)):
                    by_venue.setdefault(state.instrument.exchange, []).append((state, upkeep))
            for exchange, followed in by_venue.items():
                self._judge(exchange, service, followed, now)

    def _judge(self, exchange: str, service: Service, followed: list[tuple[State, Upkeep]], now: int) -> None:
        heard = [_heard(upkeep) for _, upkeep in followed]
        newest = max(heard)
        shortest_ms = min([upkeep.interval_ms for _, upkeep in followed])
        several = len(followed) > 1
        whole = several and now - newest > 3 * shortest_ms
        together = several and now - newest > TOGETHER * shortest_ms
        if whole:
            kind = "stale" if any(upkeep.confirmed_at is not None for _, upkeep in followed) else "silent"
            detail = f"{exchange} has not confirmed {service.family} of any of {len(followed)} contracts"
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
        else:
            for ended in ("stale", "silent"):
                detail = f"{exchange} confirms {service.family} again"
                self._quality.cleared(exchange, None, ended, service.family, now=now, detail=detail)
        due = now - 3 * shortest_ms  # what was heard since is stale by no interval
        for (state, upkeep), at in zip(followed, heard, strict=True):
            if (
                at < due
                and now - at > upkeep.max_age_ms
                and self._becomes_stale(state, service, now, at, told=together)
            ):
                self._publish(state, service, now)

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
                expected=upkeep.max_age_ms / 1000,
                observed=(now - since) / 1000,
            )
        if upkeep.stale_since is not None:
            return False
        upkeep.stale_since = since
        return True


def _has_begun(state: State, upkeep: Upkeep) -> bool:
    """A contract before its launch may say nothing; what it has begun to say must go on."""
    return state.instrument.priced and upkeep.confirmed_at is not None


def _heard(upkeep: Upkeep) -> int:
    confirmed_at, followed_at = upkeep.confirmed_at, upkeep.followed_at
    return followed_at if confirmed_at is None or confirmed_at < followed_at else confirmed_at


def _venue_age(event: AnyEvent, offset_ms: int) -> int | None:
    return None if event.timestamp is None else event.received_at - (event.timestamp - offset_ms)
