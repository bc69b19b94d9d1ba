"""Who takes what the streams of one venue bring, and what all connections of a feed share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from microstream.clock import Clock
from microstream.errors import MicrostreamError, WireMismatch
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.stream import Endpoint, Refused, Topic
from microstream.transport.budget import Budget
from microstream.transport.stream_state import StreamTally
from microstream.transport.turns import Turns

Tap = Callable[[str, bytes, int], None]
"""Sees every text frame as it came: name of the endpoint, payload, receipt in ms UTC."""


class StreamOutlet(Protocol):
    """Takes frames and news; every call is synchronous, and what it raises ends the feed."""

    def push(self, frame: Frame) -> None:
        """Take what one frame says."""
        ...

    def confirmed(self, topic: Topic) -> None:
        """Take that a topic is subscribed on a connection; told once for each connection."""
        ...

    def refused(self, topic: Topic, refusal: Refused) -> None:
        """Take that the venue says no to one topic; it is asked again after ten minutes."""
        ...

    def lost(self, topics: Sequence[Topic], reason: str) -> None:
        """Take that no connection carries these topics any more; they are confirmed anew when they are back."""
        ...

    def mismatch(self, error: WireMismatch) -> None:
        """Take a frame that cannot be read; `error.sample` is its beginning."""
        ...

    def blocked(self, error: MicrostreamError) -> None:
        """Take that the venue shuts this address out (`Banned`, `RegionBlocked`)."""
        ...

    def working(self) -> None:
        """Take that the venue lets this address in again."""
        ...


class Blockade:
    """Refused handshakes of one feed."""

    def __init__(self, outlet: StreamOutlet) -> None:
        self.reason: str | None = None
        self._outlet = outlet

    def begin(self, error: MicrostreamError) -> None:
        """Take that a handshake was refused because of the address."""
        if error.reason != self.reason:
            self.reason = error.reason
            self._outlet.blocked(error)

    def end(self) -> None:
        """Take that a connection is open."""
        if self.reason is not None:
            self.reason = None
            self._outlet.working()


@dataclass(frozen=True, slots=True)
class StreamInlet:
    """Where the connections of one feed lead, and where their frames go; `connects` is the venue's budget."""

    endpoint: Endpoint
    url: str
    venue: str
    connects: Budget
    context: Callable[[], Context]
    outlet: StreamOutlet
    clock: Clock
    tally: StreamTally
    blockade: Blockade
    turns: Turns
    tap: Tap | None = None
