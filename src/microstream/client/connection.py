"""The two connections of a reader: one that is subscribed, one for questions. redis-py opens them.

The subscribed one is read reply by reply, because the library's own `PubSub` costs four times as much a message.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from microstream.errors import ConfigError

CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 10.0
PING_EVERY_S = 10.0
SILENT_AFTER_S = 30.0

Published = tuple[str, bytes]
"""Channel and payload."""

_NO_RETRY: Retry = Retry(NoBackoff(), 0)


def server_name(url: str) -> str:
    """Return host and port, or the socket's path, of a server url, without user and password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError as error:
        raise ConfigError(f"the Redis url is no address: {error}") from error
    return f"{parts.hostname}:{port}" if parts.hostname else parts.path or url


def text(raw: bytes) -> str:
    """Return the name of a channel, key or field; what is no UTF-8 is replaced."""
    return raw.decode(errors="replace")


def client(url: str) -> Redis:
    """Return a client that answers in bytes. Raises `ConfigError` for an unusable url."""
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


class Subscription:
    """A subscribed connection: what is published, in order."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._heard = True
        self._silent = ""

    async def subscribe(self, patterns: tuple[str, ...]) -> list[Published]:
        """Subscribe to globs; return what came before the last of them stood. Raises `RedisError`, `OSError`."""
        await self._connection.send_command("PSUBSCRIBE", *patterns)
        return await self._until(b"psubscribe", len(patterns))

    async def ping(self) -> list[Published]:
        """Return what was published before the server answered. Raises `RedisError`, `OSError`."""
        await self._send_ping()
        return await self._until(b"pong", 1)

    async def published(self) -> AsyncGenerator[Published, None]:
        """Yield what is published, without a pause as long as there is something.

        A server that answers no ping any more raises redis-py's `ConnectionError`, like one that is gone.
        """
        read = self._connection.read_response
        watch = asyncio.create_task(self._watch())
        try:
            while True:
                reply = await read(disable_decoding=True)
                self._heard = True
                if reply[0] == b"pmessage":
                    yield text(reply[2]), reply[3]
        except (RedisError, OSError) as error:
            if self._silent:
                raise Disconnected(self._silent) from error
            raise
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _until(self, kind: bytes, count: int) -> list[Published]:
        early: list[Published] = []
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                while count:
                    reply = await self._connection.read_response(disable_decoding=True)
                    if reply[0] == kind:
                        count -= 1
                    elif reply[0] == b"pmessage":
                        early.append((text(reply[2]), reply[3]))
        except TimeoutError:
            raise Disconnected(f"no answer in {REPLY_TIMEOUT_S:.0f} s") from None
        return early

    async def _watch(self) -> None:
        """Ask the server for a sign of life while it is silent, and hang up if it gives none."""
        heard, asked = monotonic(), 0.0
        while True:
            await asyncio.sleep(PING_EVERY_S / 10)
            now = monotonic()
            if self._heard:  # the reading side does not look at the clock
                self._heard, heard = False, now
            elif now - heard > SILENT_AFTER_S:
                self._silent = f"no answer for {SILENT_AFTER_S:.0f} s"
                await self._connection.disconnect(nowait=True)
                return
            if now - max(heard, asked) > PING_EVERY_S:
                asked = now
                with suppress(RedisError, OSError):  # the reading side will notice, too
                    await self._send_ping()

    async def _send_ping(self) -> None:
        packed: Any = self._connection.pack_command("PING")
        await self._connection.send_packed_command(packed, check_health=False)


@asynccontextmanager
async def subscription(source: Redis) -> AsyncIterator[Subscription]:
    """Open a connection like those of a client, to be subscribed. Raises `RedisError`, `OSError`."""
    connection = source.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.connect()
        connection.socket_timeout = None  # from now on silence is no failure, see `_watch`
        yield Subscription(connection)
    finally:
        await connection.disconnect()
