"""Frames in memory through cryptofeed's own handlers and Redis backend: `cryptofeed_driver.py CASE PORT`.

Runs in an environment of its own, with nothing of ours. CASE is a file with a venue's name, its instrument lists as
the venue spells them, and frames. The feed is made as a user makes it: symbols from the venue's lists through its own
parser, channels, `FundingRedis` and `OpenInterestRedis` as callbacks, all their settings left at their defaults; the
connection object is the one that `Feed.connect` makes, with its subscription, and is never opened. Each frame, as
text like its WebSocket client hands it over, goes to `message_handler`. From there all is cryptofeed's: msgspec,
`Decimal`, its Cython types, its queue (bounded, so feeding pauses above `QUEUED`), its writer with batches of 500,
one `ZADD` a message through a redis-py pipeline without transaction, hiredis, uvloop. Funding of Binance and Bybit
carries the mark price. It repeats what a delta leaves unchanged, and writes no last value, no `PUBLISH`, no number.

Prints one JSON object: messages acknowledged for the frames after the first `lead`, CPU seconds of this process and of
the server for them, and the messages that the server holds in all.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from cryptofeed.backends.backend import BackendQueue
from cryptofeed.backends.redis import FundingRedis, OpenInterestRedis
from cryptofeed.connection import AsyncConnection
from cryptofeed.defines import FUNDING, OPEN_INTEREST
from cryptofeed.exchanges.binance_futures import BinanceFutures
from cryptofeed.exchanges.bybit import Bybit
from cryptofeed.exchanges.okx import OKX
from cryptofeed.feed import Feed
from cryptofeed.symbols import Symbols
from redis import Redis

Case = dict[str, Any]
Backends = dict[str, BackendQueue]
Handler = Callable[[str, AsyncConnection, float], Awaitable[None]]

QUEUED = 1_000
PORTION = 200
"""Frames that are handled before the writer has its turn."""
SETTLED_S = 1.5
"""Longer than a writer waits for more before it writes a batch that is not full."""
EXCHANGES = {
    "binance": (BinanceFutures, (FUNDING,)),
    "bybit": (Bybit, (FUNDING, OPEN_INTEREST)),
    "okx": (OKX, (FUNDING, OPEN_INTEREST)),
}
BACKENDS = {FUNDING: FundingRedis, OPEN_INTEREST: OpenInterestRedis}


async def main(path: str, port: int) -> None:
    """Run one case and print what it took."""
    case = json.loads(Path(path).read_text())
    exchange, channels = EXCHANGES[case["venue"]]
    backends = {channel: BACKENDS[channel](port=port) for channel in channels}
    feed = make_feed(exchange, case, backends)
    [(connection, _, handler)] = feed.connect()
    frames, lead = case.pop("frames"), case["lead"]
    gc.collect()
    gc.freeze()  # a feed holds no list of all frames that the collector would walk
    async with asyncio.TaskGroup() as group:
        for channel, backend in backends.items():
            backend.start_writer(group, name=channel, owner=feed)
        await give(frames[:lead], connection, handler, backends)
        await asyncio.sleep(SETTLED_S)
        before, on_server, began = written(backends), server_s(port), time.process_time()
        await give(frames[lead:], connection, handler, backends)
        for backend in backends.values():  # its own way to end: writes what is queued
            await backend.stop()
            await backend.worker
        cpu_s, held = time.process_time() - began, written(backends)
    told = {"messages": held - before, "cpu_s": cpu_s, "server_s": server_s(port) - on_server, "held": held}
    print(json.dumps(told))


def make_feed(exchange: type[Feed], case: Case, backends: Backends) -> Feed:
    """Return the feed of one venue, subscribed to the contracts that the frames are about."""
    lists = [json.loads(page) for page in case["lists"]]
    known, info = exchange._parse_symbol_data(symbol_lists(case["venue"], lists))
    Symbols.set(exchange.id, known, info)
    names = {name: symbol for symbol, name in known.items()}  # it knows names by symbols
    wanted = {name_in(case["venue"], json.loads(text)) for _, text in case["frames"]}
    symbols = [names[name] for name in sorted(wanted)]
    return exchange(symbols=symbols, channels=[*backends], callbacks=backends)


def symbol_lists(venue: str, lists: list[Any]) -> Any:
    """Return what the parser of a venue's instrument lists takes."""
    if venue == "binance":
        return next(page for page in lists if "symbols" in page)
    if venue == "okx":
        return [page for page in lists if "tickSz" in page["data"][0]]
    return lists


def name_in(venue: str, frame: dict[str, Any]) -> str:
    """Return the contract that a frame is about."""
    if venue == "okx":
        return str(frame["arg"]["instId"])
    return str(frame["data"]["s" if venue == "binance" else "symbol"])


async def give(
    frames: list[tuple[int, str]], connection: AsyncConnection, handler: Handler, backends: Backends
) -> None:
    """Hand frames to the feed; pause while a queue is long."""
    for first in range(0, len(frames), PORTION):
        for at, text in frames[first : first + PORTION]:
            await handler(text, connection, at / 1000)
        await asyncio.sleep(0)
        while any(backend.queue.qsize() > QUEUED for backend in backends.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)


def written(backends: Backends) -> int:
    """Return how many messages the server has acknowledged; end if one was lost."""
    stats = [backend.stats for backend in backends.values()]
    lost = sum(one.dropped_overflow + one.dropped_failed + one.conflicts for one in stats)
    if lost:
        raise SystemExit(f"cryptofeed lost {lost} messages: {stats}")
    return sum(one.written for one in stats)


def server_s(port: int) -> float:
    """Return the CPU seconds of the server so far."""
    with Redis(port=port) as client:
        info = client.info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
