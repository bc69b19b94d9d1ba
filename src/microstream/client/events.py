"""What `subscribe` yields: the published messages, read so that a newer or older service can be read, too."""

from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Union, cast, get_args, get_origin

from msgspec import NODEFAULT, DecodeError, Struct, defstruct, field, structs
from msgspec.json import Decoder
from msgspec.json import decode as decode_json

from microstream.model.channels import parts
from microstream.model.events import Source
from microstream.model.messages import PAYLOADS, Flag, Message


class Event:
    """A message as it was received. Every key of the payload is an attribute, with its unit.

    An event of a family of `PAYLOADS` is also an instance of that struct: `isinstance(event, FundingMessage)`
    holds for what came on `funding:*`. Keys, families, flags and other values that are newer than this library
    are kept: an unknown key is an attribute, too, and raises `AttributeError` only where the payload does not
    have it. A key that an older service does not write is None.
    """

    if not TYPE_CHECKING:
        __slots__ = ()  # the fields are in the structs
    __struct_fields__: ClassVar[tuple[str, ...]]

    v: int
    exchange: str
    symbol: str
    instrument: str | None
    timestamp: int | None
    received_at: int
    source: Source
    run: int
    seq: int
    flags: tuple[Flag, ...]

    channel: str
    """Where it was published, `funding:okx:sol-usdt`."""

    live: bool
    """False for what was read from the last values at the start, or later from the log."""

    missing: int
    """Numbers of this channel that are lost before this event: they did not come, and the log has them no more."""

    skipped: int
    """Older events of this channel that were left out before this one because the consumer was slow."""

    family: ClassVar[str]
    """`funding`, `mark_price`, `oi`, `instrument`, `quality` or one that is newer than this library."""

    conflates: ClassVar[bool]
    """Whether only the newest of a channel matters to one who is late; unknown families do not conflate."""

    raw: bytes
    """The payload as it was published, JSON."""

    def __repr__(self) -> str:
        """Return channel and keys, without `raw`, which says the same."""
        keys = (key for key in self.__struct_fields__ if key not in {"channel", "raw"})
        values = ", ".join(f"{key}={getattr(self, key)!r}" for key in keys)
        return f"<{self.channel} {values}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was received: the structs are made at run time and have no address."""
        return _restored, (self.channel, self.raw, self.live, self.missing, self.skipped)

    def __getattr__(self, key: str) -> Any:
        """Return a key of the payload that this library does not know."""
        if not key.startswith("_"):
            payload = decode_json(self.raw or b"{}")
            if key in payload:
                return payload[key]
        raise AttributeError(f"no key {key!r} in what was published on {self.channel}")


_OURS: list[tuple[str, Any, Any]] = [
    # The names in JSON are such that no payload has them.
    ("channel", str, field(default="", name="@channel")),
    ("live", bool, field(default=True, name="@live")),
    ("missing", int, field(default=0, name="@missing")),
    ("skipped", int, field(default=0, name="@skipped")),
    ("raw", bytes, field(default=b"", name="@raw")),
]


class Numbers(Struct, frozen=True, gc=False):
    """The keys that place a payload in the sequence of its channel; 0 where the publisher does not count."""

    run: int = 0
    seq: int = 0
    instrument: str | None = None


def _open(kind: Any) -> Any:
    """Return a type that also takes the values that a newer service may use."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return str
    if origin in {Union, UnionType}:
        return Union[tuple(map(_open, arguments))]  # noqa: UP007  # made at run time
    if origin is tuple:
        return tuple[tuple(map(_open, arguments))]  # type: ignore[misc]  # made at run time
    return kind


def _lenient(name: str, message: type[Message], **namespace: Any) -> type[Event]:
    """Return the event of a message: its keys, none required, with open types."""
    fields: list[tuple[str, Any, Any]] = []
    for key in structs.fields(message):
        kind = _open(key.type)
        fields.append((key.name, kind | None, None) if key.required else (key.name, kind, _default(key)))
    bases = (Event, message)
    made = defstruct(
        name, fields + _OURS, bases=bases, namespace=namespace, module=__name__, gc=False, kw_only=True
    )
    return cast("type[Event]", made)


def _family(event: Event) -> str:
    return parts(event.channel)[0]


def _default(key: structs.FieldInfo) -> Any:
    return key.default if key.default is not NODEFAULT else field(default_factory=key.default_factory)


_TYPES = {
    family: _lenient(f"{kind.__name__.removesuffix('Message')}Event", kind)
    for family, kind in PAYLOADS.items()
}
_OTHER = Decoder(_lenient("OtherEvent", Message, conflates=False, family=property(_family)))
_DECODERS = {family: Decoder(kind) for family, kind in _TYPES.items()}
_numbers = Decoder(Numbers)
UNCOUNTED = Numbers()


@lru_cache(maxsize=20_000)
def _decoder(channel: str) -> "Decoder[Event]":
    return _DECODERS.get(parts(channel)[0], _OTHER)


def read_event(channel: str, raw: bytes, *, live: bool) -> Event:
    """Return the event of a payload. Raises `DecodeError` or `UnicodeDecodeError` for what is none."""
    try:
        event = _decoder(channel).decode(raw)
    except DecodeError:
        event = _OTHER.decode(raw)  # a known key of another type: it is still to be had by its name
    event.channel, event.live, event.raw = channel, live, raw
    return event


def _restored(channel: str, raw: bytes, live: bool, missing: int, skipped: int) -> Event:
    event = read_event(channel, raw, live=live)
    event.missing, event.skipped = missing, skipped
    return event


def read_numbers(raw: bytes) -> Numbers:
    """Return run, number and instrument of a payload; zeros for one that cannot be read."""
    try:
        return _numbers.decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return UNCOUNTED
