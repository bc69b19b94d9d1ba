"""What Bybit's WebSocket frames say (venue page, section 4)."""

import msgspec
from msgspec import UNSET, Raw

from microstream.errors import Desynced, VenueRefused
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.wire import Body
from microstream.venues.bybit import wire
from microstream.venues.bybit.rest import add_funding, add_open_interest, add_prices

PRICES = ("markPrice", "indexPrice")
FUNDING = ("fundingRate", "nextFundingTime", "fundingIntervalHour", "fundingCap")
OPEN_INTEREST = ("openInterest", "openInterestValue", "singleOpenInterest", "singleOpenInterestValue")
ONE_SIDED = {"singleOpenInterest": "openInterest", "singleOpenInterestValue": "openInterestValue"}

_FRAME = Body(wire.TickerFrame)
_TICKER = Body(wire.Ticker)


class TickerSession:
    """Merges snapshots and deltas of the `tickers` topics of one connection.

    A field that a delta leaves out is unchanged; an empty one does not apply any more. Where a delta carries open
    interest of both sides alone, the one-sided figure of earlier frames is out of date. `cs` grows; a frame with
    a lower one is late and dropped. A delta before its snapshot cannot be read.
    """

    def __init__(self) -> None:
        self._tickers: dict[str, wire.Ticker] = {}
        self._sequence: dict[str, int] = {}

    def on_frame(self, data: bytes, context: Context, frame: Frame) -> None:
        """Add the groups of values of which the frame carries at least one."""
        head = _FRAME.read(data)
        if head.success is False:
            raise VenueRefused(f"refused: {head.ret_msg}", code=head.op or "subscribe")
        if not head.topic.startswith("tickers.") or not isinstance(head.data, Raw):
            return
        news = _TICKER.read(head.data)
        instrument = context.instruments.get(news.symbol)
        if instrument is None:
            return
        if head.cs is not None:
            if head.cs < self._sequence.get(news.symbol, head.cs):
                return
            self._sequence[news.symbol] = head.cs
        ticker = self._merge(head.type, news)
        timestamp = frame.millis(instrument, "mark", head.ts)
        if _carries(news, PRICES):
            add_prices(ticker, instrument, timestamp, frame)
        if _carries(news, FUNDING):
            add_funding(ticker, instrument, timestamp, frame)
        if _carries(news, OPEN_INTEREST):
            add_open_interest(ticker, instrument, timestamp, frame)

    def _merge(self, kind: str, news: wire.Ticker) -> wire.Ticker:
        if kind == "snapshot":
            self._tickers[news.symbol] = news
            return news
        known = self._tickers.get(news.symbol)
        if known is None:
            raise Desynced(f"tickers.{news.symbol}: a delta came before its snapshot")
        changed = {name: value for name, value in msgspec.structs.asdict(news).items() if value is not UNSET}
        for single, both in ONE_SIDED.items():
            if both in changed:
                changed.setdefault(single, UNSET)
        merged = msgspec.structs.replace(known, **changed)
        self._tickers[news.symbol] = merged
        return merged


def _carries(news: wire.Ticker, names: tuple[str, ...]) -> bool:
    return any(getattr(news, name) is not UNSET for name in names)
