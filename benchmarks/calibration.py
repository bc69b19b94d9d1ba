"""The calibration loop: what travels between machines is a time divided by that of this loop, taken in turns with it.

Times are CPU seconds of this process (user and system), so that what else runs on the machine counts little; the
median of several rounds is reported.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

LOOPS = 1000
ROUNDS = 7
LEAST_S = 0.02
"""CPU seconds of one measurement at least."""


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU seconds of one call, and how many calibration loops fit in them."""

    seconds: float
    ratio: float


def loop_s() -> float:
    """Return the CPU seconds of one calibration loop: a fixed piece of plain Python work."""
    began = time.process_time()
    for number in range(LOOPS):
        json.loads(json.dumps({"a": [number, 0.5, "text"], "b": {"c": None, "d": True}}))
    return (time.process_time() - began) / LOOPS


def measure(works: Mapping[str, Callable[[], object]]) -> dict[str, Figure]:
    """Return what one call of each costs; all take turns with each other and with the calibration loop."""
    times = {name: _times(work) for name, work in works.items()}
    seconds: dict[str, list[float]] = {name: [] for name in works}
    ratios: dict[str, list[float]] = {name: [] for name in works}
    before = loop_s()
    for _ in range(ROUNDS):
        for name, work in works.items():
            each = _each_s(work, times[name])
            after = loop_s()
            seconds[name].append(each)
            ratios[name].append(2 * each / (before + after))
            before = after
    return {name: Figure(median(seconds[name]), median(ratios[name])) for name in works}


def _each_s(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times


def _times(work: Callable[[], object]) -> int:
    """Return how many calls take `LEAST_S`; the calls made to find out warm up."""
    times = 1
    while (took := _each_s(work, times) * times) < LEAST_S:
        times *= 2 if took < LEAST_S / 4 else max(2, round(LEAST_S / took))
    return times
