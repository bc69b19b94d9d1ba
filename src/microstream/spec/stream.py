"""WebSocket of a venue as data: addresses with the rules of their connections, topics, the reader of a connection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.spec.rest import Context


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription.

    `name` is the venue's own text for it (OKX: `channel:instId`). `provides` are the kinds of values in its frames.
    `contracts` are the venue's names of the contracts that it is about: each of its frames confirms what it provides
    of them, since what a frame leaves out is unchanged. None: it is about whatever its rows name, and each row speaks
    for its own contract alone. `lively_s` is the silence after which a topic that usually speaks more often is
    suspect, `quiet_s` the longest silence that is normal for the quietest one; None: it speaks on change alone, so its
    silence proves nothing.
    """

    name: str
    provides: frozenset[Kind]
    contracts: tuple[str, ...] | None
    lively_s: float
    quiet_s: float | None


@dataclass(frozen=True, slots=True)
class Acked:
    """The venue has confirmed a request (by its number), or one topic of it."""

    request: int | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue says no to a request, or to one topic of it; without either it is about the connection."""

    code: str
    text: str
    request: int | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to our ping."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The venue announces that it will close the connection."""

    text: str


Control = Acked | Refused | Pong | Closing


class Session(Protocol):
    """Reads the frames of one connection in order; built per connection and dies with it."""

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> Control | None:
        """Add what one text frame says to `frame`, and set `frame.topic` and `frame.stamp` for a push.

        Answers of the venue are returned; frames of topics that are not read add nothing. A push may be of a topic that
        is no longer wanted, and of a contract that is not followed: then its values are left out. Raises `Desynced`
        for a delta without its snapshot (with the topic), `WireMismatch` for what cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ping:
    """Sign of life that the client has to send: a text frame, or a control frame where `text` is None.

    The connection is dead when neither a pong nor any other frame has come for `dead_s`.
    """

    every_s: float
    text: bytes | None
    dead_s: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One WebSocket address of a venue, and what it demands of its connections.

    `path` is appended to the configured base (`ws_url`, or `spot_ws_url` where `base` is `spot`). `topics(context,
    kinds)` are the subscriptions that bring the wanted kinds of all followed contracts. `subscribe` and `unsubscribe`
    make the text of one request for several topics under a number. One connection carries topics whose `cost` adds up
    to at most `capacity`; one request carries at most `batch` topics and `batch_bytes` bytes; a connection takes at
    most `requests` client messages in `requests_s` seconds. `life_s` is after how long the venue ends a connection.
    """

    name: str
    base: Literal["ws", "spot"]
    path: str
    provides: frozenset[Kind]
    topics: Callable[[Context, frozenset[Kind]], Sequence[Topic]]
    session: Callable[[], Session]
    subscribe: Callable[[Sequence[Topic], int], bytes]
    unsubscribe: Callable[[Sequence[Topic], int], bytes]
    capacity: int
    cost: Callable[[Topic], int]
    batch: int
    batch_bytes: int
    requests: int
    requests_s: float
    ping: Ping
    life_s: float | None = None
    busy: frozenset[str] = frozenset()
    """Codes of refusals that mean that we ask too often: waiting helps, asking in other portions does not."""
