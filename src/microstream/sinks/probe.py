"""Asks a Redis or Valkey server who it is: for `microstream doctor`."""

import time
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from microstream.errors import SinkDown

OLDEST = (6, 2)
"""Streams cannot be trimmed by age before Redis 6.2."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself; `round_trip_s` is that of a PING."""

    name: str
    version: str
    round_trip_s: float
    memory_policy: str
    recent_enough: bool


async def probe(url: str, timeout_s: float) -> ServerFacts:
    """Return the facts of the server at `url`. Raises `SinkDown` when it cannot be reached or refuses."""
    client = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
    try:
        await client.ping()
        began = time.monotonic()
        await client.ping()
        round_trip_s = time.monotonic() - began
        info = await client.info()
    except (RedisError, OSError, TimeoutError) as error:
        raise SinkDown(str(error) or type(error).__name__) from error
    finally:
        await client.aclose()
    valkey = info.get("valkey_version")
    version = str(valkey or info.get("redis_version", "?"))
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    policy = str(info.get("maxmemory_policy", "?"))
    return ServerFacts("Valkey" if valkey else "Redis", version, round_trip_s, policy, parts >= OLDEST)
