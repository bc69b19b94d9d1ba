"""Bars, signals and alerts for all contracts of three venues at streaming rates: what they cost beside the values.

The service runs twice as in `fullmarket`: without them, then with everything that is on by default. The histories of
the signals are short by then, so what they take when they are full is measured apart: a day of rates and changes of 141
contracts, and a round of all signals over them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.calibration import loop_s, measure
from benchmarks.fullmarket import VALUES_ALONE, full_market
from benchmarks.observe import cpu, memory_mb, metrics
from benchmarks.processes import last_words
from benchmarks.spoken import FullHistories
from benchmarks.table import table

WARM_UP_S = 20.0
STEADY_S = 60.0
CONTRACTS = 1_400
"""About as many as three venues have."""
GOAL_CORE = 30.0
GOAL_MB = 250.0


@dataclass(frozen=True, slots=True)
class Run:
    """Shares of a core in per cent, loops a second, MB, messages a second, the worst lag, and holes."""

    core: float
    loops: float
    rss: float
    messages: float
    lag_ms: float
    holes: int


def main() -> None:
    """Print both runs and the difference beside the goals, then a round over full histories."""
    without, everything = _run(VALUES_ALONE), _run({})
    table(
        ("service", "values alone", "with bars, signals, alerts", "more", "goal"),
        [
            _row("CPU, % of a core", without.core, everything.core, f"{GOAL_CORE:.0f}"),
            _row("CPU, loops a second", without.loops, everything.loops, "-"),
            _row("RSS, MB", without.rss, everything.rss, f"{GOAL_MB:.0f}"),
            _row("messages a second", without.messages, everything.messages, "-"),
            _row("event loop held, worst, ms", without.lag_ms, everything.lag_ms, "-"),
            _row("numbers missing", without.holes, everything.holes, "-"),
        ],
    )
    full = FullHistories()
    figure = measure({"round": full.round})["round"]
    table(
        ("all signals, histories full", "per contract", f"{CONTRACTS} contracts"),
        [
            (
                "RSS of the histories",
                f"{1000 * full.memory_mb / full.contracts:.0f} kB",
                _scaled(full.memory_mb, full, "MB"),
            ),
            (
                "a round",
                f"{1e6 * figure.seconds / full.contracts:.0f} us",
                _scaled(1000 * figure.seconds, full, "ms"),
            ),
            ("a round, loops", f"{figure.ratio / full.contracts:.1f}", _scaled(figure.ratio, full, "")),
            ("signals of a round", f"{full.made / full.contracts:.1f}", _scaled(full.made, full, "")),
        ],
    )


def _scaled(measured: float, full: FullHistories, unit: str) -> str:
    return f"{measured * CONTRACTS / full.contracts:.0f} {unit}".strip()


def _row(name: str, without: float, everything: float, goal: str) -> tuple[str, ...]:
    return name, f"{without:.1f}", f"{everything:.1f}", f"{everything - without:.1f}", goal


def _run(settings: Mapping[str, str]) -> Run:
    with full_market(settings) as market:
        time.sleep(WARM_UP_S)
        spent, first = cpu(market.service), metrics(market.status_url)
        began, lags, units = time.monotonic(), [], []
        while time.monotonic() - began < STEADY_S:
            time.sleep(1)
            lags.append(metrics(market.status_url)["loop_lag_worst_seconds"])
            if len(lags) % 5 == 0:
                units.append(loop_s())
        seconds = time.monotonic() - began
        busy_s = cpu(market.service).busy_s - spent.busy_s
        last = metrics(market.status_url)
        rss = memory_mb(market.service)["VmRSS"]
        holes = last_words(market.subscriber)["holes"]
    return Run(
        core=100 * busy_s / seconds,
        loops=busy_s / seconds / median(units),
        rss=rss,
        messages=(last["messages_total"] - first["messages_total"]) / seconds,
        lag_ms=1000 * max(lags),
        holes=holes,
    )
