"""`microstream top`: pages of what is published: funding, spreads, open interest, squeezes, alerts, quality."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from microstream.cli.order import sort_order
from microstream.cli.pages import NAMES, all_pages
from microstream.cli.pages.desk import Desk
from microstream.cli.pages.plain import page_lines, page_records
from microstream.cli.pages.published import PublishedPage
from microstream.cli.pages.runs import Runs
from microstream.cli.pages.signal_page import SignalPage
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
from microstream.cli.summary import headlines
from microstream.cli.tally import Tally
from microstream.client.connection import server_name
from microstream.client.feed import Item, feed
from microstream.client.selection import Selection
from microstream.clock import SystemClock
from microstream.config import load
from microstream.errors import ConfigError

READ_S = 5.0
"""How long is read where nobody said it and there is no terminal."""

EVERY = "all"

_clock = SystemClock()


@dataclass(frozen=True, kw_only=True)
class TopOptions:
    """What to show and how.

    `url` is a redis://, rediss:// or unix:// address. `page` is the first page, or the only one where text is
    printed; `all` prints each. `coins` leaves only these; `sort` names a column, `-` in front reverses. `off` says
    where signals are switched off, empty where they are not, or nobody knows.
    """

    url: str
    page: str = NAMES[0]
    for_s: float | None = None
    coins: tuple[str, ...] = ()
    json: bool = False
    sort: str = ""
    off: str = ""


async def top(options: TopOptions) -> int:
    """Show the pages until they are quit, or print one after a time; return the exit code: 1 if nothing arrived.

    A reader of standard output that goes away ends it quietly with 0. Raises `ConfigError` where the server refuses
    the login. Takes asyncio's own event loop, as `monitor` does.
    """
    drawn = not options.json and on_terminal()
    tally, runs = Tally(), Runs()
    pages = _wanted(all_pages(tally, runs), EVERY if drawn else options.page)
    for page in pages:
        if isinstance(page, SignalPage):
            page.off = options.off
    desk = Desk(tally, pages, runs, options.coins)
    channels = tuple(dict.fromkeys(channel for page in pages for channel in page.channels))
    try:
        for_s = options.for_s if drawn else options.for_s or READ_S
        async with limit(for_s), aclosing(feed(options.url, Selection(channels))) as items:
            if drawn:
                await _show(items, desk, pages, options)
            else:
                async for item in items:
                    desk.take(item, _clock.now_ms())
        _print(desk, pages, options, drawn=drawn)
    except BrokenPipeError:
        forsake_output()
        return 0
    return 0 if tally.messages else NOTHING_ARRIVED


def _wanted(pages: Sequence[PublishedPage[Any]], name: str) -> list[PublishedPage[Any]]:
    return [page for page in pages if name in {page.name, EVERY}]


async def _show(
    items: AsyncIterator[Item], desk: Desk, pages: Sequence[PublishedPage[Any]], options: TopOptions
) -> None:
    from microstream.cli.pages.screen import Screen  # noqa: PLC0415  # textual is slow to load

    first = NAMES[0] if options.page == EVERY else options.page
    server = server_name(options.url)
    screen = Screen(desk, pages, page=first, server=server, sort=options.sort, clock=_clock)
    await draw(screen, items, desk, _clock)


def _print(desk: Desk, pages: Sequence[PublishedPage[Any]], options: TopOptions, *, drawn: bool) -> None:
    """Print the pages, or why nothing arrived; after a screen only the latter."""
    now_ms = _clock.now_ms()
    if not desk.tally.messages:
        lines = [*headlines(desk, server_name(options.url), now_ms)]
        if desk.connected and len(pages) == 1:
            lines.append(pages[0].nothing())
        _say(lines, options)
    elif not drawn:
        _check_sort(pages, options.sort)
        for number, page in enumerate(pages):
            if options.json:
                write(b"".join(page_records(page, options.sort, now_ms)))
            else:
                text = "\n".join(page_lines(page, options.sort, now_ms))
                write(f"{chr(10) if number else ''}{text}\n".encode())


def _check_sort(pages: Sequence[PublishedPage[Any]], sort: str) -> None:
    """Raise `ConfigError` where none of the pages has the column; which there are depends on what is published."""
    if not sort:
        return
    for page in pages:
        try:
            sort_order(page.columns(sort), sort)
        except ValueError as error:
            problem = error
        else:
            return
    raise ConfigError(f"--sort {sort}: {problem}")


def _say(lines: Sequence[str], options: TopOptions) -> None:
    text = "\n".join(lines)
    if options.json:
        tell(text)
    else:
        write(f"{text}\n".encode())


def command(
    page: Annotated[
        str | None,
        typer.Argument(metavar="PAGE", help=f"{', '.join(NAMES)}; or all, where text is printed."),
    ] = None,
    *,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="Configuration file.")] = None,
    redis: Annotated[
        str | None, typer.Option(help="Address of the server, instead of the configuration's.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after 250ms, 10s, 1m, 8h …")
    ] = None,
    page_option: Annotated[
        str | None, typer.Option("--page", metavar="PAGE", help="The same as the argument.")
    ] = None,
    coin: Annotated[
        list[str] | None,
        typer.Option(
            "--coin", metavar="COIN", help="Only this coin or contract (SOL, 'SOL*', btcusdt); repeatable."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The rows as JSON, one object a line.")] = False,
    sort: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column to sort by, such as oi_1h, okx or -apr.")
    ] = "",
) -> int:
    """Show pages: funding, spreads, oi, squeeze, alerts, quality.

    On a terminal keys 1 to 6 choose the page, the arrows the column that is
    sorted by; else the page is printed after --for (5s). Exit code 1 if
    nothing arrived.

    Green means that longs pay, that a value rose, or that shorts may be
    squeezed; red the opposite. What is old or over is dim.
    """
    options = TopOptions(
        url=server_url(redis, config),
        page=_page(page, page_option),
        for_s=None if for_ is None else duration(for_),
        coins=tuple(coin or ()),
        json=json,
        sort=sort,
        off=_switched_off(redis, config),
    )
    return asyncio.run(top(options))


def _page(argument: str | None, option: str | None) -> str:
    if argument and option and argument != option:
        raise ConfigError(f"two pages are named: {argument} and --page {option}")
    name = (argument or option or NAMES[0]).lower()
    if name not in {*NAMES, EVERY}:
        raise ConfigError(f"there is no page {name!r}; choose of {', '.join(NAMES)}, {EVERY}")
    return name


def _switched_off(redis: str | None, config: Path | None) -> str:
    """Return where signals are switched off; of a server named by its address alone nobody knows."""
    if config is None and redis is not None:
        return ""
    loaded = load(config, os.environ)
    return "" if loaded.config.signals.enabled else str(config or "the configuration")
