"""CPU, memory and loop lag of `microstream run` with `symbols: all` of three simulated venues, streaming.

Without bars, signals and alerts, which `signals` measures. The venues push at the cadence of their values: 1 s, OKX's
open interest every 3 s, its funding every 30 to 90 s. The process of the service only; simulator, Valkey and a
subscriber that counts what is missing are processes of their own. User and system time as Linux counts them, without
TLS, which the simulator does not speak.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from subprocess import Popen

from benchmarks.calibration import loop_s
from benchmarks.observe import Cpu, children, cpu, memory_mb, metrics, waited_s
from benchmarks.processes import (
    companion,
    fetch_json,
    first_line,
    free_port,
    last_words,
    service,
    simulator_process,
    wait_until_ready,
)
from benchmarks.table import table

READY_S = 60.0
WARM_UP_S = 20.0
STEADY_S = 60.0
PAUSE_S = 1.0
"""Between two scrapes, each of which tells the worst lag since the one before."""
LAG_PERIODS = 5
"""Scrapes between two calibration loops."""
GOAL_PER_CENT = 35.0
GOAL_MB = 150.0
GOAL_LAG_MS = 10.0


@dataclass(frozen=True, slots=True)
class Market:
    """A running full market: process ids, the service's status server, the simulator's control port."""

    service: int
    server: int
    simulator: int
    subscriber: Popen[bytes]
    status_url: str
    control_url: str

    def pushed(self) -> tuple[int, int]:
        """Return how many stream connections are open at the venues, and the frames sent on them so far."""
        open_now = fetch_json(f"{self.control_url}/connections")["open"]
        return len(open_now), sum(row["sent"] for row in open_now)


VALUES_ALONE = {
    "MICROSTREAM_BARS__ENABLED": "false",
    "MICROSTREAM_SIGNALS__ENABLED": "false",
    "MICROSTREAM_ALERTS__ENABLED": "false",
}
"""Settings of a service that publishes what the venues say and no more."""


@contextmanager
def full_market(settings: Mapping[str, str]) -> Iterator[Market]:
    """Run the three venues, the service with streams and its embedded server, and a subscriber to everything."""
    port = free_port()
    with (
        simulator_process() as (simulator, urls),
        service(urls, {"MICROSTREAM_REDIS__PORT": str(port), **settings}, streams=True) as (pid, status_url),
    ):
        wait_until_ready(status_url, READY_S)
        with companion("benchmarks.receiver", str(port), "*") as subscriber:
            first_line(subscriber)
            [server] = children(pid)
            yield Market(pid, server, simulator, subscriber, status_url, urls["control"])


def main() -> None:
    """Print the shares of a core, the memory and the lag beside the goals."""
    with full_market(VALUES_ALONE) as market:
        time.sleep(WARM_UP_S)
        connections, pushed = market.pushed()
        pids = {
            "service": market.service,
            "Valkey": market.server,
            "simulator": market.simulator,
            "subscriber": market.subscriber.pid,
        }
        warm = {name: cpu(pid) for name, pid in pids.items()}
        first = metrics(market.status_url)
        waited = waited_s(market.service)
        began = time.monotonic()
        lags, units = [], []
        while time.monotonic() - began < STEADY_S:
            time.sleep(PAUSE_S)
            lags.append(metrics(market.status_url)["loop_lag_worst_seconds"])
            if len(lags) % LAG_PERIODS == 0:
                units.append(loop_s())
        seconds = time.monotonic() - began
        busy = {name: _between(warm[name], cpu(pid)) for name, pid in pids.items()}
        waited = waited_s(market.service) - waited
        last = metrics(market.status_url)
        frames = market.pushed()[1] - pushed
        memory = memory_mb(market.service)
        seen = last_words(market.subscriber)
    if not connections:
        print("no venue has a stream connection: this service only polls, and so do the figures")
    own = busy["service"]
    messages = last["messages_total"] - first["messages_total"]
    table(
        ("service", "measured", "goal"),
        [
            ("CPU, % of a core", f"{100 * own.busy_s / seconds:.2f}", f"{GOAL_PER_CENT:.0f}"),
            ("  user", f"{100 * own.user_s / seconds:.2f}", "-"),
            ("  system", f"{100 * own.system_s / seconds:.2f}", "-"),
            ("CPU, loops a second", f"{own.busy_s / seconds / median(units):.0f}", "-"),
            ("CPU, us/message", f"{1e6 * own.busy_s / messages:.1f}", "-"),
            ("RSS, MB", f"{memory['VmRSS']:.0f}", f"{GOAL_MB:.0f}"),
            ("highest RSS, MB", f"{memory['VmHWM']:.0f}", f"{GOAL_MB:.0f}"),
            ("event loop held, worst, ms", f"{1000 * max(lags):.1f}", f"{GOAL_LAG_MS:.0f}"),
            ("  median of the worst of a second", f"{1000 * median(lags):.1f}", "-"),
            ("  ready but without a processor, % of the time", f"{100 * waited / seconds:.1f}", "-"),
            ("stream connections", str(connections), "-"),
            ("frames a second", f"{frames / seconds:.0f}", "-"),
            ("messages a second", f"{messages / seconds:.0f}", "-"),
            ("conflated", f"{last['conflated_total'] - first['conflated_total']:.0f}", "-"),
            ("numbers missing", str(seen["holes"]), "0"),
            *(
                (f"{name}, % of a core", f"{100 * spent.busy_s / seconds:.1f}", "-")
                for name, spent in busy.items()
                if name != "service"
            ),
        ],
    )


def _between(then: Cpu, now: Cpu) -> Cpu:
    return Cpu(now.user_s - then.user_s, now.system_s - then.system_s)
