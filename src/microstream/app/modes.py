"""Which way each kind of value may come: by streams, by polls, or by streams with polls as their net."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from microstream.model.events import Kind
from microstream.services import Service
from microstream.spec.venue import Venue

Mode = Literal["auto", "stream", "poll"]
PRICES: frozenset[Kind] = frozenset({"mark", "index"})
"""What funding rates are shown with, and open interest is valued at, though another service publishes it."""


@dataclass(frozen=True, slots=True)
class Modes:
    """Kinds that are wanted from streams, and those that only streams or only polls may write.

    `polls` are the services that polls serve, with their intervals in seconds.
    """

    wanted: frozenset[Kind]
    streamed: frozenset[Kind]
    polled: frozenset[Kind]
    polls: Mapping[Service, float]


def modes(services: Mapping[Service, tuple[float, Mode]]) -> Modes:
    """Return the ways of all kinds for services with their intervals and modes.

    A kind goes the way of the service that publishes it; prices that nobody publishes go that of the first service that
    shows them.
    """
    way: dict[Kind, Mode] = {}
    for service, (_, mode) in services.items():
        for kind in service.touches:
            way[kind] = mode
    for service, (_, mode) in services.items():
        if service.family in {"funding", "oi"}:
            for kind in PRICES:
                way.setdefault(kind, mode)
    return Modes(
        wanted=frozenset(kind for kind, mode in way.items() if mode != "poll"),
        streamed=frozenset(kind for kind, mode in way.items() if mode == "stream"),
        polled=frozenset(kind for kind, mode in way.items() if mode == "poll"),
        polls={service: interval_s for service, (interval_s, mode) in services.items() if mode != "stream"},
    )


def unstreamed(venue: Venue, ways: Modes) -> frozenset[Kind]:
    """Return the kinds that are wanted from streams alone and that a venue does not stream: nothing brings them."""
    streamed = frozenset[Kind]({"spot"}).union(*(endpoint.provides for endpoint in venue.endpoints))
    return ways.streamed - streamed
