"""WebSocket of a venue as data: the reader of one connection."""

from typing import Protocol

from microstream.model.frame import Frame
from microstream.spec.rest import Context


class Session(Protocol):
    """Reads the frames of one connection in order; built per connection and dies with it."""

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> None:
        """Add what one text frame says to `frame`.

        Acknowledgements and pongs add nothing. Raises `VenueRefused` for a refusal, `Desynced` for a delta without
        its snapshot, `WireMismatch` for what cannot be read.
        """
        ...
