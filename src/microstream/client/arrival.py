"""What a reader receives: the message as bytes, and the keys that it looks at."""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder


class Payload(Struct, frozen=True, gc=False, kw_only=True):
    """The keys of the funding, price, open interest, instrument and quality messages; absent ones are None.

    Looser than the structs that are published, so that a newer service, or another publisher on the same
    channel, can still be read. Units are those of `microstream.model.messages`.
    """

    instrument: str | None = None
    timestamp: int | None = None
    received_at: int | None = None
    run: int | None = None
    seq: int | None = None
    flags: tuple[str, ...] = ()

    funding_rate: float | None = None
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
_decoder = Decoder(Payload)


def read_payload(raw: bytes) -> tuple[Payload, str | None]:
    """Return the payload, or an empty one and what is wrong with the bytes."""
    try:
        return _decoder.decode(raw), None
    except (DecodeError, UnicodeDecodeError) as error:
        return EMPTY, str(error)
