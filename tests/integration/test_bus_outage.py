"""A server that dies, freezes, comes late or refuses: values are right again at once, and the log says why."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from microstream.model.channels import Channel, channel
from microstream.model.messages import Message
from microstream.sinks import EmbeddedServer

SOL = channel("funding", "binance", "solusdt")
BTC = channel("funding", "binance", "btcusdt")
OI = channel("oi", "binance", "solusdt")

Eventually = Callable[..., Awaitable[None]]
PublishTo = Callable[..., Any]


class Value(Message, gc=False, kw_only=True):
    """A message that conflates."""

    family = "funding"
    value: float


class Report(Value, gc=False, kw_only=True):
    """A message that does not."""

    family = "quality"
    conflates = False


def value(number: float, kind: type[Value] = Value) -> Message:
    """Return a message that carries a number."""
    return kind(
        exchange="binance",
        symbol="any",
        instrument=None,
        timestamp=None,
        received_at=0,
        source="ws",
        v=1,
        run=0,
        seq=0,
        flags=(),
        value=number,
    )


@pytest.fixture
async def server(free_port: int) -> AsyncIterator[EmbeddedServer]:
    """A server that a test may kill."""
    async with EmbeddedServer(free_port) as running:
        yield running


@pytest.fixture
async def reader(server: EmbeddedServer) -> AsyncIterator[Redis]:
    """A client that connects anew when asked again."""
    async with Redis.from_url(server.url) as client:
        yield client


async def process_id(client: Redis) -> int:
    """Return the process of a server."""
    return int((await client.info("server"))["process_id"])


async def last_value(client: Redis, subject: Channel) -> float | None:
    """Return the number in the last value of a channel."""
    payload = await client.hget(subject.last_key, subject.item)
    return None if payload is None else msgspec.json.decode(payload)["value"]


async def log_of(client: Redis, subject: Channel) -> list[tuple[int, float]]:
    """Return number and value of a channel's payloads in its stream, oldest first."""
    found: Any = await client.xrange(subject.stream_key)
    payloads = [msgspec.json.decode(fields[subject.item.encode()]) for _, fields in found]
    return [(payload["seq"], payload["value"]) for payload in payloads]


async def test_values_are_complete_within_a_second_of_return(
    server: EmbeddedServer, reader: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A killed server comes back empty: all last values are set again, those unchanged since among them."""
    publisher = publish_to(server.url)
    publisher.buffer.offer(SOL, value(1))
    publisher.buffer.offer(OI, value(10))
    await eventually(lambda: publisher.bus.state.flushes == 1)
    with capture_logs() as logs:
        os.kill(await process_id(reader), signal.SIGKILL)
        assert await server.watch() == -signal.SIGKILL
        publisher.buffer.offer(SOL, value(2))
        await eventually(lambda: not publisher.bus.state.connected)
        for number in (3, 4):
            publisher.buffer.offer(SOL, value(number))
        await server.start()
        await reader.connection_pool.disconnect()

        async def complete() -> bool:
            return (await last_value(reader, SOL), await last_value(reader, OI)) == (4, 10)

        await eventually(complete, within_s=1.0)
        await eventually(lambda: publisher.bus.state.connected)
    assert publisher.bus.state.reconnects == 1
    assert publisher.bus.state.down_since is None
    assert await reader.ttl(OI.last_key) > 3000
    seqs = [seq for seq, _ in await log_of(reader, SOL)]
    assert seqs[0] == 2
    assert seqs == list(range(2, 2 + len(seqs)))
    assert [entry["event"] for entry in logs] == ["redis is away, retrying", "redis is back"]
    assert (logs[1]["conflated"], logs[1]["dropped"]) == (publisher.buffer.conflated, 0)


async def test_frozen_server(
    server: EmbeddedServer, reader: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A server that takes connections but answers nothing: newest values are kept, no number is skipped."""
    publisher = publish_to(server.url, timeout_s=0.2)
    publisher.buffer.offer(SOL, value(0))
    await eventually(lambda: publisher.bus.state.flushes == 1)
    frozen = await process_id(reader)
    os.kill(frozen, signal.SIGSTOP)
    try:
        publisher.buffer.offer(SOL, value(1))
        await eventually(lambda: not publisher.bus.state.connected)
        for number in range(2, 500):
            publisher.buffer.offer(SOL, value(number))
        assert publisher.bus.unwritten == 2  # the one in flight, and the newest
        assert "no answer within 0.2 s" in str(publisher.bus.state.last_error)
        await eventually(lambda: publisher.bus.state.errors > 2)
    finally:
        os.kill(frozen, signal.SIGCONT)

    async def newest() -> bool:
        return await last_value(reader, SOL) == 499

    await eventually(newest, within_s=1.0)
    log = await log_of(reader, SOL)
    assert list(dict.fromkeys(log)) == [(1, 0), (2, 1), (3, 499)]
    assert log.count((2, 1)) <= 2  # it waited in one frozen connection, not in each
    assert publisher.buffer.conflated == 497


async def test_server_that_comes_late(free_port: int, publish_to: PublishTo, eventually: Eventually) -> None:
    """No server at the start is retried; reports in excess are dropped, and their numbers show it."""
    publisher = publish_to(f"redis://127.0.0.1:{free_port}", max_queued=2)
    reports = channel("quality", "binance", "solusdt")
    await eventually(lambda: publisher.bus.state.down_since is not None)
    assert "127.0.0.1" in str(publisher.bus.state.last_error)
    for number in range(5):
        publisher.buffer.offer(reports, value(number, Report))
    async with EmbeddedServer(free_port) as server, Redis.from_url(server.url) as reader:
        await eventually(lambda: publisher.bus.unwritten == 0)
        assert await log_of(reader, reports) == [(4, 3), (5, 4)]
        assert publisher.buffer.dropped == {"quality": 3}
        await publisher.stop()


async def test_refused_key_is_reported_and_repeats_nothing(
    server: EmbeddedServer, reader: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A stream's key that holds something else: only the refused command is sent again, until it is accepted."""
    await reader.set(OI.stream_key, "not a stream")
    publisher = publish_to(server.url)
    with capture_logs() as logs:
        publisher.buffer.offer(SOL, value(1))
        publisher.buffer.offer(OI, value(10))
        await eventually(lambda: publisher.bus.state.errors > 2)
        assert not publisher.bus.state.connected
        assert "XADD stream:oi:binance: WRONGTYPE" in str(publisher.bus.state.last_error)
        assert await last_value(reader, SOL) == 1
        await reader.delete(OI.stream_key)
        await eventually(lambda: publisher.bus.state.connected)
    assert await log_of(reader, SOL) == [(1, 1)]
    assert await log_of(reader, OI) == [(1, 10)]
    assert [entry["event"] for entry in logs] == ["redis refuses, retrying", "redis is back"]


async def test_full_server(
    server: EmbeddedServer, reader: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Out of memory is reported with what to do, and over when memory is there again."""
    publisher = publish_to(server.url)
    await reader.config_set("maxmemory", "1")
    publisher.buffer.offer(SOL, value(1))
    await eventually(lambda: "raise it or free memory" in str(publisher.bus.state.last_error))
    await reader.config_set("maxmemory", "0")

    async def written() -> bool:
        return await last_value(reader, SOL) == 1

    await eventually(written)
    assert await log_of(reader, SOL) == [(1, 1)]


async def test_drain_gives_up_at_its_deadline(free_port: int, publish_to: PublishTo) -> None:
    """A shutdown does not wait for a server that is away, and says how much is lost."""
    publisher = publish_to(f"redis://127.0.0.1:{free_port}")
    publisher.buffer.offer(SOL, value(1))
    publisher.buffer.offer(BTC, value(1))
    started = time.monotonic()
    assert await publisher.bus.drain(0.2) == 2
    assert time.monotonic() - started < 1


async def test_writer_can_be_cancelled_while_the_server_is_frozen(
    server: EmbeddedServer, reader: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A stop does not wait for replies; what was in flight is written again by a drain."""
    publisher = publish_to(server.url)
    await eventually(lambda: publisher.bus.state.connected)
    frozen = await process_id(reader)
    os.kill(frozen, signal.SIGSTOP)
    publisher.buffer.offer(SOL, value(1))
    await eventually(lambda: len(publisher.buffer) == 0)
    async with asyncio.timeout(1):
        await publisher.stop()
    assert publisher.task.cancelled()
    os.kill(frozen, signal.SIGCONT)
    assert await publisher.bus.drain(5) == 0
    assert set(await log_of(reader, SOL)) == {(1, 1)}


async def test_death_is_noticed_in_idleness(
    server: EmbeddedServer, reader: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Nothing is offered, and the server is gone and back: its last values are set again within a second."""
    publisher = publish_to(server.url)
    publisher.buffer.offer(SOL, value(1))
    await eventually(lambda: publisher.bus.state.flushes == 1)
    os.kill(await process_id(reader), signal.SIGKILL)
    await server.watch()
    await server.start()
    await reader.connection_pool.disconnect()

    async def complete() -> bool:
        return await last_value(reader, SOL) == 1

    await eventually(complete, within_s=1.0)
