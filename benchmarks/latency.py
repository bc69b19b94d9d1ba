"""From the send of a WebSocket frame to a subscriber's receipt, at a steady rate of frames.

Load server, service, Valkey and subscriber are processes of their own. The load server (`load_server.py`) stands in for
Bybit's stream and sends RATE deltas a second, evenly, each with a mark price of its own; REST is the simulator's. The
subscriber (`receiver.py`) reads the clock as soon as bytes have come; both clocks are CLOCK_MONOTONIC. A frame whose
price never arrives was conflated: a newer one of its contract was published instead.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from subprocess import Popen
from typing import Any

from benchmarks.observe import cpu, metrics, waited_s
from benchmarks.processes import (
    companion,
    fetch,
    first_line,
    free_port,
    last_words,
    service,
    simulator,
    wait_until_ready,
)
from benchmarks.table import table
from microstream.sinks import EmbeddedServer

RATE = 5_000
READY_S = 30.0
WARM_UP_S = 5.0
RUN_S = 20.0
PATTERN = "meta:mark_price:bybit:*"
TICKERS = "/v5/market/tickers?category=linear"
GOALS = {"p50": 300, "p99": 2_500}
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was sent and received between the warm-up and the end, and what it took."""

    sent: int
    late_us: Sequence[float]
    latencies_us: Sequence[float]
    holes: int
    shares: dict[str, float]
    messages_s: float
    lag_worst_s: float
    waited: float

    @property
    def conflated(self) -> float:
        """Share of the frames that made no message of their own."""
        return 1 - len(self.latencies_us) / self.sent


def main() -> None:
    """Print the latencies, then what each process took."""
    seen = asyncio.run(_run())
    if seen is None:
        print("nobody subscribed to the stream: this service only polls\n")
        return
    if len(seen.latencies_us) < 100:
        raise SystemExit(f"of {seen.sent} frames {len(seen.latencies_us)} arrived")
    _print(seen)


async def _run() -> Seen | None:
    async with EmbeddedServer(free_port()) as server:
        return await asyncio.to_thread(_measure, server.url, server.port)


def _measure(redis_url: str, redis_port: int) -> Seen | None:
    with (
        simulator() as urls,
        _load(urls["bybit"]) as (sender, ws_url),
        companion("benchmarks.receiver", str(redis_port), PATTERN, "--keep") as subscriber,
    ):
        first_line(subscriber)
        with service({**urls, "bybit_ws": ws_url}, _settings(redis_url), streams=True) as (pid, status_url):
            wait_until_ready(status_url, READY_S)
            time.sleep(WARM_UP_S)
            pids = {
                "service": pid,
                "Valkey": _server_pid(redis_port),
                "load server": sender.pid,
                "subscriber": subscriber.pid,
            }
            before, told = {name: cpu(each).busy_s for name, each in pids.items()}, metrics(status_url)
            waited = waited_s(pid)
            began, began_s = time.perf_counter_ns(), time.monotonic()
            time.sleep(RUN_S)
            ended, seconds = time.perf_counter_ns(), time.monotonic() - began_s
            shares = {name: (cpu(each).busy_s - before[name]) / seconds for name, each in pids.items()}
            waited = (waited_s(pid) - waited) / seconds
            now = metrics(status_url)
            time.sleep(0.5)  # what is on its way
        sent, received = last_words(sender), last_words(subscriber)
    if not sent["connections"]:
        return None
    return _compared(
        sent,
        received,
        (began, ended),
        shares,
        (now["messages_total"] - told["messages_total"]) / seconds,
        now["loop_lag_worst_seconds"],
        waited,
    )


@contextmanager
def _load(rest_url: str) -> Iterator[tuple[Popen[bytes], str]]:
    """Run the load server; yield it and the base of its WebSocket paths."""
    with tempfile.TemporaryDirectory(prefix="microstream-bench-") as folder:
        rows = Path(folder, "tickers.json")
        rows.write_bytes(fetch(f"{rest_url}{TICKERS}"))
        with companion("benchmarks.load_server", str(RATE), str(rows)) as process:
            yield process, f"ws://127.0.0.1:{first_line(process)['port']}"


def _settings(redis_url: str) -> dict[str, str]:
    others = {f"MICROSTREAM_EXCHANGES__{name}__ENABLED": "false" for name in ("BINANCE", "OKX")}
    return {"MICROSTREAM_REDIS__URL": redis_url, **others}


def _server_pid(port: int) -> int:
    from redis import Redis  # noqa: PLC0415 (after the services have started: its import takes a while)

    with Redis(port=port) as client:
        pid: int = client.info("server")["process_id"]
        return pid


def _compared(
    sent: Any,
    received: Any,
    between: tuple[int, int],
    shares: dict[str, float],
    messages_s: float,
    lag_worst_s: float,
    waited: float,
) -> Seen:
    """Find each frame's message by contract and price."""
    arrived: dict[tuple[str, float], int] = {}
    for channel, price, at in received["messages"]:  # a price is said again when the index alone has moved
        arrived.setdefault((channel.rpartition(":")[2], price), at)
    began, ended = between
    chosen = [(name.lower(), price, at) for name, price, at in sent["sent"] if began <= at < ended]
    found = ((arrived.get((name, price)), at) for name, price, at in chosen)
    latencies = [(then - at) / 1000 for then, at in found if then is not None]
    late = [value / 1000 for value in sent["late_ns"][-len(chosen) :]]
    return Seen(len(chosen), late, latencies, received["holes"], shares, messages_s, lag_worst_s, waited)


def _print(seen: Seen) -> None:
    rows = []
    for name, values in (("frame to subscriber", seen.latencies_us), ("frame behind schedule", seen.late_us)):
        cuts = quantiles(values, n=1000, method="inclusive")
        figures = [cuts[499], cuts[899], cuts[989], cuts[998], max(values)]
        rows.append((name, str(len(values)), *(f"{figure:,.0f}" for figure in figures)))
    rows.append(("goal", "", f"{GOALS['p50']:,}", "", f"{GOALS['p99']:,}", "", ""))
    table(("us", "number", "p50", "p90", "p99", "p99.9", "max"), rows)
    table(
        ("at that rate", "measured"),
        [
            ("frames a second", f"{seen.sent / RUN_S:,.0f}"),
            ("messages a second", f"{seen.messages_s:,.0f}"),
            ("conflated, % of the frames", f"{100 * seen.conflated:.2f}"),
            ("numbers missing", str(seen.holes)),
            *((f"CPU of {name}, % of a core", f"{100 * share:.1f}") for name, share in seen.shares.items()),
            ("event loop held, worst, ms", f"{1000 * seen.lag_worst_s:.1f}"),
            ("service ready but without a processor, % of the time", f"{100 * seen.waited:.1f}"),
        ],
    )
