"""The configuration: every key with its meaning, unit, limits and default, once."""

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from microstream.config.alerts import Alerts
from microstream.config.section import Duration, Section, Word, lower_case
from microstream.config.units import at_least, at_least_size, size_bytes, size_text
from microstream.config.urls import http_base, redis_url, store_url, ws_base


def _names(raw: object) -> object:
    """Text is one name, or several with commas between; no name contains a comma."""
    if isinstance(raw, str):
        return tuple(raw.split(","))
    return tuple(raw) if isinstance(raw, list) else raw


# Text such as 64MB or a number in the file, bytes in the program.
Size = Annotated[int, BeforeValidator(size_bytes), PlainSerializer(size_text, return_type=str | int)]
Names = Annotated[tuple[Word, ...], BeforeValidator(_names), Field(min_length=1)]
HttpBase = Annotated[str, AfterValidator(http_base)]
WsBase = Annotated[str, AfterValidator(ws_base)]
Mode = Annotated[Literal["auto", "stream", "poll"], BeforeValidator(lower_case)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower_case)]

Timeframe = Literal[
    "1s", "5s", "15s", "30s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"
]
BarField = Literal["mark", "index", "basis_bps", "funding_rate", "open_interest", "open_value"]
Timeframes = Annotated[tuple[Timeframe, ...], BeforeValidator(_names), Field(min_length=1)]
BarFields = Annotated[tuple[BarField, ...], BeforeValidator(_names), Field(min_length=1)]


class Redis(Section):
    """The Redis or Valkey server that is written to."""

    url: Annotated[str, AfterValidator(redis_url)] = Field(
        default="embedded", repr=False, description="embedded, redis://, rediss:// (TLS) or unix://"
    )
    port: int = Field(
        default=6399, ge=1, le=65535, description="where the embedded server listens, on loopback"
    )
    last_ttl: Annotated[Duration, at_least("1s")] = Field(
        default=3600.0, description="last values expire so long after their last refresh"
    )
    stream_max_length: int = Field(default=10_000, ge=1, description="entries that a stream keeps")
    stream_max_age: Annotated[Duration, at_least("1s")] = Field(
        default=600.0, description="age up to which a stream keeps entries"
    )
    brief_max_age: Annotated[Duration, at_least("1s")] = Field(
        default=120.0, description="the same of signals and one-second bars, which are many"
    )
    timeout: Annotated[Duration, at_least("100ms")] = Field(
        default=5.0, description="for connecting and for each write"
    )
    max_queued: int = Field(
        default=10_000,
        ge=1,
        description="messages held for a server that is away, the newest of values apart",
    )


class Exchange(Section):
    """One venue: whether it is followed, and what overrides its own hosts and limits."""

    enabled: bool = Field(default=True, description="whether this venue is followed")
    rest_url: HttpBase | None = Field(
        default=None, description="base of its REST paths; null: the venue's own, as for the three below"
    )
    ws_url: WsBase | None = Field(default=None, description="base of its WebSocket paths")
    spot_rest_url: HttpBase | None = Field(default=None, description="base of its spot REST paths")
    spot_ws_url: WsBase | None = Field(default=None, description="base of its spot WebSocket paths")
    weight_share: float = Field(
        default=0.6, gt=0, le=1, description="share of the venue's request limits that this process may use"
    )
    connections: int = Field(default=16, ge=1, le=256, description="HTTP connections to it at most")


class Exchanges(Section):
    """The venues."""

    binance: Exchange = Field(default=Exchange(), description="Binance USD-M futures")
    bybit: Exchange = Field(default=Exchange(), description="Bybit v5 linear")
    okx: Exchange = Field(default=Exchange(), description="OKX v5 swaps")

    @model_validator(mode="after")
    def _one_enabled(self) -> Self:
        if not (self.binance.enabled or self.bybit.enabled or self.okx.enabled):
            raise ValueError("all are switched off; enable binance, bybit or okx")
        return self


class Service(Section):
    """One published family."""

    enabled: bool = Field(default=True, description="whether this family is published")
    poll_interval: Annotated[Duration, at_least("1s")] = Field(
        default=10.0, description="the longest that a value waits for its renewal; at least 1s"
    )
    mode: Mode = Field(default="auto", description="auto: streams first, polls as the net; stream; poll")


class FundingRateAggregator(Service):
    """Funding rates."""

    poll_interval: Annotated[Duration, at_least("1s")] = Field(
        default=30.0, description=Service.model_fields["poll_interval"].description
    )


class OpenInterestPoller(Service):
    """Open interest."""

    poll_interval: Annotated[Duration, at_least("1s")] = Field(
        default=15.0, description=Service.model_fields["poll_interval"].description
    )


class SpotReference(Service):
    """Spot pairs."""

    poll_interval: Annotated[Duration, at_least("1s")] = Field(
        default=5.0, description=Service.model_fields["poll_interval"].description
    )


class Services(Section):
    """What is published."""

    funding_rate_aggregator: FundingRateAggregator = Field(
        default=FundingRateAggregator(), description="channels funding:*"
    )
    mark_price_poller: Service = Field(default=Service(), description="channels meta:mark_price:*")
    open_interest_poller: OpenInterestPoller = Field(
        default=OpenInterestPoller(), description="channels meta:oi:*"
    )
    spot_reference: SpotReference = Field(default=SpotReference(), description="channels meta:spot:*")

    @model_validator(mode="after")
    def _one_enabled(self) -> Self:
        services = (getattr(self, name) for name in type(self).model_fields)
        if not any(service.enabled for service in services):
            raise ValueError("all are switched off; enable at least one")
        return self


class Instruments(Section):
    """The registry of contracts."""

    refresh: Annotated[Duration, at_least("10s")] = Field(
        default=600.0, description="how often the venues' lists of contracts are read again; at least 10s"
    )


class Bars(Section):
    """Bars of all values on fifteen timeframes."""

    enabled: bool = Field(default=True, description="whether bars:* is published")
    timeframes: Timeframes = Field(default=get_args(Timeframe), description="those that are published")
    fields: BarFields = Field(default=get_args(BarField), description="what they have; the others are null")
    lateness: Annotated[Duration, at_least("0s")] = Field(
        default=2.0, description="how long after its end a bar waits for late samples"
    )


class Fees(Section):
    """Taker fees, fraction of the notional: what each of the four fills of a funding trade costs."""

    binance: float = Field(default=0.0005, ge=0, lt=1, description="of its lowest tier, as of 2026-11")
    bybit: float = Field(default=0.00055, ge=0, lt=1, description="of its lowest tier, as of 2026-11")
    okx: float = Field(default=0.0005, ge=0, lt=1, description="of its lowest tier, as of 2026-11")


class Signals(Section):
    """What is computed of the values; definitions in docs/signals.md."""

    enabled: bool = Field(default=True, description="whether signal:* is published")
    interval: Annotated[Duration, at_least("1s")] = Field(
        default=5.0, description="how often they are computed; told when they change, and once a minute"
    )
    fees: Fees = Field(default=Fees(), description="taker fees, fraction of the notional: 0.0005 is 0.05 %")
    slippage: float = Field(
        default=0.0, ge=0, lt=1, description="what each fill costs besides its fee, fraction of the notional"
    )
    price_limit: float = Field(
        default=0.02, gt=0, lt=1, description="prices per coin that differ by more make no pair of venues"
    )
    basis_window: Annotated[Duration, at_least("1m")] = Field(
        default=3600.0, description="history that the z-score of the basis goes by"
    )
    funding_window: Annotated[Duration, at_least("1m")] = Field(
        default=86_400.0, description="history of the live funding rate that an anomaly is found by"
    )
    min_samples: int = Field(default=30, ge=4, le=1000, description="a history with fewer makes no score")
    regime_timeframes: Timeframes = Field(
        default=("1m", "5m", "15m", "1h", "4h", "1d"),
        description="bars that open interest regimes are told of",
    )
    price_dead_zone: float = Field(
        default=0.001, ge=0, lt=1, description="a smaller change of the mark is none"
    )
    oi_dead_zone: float = Field(
        default=0.0025, ge=0, lt=1, description="a smaller change of the open interest is none"
    )
    squeeze_timeframe: Timeframe = Field(
        default="5m", description="bars whose changes of price and open interest a squeeze is scored by"
    )
    squeeze_min_oi: float = Field(
        default=5e6, ge=0, description="open interest in USD below which no squeeze is scored"
    )
    constant_maturity: Annotated[Duration, at_least("1h")] = Field(
        default=90 * 86_400.0, description="time to expiry that the basis of dated futures is interpolated to"
    )


class Http(Section):
    """Requests to the venues."""

    timeout: Annotated[Duration, at_least("100ms")] = Field(
        default=10.0, description="for a whole request, its reply included"
    )
    retries: int = Field(default=3, ge=0, le=10, description="further attempts after a failed one, 0 to 10")
    max_body: Annotated[Size, Field(ge=1024)] = Field(
        default=64 << 20, description="a longer reply, unpacked, is refused; 1MB is 1024KB"
    )


class Server(Section):
    """The service's own HTTP server."""

    enabled: bool = Field(default=True, description="whether /metrics, /healthz and /readyz are served")
    host: Word = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8787, ge=0, le=65535, description="0: any free port")


class Tap(Section):
    """Received WebSocket frames on disk: what to send with a report that a venue has changed its format."""

    enabled: bool = Field(default=False, description="whether every received frame is kept")
    folder: Word = Field(default="tap", description="a relative one is in the working directory")
    max_file: Annotated[Size, at_least_size("1MB")] = Field(
        default=64 << 20, description="compressed; a new file begins after an hour at the latest"
    )
    max_total: Annotated[Size, at_least_size("1MB")] = Field(
        default=1 << 30, description="of all files; the oldest are deleted"
    )

    @model_validator(mode="after")
    def _files_fit(self) -> Self:
        if self.max_total < self.max_file:
            raise ValueError("max_total is smaller than max_file; make it at least as large")
        return self


class History(Section):
    """Tables of what was published and of what the venues tell of the past."""

    url: Annotated[Word, AfterValidator(store_url)] = Field(
        default="history", description="a folder, or an object store such as s3://bucket/path"
    )
    record: bool = Field(
        default=False, description="whether run records by itself; else microstream record does"
    )
    flush: Annotated[Duration, at_least("1s")] = Field(
        default=10.0, description="how often rows are written; more often makes more files"
    )
    keep: Annotated[Duration, at_least("1d")] = Field(
        default=365 * 86_400.0, description="recorded days that are older are deleted"
    )
    max_total: Annotated[Size, at_least_size("100MB")] = Field(
        default=50 << 30, description="of all tables; beyond it the oldest recorded days are deleted"
    )
    heal: bool = Field(
        default=True, description="whether the recorder asks the venues for what it has missed"
    )
    heal_window: Annotated[Duration, at_least("1h")] = Field(
        default=86_400.0, description="how far back it looks for that"
    )
    weight_share: float = Field(
        default=0.3, gt=0, le=1, description="share of the venues' limits for history, beside exchanges.*"
    )


class Log(Section):
    """Logs, on standard error."""

    level: Level = Field(default="info", description="debug, info, warning or error")
    format: Literal["auto", "text", "json"] = Field(
        default="auto", description="text, json, or auto: text on a terminal, json otherwise"
    )


class Config(Section):
    """The whole configuration. Durations are seconds, sizes bytes, as numbers."""

    symbols: Names = Field(
        default=("BTC/USDT", "ETH/USDT", "SOL/USDT"),
        description="pairs, coins, instruments, venue names or globs to follow; or: all",
    )
    strict: bool = Field(
        default=True, description="a name that no venue lists stops the start; false: it is a warning"
    )
    tradfi: bool = Field(
        default=False, description="with all, coins and globs, follow stocks, commodities and currencies too"
    )
    redis: Redis = Field(default=Redis(), description="the Redis or Valkey server that is written to")
    exchanges: Exchanges = Field(default=Exchanges(), description="the venues; at least one enabled")
    services: Services = Field(default=Services(), description="what is published; at least one enabled")
    instruments: Instruments = Field(default=Instruments(), description="the registry of contracts")
    bars: Bars = Field(default=Bars(), description="open, high, low and close of all values")
    signals: Signals = Field(
        default=Signals(), description="what is computed of the values, see docs/signals.md"
    )
    http: Http = Field(default=Http(), description="requests to the venues")
    server: Server = Field(default=Server(), description="the service's own HTTP server")
    tap: Tap = Field(default=Tap(), description="received WebSocket frames on disk, see the runbook")
    history: History = Field(
        default=History(), description="recorded and fetched history, see docs/history.md"
    )
    alerts: Alerts = Field(default=Alerts(), description="rules and who is told, see docs/alerts.md")
    log: Log = Field(default=Log(), description="logs, on standard error")
