"""`microstream doctor`: what can be reached from here, and what to do about what cannot."""

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from microstream import venues
from microstream.app.wiring import enabled_venues, modes_of, server_url
from microstream.cli.run import run_async
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.config.model import Exchange
from microstream.config.urls import redact
from microstream.errors import Banned, MicrostreamError, RateLimited, RegionBlocked, SinkDown, TransportError
from microstream.model.frame import Frame
from microstream.pipeline.quality import SKEW_MS
from microstream.sinks.embedded import EmbeddedServer
from microstream.sinks.probe import ServerFacts, probe
from microstream.spec.rest import Context
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.websocket import connect

WRONG = 1


def command(
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Configuration file; default: microstream.yaml, if there."),
    ] = None,
) -> int:
    """Ask each venue and Redis whether they answer, how fast, and how their clocks go; say what to do.

    Exit codes: 0 all is well, 1 something is not, 2 bad configuration.
    """
    loaded = load(config, os.environ)
    good: list[bool] = []
    run_async(_examine(loaded.config, good))
    return 0 if all(good) else WRONG


async def _examine(config: Config, good: list[bool]) -> None:
    for name in enabled_venues(config):
        venue, settings = venues.load(name), getattr(config.exchanges, name)
        async for fine, text in _venue(venue, settings, config.http.timeout):
            _say(name, fine, text)
            good.append(fine)
        for base, path in _addresses(config, venue, settings):
            fine, text = await _stream(base + path, config.http.timeout)
            _say(name, fine, text)
            good.append(fine)
    async for fine, text in _server(config):
        _say("redis", fine, text)
        good.append(fine)


def _say(name: str, fine: bool, text: str) -> None:
    print(f"{name:<8} {'ok' if fine else 'PROBLEM':<8} {text}")


async def _venue(venue: Venue, settings: Exchange, timeout_s: float) -> AsyncIterator[tuple[bool, str]]:
    """Yield the findings about one venue: two questions on one connection, so that the second tells the round trip."""
    clock = SystemClock()
    base = settings.rest_url or venue.rest_url
    budget = Budget(venue.quotas, clock, settings.weight_share)
    http = HttpSettings(timeout_s=timeout_s, retries=0)
    try:
        async with HttpClient(
            venue.name, base, venue.verdict, budget, http, clock, random.Random()
        ) as client:
            await client.get(venue.clock, give_up_at=clock.monotonic() + timeout_s)
            response = await client.get(venue.clock, give_up_at=clock.monotonic() + timeout_s)
        frame = Frame(venue.clock.feed, response.received_at, "rest")
        venue.feeds[venue.clock.feed].parse(response.body, Context({}, {}), frame)
    except MicrostreamError as error:
        yield False, f"{base}: {str(error).rstrip('.?')}. {_advice(error)}"
        return
    trip = response.received_at - response.sent_at
    limits = ", ".join(
        f"{state.name} {state.used:g} of {state.limit:g}" for state in budget.quotas() if state.used
    )
    yield True, f"{base} answers within {trip} ms; used of its limits: {limits}"
    if frame.server_time is None:
        return
    offset = frame.server_time - (response.sent_at + response.received_at) // 2
    skewed = abs(offset) - trip // 2 > SKEW_MS
    advice = ". Set this machine's clock (NTP): ages and flags cannot be right with it" if skewed else ""
    yield not skewed, f"its clock is {offset:+d} ms from ours{advice}"


def _addresses(config: Config, venue: Venue, settings: Exchange) -> list[tuple[str, str]]:
    """Return base and path of the streams that the service would open."""
    wanted = modes_of(config).wanted
    base = settings.ws_url or venue.ws_url
    return [(base, endpoint.path) for endpoint in venue.endpoints if endpoint.provides & wanted]


class _Nobody:
    """Takes nothing of what a connection brings."""

    def text(self, data: bytes, received_at: int) -> None:
        """Take one text message."""

    def pong(self) -> None:
        """Take the answer to a ping."""

    def ended(self) -> None:
        """Take that the connection is over."""


async def _stream(url: str, timeout_s: float) -> tuple[bool, str]:
    """Open and close one WebSocket connection."""
    try:
        websocket = await connect(url, _Nobody(), SystemClock(), timeout_s)
    except MicrostreamError as error:
        return False, f"{url}: {str(error).rstrip('.?')}. {_advice(error).replace('rest_url', 'ws_url')}"
    await websocket.close()
    return True, f"{url} takes connections"


def _advice(error: MicrostreamError) -> str:
    if isinstance(error, RegionBlocked):
        return (
            "The venue does not serve this address: use one that it serves, its regional host, or disable it"
        )
    if isinstance(error, Banned):
        return f"Ask nothing for {error.retry_after_s:.0f} s: asking sooner makes the ban longer"
    if isinstance(error, RateLimited):
        return "Something else on this address uses up the limit: lower weight_share"
    if isinstance(error, TransportError):
        return "Look at the network, the proxy variables (HTTPS_PROXY) and rest_url"
    return "Look at rest_url"


async def _server(config: Config) -> AsyncIterator[tuple[bool, str]]:
    url = server_url(config)
    try:
        facts = await probe(url, config.redis.timeout)
    except SinkDown as error:
        if config.redis.url != "embedded":
            yield (
                False,
                f"{redact(url)}: {error}. Start the server, set redis.url, or give the user its rights",
            )
            return
    else:
        yield _facts(url, facts)
        return
    try:
        async with EmbeddedServer(config.redis.port) as server:
            yield _facts(server.url, await probe(server.url, config.redis.timeout))
    except MicrostreamError as error:
        yield False, str(error)


def _facts(url: str, facts: ServerFacts) -> tuple[bool, str]:
    text = f"{redact(url)} is {facts.name} {facts.version}, answers within {facts.round_trip_s * 1000:.1f} ms"
    if not facts.recent_enough:
        return False, f"{text}; at least Redis 6.2 is needed"
    if facts.memory_policy.startswith("allkeys"):
        return (
            False,
            f"{text}; its maxmemory-policy {facts.memory_policy} may throw away streams: use noeviction",
        )
    return True, text
