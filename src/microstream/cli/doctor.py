"""`microstream doctor`: what can be reached from here, and what to do about what cannot."""

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from microstream import venues
from microstream.app.spot import spot_stream_url, spot_url
from microstream.app.wiring import enabled_services, enabled_venues, modes_of, server_url
from microstream.cli.run import run_async
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.config.model import Exchange
from microstream.config.urls import redact
from microstream.errors import Banned, MicrostreamError, RateLimited, RegionBlocked, SinkDown, TransportError
from microstream.model.frame import Frame
from microstream.model.instruments import spot_pair
from microstream.pipeline.quality import SKEW_MS
from microstream.sinks.embedded import EmbeddedServer
from microstream.sinks.probe import ServerFacts, probe
from microstream.spec.rest import Context
from microstream.spec.spot import Spot
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
        if (
            venue.spot is not None
            and _spot_is_wanted(config)
            and spot_url(venue, settings) != _base(venue, settings)
        ):
            fine, text = await _spot(venue, venue.spot, settings, config.http.timeout)
            _say(name, fine, text)
            good.append(fine)
        for url, key in _addresses(config, venue, settings).items():
            fine, text = await _stream(url, key, config.http.timeout)
            _say(name, fine, text)
            good.append(fine)
    async for fine, text in _server(config):
        _say("redis", fine, text)
        good.append(fine)


def _base(venue: Venue, settings: Exchange) -> str:
    """Return the address of a venue's REST interface for contracts."""
    return settings.rest_url or venue.rest_url


def _say(name: str, fine: bool, text: str) -> None:
    print(f"{name:<8} {'ok' if fine else 'PROBLEM':<8} {text}")


async def _venue(venue: Venue, settings: Exchange, timeout_s: float) -> AsyncIterator[tuple[bool, str]]:
    """Yield the findings about one venue: two questions on one connection, so that the second tells the round trip."""
    clock = SystemClock()
    base = _base(venue, settings)
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


async def _spot(venue: Venue, spot: Spot, settings: Exchange, timeout_s: float) -> tuple[bool, str]:
    """Ask the host of the spot pairs, where it is another one, for their quotes."""
    clock = SystemClock()
    base = spot_url(venue, settings)
    budget = Budget(spot.quotas, clock, settings.weight_share)
    http = HttpSettings(timeout_s=timeout_s, retries=0)
    assert spot.poll.bulk is not None  # noqa: S101
    pair = spot_pair(venue.name, "BTC", base="BTC", venue_base="BTC", quote="USDT", multiplier=1.0)
    [request, *_] = spot.poll.bulk(
        Context({pair.name: pair}, {})
    )  # which pair does not matter: it asks for all
    try:
        async with HttpClient(venue.name, base, spot.verdict, budget, http, clock, random.Random()) as client:
            response = await client.get(request, give_up_at=clock.monotonic() + timeout_s)
    except MicrostreamError as error:
        return (
            False,
            f"{base}: {str(error).rstrip('.?')}. {_advice(error).replace('rest_url', 'spot_rest_url')}",
        )
    return (
        True,
        f"{base} answers within {response.received_at - response.sent_at} ms, with quotes of spot pairs",
    )


def _spot_is_wanted(config: Config) -> bool:
    return any(service.of_spot for service in enabled_services(config))


def _addresses(config: Config, venue: Venue, settings: Exchange) -> dict[str, str]:
    """Return the addresses of the streams that the service would open, each with the key that sets it."""
    wanted = modes_of(config).wanted
    base, spot_base = settings.ws_url or venue.ws_url, spot_stream_url(venue, settings)
    spot_endpoints = venue.spot.endpoints if venue.spot is not None and "spot" in wanted else ()
    spot = {spot_base + endpoint.path: "spot_ws_url" for endpoint in spot_endpoints}
    return spot | {
        base + endpoint.path: "ws_url" for endpoint in venue.endpoints if endpoint.provides & wanted
    }


class _Nobody:
    """Takes nothing of what a connection brings."""

    def text(self, data: bytes, received_at: int) -> None:
        """Take one text message."""

    def pong(self) -> None:
        """Take the answer to a ping."""

    def ended(self) -> None:
        """Take that the connection is over."""


async def _stream(url: str, key: str, timeout_s: float) -> tuple[bool, str]:
    """Open and close one WebSocket connection."""
    try:
        websocket = await connect(url, _Nobody(), SystemClock(), timeout_s)
    except MicrostreamError as error:
        return False, f"{url}: {str(error).rstrip('.?')}. {_advice(error).replace('rest_url', key)}"
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
