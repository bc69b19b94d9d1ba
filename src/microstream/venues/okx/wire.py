"""OKX's JSON as it stands on the wire: its names, its text. Fields that are not used are left out."""

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from microstream.model.units import Text
from microstream.spec.wire import Number


class Status(Struct, gc=False):
    """The envelope's verdict: `code` is text, "0" when all is well, whatever the HTTP status."""

    code: str
    msg: str = ""


class Envelope(Struct, gc=False):
    """Every reply; the rows are read one list at a time."""

    data: Raw


class FundingRate(Struct, gc=False):
    """`public/funding-rate` and the `funding-rate` channel, one row."""

    instId: str
    fundingRate: Text = UNSET
    fundingTime: Text = UNSET
    nextFundingTime: Text = UNSET
    prevFundingTime: Text = UNSET
    minFundingRate: Text = UNSET
    maxFundingRate: Text = UNSET
    settState: Text = UNSET
    settFundingRate: Text = UNSET
    ts: Text = UNSET


class FundingHistory(Struct, gc=False):
    """`public/funding-rate-history`, one row; `realizedRate` was charged, `fundingRate` only predicted."""

    instId: str
    realizedRate: Text = UNSET
    fundingTime: Text = UNSET


class Candle(Struct, array_like=True, gc=False):
    """A row of the candles of mark and index; `confirm` is "0" while the bar runs."""

    ts: Text
    open: Text
    high: Text
    low: Text
    close: Text
    confirm: str


class Premium(Struct, gc=False):
    """`public/premium-history`, one row."""

    instId: str
    premium: Text = UNSET
    ts: Text = UNSET


class OpenInterestHistory(Struct, array_like=True, gc=False):
    """A row of `rubik/stat/contracts/open-interest-history`: contracts, coins, dollars."""

    ts: Text
    oi: Text
    oiCcy: Text = UNSET
    oiUsd: Text = UNSET


class MarkPrice(Struct, gc=False):
    """`public/mark-price` and the `mark-price` channel, one row."""

    instId: str
    markPx: Text = UNSET
    ts: Text = UNSET


class IndexTicker(Struct, gc=False):
    """`market/index-tickers` and the `index-tickers` channel, one row; `instId` is the index, not a contract."""

    instId: str
    idxPx: Text = UNSET
    ts: Text = UNSET


class SpotTicker(Struct, gc=False):
    """`market/tickers` and the `tickers` channel, one row."""

    instId: str
    bidPx: Text = UNSET
    askPx: Text = UNSET
    last: Text = UNSET
    ts: Text = UNSET


class OpenInterest(Struct, gc=False):
    """`public/open-interest` and the `open-interest` channel, one row."""

    instId: str
    oi: Text = UNSET
    oiCcy: Text = UNSET
    oiUsd: Text = UNSET
    ts: Text = UNSET


class ServerTime(Struct, gc=False):
    """`public/time`, one row."""

    ts: Text


class Contract(Struct, gc=False):
    """`public/instruments`, one row; a contract that is not open yet has "" almost everywhere."""

    instId: str
    state: str
    uly: str = ""
    settleCcy: str = ""
    ctType: str = ""
    ctVal: Text = UNSET
    ctMult: Text = UNSET
    tickSz: Text = UNSET
    listTime: Text = UNSET
    expTime: Text = UNSET
    ruleType: str = ""
    instCategory: Text = UNSET


class Argument(Struct, gc=False, frozen=True):
    """What a push belongs to."""

    channel: str = ""
    instId: str = ""


class QuickRow(Struct, gc=False, kw_only=True):
    """A row of any of the four channels for a lax decoder, which makes numbers of text; times are text.

    The fields are in the order of the wire, in which they are found soonest.
    """

    fundingRate: Number = UNSET
    fundingTime: Text = UNSET
    instId: str
    idxPx: Number = UNSET
    markPx: Number = UNSET
    maxFundingRate: Number = UNSET
    minFundingRate: Number = UNSET
    nextFundingTime: Text = UNSET
    oi: Number = UNSET
    oiCcy: Number = UNSET
    oiUsd: Number = UNSET
    prevFundingTime: Text = UNSET
    settFundingRate: Number = UNSET
    settState: Text = UNSET
    ts: Text = UNSET


class QuickPush(Struct, gc=False):
    """A push of a channel for a lax decoder."""

    arg: Argument
    data: list[QuickRow]


class Stamp(Struct, gc=False):
    """The time of a row of any channel."""

    ts: Text = UNSET


class SpotFrame(Struct, gc=False):
    """A WebSocket frame: a push of the channel, or an answer to a request."""

    arg: Argument = Argument()
    data: list[SpotTicker] | UnsetType = UNSET
    event: str = ""
    id: str = ""
    code: str = ""
    msg: str = ""


class PushFrame(Struct, gc=False):
    """A WebSocket frame: a push of a channel, or an answer to a request."""

    arg: Argument = Argument()
    data: Raw | UnsetType = UNSET
    event: str = ""
    code: str = ""
    msg: str = ""
    id: Any = ""
