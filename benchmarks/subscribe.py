"""What the SDK costs a consumer: messages per second of one core, and the time from the socket to the consumer.

Another process publishes funding messages on 500 channels through the bundled server, first as fast as the server
takes them, then one a millisecond. "Hand-over" is from the first look at a message to the consumer that waits for it,
"all" from before its publication. CPU is that of this process alone.
"""

import asyncio
import time
from itertools import cycle
from multiprocessing import get_context
from statistics import quantiles

from msgspec import json
from redis import Redis

from benchmarks.bus import funding
from benchmarks.processes import free_port
from benchmarks.table import table
from microstream.client import Event, Subscription, reader, subscribe, subscribe_sync
from microstream.client.events import read_event
from microstream.model.messages import FundingMessage
from microstream.sinks import EmbeddedServer

CHANNELS = 500
FLOOD = 300_000
PACED = 3_000
PATTERN = "funding:*:*"


def main() -> None:
    """Print throughput, then latencies."""
    asyncio.run(_run())


async def _run() -> None:
    async with EmbeddedServer(free_port()) as server:
        rows = [await _flood(server.url), await asyncio.to_thread(_flood_sync, server.url)]
        table(("as fast as it goes", "messages", "taken", "us/msg CPU", "msg/s a core", "msg/s clock"), rows)
        table(("one a millisecond", "messages", "p50 us", "p99 us"), await _paced(server.url))


async def _flood(url: str) -> tuple[str, ...]:
    async with subscribe(url, PATTERN) as events:
        publisher = await _started(url, events, FLOOD, 0.0)
        cpu, clock, taken = time.process_time(), time.perf_counter(), 0
        async for event in events:
            taken += 1
            if event.timestamp == FLOOD:
                break
        row = _row("subscribe", taken, time.process_time() - cpu, time.perf_counter() - clock)
    await asyncio.to_thread(publisher.join)
    return row


def _flood_sync(url: str) -> tuple[str, ...]:
    with subscribe_sync(url, PATTERN) as events:
        publisher = get_context("spawn").Process(target=publish, args=(url, FLOOD, 0.0))
        publisher.start()
        event, taken = next(events), 1
        cpu, clock = time.process_time(), time.perf_counter()
        while event.timestamp != FLOOD:
            event = next(events)
            taken += 1
        row = _row("subscribe_sync", taken, time.process_time() - cpu, time.perf_counter() - clock)
    publisher.join()
    return row


def _row(name: str, taken: int, cpu_s: float, clock_s: float) -> tuple[str, ...]:
    return (
        name,
        str(FLOOD),
        str(taken),
        f"{cpu_s / FLOOD * 1e6:.1f}",
        f"{FLOOD / cpu_s:.0f}",
        f"{FLOOD / clock_s:.0f}",
    )


async def _paced(url: str) -> list[tuple[str, ...]]:
    seen_ns = 0

    def look(channel: str, raw: bytes, *, live: bool) -> Event:
        nonlocal seen_ns
        seen_ns = time.monotonic_ns()
        return read_event(channel, raw, live=live)

    reader.read_event = look
    handed: list[float] = []
    everything: list[float] = []
    async with subscribe(url, PATTERN) as events:
        publisher = await _started(url, events, PACED, 0.001)
        async for event in events:
            now = time.monotonic_ns()
            handed.append((now - seen_ns) / 1000)
            everything.append((now - event.received_at) / 1000)
            if event.timestamp == PACED:
                break
    reader.read_event = read_event
    await asyncio.to_thread(publisher.join)
    rows = []
    for name, values in (("hand-over", handed), ("all", everything)):
        cuts = quantiles(values, n=100)
        rows.append((name, str(len(values)), f"{cuts[49]:.0f}", f"{cuts[98]:.0f}"))
    return rows


async def _started(url: str, events: Subscription, count: int, pause_s: float):
    """Start the publisher and return with its first message taken."""
    publisher = get_context("spawn").Process(target=publish, args=(url, count, pause_s))
    publisher.start()
    await anext(events)
    return publisher


def publish(url: str, count: int, pause_s: float) -> None:
    """Publish messages with consecutive numbers as soon as somebody listens; `timestamp` counts them."""
    messages: list[FundingMessage] = [funding(f"s{number}usdt") for number in range(CHANNELS)]
    names = [f"funding:binance:{message.symbol}" for message in messages]
    run = int(time.time() * 1000)
    with Redis.from_url(url) as client:
        while not client.pubsub_numpat():
            time.sleep(0.01)
        done = 0
        for at in cycle([0] if not pause_s else range(CHANNELS)):
            pipeline = client.pipeline(transaction=False)
            for message, name in zip(messages[at:], names[at:], strict=True):
                done += 1
                message.run, message.seq, message.timestamp = run, message.seq + 1, done
                message.received_at = time.monotonic_ns()
                pipeline.publish(name, json.encode(message))
                if pause_s or done == count:
                    break
            pipeline.execute()
            if done == count:
                return
            time.sleep(pause_s)
