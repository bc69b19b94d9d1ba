"""What the commands that read a server share: its address, how long they run, where they write, what they draw on."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from microstream.cli.watch import Watch
from microstream.client.feed import Item
from microstream.clock import Clock
from microstream.config import load, seconds
from microstream.config.urls import redact, redis_url
from microstream.errors import ConfigError

if TYPE_CHECKING:
    from textual.app import App

NOTHING_ARRIVED = 1


def server_url(redis: str | None, config: Path | None) -> str:
    """Return the server's address: the option's, else the configuration's. Raises `ConfigError`."""
    if redis is not None and redis != "embedded":
        try:
            return redis_url(redis)
        except ValueError as error:
            raise ConfigError(f"--redis {redact(redis)} {error}") from None
    settings = load(config, os.environ).config.redis
    url = redis or settings.url
    return f"redis://127.0.0.1:{settings.port}" if url == "embedded" else url


def duration(text: str) -> float:
    """Return the seconds of `--for`. Raises `ConfigError`."""
    try:
        duration_s = seconds(text)
    except ValueError as error:
        raise ConfigError(f"--for {text} {error}") from None
    if not duration_s:
        raise ConfigError(f"--for {text} leaves no time to watch; write for example 10s")
    return duration_s


def on_terminal() -> bool:
    """Return whether there is a terminal that a table can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@asynccontextmanager
async def limit(for_s: float | None) -> AsyncIterator[None]:
    """Cancel the body after a time, on SIGINT or on SIGTERM, and go on behind it."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(for_s) as timeout:

            def stop() -> None:
                if not timeout.expired():
                    timeout.reschedule(loop.time())

            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)
            try:
                yield
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)
    except TimeoutError:
        if not timeout.expired():
            raise


@contextmanager
def on_signals(stop: Callable[[], None]) -> Iterator[asyncio.Event]:
    """Call `stop` on SIGINT and SIGTERM, and set what is yielded; a second signal ends the process at once."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def on_first() -> None:
        stop()
        stopped.set()
        for number in numbers:
            loop.add_signal_handler(number, os._exit, 128 + number)

    for number in numbers:
        loop.add_signal_handler(number, on_first)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def draw(table: "App[None]", items: AsyncIterator[Item], watch: Watch, clock: Clock) -> None:
    """Show a table until it is quit, and fill what it shows meanwhile."""

    async def read() -> None:
        async for item in items:
            watch.take(item, clock.now_ms())

    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(read())
            await table.run_async()
            reading.cancel()
            if table.return_code:
                raise RuntimeError("the table failed, see above")
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def write(line: bytes) -> None:
    """Write to standard output at once."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def tell(text: str) -> None:
    """Write a line to standard error."""
    print(text, file=sys.stderr, flush=True)


def forsake_output() -> None:
    """Let what is left in the buffer go nowhere: its reader has gone, and the flush at the end would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
