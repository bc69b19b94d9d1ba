"""Recording: rows a second and core, by stage and as a whole; and `kill -9` at random moments.

The messages are those of the full simulated market, all families, as the service has written them to a server.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis

from benchmarks.calibration import loop_s
from benchmarks.processes import ROOT, free_port, service, simulator, wait_until_ready
from benchmarks.table import table
from microstream.client.log_position import Entry
from microstream.client.tail import Tail
from microstream.history.log_rows import Payloads
from microstream.history.positions import packed
from microstream.history.published import COLUMNS, channel_of
from microstream.history.recorder import Recorder
from microstream.history.store import Store
from microstream.sinks import EmbeddedServer

FILL_S = 40.0
READY_S = 60.0
GOAL = 50_000
"""Rows a second and core."""
BATCH = 20_000
"""Messages of a commit, as the recorder gathers them at most."""
KILLS = 20
LONGEST_LIFE_S = 4.0
UNBOUNDED = {"MICROSTREAM_REDIS__STREAM_MAX_LENGTH": "1000000", "MICROSTREAM_REDIS__STREAM_MAX_AGE": "1h"}
UNBOUNDED |= {"MICROSTREAM_REDIS__BRIEF_MAX_AGE": "1h"}

Place = tuple[str, int, int, int]
"""Family, id of the entry, and place in it."""


def rows() -> None:
    """Print what a row costs in each stage, and in the recorder as a whole."""
    with _server() as url:
        with _market(url):
            time.sleep(FILL_S)
        entries, reading_s, unit_s = _read(url)
        count = sum(len(entry.fields) for entry in entries)
        with tempfile.TemporaryDirectory(prefix="microstream-bench-") as folder:
            decode_s, append_s = _stages(entries, Store(f"{folder}/stages"))
            whole_s, wall_s = asyncio.run(_record(url, Store(f"{folder}/whole"), count))
    lines = [
        ("read the logs", reading_s),
        ("decode and make columns", decode_s),
        ("append to tables", append_s),
        ("decode, columns and append", decode_s + append_s),
        ("the recorder as a whole", whole_s),
    ]
    print(f"{count} rows of {len(entries)} entries; the whole took {wall_s:.1f} s on the clock")
    table(
        ("stage", "us/row", "row/loop", "rows/s/core", "goal"),
        [_line(name, seconds, count, unit_s) for name, seconds in lines],
    )


def kills() -> None:
    """Print what `kill -9` at random moments has cost."""
    moments = random.Random(20)
    with _server() as url, tempfile.TemporaryDirectory(prefix="microstream-bench-") as folder:
        with _market(url):
            for _ in range(KILLS):
                with _recorder(url, folder) as process:
                    time.sleep(1.0 + moments.uniform(0.0, LONGEST_LIFE_S))
                    process.kill()
        wanted = _logged(url)
        with _recorder(url, folder) as process:
            deadline = time.monotonic() + READY_S
            while _count(folder) < len(wanted) and time.monotonic() < deadline:
                time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            process.wait()
        found = _recorded(folder)
    table(
        ("kills", "messages in the logs", "rows in the tables", "twice", "missing", "goal"),
        [
            (
                str(KILLS),
                str(len(wanted)),
                str(len(found)),
                str(len(found) - len(set(found))),
                str(len(set(wanted) - set(found))),
                "0 and 0",
            )
        ],
    )


def _line(name: str, seconds: float, count: int, unit_s: float) -> tuple[str, ...]:
    return (
        name,
        f"{seconds / count * 1e6:.2f}",
        f"{seconds / count / unit_s:.3f}",
        f"{count / seconds:,.0f}",
        f"{GOAL:,}",
    )


@contextmanager
def _server() -> Iterator[str]:
    with asyncio.Runner() as runner:
        server = EmbeddedServer(free_port())
        runner.run(server.start())
        try:
            yield server.url
        finally:
            runner.run(server.stop())


@contextmanager
def _market(url: str) -> Iterator[None]:
    """Run the full market into a server."""
    with (
        simulator() as urls,
        service(urls, UNBOUNDED | {"MICROSTREAM_REDIS__URL": url}, streams=True) as (_, at),
    ):
        wait_until_ready(at, READY_S)
        yield


def _read(url: str) -> tuple[list[Entry], float, float]:
    """Return all entries, the CPU seconds that reading them took, and those of a calibration loop."""

    async def read() -> tuple[list[Entry], float]:
        tail, entries = Tail(url), []
        await tail.read([], 1)
        for group in tail.found:
            tail.follow(group)
        began = time.process_time()
        while news := await tail.read(list(tail.followed), 0):
            entries += [one for one in news if isinstance(one, Entry)]
        await tail.close()
        return entries, time.process_time() - began

    before = loop_s()
    entries, seconds = asyncio.run(read())
    return entries, seconds, (before + loop_s()) / 2


def _stages(entries: Sequence[Entry], store: Store) -> tuple[float, float]:
    """Return the CPU seconds of making rows of entries, and of appending them."""
    decode_s = append_s = 0.0
    for family, batch in _batches(entries):
        began = time.process_time()
        frame = Payloads(family).read(batch).frame
        made = time.process_time()
        store.published[family].append(frame, {entry.group: packed(entry.id) for entry in batch})
        decode_s += made - began
        append_s += time.process_time() - made
    return decode_s, append_s


def _batches(entries: Sequence[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    gathered: dict[str, list[Entry]] = {}
    counts: dict[str, int] = {}
    for entry in entries:
        family = entry.group.partition(":")[0]
        gathered.setdefault(family, []).append(entry)
        counts[family] = counts.get(family, 0) + len(entry.fields)
        if counts[family] >= BATCH:
            counts[family] = 0
            yield family, gathered.pop(family)
    yield from gathered.items()


async def _record(url: str, store: Store, count: int) -> tuple[float, float]:
    """Return the seconds of CPU and on the clock until the recorder has written so many rows."""
    cpu, clock = time.process_time(), time.monotonic()
    recorder = Recorder(url, store)
    task = asyncio.create_task(recorder.run())
    while recorder.state.rows.total() + recorder.waiting < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    recorder.stop()
    await task
    if recorder.state.rows.total() != count:
        raise SystemExit(f"the recorder has written {recorder.state.rows.total()} rows of {count}")
    return time.process_time() - cpu, time.monotonic() - clock


@contextmanager
def _recorder(url: str, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MICROSTREAM_")}
    environment |= {"MICROSTREAM_HISTORY__URL": folder, "MICROSTREAM_HISTORY__FLUSH": "1s"}
    environment["MICROSTREAM_LOG__LEVEL"] = "error"
    process = subprocess.Popen(
        [sys.executable, "-m", "microstream", "record", "--redis", url], env=environment, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _logged(url: str) -> list[Place]:
    found = []
    with redis.Redis.from_url(url, protocol=2) as client:
        for key in client.keys("stream:*"):
            group = key.decode().removeprefix("stream:")
            for raw, fields in client.xrange(key):
                ms, number = map(int, raw.split(b"-"))
                found += [
                    (f"{group}/{item.decode()}", ms, number, place) for place, item in enumerate(fields)
                ]
    return found


def _recorded(folder: str) -> list[Place]:
    found = []
    for family, stored in Store(folder).published.items():
        frame = stored.read(stored.scan())
        places = frame.select("written_at", "entry", "place").iter_rows()
        for place, message in zip(places, COLUMNS[family].structs(frame), strict=True):
            channel = channel_of(message)
            found.append((f"{channel.group}/{channel.item}", *place))
    return found


def _count(folder: str) -> int:
    return sum(int(stored.files()["num_records"].sum()) for stored in Store(folder).published.values())
