"""`microstream history`: rows of the history, what of it is there, and how good a day was."""

import os
from pathlib import Path
from typing import Annotated

import typer

from microstream.cli.asked import Asked
from microstream.cli.extra import need_history
from microstream.cli.times import moment
from microstream.clock import SystemClock
from microstream.config import load
from microstream.config.urls import store_url
from microstream.errors import ConfigError

TABLE, JSON = "table", "json"
FORMATS = (TABLE, "csv", JSON, "parquet")


def command(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="funding, mark, index, premium, oi, joined, forecasts; with --recorded a family of messages.",
        ),
    ] = None,
    instrument: Annotated[
        str | None,
        typer.Argument(metavar="INSTRUMENT", help="SOL/USDT:USDT, solusdt, SOL/USDT, SOL, '*/USDC:*', all."),
    ] = None,
    *,
    exchange: Annotated[str | None, typer.Option(help="Only this venue.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="2026-11-24T13:00 (UTC), ms, or 24h ago; default 24h, funding 30d."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="End; default: now.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="Only what could be known at that time.")
    ] = None,
    every: Annotated[
        str, typer.Option(metavar="TIME", help="Length of candles and of ticks of joined: 5m, 1h, 1d.")
    ] = "1m",
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = TABLE,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file; with --certificate, both forms to this folder.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Rows of a table; 0 shows all; default: a screenful.")
    ] = None,
    recorded: Annotated[bool, typer.Option("--recorded", help="Messages as they were published.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of a signal, or rule of an alert.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Timeframe of bars: 1m, 1h.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="What is there and what is missing.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With --coverage: a line per contract, not only per venue.")
    ] = False,
    certificate: Annotated[
        str | None, typer.Option(metavar="DAY", help="How good a recorded UTC day was: 2026-11-24.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Where the tables are, instead of the configuration's.")
    ] = None,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="Configuration file.")] = None,
) -> int:
    """Print or export rows of the history.

    Times are UTC; a table is for people, csv and json (an object a line) have
    integers, ms since 1970. Exit codes: 0 rows, 1 none (standard error says
    why), 2 bad arguments.
    """
    need_history()
    now = SystemClock().now_ms()
    settings = load(config, os.environ).config
    asked = Asked(
        kind=kind,
        instrument=instrument,
        exchange=exchange,
        start=None if since is None else moment("--from", since, now),
        end=None if until is None else moment("--to", until, now),
        as_of=None if as_of is None else moment("--as-of", as_of, now),
        every=every,
        form=_form(form, TABLE, *((JSON,) if coverage or certificate else FORMATS[1:])),
        output=output,
        limit=limit,
        recorded=recorded,
        name=name,
        timeframe=timeframe,
        everything=everything,
        url=settings.history.url if url is None else _place(url),
        now=now,
        config=settings,
    )
    from microstream.cli.history_reports import print_certificate, print_coverage  # noqa: PLC0415
    from microstream.cli.history_rows import print_rows  # noqa: PLC0415  # they need the extra

    if certificate is not None:
        return print_certificate(asked, certificate)
    return print_coverage(asked) if coverage else print_rows(asked)


def _form(form: str, *forms: str) -> str:
    if form not in forms:
        raise ConfigError(f"--format {form} is none of {', '.join(forms)}")
    return form


def _place(url: str) -> str:
    try:
        return store_url(url)
    except ValueError as error:
        raise ConfigError(f"--url {url} {error}") from None
