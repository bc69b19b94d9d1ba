"""Service: one published family as data."""

from collections.abc import Callable
from dataclasses import dataclass

from microstream.model.events import Kind
from microstream.model.messages import Flag, Message
from microstream.model.state import State


@dataclass(frozen=True, slots=True)
class Service:
    """What a family needs of a venue, and the message that it makes of what is known.

    `needs` are the kinds without which there is nothing to publish; any event of `touches` makes a new view.
    `value_kind` is the family's own value, whose time is the message's time. `view` returns None while the own
    value is unknown; it is told the flags and the time of publication (ms UTC). `of_spot` says that it is about spot
    pairs and not about contracts.
    """

    family: str
    value_kind: Kind
    needs: frozenset[Kind]
    touches: frozenset[Kind]
    view: Callable[[State, tuple[Flag, ...], int], Message | None]
    of_spot: bool = False
