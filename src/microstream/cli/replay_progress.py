"""What a replay shows of itself: a line that moves on a terminal, now and then a line in the log else, and the end."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from structlog import get_logger

from microstream.clock import Clock
from microstream.model.past import Span

if TYPE_CHECKING:
    from microstream.history.replay import Progress, Replay

LINE_S = 0.5
LOG_S = 30.0

log = get_logger(__name__)


async def show(replay: "Replay", clock: Clock) -> None:
    """Tell how far the replay is, until cancelled."""
    is_terminal = sys.stderr.isatty()
    began = told_at = clock.monotonic()
    told = 0
    try:
        while True:
            await asyncio.sleep(LINE_S if is_terminal else LOG_S)
            now, count = clock.monotonic(), replay.progress.messages.total()
            rate = (count - told) / (now - told_at)
            told, told_at = count, now
            left_s = time_left(replay.progress, replay.span, now - began)
            if is_terminal:
                print(f"\r{_line(replay.progress, rate, left_s)}\x1b[K", end="", file=sys.stderr, flush=True)
            elif replay.progress.entries:
                reached, left = iso(replay.progress.reached), None if left_s is None else round(left_s)
                log.info("replaying", reached=reached, messages=count, per_second=round(rate), left_s=left)
    finally:
        if is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def time_left(progress: "Progress", span: Span, took_s: float) -> float | None:
    """Return the seconds that the rest takes if it goes on as it went, None where nothing is known yet."""
    done = progress.reached - progress.first
    if not progress.first or done <= 0:
        return None
    return took_s * max(0, span.end - progress.reached) / done


def iso(ms: int) -> str:
    """Return a time as text, to the millisecond."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def print_summary(replay: "Replay", took_s: float) -> None:
    """Print what was published."""
    progress = replay.progress
    total = progress.messages.total()
    for family, count in sorted(progress.messages.items()):
        print(f"{family:<12} {count:>12,}")
    print(f"{'all':<12} {total:>12,}  in {took_s:.1f} s, {total / max(took_s, 0.001):,.0f} a second")
    if total:
        print(f"recorded     {iso(progress.first)} to {iso(progress.reached)}")
    print(f"sha256       {progress.digest.hexdigest()}")


def _line(progress: "Progress", rate: float, left_s: float | None) -> str:
    if not progress.entries:
        return "reading"
    left = "" if left_s is None else f", {_clock_time(left_s)} left"
    return f"{iso(progress.reached)}  {progress.messages.total():,} messages, {rate:,.0f} a second{left}"


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
