"""What a venue declares of its WebSocket APIs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from microstream_sim.streaming.connection import Connection
    from microstream_sim.streaming.hub import Hub
    from microstream_sim.view import View


class Feed(Protocol):
    """The content of one topic.

    `name` is the topic as the venue names it, `symbol` the one it is about (None: many). It is asked every
    `cadence_ms`, or at every step of the market where steps are longer, `phase_ms` after the whole period:
    venues do not push all symbols in one moment.
    """

    @property
    def name(self) -> str:
        """The topic."""
        ...

    @property
    def symbol(self) -> str | None:
        """What it is about."""
        ...

    @property
    def cadence_ms(self) -> int:
        """Its period."""
        ...

    @property
    def phase_ms(self) -> int:
        """Its place in the period."""
        ...

    def first(self, view: "View", *, alone: bool) -> list[Any]:
        """Return what a new subscriber gets at once; `alone` when it is the first one."""
        ...

    def next(self, view: "View") -> list[Any]:
        """Return what all subscribers get now: one body a frame, often none."""
        ...


class Talk(Protocol):
    """One side of the conversation on one connection: the venue's."""

    def begin(self, now: int) -> None:
        """The connection has been made."""
        ...

    def text(self, text: str, now: int) -> None:
        """A text frame came."""
        ...

    def control(self, *, pong: bool, now: int) -> None:
        """A ping or pong control frame came."""
        ...

    def tend(self, now: int) -> None:
        """Time has passed: pings, idle connections, the end of a life."""
        ...


@dataclass(frozen=True, slots=True)
class StreamApi:
    """The WebSocket APIs of one venue, all served on its port.

    `host` returns the name that connections to a path are counted under, or None if the path is not a
    stream. `connects` are the connections allowed in so many ms for each host, `most_open` those that may be
    open at once, `refused` the HTTP status beyond. `rows` returns the rows within a body, `key` is the field
    of a row that holds its symbol. `notice` returns what announces a close; None where a venue has no such
    word. `too_slow` is the close code for clients that do not read.
    """

    host: Callable[[str], str | None]
    connects: tuple[int, int]
    refused: int
    talk: Callable[["Hub", "Connection", Mapping[str, str]], Talk]
    rows: Callable[[Any], list[Any]]
    key: str
    notice: Callable[["View", "Connection"], Any | None]
    most_open: int | None = None
    too_slow: int | None = None
