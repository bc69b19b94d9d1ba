"""How far a backfill has come: a bar on a terminal, a line now and then elsewhere."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from microstream.cli.session import tell
from microstream.clock import Clock

if TYPE_CHECKING:
    from microstream.history import backfill

DRAWN_EVERY_S = 0.25
TOLD_EVERY_S = 10.0


@asynccontextmanager
async def shown(progress: "backfill.Progress", clock: Clock) -> AsyncIterator[None]:
    """Show the progress on standard error as long as the body runs."""
    show = _draw if sys.stderr.isatty() else _tell
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(show(progress, clock))
        try:
            yield
        finally:
            showing.cancel()


async def _draw(progress: "backfill.Progress", clock: Clock) -> None:
    columns = (
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as bar:
        task = bar.add_task("", total=None)
        while True:
            bar.update(
                task,
                total=progress.requests + progress.expected or None,
                completed=progress.requests,
                description=text_of(progress, clock.monotonic()),
            )
            await asyncio.sleep(DRAWN_EVERY_S)


async def _tell(progress: "backfill.Progress", clock: Clock) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        tell(text_of(progress, clock.monotonic()))


def text_of(progress: "backfill.Progress", now: float) -> str:
    """Return how far it has come in words: requests, rows, rate, time left, and the time that has been reached."""
    if not progress.began:
        return "reading what is listed and what is there"
    elapsed = max(now - progress.began, 1e-3)
    left_s = progress.left_s(now)
    left = "time left unknown" if left_s is None else f"{_duration(left_s)} left"
    reached = max((inquiry.reached for inquiry in progress.inquiries if inquiry.reached), default=None)
    back_to = f", at {datetime.fromtimestamp(reached / 1000, UTC):%m-%d %H:%M}" if reached else ""
    waits = "".join(f"; {name} asks to wait {round(wait_s)} s" for name, wait_s in progress.waits().items())
    return (
        f"{progress.requests}/{progress.requests + progress.expected} requests, {progress.requests / elapsed:.1f}/s,"
        f" {progress.rows} rows, {left}{back_to}{waits}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"
