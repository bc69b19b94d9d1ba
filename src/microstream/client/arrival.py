"""What a reader receives: the message as bytes, and the keys that it looks at."""

from msgspec import DecodeError, Struct, structs
from msgspec.json import Decoder


class Head(Struct, frozen=True, gc=False, kw_only=True):
    """The keys that every message has, as far as a reader looks at them."""

    instrument: str | None = None
    timestamp: int | None = None
    received_at: int | None = None
    run: int | None = None
    seq: int | None = None
    flags: tuple[str, ...] = ()


class Payload(Head, frozen=True, gc=False, kw_only=True):
    """The keys of the funding, price, open interest, instrument and quality messages; absent ones are None.

    Looser than the structs that are published, so that a newer service, or another publisher on the same
    channel, can still be read. Units are those of `microstream.model.messages`. Of bars, signals and alerts it has
    the keys of `Head`; what else they say stands in the bytes.
    """

    funding_rate: float | None = None
    funding_rate_8h: float | None = None
    funding_interval_hours: float | None = None
    funding_apr: float | None = None
    next_funding_time: int | None = None
    settled_rate: float | None = None

    mark_price: float | None = None
    index_price: float | None = None
    basis_bps: float | None = None

    open_interest_base: float | None = None
    open_value: float | None = None

    status: str | None = None
    changed: dict[str, str | float | int | None] = {}

    kind: str | None = None
    state: str | None = None
    severity: str | None = None
    detail: str | None = None
    about: str | None = None
    since: int | None = None


class Arrival(Struct, frozen=True, gc=False, kw_only=True):
    """One message as it came.

    `family`, `exchange` and `item` are the parts of the channel (`item` is the symbol, or `*`). `live` is
    False for a last value read after subscribing. `missing` is how many numbers of the channel were skipped
    before this one. `problem` says why `raw` could not be read; `payload` is empty then.
    """

    channel: str
    family: str
    exchange: str
    item: str
    raw: bytes
    payload: Payload
    live: bool
    missing: int = 0
    problem: str | None = None


EMPTY = Payload()
HEAD_ONLY = frozenset({"bars", "signal", "alert"})
"""Families whose own keys are objects, or many: they are read where they are shown."""
_decoder = Decoder(Payload)
_head_decoder = Decoder(Head)


def read_payload(raw: bytes, family: str = "") -> tuple[Payload, str | None]:
    """Return the payload of a message of a family, or an empty one and what is wrong with the bytes."""
    try:
        if family in HEAD_ONLY:
            return Payload(**structs.asdict(_head_decoder.decode(raw))), None
        return _decoder.decode(raw), None
    except (DecodeError, UnicodeDecodeError) as error:
        return EMPTY, str(error)
