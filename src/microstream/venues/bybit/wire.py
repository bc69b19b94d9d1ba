"""Bybit's JSON as it stands on the wire: its names, its text. Fields that are not used are left out."""

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from microstream.model.units import Text
from microstream.spec.wire import Number, Time


class Status(Struct, gc=False):
    """The envelope's verdict: `retCode` is 0 when all is well, whatever the HTTP status."""

    retCode: int
    retMsg: str = ""


class Result(Struct, gc=False):
    """`result`: the rows are read one list at a time."""

    list: Raw
    category: str = "linear"
    symbol: str = ""
    nextPageCursor: str | None = None


class Envelope(Struct, gc=False):
    """Every reply; `time` is the server's clock in ms."""

    result: Result
    time: Text = UNSET


class Clock(Struct, gc=False):
    """`GET /v5/market/time`: the envelope says all."""

    time: Text


class Ticker(Struct, gc=False):
    """`GET /v5/market/tickers`, one row, and `data` of the `tickers` topic, where absent means unchanged."""

    symbol: str
    markPrice: Text = UNSET
    indexPrice: Text = UNSET
    fundingRate: Text = UNSET
    nextFundingTime: Text = UNSET
    fundingIntervalHour: Text = UNSET
    fundingCap: Text = UNSET
    openInterest: Text = UNSET
    openInterestValue: Text = UNSET
    singleOpenInterest: Text = UNSET
    singleOpenInterestValue: Text = UNSET


class QuickTicker(Struct, gc=False):
    """`Ticker` for a lax decoder, which makes numbers of text."""

    symbol: str
    markPrice: Number = UNSET
    indexPrice: Number = UNSET
    fundingRate: Number = UNSET
    nextFundingTime: Time = UNSET
    fundingIntervalHour: Number = UNSET
    fundingCap: Number = UNSET
    openInterest: Number = UNSET
    openInterestValue: Number = UNSET
    singleOpenInterest: Number = UNSET
    singleOpenInterestValue: Number = UNSET


class QuickPush(Struct, gc=False):
    """A push of a `tickers` topic for a lax decoder. `cs` is what it is: text is no sequence."""

    topic: str
    data: QuickTicker
    type: str = ""
    cs: Any = None
    ts: Time = UNSET


class SpotQuote(Struct, gc=False):
    """`GET /v5/market/tickers?category=spot`, one row."""

    symbol: str
    bid1Price: Text = UNSET
    ask1Price: Text = UNSET
    lastPrice: Text = UNSET


class SpotLevel(Struct, array_like=True, gc=False):
    """One level of a book: price and size."""

    price: Text
    size: Text = UNSET


class SpotPush(Struct, gc=False):
    """`data` of `orderbook.1.{symbol}`: a whole book of one level, a side without orders is an empty list."""

    s: str = ""
    b: list[SpotLevel] = []
    a: list[SpotLevel] = []


class SpotFrame(Struct, gc=False):
    """A WebSocket frame: a push of a book, or an answer to a request."""

    topic: str = ""
    ts: Text = UNSET
    data: SpotPush | UnsetType = UNSET
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""
    op: str = ""


class FundingHistory(Struct, gc=False):
    """`GET /v5/market/funding/history`, one row."""

    symbol: str
    fundingRate: Text = UNSET
    fundingRateTimestamp: Text = UNSET


class OpenInterestHistory(Struct, gc=False):
    """`GET /v5/market/open-interest`, one row; the contract is named in `result`."""

    openInterest: Text = UNSET
    singleOpenInterest: Text = UNSET
    timestamp: Text = UNSET


class Kline(Struct, array_like=True, gc=False):
    """A row of the klines of mark, index and premium index."""

    start: Text
    open: Text
    high: Text
    low: Text
    close: Text


class PriceFilter(Struct, gc=False, frozen=True):
    """Part of a contract."""

    tickSize: Text = UNSET


class Contract(Struct, gc=False):
    """`GET /v5/market/instruments-info`, one row; `fundingInterval` is in minutes."""

    symbol: str
    contractType: str
    status: str
    baseCoin: str
    quoteCoin: str
    settleCoin: str = ""
    launchTime: Text = UNSET
    deliveryTime: Text = UNSET
    priceFilter: PriceFilter = PriceFilter()
    fundingInterval: Text = UNSET
    upperFundingRate: Text = UNSET
    lowerFundingRate: Text = UNSET
    symbolType: str = ""


class TickerFrame(Struct, gc=False):
    """A WebSocket frame: a push of a topic, or an answer to a request."""

    topic: str = ""
    type: str = ""
    data: Raw | UnsetType = UNSET
    cs: int | None = None
    ts: Text = UNSET
    success: bool | None = None
    ret_msg: str = ""
    op: str = ""
    req_id: Any = ""
