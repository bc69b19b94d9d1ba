"""The reading side over a real server: last values, live, holes, outages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from msgspec import json
from redis.asyncio import Redis

from microstream.client import reading
from microstream.client.arrival import Arrival
from microstream.client.feed import Item, feed
from microstream.client.notices import Away, Connected
from microstream.client.selection import Selection
from microstream.errors import ConfigError
from microstream.model.channels import channel
from microstream.sinks import EmbeddedServer

Eventually = Callable[..., Awaitable[None]]


class Publisher:
    """Writes the last value and publishes, with the numbers that a test wants."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def send(self, symbol: str, seq: int, *, run: int = 1, family: str = "funding") -> None:
        """Publish one message and keep it as the last value."""
        place = channel(family, "okx", symbol)
        raw = json.encode({"exchange": "okx", "symbol": symbol, "instrument": None, "run": run, "seq": seq})
        await self._client.hset(place.last_key, place.item, raw)
        await self._client.publish(place.name, raw)

    async def publish(self, name: str, raw: bytes) -> None:
        """Publish bytes as they are."""
        await self._client.publish(name, raw)

    async def listeners(self) -> bool:
        """Return whether anybody has subscribed to a pattern."""
        return bool(await self._client.pubsub_numpat())


@pytest.fixture
async def publisher(valkey: str) -> AsyncIterator[Publisher]:
    """A publisher to the empty server."""
    async with Redis.from_url(valkey) as client:
        yield Publisher(client)


async def take(items: AsyncIterator[Item], count: int) -> list[Any]:
    """Return the next items; fail where they do not come."""
    async with asyncio.timeout(5):
        return [await anext(items) for _ in range(count)]


def seen(arrival: Arrival) -> tuple[str, int | None, bool, int]:
    """Return symbol, number, whether live, and what is missing before it."""
    return arrival.item, arrival.payload.seq, arrival.live, arrival.missing


async def test_last_values_come_first_then_live_without_a_repeat(valkey: str, publisher: Publisher) -> None:
    """What was published before is read from the hashes; publishing it again is no new message."""
    await publisher.send("btc-usdt", 4)
    await publisher.send("sol-usdt", 7)
    async with aclosing(feed(valkey, Selection.parse(()))) as items:
        connected, *arrivals = await take(items, 3)
        await publisher.send("sol-usdt", 7)
        await publisher.send("sol-usdt", 8)
        (live,) = await take(items, 1)
    assert isinstance(connected, Connected)
    assert sorted(map(seen, arrivals)) == [("btc-usdt", 4, False, 0), ("sol-usdt", 7, False, 0)]
    assert seen(live) == ("sol-usdt", 8, True, 0)


async def test_holes_are_counted_and_a_new_run_starts_anew(valkey: str, publisher: Publisher) -> None:
    """Numbers 3 and 4 never came; the first number of the next run is no hole."""
    async with aclosing(feed(valkey, Selection.parse(()))) as items:
        await take(items, 1)
        for run, seq in ((1, 2), (1, 5), (1, 5), (2, 9), (2, 10)):
            await publisher.send("sol-usdt", seq, run=run)
        arrivals = await take(items, 4)
    assert [seen(arrival)[1:] for arrival in arrivals] == [
        (2, True, 0),
        (5, True, 2),
        (9, True, 0),
        (10, True, 0),
    ]


async def test_overlapping_patterns_give_a_message_once(valkey: str, publisher: Publisher) -> None:
    """Redis delivers once per matching pattern; the repeat is left out."""
    async with aclosing(feed(valkey, Selection.parse(["funding:*", "funding:okx:*"]))) as items:
        await take(items, 1)
        await publisher.send("sol-usdt", 1)
        await publisher.send("sol-usdt", 2)
        arrivals = await take(items, 2)
    assert [arrival.payload.seq for arrival in arrivals] == [1, 2]


async def test_only_what_is_selected_comes(valkey: str, publisher: Publisher) -> None:
    """A channel glob and a name choose among last values and live messages alike."""
    for family in ("funding", "oi"):
        for symbol in ("btc-usdt", "sol-usdt"):
            await publisher.send(symbol, 1, family=family)
    async with aclosing(feed(valkey, Selection.parse(["meta:oi:*:*", "sol-usdt"]))) as items:
        await take(items, 2)
        await publisher.send("btc-usdt", 2, family="oi")
        await publisher.send("sol-usdt", 2, family="funding")
        await publisher.send("sol-usdt", 2, family="oi")
        (live,) = await take(items, 1)
    assert (live.channel, live.payload.seq) == ("meta:oi:okx:sol-usdt", 2)


async def test_what_cannot_be_read_is_passed_on_with_the_reason(valkey: str, publisher: Publisher) -> None:
    """A stranger's text on one of our channels does not stop the feed."""
    async with aclosing(feed(valkey, Selection.parse(()))) as items:
        await take(items, 1)
        await publisher.publish("funding:okx:sol-usdt", b"hello")
        (arrival,) = await take(items, 1)
    assert arrival.raw == b"hello"
    assert arrival.problem


async def test_a_server_that_comes_late_is_waited_for(
    free_port: int, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """It is told once that the server is away, however often it is tried."""
    waits: list[int] = []

    class Impatient:
        def compute(self, failures: int) -> float:
            waits.append(failures)
            return 0.01

    monkeypatch.setattr(reading, "_BACKOFF", Impatient())
    url = f"redis://127.0.0.1:{free_port}"
    async with aclosing(feed(url, Selection.parse(()))) as items:
        (away,) = await take(items, 1)
        following = asyncio.create_task(anext(items))
        await eventually(lambda: len(waits) > 2)
        assert not following.done()
        async with EmbeddedServer(free_port):
            async with asyncio.timeout(5):
                connected = await following
            async with Redis.from_url(url) as client:
                await Publisher(client).send("sol-usdt", 1)
            (arrival,) = await take(items, 1)
    assert isinstance(away, Away)
    assert away.server == f"127.0.0.1:{free_port}"
    assert connected == Connected(f"127.0.0.1:{free_port}")
    assert seen(arrival) == ("sol-usdt", 1, True, 0)


async def test_what_was_published_during_an_outage_is_missing(valkey: str, publisher: Publisher) -> None:
    """After the connection was cut, the last value tells how many messages this reader did not see."""
    async with aclosing(feed(valkey, Selection.parse(()))) as items:
        await take(items, 1)
        await publisher.send("sol-usdt", 1)
        await take(items, 1)
        async with Redis.from_url(valkey) as admin:
            await admin.client_kill_filter(_type="pubsub")
        (away,) = await take(items, 1)
        for seq in (2, 3, 4):
            await publisher.send("sol-usdt", seq)
        connected, arrival = await take(items, 2)
    assert isinstance(away, Away)
    assert isinstance(connected, Connected)
    assert seen(arrival) == ("sol-usdt", 4, False, 2)


async def test_closing_the_feed_closes_its_connections(
    valkey: str, publisher: Publisher, eventually: Eventually
) -> None:
    """No subscription is left behind."""
    async with aclosing(feed(valkey, Selection.parse(()))) as items:
        await take(items, 1)
        assert await publisher.listeners()

    async def gone() -> bool:
        return not await publisher.listeners()

    await eventually(gone)


async def test_a_refused_login_is_no_outage(valkey: str) -> None:
    """Trying again would not help, so it is an error, which does not show the password."""
    with pytest.raises(ConfigError, match="refuses") as raised:
        await anext(feed(valkey.replace("redis://", "redis://:secret@"), Selection.parse(())))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://host:port"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    """The error comes at once, not after a time-out."""
    with pytest.raises(ConfigError, match="address"):
        await anext(feed(url, Selection.parse(())))
