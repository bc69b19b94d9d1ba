"""Binance's JSON as it stands on the wire: its names, its text. Fields that are not used are left out."""

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from microstream.model.units import Text
from microstream.spec.wire import Number, Time


class PremiumIndex(Struct, gc=False):
    """`GET /fapi/v1/premiumIndex`, one row."""

    symbol: str
    markPrice: Text = UNSET
    indexPrice: Text = UNSET
    lastFundingRate: Text = UNSET
    nextFundingTime: Text = UNSET
    time: Text = UNSET


class OpenInterest(Struct, gc=False):
    """`GET /fapi/v1/openInterest`."""

    symbol: str
    openInterest: Text = UNSET
    time: Text = UNSET


class FundingHistory(Struct, gc=False):
    """`GET /fapi/v1/fundingRate`, one row."""

    symbol: str
    fundingRate: Text = UNSET
    fundingTime: Text = UNSET
    markPrice: Text = UNSET
    rateType: str | None = None


class OpenInterestHistory(Struct, gc=False):
    """`GET /futures/data/openInterestHist`, one row; `timestamp` is the end of the period."""

    symbol: str
    sumOpenInterest: Text = UNSET
    sumOpenInterestValue: Text = UNSET
    timestamp: Text = UNSET


class Kline(Struct, array_like=True, gc=False):
    """A row of the klines of mark, index and premium index; what follows the close is no volume there."""

    open_time: Text
    open: Text
    high: Text
    low: Text
    close: Text


class ServerTime(Struct, gc=False):
    """`GET /fapi/v1/time`."""

    serverTime: Text


class Filter(Struct, gc=False):
    """One filter of a contract; only the price filter is read."""

    filterType: str = ""
    tickSize: Text = UNSET


class ExchangeInfo(Struct, gc=False):
    """`GET /fapi/v1/exchangeInfo`; `symbols` are read row by row."""

    symbols: Raw
    rateLimits: list["RateLimit"] = []


class Contract(Struct, gc=False):
    """`GET /fapi/v1/exchangeInfo`, one of `symbols`."""

    symbol: str
    baseAsset: str
    quoteAsset: str
    marginAsset: str
    status: str
    contractType: str = ""
    deliveryDate: Text = UNSET
    onboardDate: Text = UNSET
    filters: list[Filter] = []


class RateLimit(Struct, gc=False):
    """`GET /fapi/v1/exchangeInfo`, one of `rateLimits`."""

    rateLimitType: str = ""
    interval: str = ""
    intervalNum: int = 1
    limit: float = 0


class FundingInfo(Struct, gc=False):
    """`GET /fapi/v1/fundingInfo`, one row: only contracts whose terms were ever adjusted."""

    symbol: str
    fundingIntervalHours: Text = UNSET
    adjustedFundingRateCap: Text = UNSET
    adjustedFundingRateFloor: Text = UNSET


class Ticker(Struct, gc=False):
    """`GET /fapi/v1/ticker/24hr`, one row."""

    symbol: str
    quoteVolume: Text = UNSET


class SpotQuote(Struct, gc=False):
    """`GET /api/v3/ticker/bookTicker`, one row."""

    symbol: str
    bidPrice: Text = UNSET
    askPrice: Text = UNSET


class SpotPush(Struct, gc=False):
    """`data` of `<symbol>@bookTicker`, or an event of the server."""

    s: str = ""
    b: Text = UNSET
    a: Text = UNSET
    e: str = ""


class SpotFrame(Struct, gc=False):
    """A frame of `/stream`: a push, an answer to a request, or an event of the server."""

    stream: str = ""
    data: SpotPush | UnsetType = UNSET
    e: str = ""
    id: int | None = None
    error: "Error | None" = None
    code: int | None = None
    msg: str = ""


class MarkPriceUpdate(Struct, gc=False):
    """`markPriceUpdate` event of `@markPrice` and `!markPrice@arr`."""

    s: str = ""
    e: str = ""
    E: Text = UNSET
    p: Text = UNSET
    i: Text = UNSET
    r: Text = UNSET
    T: Text = UNSET
    st: int | UnsetType = UNSET


class QuickUpdate(Struct, gc=False):
    """`MarkPriceUpdate` for a lax decoder, which makes numbers of text. `st` is what it is: `"1"` is no 1."""

    s: str = ""
    e: str = ""
    E: Time = UNSET
    p: Number = UNSET
    i: Number = UNSET
    r: Number = UNSET
    T: Time = UNSET
    st: Any = UNSET


class QuickPush(Struct, gc=False):
    """A wrapped push for a lax decoder."""

    stream: str
    data: list[QuickUpdate] | QuickUpdate


class Error(Struct, gc=False):
    """Error body."""

    code: int
    msg: str = ""


class PushFrame(Struct, gc=False):
    """A WebSocket frame that is an object: a wrapped push (`data`), a raw one (`e`), or an answer to a request."""

    stream: str = ""
    data: Raw | UnsetType = UNSET
    e: str = ""
    id: Any = None
    result: Any = UNSET
    error: Error | None = None
    code: int | None = None
    msg: str = ""
