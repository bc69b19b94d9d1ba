"""`subscribe_sync` over a real server, for code without an event loop and beside one that runs."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import redis
from msgspec import json

from microstream.client import ConfigError, Notice, Unreadable, subscribe_sync

Eventually = Callable[..., Awaitable[None]]
SOL = "funding:okx:sol-usdt"


@pytest.fixture
def server(valkey: str) -> Iterator[redis.Redis]:
    """A client of the empty server."""
    with redis.Redis.from_url(valkey) as client:
        yield client


def send(server: redis.Redis, *numbers: int) -> None:
    """Write last value and publication of messages."""
    for seq in numbers:
        raw = json.encode({"exchange": "okx", "symbol": "sol-usdt", "run": 1, "seq": seq})
        server.hset("last:funding:okx", "sol-usdt", raw)  # type: ignore[arg-type]
        server.publish(SOL, raw)


def reading_threads() -> list[threading.Thread]:
    """Return the threads of subscriptions."""
    return [thread for thread in threading.enumerate() if thread.name == "microstream.client"]


async def test_it_is_a_plain_iterator(valkey: str, server: redis.Redis, eventually: Eventually) -> None:
    """Last value and live messages come as from `subscribe`; closing ends iteration, thread and connection."""
    send(server, 1)
    with subscribe_sync(valkey, "funding:*:*") as events:
        assert (next(events).seq, len(reading_threads())) == (1, 1)
        send(server, *range(2, 1000))
        assert [next(events).seq for _ in range(998)] == list(range(2, 1000))
    assert list(events) == []
    assert reading_threads() == []
    await eventually(lambda: server.pubsub_numpat() == 0)


async def test_it_works_while_a_loop_runs_in_this_thread(valkey: str, server: redis.Redis) -> None:
    """As in a notebook: the caller is blocked, and gets its events."""
    assert asyncio.get_running_loop().is_running()
    send(server, 1, 2)
    with subscribe_sync(valkey) as events:
        assert next(events).seq == 2
        send(server, 3)
        assert next(events).seq == 3


def test_a_slow_consumer_gets_the_newest(valkey: str, server: redis.Redis) -> None:
    """The hand-over between the threads is bounded: values conflate behind it."""
    unreadable = threading.Event()

    def note(notice: Notice) -> None:
        if isinstance(notice, Unreadable):
            unreadable.set()

    send(server, 1)
    with subscribe_sync(valkey, buffer=10, on_notice=note) as events:
        assert next(events).seq == 1
        send(server, *range(2, 102))
        server.publish(SOL, "the end")
        assert unreadable.wait(5)
        newest = next(events)
    assert (newest.seq, newest.skipped, newest.missing) == (101, 99, 0)


def test_errors_reach_the_caller(valkey: str) -> None:
    """A refused login is raised by the first step, and the thread ends."""
    with pytest.raises(ConfigError, match="refuses"):
        next(subscribe_sync(valkey.replace("redis://", "redis://:secret@")))
    assert reading_threads() == []


async def test_leaving_the_loop_disconnects(valkey: str, server: redis.Redis, eventually: Eventually) -> None:
    """`break` is enough: thread and connection end."""
    send(server, 1)
    for event in subscribe_sync(valkey):
        assert event.seq == 1
        break
    gc.collect()
    await eventually(lambda: not reading_threads() and server.pubsub_numpat() == 0)
