"""CPU and memory of `microstream run` with `symbols: all` of three simulated venues at default settings, polling.

The process of the service only: simulator and embedded server are processes of their own. User and system time as
Linux counts them, without TLS, which the simulator does not speak.
"""

import time
from statistics import median

from benchmarks.calibration import loop_s
from benchmarks.observe import cpu, memory_mb, metrics
from benchmarks.processes import free_port, service, simulator, wait_until_ready
from benchmarks.table import table

WARM_UP_S = 15.0
STEADY_S = 60.0
PAUSE_S = 5.0
"""Between two calibration loops, which are timed while the service runs."""
GOAL_PER_CENT = 3.0
GOAL_MB = 120.0


def main() -> None:
    """Print the shares of a core and the memory beside the goal."""
    with (
        simulator() as urls,
        service(urls, {"MICROSTREAM_REDIS__PORT": str(free_port())}) as (pid, status_url),
    ):
        began = time.monotonic()
        wait_until_ready(status_url, STEADY_S)
        time.sleep(max(0.0, began + WARM_UP_S - time.monotonic()))
        started, warm, sent = time.monotonic(), cpu(pid), metrics(status_url)["messages_total"]
        units = []
        while (left := started + STEADY_S - time.monotonic()) > 0:
            units.append(loop_s())
            time.sleep(min(PAUSE_S, left))
        clock_s = time.monotonic() - started
        end = cpu(pid)
        user_s, system_s = end.user_s - warm.user_s, end.system_s - warm.system_s
        messages = metrics(status_url)["messages_total"] - sent
        memory = memory_mb(pid)
    busy_s = user_s + system_s
    table(
        ("service", "measured", "goal"),
        [
            ("CPU until warm, s", f"{warm.busy_s:.2f}", "-"),
            ("CPU, % of a core", f"{100 * busy_s / clock_s:.2f}", f"{GOAL_PER_CENT:.0f}"),
            ("  user", f"{100 * user_s / clock_s:.2f}", "-"),
            ("  system", f"{100 * system_s / clock_s:.2f}", "-"),
            ("CPU, loops a second", f"{busy_s / clock_s / median(units):.0f}", "-"),
            ("CPU, us/message", f"{1e6 * busy_s / messages:.0f}", "-"),
            ("messages a second", f"{messages / clock_s:.0f}", "-"),
            ("RSS, MB", f"{memory['VmRSS']:.0f}", f"{GOAL_MB:.0f}"),
            ("highest RSS, MB", f"{memory['VmHWM']:.0f}", f"{GOAL_MB:.0f}"),
        ],
    )
