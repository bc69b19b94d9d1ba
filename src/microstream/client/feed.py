"""Published messages as the monitor wants them: with their bytes, and with every hole counted."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from microstream.client.arrival import Arrival, read_payload
from microstream.client.notices import Away, Connected
from microstream.client.numbering import Numbering
from microstream.client.reading import Joined, read
from microstream.client.selection import Selection
from microstream.model.channels import parts

YIELD_EVERY = 100
"""After as many messages other tasks get their turn, even if more are waiting."""

Item = Arrival | Connected | Away


async def feed(url: str, selection: Selection) -> AsyncGenerator[Item, None]:
    """Yield what is published on the selected channels, for ever; close the generator to disconnect.

    `url` is a redis://, rediss:// or unix:// address. A message that was yielded already (same channel, run and
    seq) is not yielded again. Numbers that were skipped, or were published while this reader was away, count as
    missing; they are not looked for in the log. Raises `ConfigError` for an unusable url and where the server
    refuses login or commands.
    """
    numbering = Numbering()
    count = 0
    async with aclosing(read(url, selection)) as items:
        async for item in items:
            if isinstance(item, tuple):
                count += 1
                if not count % YIELD_EVERY:
                    await asyncio.sleep(0)
                if arrival := _arrival(*item, selection, numbering):
                    yield arrival
            elif not isinstance(item, Joined):
                yield item


def _arrival(name: str, raw: bytes, live: bool, selection: Selection, numbering: Numbering) -> Arrival | None:
    """Return the message, or None if it is not wanted or was here already."""
    family, exchange, item = parts(name)
    payload, problem = read_payload(raw, family)
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
