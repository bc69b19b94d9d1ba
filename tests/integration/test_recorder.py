"""The recorder on a real server: the tables have what the logs have, once, whatever happens in between."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from redis.asyncio import Redis
from tests.integration.recorded import logged, message, offer, recorded

from microstream.client.log_position import place
from microstream.history.ledger import Subject
from microstream.history.positions import packed
from microstream.history.recorder import Recorder
from microstream.history.store import Store
from microstream.history.upkeep import Upkeep
from microstream.model.channels import channel
from microstream.sinks import EmbeddedServer

Eventually = Callable[..., Awaitable[None]]
PublishTo = Callable[..., Any]
FUNDING = Subject("okx", "*", "funding")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for new groups, and try again, all the time."""
    monkeypatch.setattr("microstream.client.tail.DISCOVER_S", 0.05)
    monkeypatch.setattr("microstream.history.lane.BACKOFF_S", (0.05, 0.2))


async def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@asynccontextmanager
async def recording(url: str, folder: Path) -> AsyncIterator[Recorder]:
    """Run a recorder, and stop it cleanly."""
    recorder = Recorder(url, Store(str(folder)), flush_s=0.1)
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
        await wait_for(partial(caught_up, url, folder))
    finally:
        recorder.stop()
        async with asyncio.timeout(10):
            await task


def caught_up(url: str, folder: Path) -> bool:
    """Return whether the tables have reached the ends of the logs."""
    store = Store(str(folder))
    with redis.Redis.from_url(url, protocol=2) as reader:
        ends = {
            key.decode().removeprefix("stream:"): reader.xrevrange(key, count=1)
            for key in reader.scan_iter("stream:*", _type="stream")
        }
    return all(
        store.published[group.partition(":")[0]].position(group) == packed(place(entries[0][0]))
        for group, entries in ends.items()
        if entries and group.partition(":")[0] in store.published
    )


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """A writer that is not ours."""
    async with Redis.from_url(valkey, protocol=2) as writer:
        yield writer


async def publish(publisher: Any, eventually: Eventually, rounds: int, begin: int = 0) -> int:
    """Publish rounds of messages of every family, each as entries of their own; return how many messages."""
    count = 0
    for number in range(begin, begin + rounds):
        count += offer(publisher.buffer, number)
        await eventually(lambda: publisher.bus.unwritten == 0)
    return count


async def add(client: Redis, group: str, *numbers: int, run: int = 1, maxlen: int | None = None) -> None:
    """Write entries of one message each into the log of a group of funding."""
    for seq in numbers:
        raw = msgspec.json.encode(message("funding", "sol-usdt", run=run, seq=seq))
        await client.xadd(f"stream:{group}", {"sol-usdt": raw}, maxlen=maxlen, approximate=False)


def lost(folder: Path, subject: Subject = FUNDING) -> list[int]:
    """Return how many rows the notes of losses say, in the order of their spans."""
    table = Store(str(folder)).ledger.table
    found = table.read(table.scan()).filter(answer="lost", kind=subject.kind, exchange=subject.exchange)
    return found.sort("start")["rows"].to_list()


async def test_tables_have_what_the_logs_have(
    valkey: str, tmp_path: Path, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Every family, in order, to the last byte; also what was written before the start and just before the end."""
    publisher = publish_to(valkey)
    count = await publish(publisher, eventually, 3)
    async with recording(valkey, tmp_path) as recorder:
        await eventually(lambda: recorder.state.rows.total() == count, within_s=10)
        count += await publish(publisher, eventually, 20, begin=3)
    assert recorded(tmp_path) == logged(valkey)
    assert recorder.state.rows.total() == count
    assert not recorder.state.lost
    assert not recorder.state.rejects


async def test_a_restart_goes_on_where_it_was(
    valkey: str, tmp_path: Path, publish_to: PublishTo, eventually: Eventually
) -> None:
    """Nothing twice, nothing left out, and no gap noted; a publisher's restart is none either."""
    for run in (1, 2, 3):
        publisher = publish_to(valkey, run=run)
        async with recording(valkey, tmp_path):
            await publish(publisher, eventually, 4)
        await publish(publisher, eventually, 4)
    async with recording(valkey, tmp_path):
        pass
    assert recorded(tmp_path) == logged(valkey) != []
    assert lost(tmp_path) == []


async def test_two_recorders_write_nothing_twice(
    valkey: str, tmp_path: Path, publish_to: PublishTo, eventually: Eventually
) -> None:
    """From the first commit on, which both of them try to make."""
    publisher = publish_to(valkey)
    await publish(publisher, eventually, 3)
    async with recording(valkey, tmp_path), recording(valkey, tmp_path):
        for number in range(15):
            await publish(publisher, eventually, 2, begin=10 * number)
            await asyncio.sleep(0.05)
    async with recording(valkey, tmp_path):
        pass
    assert recorded(tmp_path) == logged(valkey)
    assert lost(tmp_path) == []


async def test_a_store_that_is_away_loses_nothing(
    valkey: str, tmp_path: Path, publish_to: PublishTo, eventually: Eventually
) -> None:
    """One family's table is no folder for a time: the others go on, and it catches up."""
    folder, publisher = tmp_path / "history", publish_to(valkey)
    (folder / "published").mkdir(parents=True)
    (folder / "published" / "funding").write_text("not a folder")
    async with recording(valkey, folder) as recorder:
        count = await publish(publisher, eventually, 5)
        await eventually(lambda: recorder.state.rows.total() == count * 8 / 9, within_s=10)
        assert list(recorder.state.down) == ["funding"]
        (folder / "published" / "funding").unlink()
        await eventually(lambda: recorder.state.rows.total() == count, within_s=10)
        assert recorder.state.down == {}
        shutil.move(folder, tmp_path / "elsewhere")
        count += await publish(publisher, eventually, 5, begin=5)
        await eventually(lambda: len(recorder.state.down) == 9, within_s=10)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(tmp_path / "elsewhere", folder)
        await eventually(lambda: recorder.state.rows.total() == count, within_s=10)
    assert recorded(folder) == logged(valkey)


async def test_a_full_lane_reads_no_more(
    valkey: str,
    tmp_path: Path,
    publish_to: PublishTo,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the store is away only so many messages are held; the log keeps the others."""
    monkeypatch.setattr("microstream.history.lane.FULL", 20)
    (tmp_path / "published").write_text("not a folder")
    publisher = publish_to(valkey)
    await publish(publisher, eventually, 1)
    async with recording(valkey, tmp_path) as recorder:
        await eventually(lambda: len(recorder.state.down) == 9, within_s=10)
        (tmp_path / "published").unlink()
        await eventually(lambda: not recorder.state.down, within_s=10)
        (tmp_path / "published" / "funding" / "_delta_log").rename(tmp_path / "aside")
        await publish(publisher, eventually, 30, begin=1)
        await eventually(lambda: recorder._lanes["funding"].full, within_s=10)
        assert recorder._lanes["funding"].waiting < 150
        (tmp_path / "aside").rename(tmp_path / "published" / "funding" / "_delta_log")
        await eventually(lambda: recorder.state.rows["funding"] == 155, within_s=10)
    assert recorded(tmp_path) == logged(valkey)


async def test_what_was_cut_off_is_noted(valkey: str, tmp_path: Path, client: Redis) -> None:
    """The log did not reach back to the last position: so many entries are missing, between these times."""
    await add(client, "funding:okx", 1, 2, 3)
    async with recording(valkey, tmp_path):
        pass
    await add(client, "funding:okx", *range(4, 11), maxlen=2)
    async with recording(valkey, tmp_path) as recorder:
        pass
    assert lost(tmp_path) == [5]
    assert recorder.state.lost == {"funding": 5}
    assert [row[4].count(b'"seq":') for row in recorded(tmp_path)] == [1] * 5


async def test_a_quiet_log_that_was_cut_has_lost_nothing(valkey: str, tmp_path: Path, client: Redis) -> None:
    """What was cut off had been read: the count tells, where ids alone do not."""
    await add(client, "funding:okx", 1, 2, 3)
    async with recording(valkey, tmp_path):
        pass
    await client.xtrim("stream:funding:okx", maxlen=0, approximate=False)
    await add(client, "funding:okx", 4)
    async with recording(valkey, tmp_path) as recorder:
        pass
    assert lost(tmp_path) == []
    assert len(recorded(tmp_path)) == 4
    assert not recorder.state.lost


async def test_a_flushed_server_is_read_from_its_beginning(
    valkey: str, tmp_path: Path, client: Redis, eventually: Eventually
) -> None:
    """Also where its ids are smaller than those before; holes in the numbers tell what went."""
    await add(client, "funding:okx", 1, 2, 3)
    async with recording(valkey, tmp_path) as recorder:
        await eventually(lambda: recorder.state.rows.total() == 3)
        await client.flushall()
        await add(client, "funding:okx", 6)
        await eventually(lambda: recorder.state.rows.total() == 4)
        assert recorder.state.lost == {"funding": 2}
    await client.flushall()
    raw = msgspec.json.encode(message("funding", "sol-usdt", run=2, seq=1))
    await client.xadd("stream:funding:okx", {"sol-usdt": raw}, id="5-1")
    for _ in range(2):
        async with recording(valkey, tmp_path):
            pass
    assert min(row[1:3] for row in recorded(tmp_path)) == (5, 1)
    assert len(recorded(tmp_path)) == 5
    assert lost(tmp_path) == [2]


async def test_bad_payloads_are_counted_and_stop_nothing(
    valkey: str, tmp_path: Path, client: Redis, eventually: Eventually
) -> None:
    """No JSON, a missing key, a wrong type, a strange group and item: what is good beside them is recorded."""
    await client.xadd("stream:funding:okx", {"a": b"\xff", b"\xfe": b"{}", "c": b'{"v":1}'})
    await client.xadd("stream:spot:okx", {"a": b"{}"})
    await client.xadd("stream:nothing:okx", {"a": b"{}"})
    await client.set("stream:oi:okx", b"no stream")
    await add(client, "funding:okx", 1)
    async with recording(valkey, tmp_path) as recorder:
        await eventually(lambda: recorder.state.rows.total() == 1)
    assert recorder.state.rejects == {"funding": 3, "spot": 1}
    [row] = recorded(tmp_path)
    assert row[0] == channel("funding", "okx", "sol-usdt").name
    async with recording(valkey, tmp_path) as recorder:
        pass
    assert not recorder.state.rejects


async def test_presence_is_noted(valkey: str, tmp_path: Path, client: Redis) -> None:
    """Values that are live make a span; those that are stale do not."""
    stale = msgspec.json.encode(message("oi", "sol-usdt", run=1, seq=1, flags=("stale",)))
    await client.xadd("stream:oi:okx", {"sol-usdt": stale})
    for numbers in ((1, 2, 3), (4, 5)):
        await add(client, "funding:okx", *numbers)
        async with recording(valkey, tmp_path):
            pass
    ledger = Store(str(tmp_path)).ledger
    ledger.load()
    assert ledger.subjects() == {FUNDING}
    [span] = ledger.spans(FUNDING, "recorded")
    times = [row[1] for row in recorded(tmp_path) if row[0].startswith("funding")]
    assert span == (min(times), max(times) + 1)


async def test_upkeep_does_not_disturb_recording(
    valkey: str,
    tmp_path: Path,
    publish_to: PublishTo,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files are merged and deleted while rows come in: each is there once."""
    monkeypatch.setattr("microstream.history.upkeep.MANY_FILES", 2)
    publisher, store = publish_to(valkey), Store(str(tmp_path))
    upkeep = Upkeep(store, keep_s=86_400, max_total=1 << 30)
    async with recording(valkey, tmp_path) as recorder:
        for number in range(4):
            await publish(publisher, eventually, 5, begin=10 * number)
            for _, step in upkeep.steps():
                await asyncio.to_thread(step)
            await asyncio.to_thread(store.published["oi"].clean, 0)
    assert recorder.state.down == {}
    assert recorded(tmp_path) == logged(valkey)
    assert max(table.files().height for table in store.published.values()) < 10


async def test_a_server_that_restarts_is_followed_again(
    free_port: int, tmp_path: Path, publish_to: PublishTo, eventually: Eventually
) -> None:
    """It begins empty: what it had is in the tables, what it gets comes there."""
    async with EmbeddedServer(free_port) as server:
        publisher = publish_to(server.url)
        async with recording(server.url, tmp_path) as recorder:
            count = await publish(publisher, eventually, 3)
            await eventually(lambda: recorder.state.rows.total() == count, within_s=10)
            before = logged(server.url)
            await server.stop()
            await eventually(lambda: bool(recorder.state.redis))
            await server.start()
            await publish(publisher, eventually, 3, begin=3)
        assert recorded(tmp_path) == sorted([*before, *logged(server.url)])
    assert lost(tmp_path) == []


async def test_a_group_that_is_new_at_the_end_is_recorded(
    valkey: str, tmp_path: Path, client: Redis, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end looks once more which groups there are: an embedded server is gone soon after."""
    monkeypatch.setattr("microstream.client.tail.DISCOVER_S", 60.0)
    recorder = Recorder(valkey, Store(str(tmp_path)), flush_s=0.1)
    task = asyncio.create_task(recorder.run())
    await eventually(lambda: recorder.state.redis is not None)
    await add(client, "funding:okx", 1, 2)
    recorder.stop()
    await task
    assert recorder.state.rows == {"funding": 2}
