"""What OKX's WebSocket frames say (venue page, section 4)."""

from msgspec import Raw

from microstream.errors import VenueRefused
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.wire import Body
from microstream.venues.okx import rest, wire

CHANNELS = {
    "funding-rate": rest.add_funding,
    "mark-price": rest.add_mark,
    "index-tickers": rest.add_index,
    "open-interest": rest.add_open_interest,
}
_FRAME = Body(wire.PushFrame)


class PublicSession:
    """Reads pushes of the public channels. Every push is a full row: no state is kept."""

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> None:
        """Add what a push says; acknowledgements, notices and the text `pong` add nothing."""
        if data.strip() == b"pong":
            return
        head = _FRAME.read(data)
        if head.event == "error":
            raise VenueRefused(f"refused, code {head.code}: {head.msg}", code=head.code)
        add = CHANNELS.get(head.arg.channel)
        if add is not None and isinstance(head.data, Raw):
            add(head.data, context, frame)
