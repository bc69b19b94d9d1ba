"""What a funding message costs from the buffer to the wire, and how fast a server takes it.

The first table is without a server: offer to the buffer and take from it; then number, encode and pack. The second
writes to the bundled server and waits for the replies: CPU of this process, and time on the clock.
"""

import asyncio
import time
from collections.abc import Callable
from statistics import median

from benchmarks.calibration import Figure, loop_s, measure
from benchmarks.processes import free_port
from benchmarks.table import table
from microstream.model.channels import channel
from microstream.model.messages import FundingMessage
from microstream.sinks import Buffer, EmbeddedServer, SinkSettings
from microstream.sinks.buffer import Batch, Entry
from microstream.sinks.connection import Link
from microstream.sinks.packing import Packer

SIZES = (1, 64, 256, 1000)
MESSAGES = 4_000
"""Of one round of writing."""
ROUNDS = 5


def funding(symbol: str) -> FundingMessage:
    """Return a message with numbers of real length."""
    return FundingMessage(
        v=1,
        run=0,
        seq=0,
        flags=(),
        exchange="binance",
        symbol=symbol,
        instrument="SOL/USDT:USDT",
        timestamp=1_767_225_600_123,
        received_at=1_767_225_600_145,
        source="ws",
        funding_rate=0.00012345,
        funding_rate_pct=0.012345,
        funding_interval_hours=8.0,
        funding_rate_8h=0.00012345,
        funding_apr=0.135177,
        next_funding_time=1_767_254_400_000,
        settled_rate=-0.00002345,
        settled_time=1_767_225_600_000,
        rate_cap=0.02,
        rate_floor=-0.02,
        mark_price=187.65432109,
        index_price=187.63210987,
    )


OFFERS: list[Entry] = [
    (channel("funding", "binance", f"s{i:04}usdt"), funding(f"s{i:04}usdt")) for i in range(max(SIZES))
]


def main() -> None:
    """Print both tables."""
    print_packing()
    try:
        import uvloop  # noqa: PLC0415 (absent on some platforms)
    except ImportError:
        asyncio.run(print_writing())
    else:
        uvloop.run(print_writing())


def print_packing() -> None:
    """Print what a message costs on its way from the core to packed bytes."""
    works: dict[str, Callable[[], object]] = {}
    for size in SIZES:
        works[f"buffer {size}"] = _buffering(size)
        works[f"pack {size}"] = _packing(size)
    figures = measure(works)
    rows = []
    for size in SIZES:
        buffering, packing = figures[f"buffer {size}"], figures[f"pack {size}"]
        rows.append((str(size), *_each(buffering, size), *_each(packing, size)))
    table(("batch", "buffer us/msg", "msg/loop", "pack us/msg", "msg/loop"), rows)


def _each(figure: Figure, size: int) -> tuple[str, str]:
    return f"{figure.seconds * 1e6 / size:.2f}", f"{figure.ratio / size:.3f}"


def _buffering(size: int) -> Callable[[], object]:
    buffer, offers = Buffer(1), OFFERS[:size]

    def work() -> None:
        for subject, message in offers:
            buffer.offer(subject, message)
        buffer.take(size)

    return work


def _packing(size: int) -> Callable[[], object]:
    packer, batch = Packer(SinkSettings("redis://127.0.0.1"), 1), Batch(OFFERS[:size])
    return lambda: packer.pack(batch)


async def print_writing() -> None:
    """Print what a write with its replies costs, against a real server."""
    busy: dict[int, list[float]] = {size: [] for size in SIZES}
    ratio: dict[int, list[float]] = {size: [] for size in SIZES}
    clock: dict[int, list[float]] = {size: [] for size in SIZES}
    async with EmbeddedServer(free_port()) as server:
        link = Link(server.url, 5.0)
        await link.open()
        packer = Packer(SinkSettings(server.url, stream_max_length=1000), 1)
        for _ in range(ROUNDS):
            for size in SIZES:
                unit = loop_s()
                cpu_s, clock_s = await _write(link, packer, size)
                busy[size].append(cpu_s)
                clock[size].append(clock_s)
                ratio[size].append(cpu_s / unit)
        await link.close()
    table(
        ("batch", "cpu us/msg", "msg/loop", "clock us/msg", "k msg/s"),
        [
            (
                str(size),
                f"{median(busy[size]) * 1e6:.2f}",
                f"{median(ratio[size]):.3f}",
                f"{median(clock[size]) * 1e6:.2f}",
                f"{1e-3 / median(clock[size]):.0f}",
            )
            for size in SIZES
        ],
    )


async def _write(link: Link, packer: Packer, size: int) -> tuple[float, float]:
    """Return CPU and clock seconds of a message."""
    batch, times = Batch(OFFERS[:size]), max(1, MESSAGES // size)
    cpu, clock = time.process_time(), time.perf_counter()
    for _ in range(times):
        packed = packer.pack(batch)
        await link.send(packed.packed, packed.count)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return cpu / times / size, clock / times / size
