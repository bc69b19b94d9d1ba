"""Replay against a real server: the same channels and payloads in the same order, and only where nobody publishes."""

import asyncio
import hashlib
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.unit.history.recorded import NOON, minutes, record

from microstream.app.playback import Wishes, make_replay
from microstream.app.target import check_target
from microstream.clock import SystemClock
from microstream.config import Config
from microstream.errors import ConfigError, StoreDown
from microstream.history.published import channel_of
from microstream.history.store import Store
from microstream.model.channels import Channel, channel
from microstream.model.past import Span
from microstream.sinks import EmbeddedServer
from microstream.sinks.relay import Relay
from microstream.sinks.settings import SinkSettings

SPAN = Span(NOON, NOON + 120_000)
Eventually = Callable[..., Awaitable[None]]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two minutes of two contracts."""
    folder = str(tmp_path_factory.mktemp("history"))
    record(Store(folder), minutes(2))
    return folder


def replay_of(history: str, url: str, **wishes: Any) -> Any:
    """Return a replay that is as fast as can be, unless it is to be another."""
    settings: dict[str, Any] = {"span": SPAN, "speed": None, "store": history} | wishes
    return make_replay(Wishes(**settings), Config(symbols=["SOL"]), url, SystemClock())


async def logged(url: str) -> dict[str, list[dict[str, str]]]:
    """Return the entries of every stream."""
    async with Redis.from_url(url, decode_responses=True) as client:
        keys = sorted([key async for key in client.scan_iter("stream:*")])
        return {key: [fields for _, fields in await client.xrange(key)] for key in keys}


async def test_entries_and_payloads_are_the_recorded_ones(history: str, valkey: str) -> None:
    """Entry by entry, but for the source; the last value of each item is its newest payload."""
    replay = replay_of(history, valkey)
    await replay.run()
    expected: dict[str, list[dict[str, str]]] = {}
    for entry in minutes(2):
        fields = {}
        for message in entry.messages:
            message.source = "replay"
            fields[message.symbol] = msgspec.json.encode(message).decode()
        expected.setdefault(channel_of(entry.messages[0]).stream_key, []).append(fields)
    assert await logged(valkey) == dict(sorted(expected.items()))
    async with Redis.from_url(valkey, decode_responses=True) as client:
        assert await client.hgetall("last:oi:bybit") == expected["stream:oi:bybit"][-1]
        assert 0 < await client.ttl("last:oi:bybit") <= 3_600
    assert replay.progress.messages == {"instrument": 2, "mark_price": 238, "funding": 16, "oi": 16}


@pytest.mark.parametrize("compute", [False, True])
async def test_twice_is_the_same_and_what_is_received_is_what_is_told(
    history: str, valkey: str, *, compute: bool
) -> None:
    """A subscriber's own sum over what it got is that of the replay; the streams are equal to the byte."""
    runs = []
    for _ in range(2):
        async with Redis.from_url(valkey) as client, client.pubsub() as subscriber:
            await client.flushall()
            await subscriber.psubscribe("*")
            assert await subscriber.get_message(timeout=5)
            replay = replay_of(history, valkey, compute=compute)
            await replay.run()
            digest = hashlib.sha256()
            for _ in range(replay.progress.messages.total()):
                told = await subscriber.get_message(timeout=5)
                assert told is not None
                digest.update(b"%b %b\n" % (told["channel"], told["data"]))
        assert digest.hexdigest() == replay.progress.digest.hexdigest()
        runs.append((digest.hexdigest(), await logged(valkey)))
    assert runs[0] == runs[1]
    assert ("stream:bars:bybit:1m" in runs[0][1]) is compute


async def test_distances_are_kept_and_a_stop_ends_it(
    history: str, valkey: str, eventually: Eventually
) -> None:
    """Twenty times as fast, three seconds come within a tenth and a half of one; then it is stopped between two."""
    replay = replay_of(history, valkey, speed=20.0, families=["mark_price"])
    began = time.monotonic()
    running = asyncio.create_task(replay.run())
    await eventually(lambda: replay.progress.reached >= NOON + 4_020)
    took_s = time.monotonic() - began
    replay.stop()
    await asyncio.wait_for(running, 1)
    assert took_s >= 0.14
    entries = (await logged(valkey))["stream:mark_price:bybit"]
    assert 4 <= len(entries) < 100
    assert 2 * len(entries) == replay.progress.messages["mark_price"]


async def test_nothing_is_lost_while_the_server_is_away(
    history: str, free_port: int, eventually: Eventually
) -> None:
    """What is not acknowledged is written to the server that comes later."""
    server = EmbeddedServer(free_port)
    replay = replay_of(history, server.url)
    running = asyncio.create_task(replay.run())
    await eventually(lambda: replay.progress.messages.total() > 0)
    async with server:
        await asyncio.wait_for(running, 10)
        found = await logged(server.url)
    assert [
        len(found[f"stream:{group}:bybit"]) for group in ("funding", "instrument", "mark_price", "oi")
    ] == [
        8,
        1,
        119,
        8,
    ]


async def test_a_history_that_cannot_be_read_is_told(tmp_path: Path, valkey: str) -> None:
    """A file of a table is gone: the replay ends with the error, and nothing else."""
    store = Store(str(tmp_path))
    record(store, minutes(1))
    for file in tmp_path.glob("published/oi/**/*.parquet"):
        file.unlink()
    with pytest.RaisesGroup(StoreDown):
        await replay_of(str(tmp_path), valkey).run()


async def test_a_server_with_a_live_publisher_is_refused(valkey: str) -> None:
    """A fresh entry of a value family refuses, also beside us in another database; one of a replay does not."""
    replayed, live = '{"source":"replay"}', '{"source":"ws"}'
    async with Redis.from_url(valkey) as client:
        await client.xadd("stream:oi:okx", {"sol-usdt": live}, id="1795608000000-0")
        await client.xadd("stream:oi:bybit", {"solusdt": replayed})
        await client.xadd("stream:signal:basis", {"okx:sol-usdt": live})
        await check_target(valkey, valkey)
        await client.xadd("stream:mark_price:bybit", {"solusdt": live})
        with pytest.raises(ConfigError, match=r"live publisher.*stream:mark_price:bybit, 0\.\d s ago"):
            await check_target(valkey, "redis://127.0.0.1:1")
        with pytest.raises(ConfigError, match=r"database 0 .* knows no databases"):
            await check_target(f"{valkey}/3", valkey.replace("127.0.0.1", "localhost"))


async def test_new_groups_while_it_connects_are_no_trouble(
    valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is packed while the last values are set again does not end the writer."""
    relay = Relay(SinkSettings(valkey), SystemClock())
    link, packer = relay._link, relay._packer
    execute, numbers = link.execute, itertools.count(50)

    def entry(number: int) -> list[tuple[Channel, bytes]]:
        return [(channel("alert", f"rule{number}", "sol"), b'{"seq":1}')]

    async def busy(commands: list[bytes]) -> Any:
        packer.pack_numbered([entry(next(numbers))])
        return await execute(commands)

    monkeypatch.setattr(link, "execute", busy)
    async with asyncio.TaskGroup() as group:
        await relay.offer([entry(number) for number in range(50)])
        writing = group.create_task(relay.run())
        await relay.written()
        writing.cancel()
    assert len(await logged(valkey)) == 50


async def test_a_stop_ends_it_while_the_server_is_away(
    history: str, free_port: int, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """Nobody waits for a server that may never come back."""
    monkeypatch.setattr("microstream.history.replay.DRAIN_S", 0.05)
    monkeypatch.setattr("microstream.history.replay.BATCH", 1)
    replay = replay_of(history, f"redis://127.0.0.1:{free_port}", speed=math.inf)
    async with asyncio.timeout(20):
        running = asyncio.create_task(replay.run())
        await eventually(lambda: replay.progress.entries > 0)
        replay.stop()
        await running
