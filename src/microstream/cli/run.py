"""`microstream run`: the service."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from microstream.app.coordinator import MultiTimeframeCoordinator
from microstream.cli.memory import settle
from microstream.cli.simulation import simulation
from microstream.config import Loaded, load
from microstream.errors import MicrostreamError
from microstream.telemetry import logs

log = structlog.get_logger()


def command(
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Configuration file; default: microstream.yaml, if there."),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Against the built-in simulated venues: no real data.")
    ] = False,
) -> int:
    """Run the service until SIGINT or SIGTERM; a second signal ends it at once.

    Exit codes: 0 stopped, 2 bad configuration, 3 nothing could be started.
    """
    loaded = load(config, os.environ)
    logs.set_up(loaded.config.log.level, loaded.config.log.format)
    run_async(_simulated(config) if simulate else _run(loaded), fast=True)
    return 0


def run_async(main: Coroutine[Any, Any, None], *, fast: bool = False) -> None:
    """Run a coroutine; a failure of ours comes out as itself, not in a group.

    `fast` takes uvloop where it is installed: for the service. The table of `monitor` does not run on it.
    """
    try:
        with asyncio.Runner(loop_factory=_fast_loop() if fast else None) as runner:
            runner.run(main)
    except BaseExceptionGroup as group:
        ours = group.subgroup(MicrostreamError)
        if ours is None:
            raise
        raise _first(ours) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fast_loop() -> Any:
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _simulated(config: Path | None) -> None:
    async with simulation() as urls:
        log.warning(
            "simulated venues: the data is made up on this machine, not from any exchange",
            venues=sorted({url for url in urls.values() if url.startswith("http")}),
        )
        await _run(load(config, {**os.environ, **urls}))


async def _run(loaded: Loaded) -> None:
    coordinator = MultiTimeframeCoordinator(loaded.config, where=loaded.where)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _on_signal, coordinator, number)
    settle()
    await coordinator.run()


def _on_signal(coordinator: MultiTimeframeCoordinator, number: int) -> None:
    coordinator.stop()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, os._exit, 128 + each)
