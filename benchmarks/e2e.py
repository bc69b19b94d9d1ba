"""From simulated venues through service and server to a subscriber, each a process of its own, with `symbols: all`.

The subscriber is the SDK's reader in this process and is there before the service starts. "First" is the time from
the start of the service's process to the first value of a contract; "latency" is from `received_at` to the
subscriber, first for the burst of the start, then for the steady state.
"""

import asyncio
import time
from collections import defaultdict
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks.calibration import loop_s
from benchmarks.processes import free_port, service, simulator, venue_states
from benchmarks.table import table
from microstream.client.arrival import Arrival
from microstream.client.feed import feed
from microstream.client.notices import Connected
from microstream.client.selection import Selection
from microstream.sinks import EmbeddedServer

FAMILIES = ("funding", "mark_price", "oi")
START_S = 15.0
RUN_S = 60.0

Values = dict[tuple[str, str], dict[str, float]]


@dataclass(slots=True)
class Watch:
    """What the subscriber saw. `first` is by exchange, family and symbol, in seconds from `began` (wall clock)."""

    began: float
    first: Values = field(default_factory=lambda: defaultdict(dict))
    burst_ms: list[float] = field(default_factory=list)
    steady_ms: list[float] = field(default_factory=list)
    missing: int = 0

    def take(self, arrival: Arrival) -> None:
        """Note one message."""
        now = time.time()
        since_s = now - self.began
        self.missing += arrival.missing
        if arrival.family not in FAMILIES or arrival.payload.received_at is None:
            return
        self.first[arrival.exchange, arrival.family].setdefault(arrival.item, since_s)
        latencies = self.burst_ms if since_s < START_S else self.steady_ms
        latencies.append(now * 1000 - arrival.payload.received_at)


def main() -> None:
    """Print the times to the first values, then the latencies."""
    asyncio.run(_run())


async def _run() -> None:
    with simulator() as urls:
        async with EmbeddedServer(free_port()) as server:
            units = [loop_s() for _ in range(5)]
            connected = asyncio.Event()
            watch = Watch(time.time())
            task = asyncio.create_task(_subscribe(server.url, watch, connected))
            try:
                await asyncio.wait_for(connected.wait(), START_S)
                watch.began = time.time()
                with service(urls, {"MICROSTREAM_REDIS__URL": server.url}) as (_, status_url):
                    await asyncio.sleep(RUN_S)
                    states = await asyncio.to_thread(venue_states, status_url)
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            units += [loop_s() for _ in range(5)]
    followed = {
        (exchange, family): state["followed"]
        for exchange, venue in states.items()
        for family, state in venue["families"].items()
    }
    _print_first(watch, followed)
    _print_latency(watch, median(units))


async def _subscribe(url: str, watch: Watch, connected: asyncio.Event) -> None:
    async with aclosing(feed(url, Selection.parse([]))) as items:
        async for item in items:
            if isinstance(item, Arrival):
                watch.take(item)
            elif isinstance(item, Connected):
                connected.set()


def _print_first(watch: Watch, followed: dict[tuple[str, str], int]) -> None:
    rows = []
    for (exchange, family), count in sorted(followed.items()):
        seconds = list(watch.first[exchange, family].values())
        shown = (f"{median(seconds):.2f}", f"{max(seconds):.2f}") if seconds else ("-", "-")
        rows.append((f"{exchange} {family}", str(count), str(len(seconds)), *shown))
    everything = [value for values in watch.first.values() for value in values.values()]
    total = sum(followed.values())
    rows.append(
        ("all", str(total), str(len(everything)), f"{median(everything):.2f}", f"{max(everything):.2f}")
    )
    table(("first value", "followed", "seen", "p50 s", "max s"), rows)


def _print_latency(watch: Watch, unit_s: float) -> None:
    rows = []
    for name, latencies, seconds in (
        (f"first {START_S:.0f} s", watch.burst_ms, START_S),
        (f"next {RUN_S - START_S:.0f} s", watch.steady_ms, RUN_S - START_S),
    ):
        if len(latencies) < 2:
            raise SystemExit(f"{name}: nothing was received")
        cuts = quantiles(latencies, n=100)
        rows.append(
            (
                name,
                str(len(latencies)),
                f"{len(latencies) / seconds:.0f}",
                f"{cuts[49]:.1f}",
                f"{cuts[98]:.1f}",
                f"{cuts[49] / 1000 / unit_s:.0f}",
                f"{cuts[98] / 1000 / unit_s:.0f}",
            )
        )
    table(("latency", "messages", "msg/s", "p50 ms", "p99 ms", "p50/loop", "p99/loop"), rows)
    print(f"numbers missing between messages of a channel: {watch.missing}")
