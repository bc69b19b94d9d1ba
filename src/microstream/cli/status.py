"""The lines above and below the table: what is read, how fast, and what is wrong."""

from collections import deque
from datetime import UTC, datetime

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from microstream.cli.board import Quality
from microstream.cli.column import TROUBLE
from microstream.cli.watch import Watch

RATE_OVER_S = 5.0
QUIET = Style(dim=True)


class Meter:
    """Messages per second over the last few seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)

    def rate(self, total: int, now_s: float) -> float:
        """Note the count so far at a monotonic time; return the rate, 0 during the first second."""
        self._samples.append((now_s, total))
        while len(self._samples) > 2 and now_s - self._samples[1][0] >= RATE_OVER_S:
            self._samples.popleft()
        then_s, before = self._samples[0]
        return (total - before) / (now_s - then_s) if now_s - then_s >= 1.0 else 0.0


def clock(ms: int) -> str:
    """Return the time of day, UTC."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"


def status_line(watch: Watch, *, server: str, rate: float, rows: str, now_ms: int, width: int) -> Text:
    """Return the top line; what does not fit at the end of it is left out, the server first."""
    tally = watch.tally
    state = Text(server) if watch.connected else Text(f"{server} {_trouble(watch)}", TROUBLE)
    holes = Text(f"{tally.missing} holes", TROUBLE if tally.missing else "")
    parts = [state, Text(f"{rate:.0f} msg/s"), Text(rows), holes, Text(f"{clock(now_ms)} UTC")]
    left = Text("microstream", "bold")
    while parts and cell_len(left.plain) + sum(cell_len(part.plain) + 2 for part in parts) > width:
        del parts[0 if watch.connected else -1]
    right = Text("  ").join(parts)
    padding = max(width - cell_len(left.plain) - cell_len(right.plain), 0)
    return Text.assemble(left, " " * padding, right, no_wrap=True)


def _trouble(watch: Watch) -> str:
    return "connecting" if watch.away is None else "away, trying again"


def quality_line(quality: Quality | None) -> Text:
    """Return the newest quality message; one that is over, or only for information, is dim."""
    if quality is None:
        return Text("no quality message", QUIET)
    payload = quality.payload
    when = "" if payload.received_at is None else f"{clock(payload.received_at)} "
    over = payload.state == "cleared" or payload.severity == "info"
    label = "cleared" if payload.state == "cleared" else payload.severity or "quality"
    subject = f" {quality.subject} {payload.kind or ''}: {payload.detail or ''}"
    return Text.assemble(
        (when, QUIET),
        (f" {label} ", QUIET if over else TROUBLE),
        (subject, QUIET if over else ""),
        no_wrap=True,
    )
