"""What a reader is told beside the messages: the state of the connection, losses, and its own slowness."""

from msgspec import Struct


class Connected(Struct, frozen=True):
    """The subscription stands; last values follow, then live messages."""

    server: str


class Away(Struct, frozen=True):
    """The server cannot be reached; told once per outage, however often it is tried again."""

    server: str
    reason: str


class Healed(Struct, frozen=True):
    """The numbers `first` to `last` of a channel did not come as they were published and were read from the log."""

    channel: str
    run: int
    first: int
    last: int


class Lost(Struct, frozen=True):
    """The numbers `first` to `last` of a channel did not come and could not be read from the log.

    `last` is None where the publisher was started anew meanwhile, so that nobody knows how far it had counted:
    everything from `first` to the next event of the channel may be lost.
    """

    channel: str
    run: int
    first: int
    last: int | None
    reason: str


class Behind(Struct, frozen=True):
    """The consumer is slower than what is published; told when that begins, and every 10 s while it lasts.

    `waiting` events wait for it. Since it fell behind, `conflated` events made way for a newer one of their
    channel, and `dropped` events of the families that do not conflate were left out, the oldest first.
    """

    waiting: int
    conflated: int
    dropped: int


class CaughtUp(Struct, frozen=True):
    """The consumer has taken everything again; what it did not get while it was behind."""

    conflated: int
    dropped: int


class Unreadable(Struct, frozen=True):
    """A message that is no payload of this service, and why; it is left out."""

    channel: str
    reason: str


Notice = Connected | Away | Healed | Lost | Behind | CaughtUp | Unreadable
