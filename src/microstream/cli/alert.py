"""What an alert says, read from its payload when somebody looks at it."""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from microstream.cli import figures


class Alert(Struct, frozen=True):
    """The keys of an alert that are shown."""

    state: str | None = None
    severity: str | None = None
    since: int | None = None
    value: str | float | None = None
    threshold: str | float | None = None
    text: str | None = None


NO_ALERT = Alert(text="unreadable")
_decoder = Decoder(Alert)


def read_alert(raw: bytes) -> Alert:
    """Return the alert of a payload; one that only says so where the keys are of other types."""
    try:
        return _decoder.decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return NO_ALERT


def compared(value: str | float | None) -> str:
    """Return a value or threshold: a text as it is, a number with six digits."""
    if value is None:
        return figures.UNKNOWN
    return value if isinstance(value, str) else f"{value:.6g}"
