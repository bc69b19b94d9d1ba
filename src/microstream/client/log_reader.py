"""Reads the stream of a group backwards, page by page, for a scan."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from microstream.client.scan import Scan

SCAN_LIMIT_S = 5.0
"""A scan that takes longer ends with what it has found; what it holds back must go on."""

MESSAGE_LIMIT = 100_000
"""Messages that one scan looks at, some 60 MB."""

FIRST_PAGE, LONGEST_PAGE = 8, 512
PAGE_BYTES = 500_000
"""Pages of entries are made longer or shorter towards this size."""

Entry = tuple[bytes, Mapping[bytes, bytes]]


async def read_back(client: "Redis", scan: Scan) -> str:
    """Feed the scan until it is done; return why it is not, or nothing. Raises `RedisError`, `OSError`."""
    count, before, started = FIRST_PAGE, "+", monotonic()
    while not scan.done:
        if monotonic() - started > SCAN_LIMIT_S or scan.messages > MESSAGE_LIMIT:
            return f"{scan.stream} would have to be read for too long"
        try:
            page = await _page(client, scan.stream, before, count)
        except ResponseError as error:
            return f"the server refuses to read {scan.stream}: {error}"
        size = _feed(scan, page)
        if len(page) < count:
            break
        before = f"({page[-1][0].decode()}"
        count = min(LONGEST_PAGE, count * 2) if size < PAGE_BYTES // 2 else max(1, count * PAGE_BYTES // size)
        await asyncio.sleep(0)
    return "" if scan.done else f"{scan.stream} does not go back so far"


async def _page(client: "Redis", stream: str, before: str, count: int) -> list[Entry]:
    command = ("XREVRANGE", stream, before, "-", "COUNT", count)
    page: list[Entry] = await client.execute_command(*command)  # type: ignore[no-untyped-call]
    return page


def _feed(scan: Scan, page: list[Entry]) -> int:
    """Feed the entries of a page, as many as the scan wants; return their size."""
    size = 0
    for _, fields in page:
        if scan.done:
            break
        scan.entry(fields)
        size += sum(map(len, fields.values()))
    return size
