"""What the writer leaves on a real server: three forms that agree, numbers, lives, caps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
import redis
from redis.asyncio import Redis

from microstream.model.channels import Channel, channel
from microstream.model.messages import Message

SOL = channel("funding", "binance", "solusdt")
BTC = channel("funding", "binance", "btcusdt")
SOL_OI = channel("oi", "binance", "solusdt")

Eventually = Callable[..., Awaitable[None]]
PublishTo = Callable[..., Any]


class Value(Message, gc=False, kw_only=True):
    """A message with one number in it."""

    family = "funding"
    value: float


def value(number: float) -> Message:
    """Return a message that carries a number."""
    return Value(
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
async def client(valkey: str) -> AsyncIterator[Redis]:
    """A reader that is not ours."""
    async with Redis.from_url(valkey) as reader:
        yield reader


@pytest.fixture
def small_nodes(valkey: str) -> Iterator[None]:
    """A server that cuts its streams exactly where it is told: one entry a node."""
    with redis.Redis.from_url(valkey) as admin:
        admin.config_set("stream-node-max-entries", 1)
        yield
        admin.config_set("stream-node-max-entries", 100)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after the keys all the time."""
    monkeypatch.setattr("microstream.sinks.bus.UPKEEP_S", 0.02)


async def last_value(client: Redis, subject: Channel) -> float | None:
    """Return the number in the last value of a channel."""
    payload = await client.hget(subject.last_key, subject.item)
    return None if payload is None else msgspec.json.decode(payload)["value"]


async def entries(client: Redis, subject: Channel) -> list[dict[bytes, bytes]]:
    """Return the entries of a channel's stream, oldest first."""
    found: Any = await client.xrange(subject.stream_key)
    return [fields for _, fields in found]


async def logged(client: Redis, subject: Channel) -> list[dict[str, Any]]:
    """Return the payloads of a channel in its stream, oldest first."""
    return [
        msgspec.json.decode(payload)
        for fields in await entries(client, subject)
        for item, payload in fields.items()
        if item == subject.item.encode()
    ]


async def test_three_forms_agree(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """The same bytes come by Pub/Sub, as last value and in the log; the hash has its life."""
    received: list[dict[str, Any]] = []

    async with client.pubsub() as pubsub:
        await pubsub.psubscribe("*")
        await pubsub.get_message(timeout=1)
        publisher = publish_to(valkey, run=1234, last_ttl_s=600)
        publisher.buffer.offer(SOL, value(0.25))
        publisher.buffer.offer(SOL_OI, value(7.0))

        async def two() -> bool:
            if message := await pubsub.get_message(timeout=0.05):
                received.append(message)
            return len(received) == 2

        await eventually(two)
    for message, subject in zip(received, (SOL, SOL_OI), strict=True):
        assert message["channel"] == subject.name.encode()
        assert message["data"] == await client.hget(subject.last_key, subject.item)
        assert await entries(client, subject) == [{subject.item.encode(): message["data"]}]
        assert 590 <= await client.ttl(subject.last_key) <= 600
        payload = msgspec.json.decode(message["data"])
        assert (payload["run"], payload["seq"]) == (1234, 1)
    state = publisher.bus.state
    await eventually(lambda: state.written == {"funding": 1, "oi": 1})
    assert state.connected
    assert state.latency.count == state.flushes == 1
    assert sum(state.latency.buckets) == 1
    assert state.bytes > 1000


async def test_numbers_count_per_channel_over_writes(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Each write of a channel has the next number."""
    publisher = publish_to(valkey)
    for number in range(1, 6):
        publisher.buffer.offer(SOL, value(number))
        if number > 3:
            publisher.buffer.offer(BTC, value(number))
        await eventually(lambda: publisher.bus.unwritten == 0)
    assert [payload["seq"] for payload in await logged(client, SOL)] == [1, 2, 3, 4, 5]
    assert [payload["seq"] for payload in await logged(client, BTC)] == [1, 2]


async def test_large_flush_is_cut(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """1,200 messages at once go out in three writes, none lost."""
    publisher = publish_to(valkey)
    for number in range(1200):
        publisher.buffer.offer(channel("funding", "binance", str(number)), value(number))
    await eventually(lambda: publisher.bus.unwritten == 0)
    assert await client.hlen(SOL.last_key) == 1200
    assert [len(fields) for fields in await entries(client, SOL)] == [500, 500, 200]


@pytest.mark.usefixtures("small_nodes")
async def test_stream_is_capped_by_length(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """The newest entries stay."""
    publisher = publish_to(valkey, stream_max_length=3)
    for number in range(6):
        publisher.buffer.offer(SOL, value(number))
        await eventually(lambda: publisher.bus.unwritten == 0)
    assert [payload["value"] for payload in await logged(client, SOL)] == [3, 4, 5]


@pytest.mark.usefixtures("small_nodes", "often")
async def test_stream_is_capped_by_age(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """What is older than allowed goes, though nothing new arrives."""
    publisher = publish_to(valkey, stream_max_age_s=60)
    seconds, _ = await client.time()
    await client.xadd(SOL.stream_key, {"solusdt": '{"value":1}'}, id=f"{(seconds - 70) * 1000}-0")
    await client.xadd(SOL.stream_key, {"solusdt": '{"value":2}'}, id=f"{(seconds - 50) * 1000}-0")
    publisher.buffer.offer(SOL, value(3))

    async def young() -> bool:
        return [payload["value"] for payload in await logged(client, SOL)] == [2, 3]

    await eventually(young)


@pytest.mark.usefixtures("small_nodes", "often")
@pytest.mark.parametrize(("owner", "kept"), [("okx:1s", [3]), ("okx:5s", [2, 3])])
async def test_streams_of_one_second_bars_are_shorter(
    owner: str, kept: list[int], valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """They are many, and the longer ones say the same."""
    where = channel("bars", owner, "sol-usdt")
    publisher = publish_to(valkey, stream_max_age_s=60, brief_max_age_s=20)
    seconds, _ = await client.time()
    for age, number in ((70, 1), (50, 2)):
        entry = {where.item: f'{{"value":{number}}}'}
        await client.xadd(where.stream_key, entry, id=f"{(seconds - age) * 1000}-0")
    publisher.buffer.offer(where, value(3))

    async def young() -> bool:
        return [payload["value"] for payload in await logged(client, where)] == kept

    await eventually(young)


@pytest.mark.usefixtures("often")
async def test_hash_lives_as_long_as_its_publisher(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A group in which nothing changes for an hour is refreshed all the same."""
    publisher = publish_to(valkey, last_ttl_s=600)
    publisher.buffer.offer(SOL, value(1))
    await eventually(lambda: publisher.bus.state.flushes == 1)
    await client.expire(SOL.last_key, 5)

    async def refreshed() -> bool:
        return int(await client.ttl(SOL.last_key)) > 500

    await eventually(refreshed)


@pytest.mark.usefixtures("often")
async def test_lost_hash_comes_back(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Somebody empties the server while we are connected: last values are complete again without a message."""
    publisher = publish_to(valkey)
    publisher.buffer.offer(SOL, value(1))
    publisher.buffer.offer(BTC, value(2))
    await eventually(lambda: publisher.bus.state.flushes == 1)
    await client.flushall()

    async def complete() -> bool:
        return (await last_value(client, SOL), await last_value(client, BTC)) == (1, 2)

    await eventually(complete)


async def test_removed_item_leaves_and_may_come_back(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A delisted contract leaves the hash, not the log; listed again, its numbers go on."""
    publisher = publish_to(valkey)
    publisher.buffer.offer(SOL, value(1))
    publisher.buffer.offer(BTC, value(1))
    await eventually(lambda: publisher.bus.state.flushes == 1)
    publisher.buffer.remove(SOL.group, [SOL.item])

    async def gone() -> bool:
        return await client.hkeys(SOL.last_key) == [b"btcusdt"]

    await eventually(gone)
    publisher.buffer.remove(SOL.group, [SOL.item])
    publisher.buffer.offer(SOL, value(2))
    await eventually(lambda: publisher.bus.state.flushes == 3)
    assert await last_value(client, SOL) == 2
    assert [payload["seq"] for payload in await logged(client, SOL)] == [1, 2]


async def test_leftovers_of_an_earlier_run_leave(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Only what is retained, and what is offered since, stays in the hash."""
    await client.hset(SOL.last_key, mapping={"solusdt": '{"value":1}', "lunausdt": '{"value":2}'})
    publisher = publish_to(valkey)
    publisher.buffer.retain(SOL.group, ["solusdt"])
    publisher.buffer.offer(BTC, value(3))

    async def clean() -> bool:
        return sorted(await client.hkeys(SOL.last_key)) == [b"btcusdt", b"solusdt"]

    await eventually(clean)
    assert await last_value(client, SOL) == 1


async def test_cleaning_what_was_never_written_holds_up_nothing(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """There is no command to send, so there is no answer to wait for."""
    publisher = publish_to(valkey)
    publisher.buffer.retain(SOL.group, ["solusdt"])
    await eventually(lambda: publisher.bus.state.flushes == 1)
    publisher.buffer.offer(SOL, value(1))
    await eventually(lambda: publisher.bus.state.flushes == 2)
    assert (publisher.bus.state.connected, publisher.bus.state.errors) == (True, 0)
    assert await last_value(client, SOL) == 1


async def test_drain_writes_what_is_left(
    valkey: str, client: Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """After the writer has been cancelled, and while it runs."""
    publisher = publish_to(valkey)
    publisher.buffer.offer(SOL, value(1))
    assert await publisher.bus.drain(5) == 0
    assert await last_value(client, SOL) == 1
    await publisher.stop()
    publisher.buffer.offer(SOL, value(2))
    assert await publisher.bus.drain(5) == 0
    assert await last_value(client, SOL) == 2


async def test_cancelled_drain_is_cancelled(free_port: int, publish_to: PublishTo) -> None:
    """Nobody swallows the cancellation of a shutdown that cannot succeed."""
    publisher = publish_to(f"redis://127.0.0.1:{free_port}")
    publisher.buffer.offer(SOL, value(1))
    draining = asyncio.create_task(publisher.bus.drain(60))
    await asyncio.sleep(0)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
