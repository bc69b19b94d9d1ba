"""Services x venues -> the fewest polls that serve them all."""

from collections.abc import Mapping
from dataclasses import dataclass

from microstream.services import Service
from microstream.spec.rest import Poll
from microstream.spec.venue import Venue

NEEDED_S = 10.0
"""Prices that other families are published with are read at least so often: they are shown for 15 s only."""
CLOCK_S = 30.0
"""How often, at least, a venue that states its clock nowhere else is asked for it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A poll and how often it is due, in seconds: the shortest interval of the services that it serves."""

    poll: Poll
    period_s: float


def plan(venue: Venue, services: Mapping[Service, float]) -> list[Planned]:
    """Return the polls of a venue's contracts for services with their intervals in seconds.

    One reply serves every service that can use it. The clock is asked for by itself where no reply states it.
    """
    services = {service: interval for service, interval in services.items() if not service.of_spot}
    periods: dict[str, float] = {}
    for poll in venue.polls:
        served = [interval for service, interval in services.items() if service.needs & poll.provides]
        if served:
            periods[poll.name] = min(served)
        elif not poll.provides and not any(item.timed and item.name in periods for item in venue.polls):
            periods[poll.name] = min(CLOCK_S, 3 * min(services.values(), default=CLOCK_S))
    for poll in venue.polls:
        if poll.needs and poll.name in periods:
            _add_needed(venue, poll, periods)
    return [Planned(poll, periods[poll.name]) for poll in venue.polls if poll.name in periods]


def plan_spot(venue: Venue, services: Mapping[Service, float]) -> Planned | None:
    """Return the poll of a venue's spot pairs; None where no service is about them, or the venue's are not known."""
    intervals = [interval for service, interval in services.items() if service.of_spot]
    return Planned(venue.spot.poll, min(intervals)) if venue.spot and intervals else None


def _add_needed(venue: Venue, needy: Poll, periods: dict[str, float]) -> None:
    for poll in venue.polls:
        if poll.provides & needy.needs:
            periods[poll.name] = min(periods.get(poll.name, NEEDED_S), periods[needy.name])
