"""What a bar says, read from its payload."""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder


class Span(Struct, frozen=True):
    """What one value did within a bar, in the unit of the value."""

    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None


NO_SPAN = Span()


class Bar(Struct, frozen=True):
    """The keys of a bar that are shown."""

    close_time: int | None = None
    mark: Span | None = None
    basis_bps: Span | None = None
    funding_rate: Span | None = None
    open_value: Span | None = None
    coverage: float | None = None
    late: int | None = None


_decoder = Decoder(Bar)


def read_bar(raw: bytes) -> Bar | None:
    """Return the bar of a payload, None where the keys are of other types."""
    try:
        return _decoder.decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return None
