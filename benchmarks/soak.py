"""The full market for a long time: does memory, a count of handles or the loop's lag grow, is a message missing?

`make bench NAME=soak FOR=1h`. Samples are taken every `PERIOD_S`; the first part, `WARM_UP` of the run, is shown but
not judged. The slope of the memory is that of a line by least squares; it and the lag's p99 are judged in runs of at
least `JUDGED_S` only, because a short run tells noise. Ends with exit code 1 when a bound is broken.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median, quantiles

from benchmarks.fullmarket import GOAL_MB, Market, full_market
from benchmarks.observe import cpu, handles, memory_mb, metrics, threads, waited_s
from benchmarks.processes import last_words
from benchmarks.signals import GOAL_MB as ANALYTICS_MB
from benchmarks.table import table

FOR_S = 3600.0
PERIOD_S = 5.0
LINES = 20
"""Lines of progress, evenly over the run."""
WARM_UP = 0.1
JUDGED_S = 1800.0
MOST_MB_PER_HOUR = 2.0
MOST_LAG_MS = 50.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The service at one moment. `lag_s` is the worst since the sample before."""

    at_s: float
    rss_mb: float
    tasks: int
    handles: int
    lag_s: float
    messages: float
    lost: float
    cpu_s: float
    waited_s: float


def main(for_s: float = FOR_S) -> None:
    """Run, print what was seen, and judge it."""
    samples: list[Sample] = []
    with full_market({}) as market:
        print(
            f"{'s':>7} {'RSS MB':>7} {'tasks':>6} {'handles':>8} {'lag ms':>7} {'messages':>10}", flush=True
        )
        began = time.monotonic()
        shown = 0
        while (now := time.monotonic() - began) < for_s:
            samples.append(_sample(market, now))
            if now >= shown * for_s / LINES:
                shown += 1
                _show(samples[-1])
            time.sleep(PERIOD_S)
        samples.append(_sample(market, time.monotonic() - began))
        _show(samples[-1])
        connections, _ = market.pushed()
        seen = last_words(market.subscriber)
    if not connections:
        print("no venue has a stream connection: this service only polls")
    broken = _judged(samples[max(1, int(len(samples) * WARM_UP)) :], for_s, seen["holes"])
    if broken:
        raise SystemExit(f"broken: {', '.join(broken)}")


def _sample(market: Market, now: float) -> Sample:
    told = metrics(market.status_url)
    return Sample(
        at_s=now,
        rss_mb=memory_mb(market.service)["VmRSS"],
        tasks=round(told.get("tasks", threads(market.service))),
        handles=handles(market.service),
        lag_s=told["loop_lag_worst_seconds"],
        messages=told["messages_total"],
        lost=told.get("dropped_total", 0.0),
        cpu_s=cpu(market.service).busy_s,
        waited_s=waited_s(market.service),
    )


def _show(one: Sample) -> None:
    print(
        f"{one.at_s:7.0f} {one.rss_mb:7.1f} {one.tasks:6} {one.handles:8} {1000 * one.lag_s:7.1f} "
        f"{one.messages:10.0f}",
        flush=True,
    )


def _more(began: Sequence[Sample], ended: Sequence[Sample], name: str) -> float:
    """Return by how much the median of a count has grown: requests under way come and go."""
    return median(getattr(one, name) for one in ended) - median(getattr(one, name) for one in began)


def _judged(samples: Sequence[Sample], for_s: float, holes: int) -> list[str]:
    """Print the table and return the rows whose bound is broken."""
    first, last = samples[0], samples[-1]
    seconds = last.at_s - first.at_s
    settled = samples[len(samples) // 2 :]
    slope = 3600 * linear_regression([one.at_s for one in settled], [one.rss_mb for one in settled]).slope
    lag_ms = quantiles([1000 * one.lag_s for one in samples], n=100, method="inclusive")[98]
    long_enough = for_s >= JUDGED_S
    tenth = max(1, len(samples) // 10)
    began, ended = samples[:tenth], samples[-tenth:]
    rows: list[tuple[str, float, float | None]] = [
        ("RSS, MB an hour, second half", slope, MOST_MB_PER_HOUR if long_enough else None),
        ("highest RSS, MB", max(one.rss_mb for one in samples), GOAL_MB + ANALYTICS_MB),
        ("tasks, median of the last tenth beyond that of the first", _more(began, ended, "tasks"), 0),
        ("  at most at one moment", max(one.tasks for one in samples), None),
        ("open handles, the same", _more(began, ended, "handles"), 0),
        ("  at most at one moment", max(one.handles for one in samples), None),
        ("event loop held, p99 of the worst of a sample, ms", lag_ms, MOST_LAG_MS if long_enough else None),
        ("event loop held, worst, ms", max(1000 * one.lag_s for one in samples), None),
        (
            "  ready but without a processor, % of the time",
            100 * (last.waited_s - first.waited_s) / seconds,
            None,
        ),
        ("messages dropped", last.lost - first.lost, 0),
        ("numbers missing", holes, 0),
        ("messages a second", (last.messages - first.messages) / seconds, None),
        ("CPU, % of a core", 100 * (last.cpu_s - first.cpu_s) / seconds, None),
    ]
    table(
        (f"{seconds:.0f} s after the warm-up", "measured", "at most"),
        [(name, f"{value:.1f}", "-" if bound is None else f"{bound:g}") for name, value, bound in rows],
    )
    return [name for name, value, bound in rows if bound is not None and value > bound]
