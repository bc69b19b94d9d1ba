"""`microstream monitor`: shows what is published, as a table on a terminal, else line by line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from microstream.cli.board import Board
from microstream.cli.columns import COLUMNS
from microstream.cli.lines import json_line, plain_line
from microstream.cli.order import sort_order
from microstream.cli.session import (
    NOTHING_ARRIVED,
    draw,
    duration,
    forsake_output,
    limit,
    on_terminal,
    server_url,
    tell,
    write,
)
from microstream.cli.summary import print_summary
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival
from microstream.client.connection import server_name
from microstream.client.feed import Item, feed
from microstream.client.notices import Away
from microstream.client.selection import Selection
from microstream.clock import SystemClock
from microstream.errors import ConfigError

_clock = SystemClock()


@dataclass(frozen=True, kw_only=True)
class MonitorOptions:
    """What to watch and how to show it.

    `url` is a redis://, rediss:// or unix:// address; `patterns` as in `Selection.parse`. `for_s` ends after so
    many seconds, None goes on until stopped. `sort` names a column, `-` in front reverses. `notice` is shown
    above the table, and on standard error where lines are printed.
    """

    url: str
    patterns: tuple[str, ...] = ()
    for_s: float | None = None
    json: bool = False
    sort: str = "oi"
    verbose: bool = False
    notice: str = ""


async def monitor(options: MonitorOptions) -> int:
    """Show what arrives until the time is up, the table is quit, or SIGINT or SIGTERM comes.

    Prints a summary at the end and returns the exit code: 0, or 1 if nothing arrived. A reader of standard output
    that goes away ends it quietly with 0. Raises `ConfigError` for unusable options and where the server refuses
    the login. Takes asyncio's own event loop: textual gives it a task factory that uvloop cannot take from
    Python 3.12 on.
    """
    selection = Selection.parse(options.patterns)
    board = Board(Tally())
    try:
        async with limit(options.for_s), aclosing(feed(options.url, selection)) as items:
            if not options.json and on_terminal():
                await _show_table(items, board, options)
            else:
                await _print_lines(items, board, options)
        _summarise(board, options)
    except BrokenPipeError:
        forsake_output()
        return 0
    return 0 if board.tally.messages else NOTHING_ARRIVED


async def _show_table(items: AsyncIterator[Item], board: Board, options: MonitorOptions) -> None:
    from microstream.cli.table import Table  # noqa: PLC0415  # textual is slow to load, and seldom wanted

    server = server_name(options.url)
    table = Table(board, server=server, sort=options.sort, notice=options.notice, clock=_clock)

    await draw(table, items, board, _clock)


async def _print_lines(items: AsyncIterator[Item], board: Board, options: MonitorOptions) -> None:
    if options.notice:
        tell(options.notice)
    async for item in items:
        now_ms = _clock.now_ms()
        was_away = board.away is not None
        board.take(item, now_ms)
        if isinstance(item, Away):
            tell(f"{item.server} is away, trying again: {item.reason}")
        elif not isinstance(item, Arrival):
            if was_away:
                tell(f"{item.server} is there")
        elif not options.json:
            write(f"{plain_line(item, now_ms)}\n".encode())
        elif item.problem is None:
            write(json_line(item))
        else:
            tell(plain_line(item, now_ms))


def _summarise(board: Board, options: MonitorOptions) -> None:
    # Collected first: rich ends the process with 1 where a pipe is closed.
    console = Console(stderr=options.json)
    with console.capture() as capture:
        print_summary(
            console, board, server=server_name(options.url), now_ms=_clock.now_ms(), verbose=options.verbose
        )
    text = capture.get()
    if options.json:
        tell(text)
    else:
        write(f"{'' if console.is_terminal else chr(10)}{text}".encode())


def command(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN",
            help="Channel globs ('funding:*:*', 'meta:oi:binance:*'), and names of contracts to show of these "
            "(SOL, 'SOL*', btcusdt, SOL/USDT, '*/USDC:*'). Everything without.",
        ),
    ] = None,
    *,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="Configuration file.")] = None,
    redis: Annotated[
        str | None, typer.Option(help="Address of the server, instead of the configuration's.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after 250ms, 10s, 1m, 8h …")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    sort: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the table to sort by, such as apr or -apr.")
    ] = "oi",
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Sum up every channel.")] = False,
) -> int:
    """Show what is published: a live table on a terminal, a line per message else.

    Ends with messages per channel, age of the last one and holes in seq.
    Exit code 1 if nothing arrived.

    In the table green means that longs pay, red that shorts pay, bold an APR
    of 100 % and more; rows that are stale are dim, flags are white on red.
    """
    options = MonitorOptions(
        url=server_url(redis, config),
        patterns=tuple(patterns or ()),
        for_s=None if for_ is None else duration(for_),
        json=json,
        sort=_sort(sort),
        verbose=verbose,
    )
    return asyncio.run(monitor(options))


def _sort(text: str) -> str:
    try:
        sort_order(COLUMNS, text)
    except ValueError as error:
        raise ConfigError(f"--sort {text}: {error}") from None
    return text
