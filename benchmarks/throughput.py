"""Frames of the three venues in memory to messages on Valkey, and the same frames through cryptofeed.

Ours is everything the service does with a frame: session, checks, views, flags, buffer, numbers, JSON, `XADD`, `HSET`,
`EXPIRE` and `PUBLISH` over the socket of the bundled server, replies awaited. The writer is the service's own task
and runs beside the reader; the reader waits while the buffer holds one write, so nothing is conflated. A message
counts when the server has acknowledged it; afterwards the numbers of every channel are read back from the streams,
the hashes and the server's own count. Seconds are CPU seconds of the process that does the work, user and system;
the first values of every topic are not measured. What cryptofeed does stands in `cryptofeed_driver.py`.
"""

import asyncio
import logging
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import structlog
from redis import Redis

from benchmarks import python313
from benchmarks.calibration import loop_s
from benchmarks.core import Core
from benchmarks.market import Case, Timed, Venue
from benchmarks.processes import free_port
from benchmarks.table import table
from microstream import venues
from microstream.cli.memory import settle
from microstream.clock import SystemClock
from microstream.model.frame import parts_of
from microstream.sinks import Buffer, EmbeddedServer, SinkSettings
from microstream.sinks.buffer import Batch
from microstream.sinks.bus import SLICE, Bus
from microstream.sinks.packing import Packer
from microstream.transport.stream_connection import PART

ROUNDS = 3
RUN = 1
"""The start of the publisher, as the payloads tell it."""
GOAL = 120_000
GOAL_TIMES = 3.0
WHOLE = (("binance", "!markPrice@arr", 30), ("bybit", "tickers", 4), ("okx", "four channels", 6))
"""What the service listens to, and for how many seconds of the market."""
SHARED = (("binance", "@markPrice", 30), ("okx", "funding, oi", 120))
"""What cryptofeed can read, too, beside Bybit's tickers: it knows no frame with all mark prices of Binance, and of
OKX's channels neither `mark-price` nor `index-tickers`."""
ALSO_SHARED = "bybit tickers"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one pass over the frames of a case took."""

    frames: int
    messages: int
    cpu_s: float
    server_s: float
    unit_s: float = 1.0

    @property
    def us(self) -> float:
        """CPU microseconds of the publisher for a message."""
        return 1e6 * self.cpu_s / self.messages


@dataclass(frozen=True, slots=True)
class Stages:
    """CPU seconds of passes over the frames that end after one stage, two, and all stages before the socket."""

    decoded: float
    pushed: float
    packed: float


class _Tap(Buffer):
    """The service's buffer, which tells when the writer has taken from it."""

    def __init__(self) -> None:
        super().__init__(10_000)
        self.taken = asyncio.Event()

    def take(self, limit: int) -> Batch:
        """Return what the writer takes."""
        batch = super().take(limit)
        self.taken.set()
        return batch


def main() -> None:
    """Print what a message costs, stage by stage, then the comparison."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    others = python313.environment()
    run = partial(_measure, others)
    try:
        import uvloop  # noqa: PLC0415 (absent on some platforms)
    except ImportError:
        asyncio.run(run())
    else:
        uvloop.run(run())


async def _measure(others: Path | None) -> None:
    places = {name: Venue(name) for name in venues.REGISTRY}
    cases = [places[name].case(kind, seconds) for name, kind, seconds in (*WHOLE, *SHARED)]
    shared = cases[len(WHOLE) :] + [case for case in cases if case.name == ALSO_SHARED]
    shared.sort(key=lambda case: case.venue)
    settle()  # as the service does; nor does it hold a list of a hundred thousand frames to be walked
    ours: dict[str, list[Cost]] = {case.name: [] for case in cases}
    stages: dict[str, list[Stages]] = {case.name: [] for case in cases}
    theirs: dict[str, list[Cost]] = {case.name: [] for case in shared}
    with tempfile.TemporaryDirectory(prefix="microstream-bench-") as folder:
        if others is not None:
            for case in shared:
                _write_down(_file(folder, case), places[case.venue], case)
        for _ in range(ROUNDS):
            for case in cases:
                ours[case.name].append(await _publish(case))
                if others is not None and case in shared:
                    theirs[case.name].append(await _drive(others, _file(folder, case), case))
                stages[case.name].append(_stages(case))
    _print_costs(cases, ours, stages)
    _print_overall(cases[: len(WHOLE)], ours)
    _print_holds([case for case in cases if case.room == 1])
    if others is not None:
        _print_comparison(shared, ours, theirs)


async def _publish(case: Case) -> Cost:
    """Return what the whole way takes, after a look at what has arrived."""
    async with EmbeddedServer(free_port()) as server:
        buffer = _Tap()
        bus = Bus(SinkSettings(server.url), buffer, SystemClock(), RUN)
        core = Core(case, buffer.offer)
        writer = asyncio.create_task(bus.run())
        await _feed(core, buffer, case.lead, case.room)
        await _written(bus)
        unit = loop_s()
        before, on_server = bus.state.written.total(), _server_s(server.url)
        began = time.process_time()
        await _feed(core, buffer, case.frames, case.room)
        await _written(bus)
        cpu_s = time.process_time() - began
        messages = bus.state.written.total() - before
        server_s = _server_s(server.url) - on_server
        writer.cancel()
        with suppress(asyncio.CancelledError):
            await writer
        _verify(case, core, buffer, bus, server.url)
    return Cost(len(case.frames), messages, cpu_s, server_s, unit)


async def _feed(core: Core, buffer: _Tap, frames: Sequence[Timed], room: int) -> None:
    """Give frames to the core as fast as the writer takes what they make: while fewer than `room` messages wait."""
    ticked = time.monotonic()
    for at, data in frames:
        core.take(at, data)
        while len(buffer) >= room:
            buffer.taken.clear()
            await buffer.taken.wait()
            if time.monotonic() - ticked >= 1:
                ticked = time.monotonic()
                core.tick(at)


async def _written(bus: Bus) -> None:
    while bus.unwritten:  # noqa: ASYNC110 (it has no event for that)
        await asyncio.sleep(0.001)


def _server_s(url: str) -> float:
    """Return the CPU seconds of a server so far."""
    with Redis.from_url(url) as client:
        info: Any = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def _verify(case: Case, core: Core, buffer: Buffer, bus: Bus, url: str) -> None:
    """End the benchmark unless every message is on the server: in a stream, in a hash if newest, and published."""
    written = bus.state.written.total()
    client: Any  # redis-py's replies have one type for all options
    with Redis.from_url(url) as client:
        newest, logged = _logged(client)
        last = {
            (key.decode().partition(":")[2], item.decode()): _seq(payload)
            for key in client.keys("last:*")
            for item, payload in client.hgetall(key).items()
        }
        published = client.info("commandstats")["cmdstat_publish"]["calls"]
    problems = core.complaints
    if buffer.conflated or buffer.dropped:
        problems.append(f"{buffer.conflated} conflated, {buffer.dropped.total()} dropped")
    if not written == logged == published == sum(newest.values()):
        problems.append(f"{written} acknowledged, {logged} in streams, {published} published")
    if newest != last:
        problems.append("last values and streams differ")
    if problems:
        raise SystemExit(f"{case.name}: {'; '.join(problems[:5])}")


def _logged(client: Any) -> tuple[dict[tuple[str, str], int], int]:
    """Return the newest number of every item, and how many payloads there are; SystemExit for a hole."""
    newest: dict[tuple[str, str], int] = {}
    count = 0
    for key in client.keys("stream:*"):
        group = key.decode().partition(":")[2]
        for _, fields in client.xrange(key):
            for item, payload in fields.items():
                at, seq = (group, item.decode()), _seq(payload)
                if seq != newest.get(at, 0) + 1:
                    raise SystemExit(f"{group} {item!r}: {seq} follows {newest.get(at, 0)}")
                newest[at] = seq
                count += 1
    return newest, count


class _Numbered(msgspec.Struct):
    seq: int


_decode = msgspec.json.Decoder(_Numbered).decode


def _seq(payload: bytes) -> int:
    return _decode(payload).seq


def _stages(case: Case) -> Stages:
    """Return how long the stages before the socket take, frame by frame as the service goes through them.

    Three passes, each with one stage more: stages that are timed apart from each other find the processor's caches
    warmer than they ever are.
    """
    return Stages(
        decoded=_without_socket(case, core_too=False),
        pushed=_without_socket(case, packed=False),
        packed=_without_socket(case),
    )


def _without_socket(case: Case, *, core_too: bool = True, packed: bool = True) -> float:
    """Return the CPU seconds of the frames as far as told."""
    buffer = Buffer(10_000)
    core = Core(case, buffer.offer)
    packer = Packer(SinkSettings("redis://127.0.0.1"), RUN)
    for at, data in case.lead:
        core.take(at, data)
        packer.pack(buffer.take(len(buffer)))
    take = core.take if core_too else core.read
    began = time.process_time()
    for at, data in case.frames:
        take(at, data)
        if len(buffer) >= case.room:
            while len(batch := buffer.take(SLICE).messages):
                if packed:
                    packer.pack(Batch(batch))
    return time.process_time() - began


def _file(folder: str, case: Case) -> Path:
    return Path(folder, f"{case.venue}.json")


def _write_down(file: Path, place: Venue, case: Case) -> None:
    """Leave the same frames and the instrument lists for the other process."""
    lists = [page.decode() for pages in place.lists.values() for page in pages]
    frames = [(at, data.decode()) for at, data in (*case.lead, *case.frames)]
    body = {"venue": case.venue, "lists": lists, "lead": len(case.lead), "frames": frames}
    file.write_bytes(msgspec.json.encode(body))


async def _drive(python: Path, file: Path, case: Case) -> Cost:
    """Return what a case takes in cryptofeed, in a process and with a server of its own."""
    script = Path(__file__).with_name("cryptofeed_driver.py")
    async with EmbeddedServer(free_port()) as server:
        process = await asyncio.create_subprocess_exec(
            python, script, file, str(server.port), stdout=subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise SystemExit(f"cryptofeed: {case.name}: exit code {process.returncode}")
        told = msgspec.json.decode(output)
        client: Any
        with Redis.from_url(server.url) as client:
            held = sum(client.zcard(key) for key in client.keys("*"))
    if held != told["held"]:
        raise SystemExit(f"cryptofeed: {case.name}: {told['held']} written, {held} on the server")
    return Cost(len(case.frames), told["messages"], told["cpu_s"], told["server_s"])


def _print_costs(
    cases: Sequence[Case], ours: Mapping[str, list[Cost]], stages: Mapping[str, list[Stages]]
) -> None:
    rows = []
    for case in cases:
        costs, parts = ours[case.name], stages[case.name]
        messages = costs[0].messages
        decoded, pushed, packed = (
            1e6 * min(getattr(part, name) for part in parts) / messages
            for name in ("decoded", "pushed", "packed")
        )
        least = min(cost.us for cost in costs)
        us = median(cost.us for cost in costs)
        rows.append(
            (
                case.name,
                f"{case.size:.0f}",
                f"{len(case.frames)}",
                f"{messages}",
                f"{1e6 / us * len(case.frames) / messages:,.0f}",
                f"{1e6 / us:,.0f}",
                f"{us:.2f}",
                f"{least:.2f}",
                f"{decoded:.2f}",
                f"{pushed - decoded:.2f}",
                f"{packed - pushed:.2f}",
                f"{least - packed:.2f}",
                f"{median(cost.us / cost.unit_s for cost in costs) / 1e6:.2f}",
                f"{median(1e6 * cost.server_s / cost.messages for cost in costs):.2f}",
            )
        )
    print(
        "per CPU second of the publisher, and us of its CPU for a message: medians; "
        "by stage what each adds in the least of the rounds, because what disturbs only adds"
    )
    table(
        (
            "frames",
            "bytes",
            "number",
            "messages",
            "frames/s",
            "messages/s",
            "us",
            "least",
            "decode",
            "core",
            "pack",
            "write",
            "us/loop",
            "server us",
        ),
        rows,
    )


def _print_overall(cases: Sequence[Case], ours: Mapping[str, list[Cost]]) -> None:
    """Print the three venues together, each with its share of a second of the market."""

    def of(costs: Iterator[Cost]) -> tuple[float, float]:
        messages = busy = served = 0.0
        for case, cost in zip(cases, costs, strict=True):
            messages += cost.messages / case.seconds
            busy += cost.cpu_s / case.seconds
            served += cost.server_s / case.seconds
        return messages / busy, messages / served

    rounds = [of(iter(costs)) for costs in zip(*(ours[case.name] for case in cases), strict=True)]
    rate, most = (median(values) for values in zip(*rounds, strict=True))
    table(
        ("three venues together", "messages/s", "goal"),
        [
            ("a core of the publisher", f"{rate:,.0f}", f"{GOAL:,}"),
            ("a core of the server, the next limit", f"{most:,.0f}", "-"),
        ],
    )


def _print_holds(cases: Sequence[Case]) -> None:
    """Print for how long a frame with all contracts keeps the core busy in one go: it is handed over in parts."""
    rows = []
    for case in cases:
        core = Core(case, Buffer(10_000).offer)
        times = []
        for at, data in (*case.lead, *case.frames):
            began = time.process_time()
            first, *rest = parts_of(core.read(at, data), PART)
            core.push(first)
            times.append(1000 * (time.process_time() - began))
            for part in rest:
                began = time.process_time()
                core.push(part)
                times[-1] = max(times[-1], 1000 * (time.process_time() - began))
        rows.append((case.name, f"{case.size / 1000:.0f}", f"{median(times):.1f}", f"{max(times):.1f}"))
    table(
        ("one frame, from bytes to the buffer: its longest part", "mean kB", "median ms", "longest ms"), rows
    )


def _print_comparison(
    cases: Sequence[Case], ours: Mapping[str, list[Cost]], theirs: Mapping[str, list[Cost]]
) -> None:
    rows = []
    for case in cases:
        pairs = [*zip(ours[case.name], theirs[case.name], strict=True)]
        rows.append(
            (
                case.name,
                *(f"{median(1e6 / one.us for one in costs):,.0f}" for costs in zip(*pairs, strict=True)),
                f"{median(other.us / own.us for own, other in pairs):.2f}",
                f"{GOAL_TIMES:.0f}",
                *(
                    f"{median(one.frames / one.cpu_s for one in costs):,.0f}"
                    for costs in zip(*pairs, strict=True)
                ),
                f"{median(other.cpu_s / own.cpu_s for own, other in pairs):.2f}",
                *(
                    f"{median(1e6 * one.server_s / one.messages for one in costs):.2f}"
                    for costs in zip(*pairs, strict=True)
                ),
            )
        )
    print("the same frames, per CPU second: ours, and cryptofeed 3.0.1 with its Redis backend")
    table(
        (
            "frames",
            "messages/s",
            "cryptofeed",
            "times",
            "goal",
            "frames/s",
            "cryptofeed",
            "times",
            "server us",
            "cryptofeed",
        ),
        rows,
    )
