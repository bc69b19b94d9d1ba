"""`microstream record`: writes what is published to tables."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import msgspec
import structlog
import typer
from pydantic import ValidationError

from microstream.app.wiring import enabled_services, enabled_venues
from microstream.app.wiring import server_url as configured_url
from microstream.cli.extra import need_history
from microstream.cli.memory import settle
from microstream.cli.run import run_async
from microstream.cli.session import duration, server_url, write
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.errors import ConfigError
from microstream.telemetry import logs

if TYPE_CHECKING:
    from microstream.history.healing import Healer
    from microstream.history.recorder import Recorder
    from microstream.history.recorder_state import RecorderState

STATUS_S = 60.0
"""How often the log says how recording goes."""
REPORT_S = 1.0
"""How often `run` is told."""

log = structlog.get_logger()


def command(
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Configuration file; default: microstream.yaml, if there."),
    ] = None,
    *,
    redis: Annotated[
        str | None, typer.Option(help="Address of the server, instead of the configuration's.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after 250ms, 10s, 1m, 8h …")
    ] = None,
    child: Annotated[
        bool, typer.Option("--child", hidden=True, help="Configuration from standard input; ends with it.")
    ] = False,
) -> int:
    """Write every published message to the tables below history.url until SIGINT or SIGTERM.

    It goes on where it was, as far as the server's logs reach back; what they no
    longer have is noted as lost. A second signal ends it at once.

    Exit codes: 0 stopped, 2 bad configuration.
    """
    need_history()
    settings = _handed_over() if child else load(config, os.environ).config
    url = server_url(redis, config) if redis is not None or not child else configured_url(settings)
    logs.set_up(settings.log.level, settings.log.format)
    run_async(_record(settings, url, None if for_ is None else duration(for_), child=child))
    return 0


def _handed_over() -> Config:
    """Return the configuration that the service has written to standard input."""
    try:
        return Config.model_validate_json(sys.stdin.buffer.readline())
    except ValidationError as error:
        raise ConfigError(f"standard input has no configuration: {error}") from None


async def _record(config: Config, url: str, for_s: float | None, *, child: bool) -> None:
    from microstream.history.recording import recording  # noqa: PLC0415  # the libraries may be missing

    recorder, upkeep = recording(config, url)
    settle()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _on_signal, recorder, number)
    if for_s is not None:
        loop.call_later(for_s, recorder.stop)
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(upkeep.run()), group.create_task(_tell(recorder.state))]
        if child:
            await _watch_parent(recorder)
            others.append(group.create_task(_report(recorder.state)))
        if config.history.heal:
            others.append(group.create_task(_healer(config).run()))
        log.info("recording", history=config.history.url)
        await recorder.run()
        for task in others:
            task.cancel()
    _say(recorder.state, "recording has ended")


def _healer(config: Config) -> "Healer":
    """Return what asks the venues for what was missed, with their own share of the limits."""
    from microstream.app.past import followed  # noqa: PLC0415  # as above
    from microstream.history.healing import Healer  # noqa: PLC0415

    clock, settings = SystemClock(), config.history
    sources = partial(followed, config, clock, Random())
    families = {service.family for service in enabled_services(config)}
    window_ms = round(settings.heal_window * 1000)
    return Healer(settings.url, enabled_venues(config), families, sources, window_ms, clock)


def _on_signal(recorder: "Recorder", number: int) -> None:
    recorder.stop()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, os._exit, 128 + each)


async def _watch_parent(recorder: "Recorder") -> None:
    """End with the service: its death closes our standard input."""

    class Parent(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            recorder.stop()

    await asyncio.get_running_loop().connect_read_pipe(Parent, sys.stdin)


async def _tell(state: "RecorderState") -> None:
    while True:
        await asyncio.sleep(STATUS_S)
        _say(state, "recording goes on")


def _say(state: "RecorderState", event: str) -> None:
    log.info(
        event,
        rows=dict(state.rows),
        lag_s={family: round(lag_s, 1) for family, lag_s in state.lag_s.items() if lag_s},
        rejects=dict(state.rejects),
        lost=dict(state.lost),
        redis=state.redis or "connected",
        down=dict(state.down),
    )


async def _report(state: "RecorderState") -> None:
    """Write the state to standard output, a line of JSON each time."""
    while True:
        try:
            write(msgspec.json.encode(state) + b"\n")
        except BrokenPipeError:
            return
        await asyncio.sleep(REPORT_S)
