"""Everything that one server publishes on the selected channels: last values, then live, through every outage."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic

from msgspec import Struct
from redis import exceptions
from redis.asyncio import Redis
from redis.backoff import ExponentialWithJitterBackoff

from microstream.client.connection import client, server_name, subscription, text
from microstream.client.notices import Away, Connected
from microstream.client.selection import Selection
from microstream.errors import ConfigError
from microstream.model.channels import PREFIXES, channel, head

STEADY_AFTER_S = 10.0
"""A connection that lived as long makes the next outage start with the shortest wait again."""

_BACKOFF = ExponentialWithJitterBackoff(cap=5.0, base=0.25)
_REFUSALS = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)


class Joined(Struct, frozen=True):
    """All last values were yielded; what follows comes as it is published. `client` answers questions."""

    client: Redis


Read = tuple[str, bytes, bool]
"""Channel, payload, and whether it came live."""


async def read(url: str, selection: Selection) -> AsyncGenerator[Read | Connected | Joined | Away, None]:
    """Yield what is published on the selected channels, for ever; close the generator to disconnect.

    `url` is a redis://, rediss:// or unix:// address. After `Connected` the last values follow, except those of
    channels that have published meanwhile; `Joined`; then everything live. It does not pause while there is
    something to read. Raises `ConfigError` for an unusable url and where the server refuses login or commands.
    """
    server = server_name(url)
    failures = 0
    away = False
    while True:
        started = monotonic()
        try:
            async with aclosing(_session(url, selection)) as items:
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


async def _session(url: str, selection: Selection) -> AsyncGenerator[Read | Connected | Joined, None]:
    """Yield the messages of one connection; an exception of redis ends it.

    Subscribes before it reads the last values, so that nothing falls between. What is published meanwhile is
    yielded first, and makes the last values of its channels superfluous.
    """
    async with client(url) as questions, subscription(questions) as live:
        early = await live.subscribe(selection.channels)
        yield Connected(server_name(url))
        last_values = await _last_values(questions, selection)
        early += await live.ping()
        for name, raw in early:
            yield name, raw, True
        for name in sorted(last_values.keys() - dict(early).keys()):
            yield name, last_values[name], False
        yield Joined(questions)
        async with aclosing(live.published()) as published:
            async for name, raw in published:
                yield name, raw, True


async def _last_values(questions: Redis, selection: Selection) -> dict[str, bytes]:
    """Return the newest payload of every selected channel of the known families, by channel."""
    found = {text(key) async for key in questions.scan_iter(match="last:*:*", count=1000, _type="HASH")}
    newest: dict[str, bytes] = {}
    for key in sorted(found):
        _, family, exchange = key.split(":", 2)
        if family in PREFIXES and selection.may_want(head(family, exchange)):
            values: dict[bytes, bytes] = await questions.hgetall(key)  # type: ignore[assignment]  # bytes stay bytes
            named = ((channel(family, exchange, text(item)).name, raw) for item, raw in values.items())
            newest |= {name: raw for name, raw in named if selection.wants_channel(name)}
    return newest
