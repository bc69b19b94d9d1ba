"""`microstream backfill`: fills what is missing from the venues' own history."""

import asyncio
import os
import signal
from pathlib import Path
from random import Random
from typing import Annotated, cast, get_args

import structlog
import typer

from microstream.cli.backfill_progress import shown
from microstream.cli.extra import need_history
from microstream.cli.run import run_async
from microstream.cli.session import tell
from microstream.cli.simulation import simulation
from microstream.cli.times import moment
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.errors import ConfigError
from microstream.model.past import PastKind, Span
from microstream.model.symbols import Selection
from microstream.telemetry import logs

INCOMPLETE = 1
STOPPED = 130
GRID_MS = 300_000
"""Spans begin and end at full five minutes, so that all kinds do."""
KINDS: tuple[PastKind, ...] = get_args(PastKind)

log = structlog.get_logger()


def command(
    since: Annotated[
        str, typer.Option("--from", help="Start: 2026-11-01, 2026-11-01T08:00, 30d (ago).")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option("--to", help="End; default: now, as far as the venues have it.")
    ] = None,
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbols", help="As in the configuration, its default; commas or repeated."),
    ] = None,
    kinds: Annotated[str, typer.Option("--kinds", help=f"Of {','.join(KINDS)}; default: all.")] = ",".join(
        KINDS
    ),
    again: Annotated[
        bool, typer.Option("--again", help="Ask for what is there as well, and keep corrections beside it.")
    ] = False,
    url: Annotated[
        str | None, typer.Option("--url", help="Where the tables are; default: history.url.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Configuration file; default: microstream.yaml, if there."),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="From the built-in simulated venues: no real data.")
    ] = False,
) -> int:
    """Fetch what is missing of a span: settled funding, candles of mark, index and premium, open interest.

    The newest gaps come first. It can be stopped at any point and goes on where it was; what is there, and what the
    venue no longer keeps, is not asked for again.

    Exit codes: 0 complete, 1 something is left (it says what), 2 bad configuration or options, 130 stopped.
    """
    need_history()
    loaded = load(config, os.environ)
    logs.set_up(loaded.config.log.level, loaded.config.log.format)
    span = _span(since, until)
    chosen = _kinds(kinds)
    names = [name for text in symbols or () for name in text.split(",") if name.strip()]
    codes: list[int] = []

    async def main() -> None:
        if not simulate:
            codes.append(await _run(loaded.config, url, names, span, chosen, again=again))
            return
        async with simulation() as urls:
            log.warning("simulated venues: the data is made up on this machine, not from any exchange")
            simulated = load(config, {**os.environ, **urls}).config
            codes.append(await _run(simulated, url, names, span, chosen, again=again))

    run_async(main(), fast=True)
    return codes[0] if codes else STOPPED


def _span(since: str, until: str | None) -> Span:
    now = SystemClock().now_ms()
    start = moment("--from", since, now)
    start -= start % GRID_MS
    end = moment("--to", until, now) if until is not None else now - now % GRID_MS
    if start >= end:
        raise ConfigError(
            f"--from {since} is not before {f'--to {until}' if until else 'now'}: there is nothing between"
        )
    return Span(start, end)


def _kinds(text: str) -> frozenset[PastKind]:
    chosen = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(chosen - set(KINDS))
    if unknown or not chosen:
        raise ConfigError(
            f"--kinds {text}: {unknown[0] if unknown else 'nothing'} is no kind; there are {', '.join(KINDS)}"
        )
    return cast("frozenset[PastKind]", frozenset(chosen))


async def _run(
    config: Config, url: str | None, names: list[str], span: Span, kinds: frozenset[PastKind], *, again: bool
) -> int:
    """Fill a span and say what came of it; return the exit code."""
    from microstream.app.past import Venues  # noqa: PLC0415
    from microstream.history.backfill import Backfill, Wanted  # noqa: PLC0415
    from microstream.history.lock import writing  # noqa: PLC0415
    from microstream.history.store import Store  # noqa: PLC0415

    store, clock = Store(url or config.history.url), SystemClock()
    filling = Backfill(store, clock)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        filling.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    selection = Selection(names or config.symbols, tradfi=config.tradfi)
    with writing(store.url):
        async with Venues(config, clock, Random()).opened() as asked:
            sources = await asked.sources(selection, strict=config.strict or bool(names))
            async with shown(filling.progress, clock):
                intake = await filling.run(sources, Wanted(kinds, span, again))
    failures = [f"{name}: {why}" for name, why in asked.unread.items()] + filling.progress.failures()
    for failure in failures:
        tell(f"microstream: {failure}")
    corrected = f", {intake.corrections} of them corrections" if again else ""
    tell(f"{intake.rows} rows written{corrected}, {filling.progress.requests} requests, in {store.url}")
    if stopped.is_set():
        tell("stopped before the end; the same command goes on where this one was")
        return STOPPED
    return INCOMPLETE if failures else 0
