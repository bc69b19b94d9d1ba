"""Follows the logs of many groups from given places, for one who must miss nothing and can wait."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterator
from time import monotonic, time
from typing import Any

from redis.exceptions import RedisError, ResponseError

from microstream.client.connection import client, server_name, text
from microstream.client.log_position import (
    BEGINNING,
    Anew,
    Entry,
    LogPosition,
    Lost,
    Place,
    log_info,
    place,
)
from microstream.model.messages import PAYLOADS

DISCOVER_S = 5.0
AUDIT_S = 60.0
"""A log that was quiet for so long is looked at: it may have begun anew with smaller ids."""

BEHIND_S = 30.0
MOST_GROUPS = 2000
BLOCK_MS = 250
IDLE_S = 0.05
PAGE_BYTES = 4_000_000
"""Reads are made longer or shorter towards this size."""
MOST_ENTRIES = 256
"""Of each log in one read."""
PORTION = 8
"""Logs that are asked about at once: an answer has two entries, up to a megabyte."""
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0

PREFIX = "stream:"

News = Entry | Anew | Lost


class Tail:
    """Reads what is added to the logs `stream:{group}` of one server.

    `found` are the groups of known families that the server has. Those that are wanted have to be followed first. A
    server that is away is tried again; `away` says why, None while it answers. Raises `ConfigError` for an unusable
    url.
    """

    def __init__(self, url: str) -> None:
        self.found: set[str] = set()
        self.away: str | None = None
        self.name = server_name(url)
        self._client = client(url)
        self._positions: dict[str, LogPosition] = {}
        self._unchecked: set[str] = set()
        self._looked: dict[str, float] = {}
        self._count = PORTION
        self._discover_at = 0.0
        self._delay_s = FIRST_DELAY_S

    def follow(self, group: str, at: Place = BEGINNING, number: int | None = None) -> None:
        """Read a group from behind an entry; `number` is the entry's, where it was told."""
        self._positions[group] = LogPosition(group, at, number)
        self._unchecked.add(group)

    def look_again(self) -> None:
        """Look with the next read which groups there are, before it is due."""
        self._discover_at = 0.0

    @property
    def followed(self) -> Collection[str]:
        """The groups that are followed."""
        return self._positions.keys()

    async def read(self, groups: Collection[str], block_ms: int = BLOCK_MS) -> list[News]:
        """Return what is new in these of the followed groups, in order of each; nothing after a while, or an error.

        A group that is left out stays where it is; what was cut off meanwhile is told when it is read again.
        """
        self._unchecked |= self._positions.keys() - set(groups)
        try:
            news = await self._read(sorted(groups), block_ms)
        except (RedisError, OSError) as error:
            await self._fail(error)
            return []
        self.away, self._delay_s = None, FIRST_DELAY_S
        return news

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _read(self, groups: list[str], block_ms: int) -> list[News]:
        if monotonic() >= self._discover_at:
            await self._discover()
        news: list[News] = []
        async for told in self._checked(groups):
            news += told
        if not groups:
            await asyncio.sleep(min(block_ms / 1000, IDLE_S))
            return news
        keys = [f"{PREFIX}{group}" for group in groups]
        ids = ["{}-{}".format(*self._positions[group].at) for group in groups]
        block = ("BLOCK", block_ms) if block_ms and not news else ()
        reply: Any = await self._client.execute_command(  # type: ignore[no-untyped-call]
            "XREAD", "COUNT", self._count, *block, "STREAMS", *keys, *ids
        )
        news += self._entries(reply)
        return news

    def _entries(self, reply: Any) -> Iterator[Entry]:
        size, most = 0, 0
        for key, entries in reply or ():
            group = text(key)[len(PREFIX) :]
            position = self._positions[group]
            self._looked[group] = monotonic()
            most = max(most, len(entries))
            if len(entries) == self._count and time() - place(entries[-1][0])[0] / 1000 > BEHIND_S:
                self._unchecked.add(group)  # what comes next may be cut off before it is read
            for raw, fields in entries:
                at = place(raw)
                size += sum(map(len, fields.values()))
                yield Entry(group, at, position.take(at), fields)
        if size > PAGE_BYTES:
            self._count = max(1, self._count * PAGE_BYTES // size)
        elif most == self._count and size < PAGE_BYTES // 2:
            self._count = min(MOST_ENTRIES, self._count * 2)

    async def _checked(self, groups: list[str]) -> AsyncIterator[list[Anew | Lost]]:
        """Yield what happened to the logs that have to be looked at."""
        now = monotonic()
        due = [group for group in groups if group in self._unchecked]
        quiet = (
            group
            for group in groups
            if group not in self._unchecked and now - self._looked.get(group, now) > AUDIT_S
        )
        due += list(quiet)[:PORTION]
        for start in range(0, len(due), PORTION):
            yield await self._check(due[start : start + PORTION])

    async def _check(self, groups: list[str]) -> list[Anew | Lost]:
        pipeline = self._client.pipeline(transaction=False)
        for group in groups:
            pipeline.execute_command("XINFO", "STREAM", f"{PREFIX}{group}")
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        told: list[Anew | Lost] = []
        for group, reply in zip(groups, replies, strict=True):
            self._looked[group] = monotonic()
            if isinstance(reply, ResponseError):
                continue  # no such log now: looked at again as soon as there is one
            if isinstance(reply, Exception):
                raise reply
            self._unchecked.discard(group)
            told += self._positions[group].check(log_info(reply))
        return told

    async def _discover(self) -> None:
        """Look which groups there are."""
        cursor, found = 0, set()
        while True:
            page: Any = await self._client.execute_command(  # type: ignore[no-untyped-call]
                "SCAN", cursor, "MATCH", f"{PREFIX}*", "COUNT", 1000, "TYPE", "stream"
            )
            cursor = int(page[0])
            found |= {text(key)[len(PREFIX) :] for key in page[1]}
            if not cursor:
                break
        known = {group for group in found if group.partition(":")[0] in PAYLOADS and ":" in group}
        self.found |= set(sorted(known)[: MOST_GROUPS - len(self.found)])
        self._discover_at = monotonic() + DISCOVER_S

    async def _fail(self, error: Exception) -> None:
        self.away = str(error)
        self._unchecked |= self._positions.keys()
        self._discover_at = 0.0
        await asyncio.sleep(random.uniform(self._delay_s / 2, self._delay_s))
        self._delay_s = min(LONGEST_DELAY_S, self._delay_s * 2)
