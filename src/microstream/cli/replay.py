"""`microstream replay`: publishes what was recorded once more."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from microstream import venues
from microstream.app.target import check_target
from microstream.app.wiring import server_url
from microstream.cli import replay_options as options
from microstream.cli.extra import need_history
from microstream.cli.replay_progress import iso, print_summary, show
from microstream.cli.run import run_async
from microstream.cli.session import on_signals, on_terminal, tell
from microstream.cli.session import server_url as target_url
from microstream.cli.times import moment
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.errors import ConfigError, SinkDown
from microstream.model.channels import PREFIXES
from microstream.model.past import Span
from microstream.sinks.embedded import EmbeddedServer
from microstream.telemetry import logs

if TYPE_CHECKING:
    from microstream.app.playback import Wishes
    from microstream.history.replay import Replay

NOTHING_RECORDED = 1

_clock = SystemClock()


def command(
    start: Annotated[
        str,
        typer.Option(
            "--from", metavar="T", help="First moment: ISO 8601 (UTC), epoch, or 24h for a day ago."
        ),
    ],
    *,
    end: Annotated[
        str | None, typer.Option("--to", metavar="T", help="Moment to end before; default: now.")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="N", help="How many times as fast as it was; max: as fast as can be.")
    ] = "1",
    redis: Annotated[
        str | None, typer.Option(help="Address of the server to write to, instead of the configuration's.")
    ] = None,
    compute: Annotated[
        bool, typer.Option("--compute", help="Make bars, signals and alerts anew from the recorded values.")
    ] = False,
    warm_up: Annotated[
        str, typer.Option(metavar="TIME", help="With --compute: begin so much earlier, unpublished.")
    ] = "10m",
    exchange: Annotated[list[str] | None, typer.Option(help="Only this venue; may be repeated.")] = None,
    families: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Only these, for example funding,mark_price.")
    ] = None,
    symbols: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Only these contracts, for example SOL,BTC/USDT.")
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Keep an embedded server so long; default: on a terminal until Ctrl-C."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Configuration file; default: microstream.yaml, if there."),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Where the history is, instead of history.url.")
    ] = None,
) -> int:
    """Publish recorded history again: same channels and payloads, source replay, original order and distances.

    Ends with what was published and its SHA-256. Exit codes: 0 all was published, 1 nothing was recorded in the span,
    2 bad options, or a live publisher writes to the server.
    """
    need_history()
    loaded = load(config, os.environ)
    logs.set_up(loaded.config.log.level, loaded.config.log.format)
    from microstream.app.playback import Wishes  # noqa: PLC0415  # needs the extra libraries

    now = _clock.now_ms()
    wishes = Wishes(
        span=options.span(moment("--from", start, now), now if end is None else moment("--to", end, now)),
        store=options.store(url, loaded.config),
        speed=options.speed(speed),
        compute=compute,
        warm_up_ms=round(options.seconds_of("--warm-up", warm_up) * 1000),
        exchanges=options.known_ones("--exchange", exchange or [], list(venues.REGISTRY)),
        families=options.known_ones("--families", options.listed(families), list(PREFIXES)),
        symbols=options.listed(symbols),
    )
    hold_s = None if hold is None else options.seconds_of("--hold", hold)
    codes: list[int] = []
    target = target_url(redis, config)
    run_async(_main(wishes, loaded.config, target, hold_s, codes, own=redis is None), fast=True)
    return codes[0]


async def _main(
    wishes: "Wishes", config: Config, url: str, hold_s: float | None, codes: list[int], *, own: bool
) -> None:
    from microstream.app.playback import make_replay, make_tape  # noqa: PLC0415  # as above

    recorded = await asyncio.to_thread(make_tape(wishes).recorded)
    if recorded is None or recorded.start >= wishes.span.end or recorded.end <= wishes.span.start:
        _say_nothing(wishes, recorded)
        codes.append(NOTHING_RECORDED)
        return
    async with _server(config, url, own=own) as is_ours:
        await _check(url, config)
        replay = make_replay(wishes, config, url, _clock)
        with on_signals(replay.stop) as stopped:
            await _played(replay)
            if not replay.progress.entries and not stopped.is_set():
                _say_nothing(wishes, recorded)
                codes.append(NOTHING_RECORDED)
            elif is_ours and not stopped.is_set():
                await _hold(url, hold_s, stopped)
    codes.append(0)


async def _check(url: str, config: Config) -> None:
    """Refuse a server that a live publisher writes to, or that cannot be asked."""
    try:
        await check_target(url, server_url(config))
    except SinkDown as error:
        raise ConfigError(f"the server to replay to cannot be used: {error}") from error


async def _played(replay: "Replay") -> None:
    """Run the replay to its end, and show how it goes."""
    began = _clock.monotonic()
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(show(replay, _clock))
        await replay.run()
        showing.cancel()
    if replay.progress.entries:
        print_summary(replay, _clock.monotonic() - began)


@asynccontextmanager
async def _server(config: Config, url: str, *, own: bool) -> AsyncIterator[bool]:
    """Start the embedded server where it is configured and nobody listens; yield whether that was so."""
    if not own or config.redis.url != "embedded" or await _listens(config.redis.port):
        yield False
        return
    async with EmbeddedServer(config.redis.port):
        tell(f"an embedded server is started for this replay: {url}")
        yield True


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _hold(url: str, hold_s: float | None, stopped: asyncio.Event) -> None:
    """Let the embedded server be there for a while after the end."""
    if hold_s is None and not on_terminal():
        return
    until = "until Ctrl-C" if hold_s is None else f"for {hold_s:g} s"
    tell(f"{url} is still there {until}")
    try:
        async with asyncio.timeout(hold_s):
            await stopped.wait()
    except TimeoutError:
        tell("and ends now")


def _say_nothing(wishes: "Wishes", recorded: Span | None) -> None:
    """Say what is there instead."""
    if recorded is None:
        tell(f"microstream: nothing of this is recorded in {wishes.store}")
    else:
        tell(
            f"microstream: nothing is recorded from {iso(wishes.span.start)} to {iso(wishes.span.end)};"
            f" {wishes.store} has {iso(recorded.start)} to {iso(recorded.end)}"
        )
