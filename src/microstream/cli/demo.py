"""`microstream demo`: simulated venues, embedded server, service and live table on this machine."""

import asyncio
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from microstream.cli.monitor import MonitorOptions, monitor
from microstream.cli.run import run_async
from microstream.cli.simulation import simulation
from microstream.config import load, seconds
from microstream.errors import ConfigError, StartError

NOTICE = "SIMULATED DATA: made up on this machine, not from any exchange."
PATTERNS = ("funding:*", "meta:mark_price:*", "meta:oi:*", "quality:*")
START_S = 20.0
STOP_S = 6.0


def command(
    for_: Annotated[str | None, typer.Option("--for", help="End after this long, for example 60s.")] = None,
    symbols: Annotated[
        str | None, typer.Option(help="What to follow, for example BTC,ETH/USDT or all.")
    ] = None,
) -> int:
    """Show everything at work on this machine: no internet and no Redis needed. The data is simulated."""
    result: list[int] = []
    run_async(_demo(_seconds(for_), symbols, result))
    return result[0]


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return seconds(text)
    except ValueError as error:
        raise ConfigError(f"--for: '{text}' {error}") from None


async def _demo(for_s: float | None, symbols: str | None, result: list[int]) -> None:
    redis_port, status_port = _port(6399), _port(8787)
    settings = {
        "MICROSTREAM_REDIS__URL": "embedded",
        "MICROSTREAM_REDIS__PORT": str(redis_port),
        "MICROSTREAM_SERVER__PORT": str(status_port),
        "MICROSTREAM_LOG__FORMAT": "text",
    }
    if symbols:
        settings["MICROSTREAM_SYMBOLS"] = symbols
    async with simulation() as urls, _service({**os.environ, **settings, **urls}) as url:
        notice = f"{NOTICE} {url}, metrics on http://127.0.0.1:{status_port}/metrics"
        result.append(await monitor(MonitorOptions(url=url, patterns=PATTERNS, for_s=for_s, notice=notice)))


def _port(preferred: int) -> int:
    """Return the usual port, or a free one where that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _service(environ: Mapping[str, str]) -> AsyncIterator[str]:
    """Run `microstream run` in a process of its own, its log in a file; yield the server's URL."""
    load(None, environ)
    port = int(environ["MICROSTREAM_REDIS__PORT"])
    with tempfile.NamedTemporaryFile(prefix="microstream-demo-", suffix=".log") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "microstream",
            "run",
            env=environ,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            await _listening(process, port, Path(log.name))
            yield f"redis://127.0.0.1:{port}"
        finally:
            await _end(process)


async def _listening(process: Process, port: int, log: Path) -> None:
    async with asyncio.timeout(START_S):
        while True:
            if process.returncode is not None:
                raise StartError(f"the service ended with exit code {process.returncode}:\n{log.read_text()}")  # noqa: ASYNC240
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
