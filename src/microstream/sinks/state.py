"""What the writer tells metrics and readiness: plain numbers, read at scrape."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

LATENCY_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(slots=True)
class Latency:
    """Seconds from taking messages out of the buffer to the last reply of the server.

    `buckets[i]` counts the writes of at most `LATENCY_BOUNDS_S[i]` and more than the bound before; the last
    bucket counts all longer ones.
    """

    count: int = 0
    sum_s: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_S) + 1))

    def record(self, seconds: float) -> None:
        """Count one write."""
        self.count += 1
        self.sum_s += seconds
        self.buckets[bisect_left(LATENCY_BOUNDS_S, seconds)] += 1


@dataclass(slots=True)
class BusState:
    """The writer's counters, and whether the server takes what is written.

    `down_since` is when writing last stopped working (ms UTC), None while it works or was never tried;
    `last_error` is the text of the newest failure and stays after recovery. `errors` counts failed attempts,
    `reconnects` the connections after the first.
    """

    connected: bool = False
    down_since: int | None = None
    last_error: str | None = None
    errors: int = 0
    reconnects: int = 0
    written: Counter[str] = field(default_factory=Counter)
    flushes: int = 0
    bytes: int = 0
    latency: Latency = field(default_factory=Latency)
