"""Followed: a contract with its state, and its published families made ready for the way of a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from microstream.model.channels import Channel
from microstream.model.events import BITS, Kind, bits
from microstream.model.instruments import Instrument
from microstream.model.messages import Flag, Message
from microstream.model.state import State, Upkeep
from microstream.services import Service


@dataclass(frozen=True, slots=True)
class Family:
    """One published family of one contract; `touches` and `own` are sets of kinds as bits."""

    service: Service
    view: Callable[[State, tuple[Flag, ...], int], Message | None]
    upkeep: Upkeep
    channel: Channel
    touches: int
    own: int


Route = tuple[Family, int]
"""A family that a set of kinds touches, and what of the set is its own value, as bits."""


class Routes(dict[int, tuple[Route, ...]]):
    """Set of kinds as bits -> the families that it touches; made when they are first asked for, 63 at most."""

    def __init__(self, families: Sequence[Family]) -> None:
        super().__init__()
        self._families = families

    def __missing__(self, heard: int) -> tuple[Route, ...]:
        """Make a route."""
        touched = tuple((family, heard & family.own) for family in self._families if heard & family.touches)
        self[heard] = touched
        return touched


@dataclass(slots=True)
class Followed:
    """A state, its families in the order of the services, and the counts of a venue's events by set of kinds."""

    state: State
    families: tuple[Family, ...]
    routes: Routes
    tally: list[int]


def followed(
    state: State, services: Sequence[Service], channels: Mapping[str, Channel], tally: list[int]
) -> Followed:
    """Return a state ready to be followed; its upkeep names the families."""
    families = tuple(
        Family(
            service,
            service.view,
            state.upkeep[service.family],
            channels[service.family],
            bits(service.touches),
            BITS[service.value_kind],
        )
        for service in services
        if service.family in state.upkeep
    )
    return Followed(state, families, Routes(families), tally)


def is_meant(instrument: Instrument, kind: Kind) -> bool:
    """Whether a value of this kind means anything: contracts that do not fund or trade say what is no value."""
    if kind == "spot" or instrument.kind == "spot":
        return kind == "spot" and instrument.kind == "spot"
    return instrument.funds if kind in {"funding", "settled"} else instrument.priced
