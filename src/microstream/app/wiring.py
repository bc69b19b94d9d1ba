"""Config -> objects. Builds, never runs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import structlog

from microstream import venues
from microstream.app.collector import Collector
from microstream.clock import Clock
from microstream.config import Config
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

WHOLE = "*"
"""Symbol of the quality messages that concern a whole venue."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """The objects of one running service. `gate` opens when polling may begin."""

    collectors: Sequence[Collector]
    pipeline: Pipeline
    buffer: Buffer
    bus: Bus
    selection: Selection
    gate: asyncio.Event


def enabled_services(config: Config) -> dict[Service, float]:
    """Return the enabled services with their intervals in seconds."""
    settings = {name: getattr(config.services, name) for name in SERVICES}
    return {SERVICES[name]: item.poll_interval for name, item in settings.items() if item.enabled}


def enabled_venues(config: Config) -> list[str]:
    """Return the names of the enabled venues."""
    return [name for name in venues.REGISTRY if getattr(config.exchanges, name).enabled]


def server_url(config: Config) -> str:
    """Return the URL under which the configured Redis or Valkey server is reached."""
    redis = config.redis
    return f"redis://127.0.0.1:{redis.port}" if redis.url == "embedded" else redis.url


def wire(config: Config, clock: Clock, random: Random) -> Parts:
    """Return the parts that a configuration asks for."""
    services = enabled_services(config)
    selection = Selection(config.symbols, tradfi=config.tradfi)
    buffer = Buffer(config.redis.max_queued)
    bus = Bus(_sink_settings(config), buffer, clock, run=clock.now_ms())
    gate = asyncio.Event()
    collectors: dict[str, Collector] = {}

    def terms(instrument: Instrument, event: FundingRate, interval_h: float | None) -> None:
        collectors[instrument.exchange].book.learn(event, instrument, interval_h)

    def doubt(exchange: str) -> None:
        collectors[exchange].book.doubt()

    def offer(channel: Channel, message: Message) -> None:
        if isinstance(message, QualityMessage) and message.symbol == WHOLE:
            _log(message)
        buffer.offer(channel, message)

    pipeline = Pipeline(tuple(services), offer, terms, doubt)
    for name in enabled_venues(config):
        collectors[name] = Collector(
            venues.load(name),
            config,
            services,
            selection,
            pipeline,
            buffer,
            gate=gate,
            clock=clock,
            random=random,
        )
    return Parts(tuple(collectors.values()), pipeline, buffer, bus, selection, gate)


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


def _sink_settings(config: Config) -> SinkSettings:
    redis = config.redis
    return SinkSettings(
        url=server_url(config),
        last_ttl_s=round(redis.last_ttl),
        stream_max_length=redis.stream_max_length,
        stream_max_age_s=round(redis.stream_max_age),
        timeout_s=redis.timeout,
        max_queued=redis.max_queued,
    )
