"""Published messages of one Redis or Valkey server: last values first, then live, through every outage."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from time import monotonic
from urllib.parse import urlsplit

from msgspec import Struct
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff

from microstream.client.arrival import Arrival, channel_parts, read_payload
from microstream.client.numbering import Numbering
from microstream.client.selection import Selection
from microstream.errors import ConfigError
from microstream.model.channels import PREFIXES, channel

CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 10.0
PING_EVERY_S = 10.0
SILENT_AFTER_S = 30.0
STEADY_AFTER_S = 10.0
"""A connection that lived as long makes the next outage start with the shortest wait again."""

YIELD_EVERY = 100
"""After as many messages other tasks get their turn, even if more are waiting."""

_BACKOFF = ExponentialWithJitterBackoff(cap=5.0, base=0.25)
_NO_RETRY: Retry = Retry(NoBackoff(), 0)
_REFUSALS = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)


class Connected(Struct, frozen=True):
    """The subscription stands; last values follow, then live messages."""

    server: str


class Away(Struct, frozen=True):
    """The server cannot be reached; told once per outage, however often it is tried again."""

    server: str
    reason: str


Item = Arrival | Connected | Away


async def feed(url: str, selection: Selection) -> AsyncGenerator[Item, None]:
    """Yield what is published on the selected channels, for ever; close the generator to disconnect.

    `url` is a redis://, rediss:// or unix:// address. A message that was yielded already
    (same channel, run and seq) is not yielded again. Numbers that were published while this reader was away
    count as missing. Raises `ConfigError` for an unusable url and where the server refuses login or commands.
    """
    numbering = Numbering()
    server = server_name(url)
    failures = 0
    away = False
    while True:
        started = monotonic()
        try:
            async with aclosing(_session(url, selection, numbering)) as items:
                async for item in items:
                    away = False
                    yield item
        except _REFUSALS as error:
            raise ConfigError(
                f"{server} refuses: {error} (check user, password and rights in its address)"
            ) from error
        except (exceptions.RedisError, OSError) as error:
            if not away:
                yield Away(server, str(error) or type(error).__name__)
            away = True
        failures = 1 if monotonic() - started > STEADY_AFTER_S else failures + 1
        await asyncio.sleep(_BACKOFF.compute(failures))


def server_name(url: str) -> str:
    """Return host and port, or the socket's path, of a server url, without user and password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError as error:
        raise ConfigError(f"the Redis url is no address: {error}") from error
    return f"{parts.hostname}:{port}" if parts.hostname else parts.path or url


async def _session(
    url: str, selection: Selection, numbering: Numbering
) -> AsyncGenerator[Arrival | Connected, None]:
    """Yield the messages of one connection; an exception of redis ends it.

    Subscribes before it reads the last values, so that nothing falls between. What is published meanwhile is
    yielded first, and makes the last values of its channels superfluous.
    """
    async with _connection(url) as client, client.pubsub() as pubsub:
        await pubsub.psubscribe(*selection.channels)
        early = await _until(pubsub, "psubscribe", len(selection.channels))
        yield Connected(server_name(url))
        last_values = await _last_values(client, selection)
        await pubsub.ping()
        early += await _until(pubsub, "pong", 1)
        for name, raw in early:
            if arrival := _arrival(name, raw, selection, numbering, live=True):
                yield arrival
        for name in sorted(last_values.keys() - dict(early).keys()):
            if arrival := _arrival(name, last_values[name], selection, numbering, live=False):
                yield arrival
        async for name, raw in _published(pubsub):
            if arrival := _arrival(name, raw, selection, numbering, live=True):
                yield arrival


def _connection(url: str) -> Redis:
    try:
        return Redis.from_url(
            url,
            protocol=2,
            retry=_NO_RETRY,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=REPLY_TIMEOUT_S,
            socket_keepalive=True,
        )
    except ValueError as error:
        raise ConfigError(f"the Redis url is no address: {error}") from error


async def _until(pubsub: PubSub, kind: str, count: int) -> list[tuple[str, bytes]]:
    """Wait for `count` answers of a kind; return channel and payload of the messages that came in between."""
    early: list[tuple[str, bytes]] = []
    while count:
        message = await pubsub.get_message(timeout=REPLY_TIMEOUT_S)
        if message is None:
            raise exceptions.TimeoutError(f"no answer in {REPLY_TIMEOUT_S:.0f} s")
        if message["type"] == kind:
            count -= 1
        elif message["type"] == "pmessage":
            early.append((_text(message["channel"]), message["data"]))
    return early


async def _published(pubsub: PubSub) -> AsyncIterator[tuple[str, bytes]]:
    """Yield channel and payload; a server that answers no ping any more raises `ConnectionError`."""
    heard = asked = monotonic()
    count = 0
    while True:
        message = await pubsub.get_message(timeout=1.0)
        now = monotonic()
        if message is not None:
            heard = now
            if message["type"] == "pmessage":
                yield _text(message["channel"]), message["data"]
        elif now - heard > SILENT_AFTER_S:
            raise exceptions.ConnectionError(f"no answer for {SILENT_AFTER_S:.0f} s")
        if now - max(heard, asked) > PING_EVERY_S:
            asked = now
            await pubsub.ping()
        count += 1
        if not count % YIELD_EVERY:
            await asyncio.sleep(0)


async def _last_values(client: Redis, selection: Selection) -> dict[str, bytes]:
    """Return the newest payload of every selected channel of the known families, by channel."""
    found = {_text(key) async for key in client.scan_iter(match="last:*:*", count=1000, _type="HASH")}
    newest: dict[str, bytes] = {}
    for key in sorted(found):
        _, family, exchange = key.split(":", 2)
        if family in PREFIXES:
            values: dict[bytes, bytes] = await client.hgetall(key)  # type: ignore[assignment]  # bytes stay bytes
            named = ((channel(family, exchange, _text(item)).name, raw) for item, raw in values.items())
            newest |= {name: raw for name, raw in named if selection.wants_channel(name)}
    return newest


def _arrival(
    name: str, raw: bytes, selection: Selection, numbering: Numbering, *, live: bool
) -> Arrival | None:
    """Return the message, or None if it is not wanted or was here already."""
    family, exchange, item = channel_parts(name)
    payload, problem = read_payload(raw)
    if not selection.wants_contract(item, payload.instrument):
        return None
    missing = numbering.missing_before(name, payload.run, payload.seq)
    if missing is None:
        return None
    return Arrival(
        channel=name,
        family=family,
        exchange=exchange,
        item=item,
        raw=raw,
        payload=payload,
        live=live,
        missing=missing,
        problem=problem,
    )


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
