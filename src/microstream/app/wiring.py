"""Config -> objects. Builds, never runs."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import structlog

from microstream import venues
from microstream.alerts.delivery import Delivery
from microstream.alerts.engine import Alerts
from microstream.analytics.analytics import Analytics
from microstream.analytics.bars import Bars, BarSettings, Offer
from microstream.analytics.signals import NAMES
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.signals.signals import Remove, Signals
from microstream.app.alerting import Where, make_alerts
from microstream.app.collector import Collector
from microstream.app.modes import Mode, Modes, modes, unstreamed
from microstream.app.outlet import Outlet
from microstream.clock import Clock
from microstream.config import Config
from microstream.config.model import Signals as SignalsSection
from microstream.model.channels import Channel
from microstream.model.events import FundingRate
from microstream.model.instruments import Instrument
from microstream.model.messages import Message, QualityMessage
from microstream.model.symbols import Selection
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES, Service
from microstream.sinks.buffer import Buffer
from microstream.sinks.bus import Bus
from microstream.sinks.settings import SinkSettings
from microstream.spec.venue import Venue
from microstream.transport.tap import Tap, TapSettings
from microstream.transport.turns import Turns

WHOLE = "*"
"""Symbol of the quality messages that concern a whole venue."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """The objects of one running service. `gate` opens when polling may begin."""

    collectors: Sequence[Collector]
    pipeline: Pipeline
    outlet: Outlet
    analytics: Analytics | None
    alerts: Alerts | None
    delivery: Delivery | None
    bus: Bus
    selection: Selection
    gate: asyncio.Event
    tap: Tap | None


def enabled_services(config: Config) -> dict[Service, float]:
    """Return the enabled services with their intervals in seconds."""
    return {service: interval_s for service, (interval_s, _) in _ways(config).items()}


def polled_services(config: Config) -> dict[Service, float]:
    """Return the services that polls serve, with their intervals in seconds."""
    return dict(modes_of(config).polls)


def modes_of(config: Config) -> Modes:
    """Return which way each kind of value may come."""
    return modes(_ways(config))


def _ways(config: Config) -> dict[Service, tuple[float, Mode]]:
    """Return the enabled services with their intervals in seconds and their modes."""
    settings = {name: getattr(config.services, name) for name in SERVICES}
    return {
        SERVICES[name]: (item.poll_interval, item.mode) for name, item in settings.items() if item.enabled
    }


def enabled_venues(config: Config) -> list[str]:
    """Return the names of the enabled venues."""
    return [name for name in venues.REGISTRY if getattr(config.exchanges, name).enabled]


def server_url(config: Config) -> str:
    """Return the URL under which the configured Redis or Valkey server is reached."""
    redis = config.redis
    return f"redis://127.0.0.1:{redis.port}" if redis.url == "embedded" else redis.url


def wire(config: Config, clock: Clock, random: Random, environ: Mapping[str, str], where: Where) -> Parts:
    """Return the parts that a configuration asks for. Raises `ConfigError` for deliveries that cannot be made."""
    services = enabled_services(config)
    ways = modes_of(config)
    selection = Selection(config.symbols, tradfi=config.tradfi)
    buffer = Buffer(config.redis.max_queued)
    outlet = Outlet(buffer, clock)
    bus = Bus(sink_settings(config, server_url(config)), buffer, clock, run=clock.now_ms())
    gate = asyncio.Event()
    collectors: dict[str, Collector] = {}

    def terms(instrument: Instrument, event: FundingRate, interval_h: float | None) -> None:
        collectors[instrument.exchange].book.learn(event, instrument, interval_h)

    def doubt(exchange: str) -> None:
        collectors[exchange].book.doubt()

    def tell(channel: Channel, message: Message) -> None:
        if isinstance(message, QualityMessage) and message.symbol == WHOLE:
            _log(message)
        outlet.offer(channel, message)

    def silent(exchange: str, topic: str, anew: bool) -> None:
        collectors[exchange].silent(topic, anew=anew)

    pipeline = Pipeline(
        tuple(services),
        outlet.offer,
        terms,
        doubt,
        tell=tell,
        silent=silent,
        polled=ways.polled,
        streamed=ways.streamed,
    )
    tap, turns = _tap(config, clock), Turns(clock)
    for name in enabled_venues(config):
        venue = venues.load(name)
        _warn_of_unstreamed(venue, ways)
        collectors[name] = Collector(
            venue,
            config,
            services,
            ways,
            selection,
            pipeline,
            outlet,
            tap=tap,
            turns=turns,
            gate=gate,
            clock=clock,
            random=random,
        )
    analytics = _analytics(config, collectors, outlet)
    alerts, delivery = _alerts(config, outlet, clock, random, environ, where)
    outlet.stages = [stage for stage in (analytics, alerts) if stage is not None]
    return Parts(
        tuple(collectors.values()), pipeline, outlet, analytics, alerts, delivery, bus, selection, gate, tap
    )


def _alerts(
    config: Config, outlet: Outlet, clock: Clock, random: Random, environ: Mapping[str, str], where: Where
) -> tuple[Alerts | None, Delivery | None]:
    """Return what looks for alerts, and what sends them; nothing while they are switched off."""
    if not config.alerts.enabled:
        return None, None
    alerts, delivery = make_alerts(config, outlet.offer, clock, random, environ, where)
    for rule in alerts.rules:
        outlet.retain(f"alert:{rule}", ())  # open ones of an earlier run: what still holds is raised again
    return alerts, delivery


def _analytics(config: Config, collectors: Mapping[str, Collector], outlet: Outlet) -> Analytics | None:
    """Return what makes bars and signals, and let the venues' books know the groups that bars add."""
    if config.bars.enabled:
        for name, collector in collectors.items():
            collector.book.derived = [f"bars:{name}:{timeframe}" for timeframe in config.bars.timeframes]
    if config.signals.enabled:
        for name in NAMES:
            outlet.retain(
                f"signal:{name}", ()
            )  # those of an earlier run: they are computed anew within seconds
    families = {name: collector.families for name, collector in collectors.items()}
    return make_analytics(config, families, outlet.offer, outlet.remove)


def make_analytics(
    config: Config, families: Mapping[str, frozenset[str]], offer: Offer, remove: Remove
) -> Analytics | None:
    """Return what makes bars and signals of contracts of which each venue publishes these families."""
    if not (config.bars.enabled or config.signals.enabled):
        return None
    shown = config.bars.timeframes if config.bars.enabled else ()
    settings = BarSettings(
        frozenset(shown), frozenset(config.bars.fields), round(config.bars.lateness * 1000)
    )
    signals = Signals(_signal_settings(config.signals), offer, remove) if config.signals.enabled else None
    return Analytics(Bars(settings, families, offer), signals)


def _signal_settings(signals: SignalsSection) -> SignalSettings:
    return SignalSettings(
        interval_ms=round(signals.interval * 1000),
        fees=signals.fees.model_dump(),
        slippage=signals.slippage,
        price_limit=signals.price_limit,
        basis_window_ms=round(signals.basis_window * 1000),
        funding_window_ms=round(signals.funding_window * 1000),
        min_samples=signals.min_samples,
        regime_timeframes=signals.regime_timeframes,
        price_dead_zone=signals.price_dead_zone,
        oi_dead_zone=signals.oi_dead_zone,
        squeeze_timeframe=signals.squeeze_timeframe,
        squeeze_min_oi=signals.squeeze_min_oi,
        constant_maturity_days=signals.constant_maturity / 86_400,
    )


def _tap(config: Config, clock: Clock) -> Tap | None:
    tap = config.tap
    return Tap(TapSettings(Path(tap.folder), tap.max_file, tap.max_total), clock) if tap.enabled else None


def _warn_of_unstreamed(venue: Venue, ways: Modes) -> None:
    """Say which values will never come, because they are wanted from streams alone and the venue streams none."""
    missing = sorted(unstreamed(venue, ways) - {"settled"})
    if missing:
        log.warning(
            "values that this venue does not stream are left out; mode auto polls them",
            venue=venue.name,
            values=missing,
        )


def _log(message: QualityMessage) -> None:
    """Log what concerns a whole venue; single contracts are told on their channels only."""
    say = log.warning if message.state == "raised" else log.info
    say(
        "venue is in trouble" if message.state == "raised" else "venue is well again",
        venue=message.exchange,
        kind=message.kind,
        about=message.about,
        why=message.detail,
    )


def sink_settings(config: Config, url: str) -> SinkSettings:
    """Return how the configuration wants a server to be written to."""
    redis = config.redis
    return SinkSettings(
        url=url,
        last_ttl_s=round(redis.last_ttl),
        stream_max_length=redis.stream_max_length,
        stream_max_age_s=round(redis.stream_max_age),
        brief_max_age_s=round(redis.brief_max_age),
        timeout_s=redis.timeout,
        max_queued=redis.max_queued,
    )
