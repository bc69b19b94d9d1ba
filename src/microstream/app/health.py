"""What is live and what is not, per venue and family: the answer of `/readyz` and of the metrics."""

from collections.abc import Sequence

from msgspec import Struct

from microstream.app.collector import Collector
from microstream.app.streams import Desk
from microstream.model.state import State
from microstream.pipeline.pipeline import Pipeline
from microstream.transport.budget import Budget

SHOWN = 3
"""Topics that a complaint names."""
SPOT = "spot"
ENOUGH = 0.5
"""Part of a family's followed contracts that must be live for it to count as live."""


class FamilyHealth(Struct, frozen=True):
    """How a family of a venue is doing. Ages are seconds since the value was last heard; null before the first."""

    followed: int
    live: int
    stale: int
    waiting: int
    newest_age_s: float | None
    median_age_s: float | None
    oldest_age_s: float | None

    @property
    def ready(self) -> bool:
        """Whether enough of the followed contracts are live."""
        return self.live >= ENOUGH * self.followed


class StreamHealth(Struct, frozen=True):
    """How the streams of an endpoint are doing: its connections and its topics, by what they say."""

    connections_wanted: int
    connections_open: int
    wanted: int
    sound: int
    silent: int
    refused: int


class VenueHealth(Struct, frozen=True):
    """A venue: contracts known and followed, its families, its streams, and what fails."""

    known: int
    followed: int
    families: dict[str, FamilyHealth]
    streams: dict[str, StreamHealth]
    failing: list[str]

    @property
    def ready(self) -> bool:
        """Whether the registry was read and every family of contracts is live; spot is a host of its own."""
        families = [family for name, family in self.families.items() if name != SPOT]
        return self.known > 0 and all(family.ready for family in families)


def venue_health(collector: Collector, pipeline: Pipeline, now: int) -> VenueHealth:
    """Return how one venue is doing."""
    exchange = collector.venue.name
    states = [state for state in pipeline.states.values() if state.instrument.exchange == exchange]
    failing = _closures(collector)
    failing += [text for feed in collector.all_feeds() for text in feed.state.complaints()]
    failing += [text for desk in collector.desks() for text in _stream_complaints(desk)]
    if collector.book.failing is not None:
        failing.append(collector.book.failing)
    return VenueHealth(
        known=len(collector.book.known),
        followed=len(collector.book.context.instruments),
        families={service.family: _family(states, service.family, now) for service in pipeline.services},
        streams={desk.endpoint.name: stream_health(desk) for desk in collector.desks()},
        failing=failing,
    )


def stream_health(desk: Desk) -> StreamHealth:
    """Return how one endpoint is doing."""
    state, sound = desk.feed.state, sum(1 for line in desk.lines.values() if line.since is not None)
    return StreamHealth(
        connections_wanted=state.connections_wanted,
        connections_open=state.connections_open,
        wanted=state.topics_wanted,
        sound=sound,
        silent=max(state.topics_wanted - sound - state.topics_refused, 0),
        refused=state.topics_refused,
    )


def _stream_complaints(desk: Desk) -> list[str]:
    """Return why connections are missing, and which topics say nothing."""
    state, name = desk.feed.state, desk.endpoint.name
    texts = []
    if state.connections_open < state.connections_wanted and state.last_error is not None:
        missing = f"{state.connections_wanted - state.connections_open} of {state.connections_wanted}"
        texts.append(f"streams {name}: {missing} connections are missing: {state.last_error}")
    mute = [topic for topic, line in desk.lines.items() if line.since is None]
    if mute and state.connections_open:
        more = f" and {len(mute) - SHOWN} more" if len(mute) > SHOWN else ""
        texts.append(f"streams {name}: nothing from {', '.join(mute[:SHOWN])}{more}")
    return texts


def _closures(collector: Collector) -> list[str]:
    """Return what keeps requests waiting: quotas that are closed or used up."""
    return [text for budget in collector.budgets() for text in _closed(budget)]


def _closed(budget: Budget) -> list[str]:
    texts = [
        f"{item.name}: closed for another {item.closed_s:.0f} s"
        for item in budget.quotas()
        if item.closed_s > 0
    ]
    if budget.waiting and not texts:
        used = ", ".join(
            f"{item.name} {item.used:g} of {item.limit:g}" for item in budget.quotas() if item.used
        )
        texts.append(f"{budget.waiting} requests wait for room in the limits of the venue: {used}")
    return texts


def _family(states: Sequence[State], family: str, now: int) -> FamilyHealth:
    upkeep = [
        state.upkeep[family]
        for state in states
        if family in state.upkeep and state.instrument.status == "live"
    ]
    ages = sorted((now - item.confirmed_at) / 1000 for item in upkeep if item.confirmed_at is not None)
    stale = sum(1 for item in upkeep if item.stale_since is not None)
    waiting = sum(1 for item in upkeep if item.confirmed_at is None and item.stale_since is None)
    return FamilyHealth(
        followed=len(upkeep),
        live=len(upkeep) - stale - waiting,
        stale=stale,
        waiting=waiting,
        newest_age_s=ages[0] if ages else None,
        median_age_s=ages[len(ages) // 2] if ages else None,
        oldest_age_s=ages[-1] if ages else None,
    )
