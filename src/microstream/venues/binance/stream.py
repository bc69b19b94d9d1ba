"""What Binance's WebSocket frames say (venue page, section 4)."""

from msgspec import UNSET, Raw

from microstream.errors import VenueRefused
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.wire import Body, Rows
from microstream.venues.binance import wire

USD_M = 1
"""`st` of USD-M rows; all-market streams carry COIN-M rows (2) too since mid-2026."""


_FRAME = Body(wire.PushFrame)
_UPDATES = Rows(wire.MarkPriceUpdate, "s")


class MarkPriceSession:
    """Reads `@markPrice` and `!markPrice@arr` frames, wrapped or raw. Every frame is whole: no state is kept."""

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> None:
        """Add mark, index and running funding estimate; acknowledgements and other events add nothing."""
        payload: bytes | Raw = data
        if data.lstrip()[:1] == b"{":
            head = _FRAME.read(data)
            error = head.error or (wire.Error(head.code, head.msg) if head.code is not None else None)
            if error is not None:
                raise VenueRefused(f"refused, code {error.code}: {error.msg}", code=str(error.code))
            if head.data is not UNSET:
                payload = head.data
            elif not head.e:
                return
        text = bytes(payload).lstrip()
        rows = b"[" + text + b"]" if text[:1] == b"{" else text
        for row in _UPDATES.read(rows, frame):
            if row.e == "markPriceUpdate" and row.st in {UNSET, USD_M}:
                _update(row, context, frame)


def _update(row: wire.MarkPriceUpdate, context: Context, frame: Frame) -> None:
    instrument = context.instruments.get(row.s)
    if instrument is None:
        return
    timestamp = frame.millis(instrument, "mark", row.E)
    frame.mark(instrument, timestamp, row.p)
    frame.index(instrument, timestamp, row.i)
    rate = frame.number(instrument, "funding", row.r)
    settles_at = frame.millis(instrument, "funding", row.T)
    if rate is not None and settles_at is not None:
        frame.funding(instrument, timestamp, rate=rate, settles_at=settles_at)
