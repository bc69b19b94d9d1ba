"""`microstream config`: the effective configuration, and what it means for values that are asked for one by one."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from microstream import venues
from microstream.app.collector import SWEEP_PART
from microstream.app.planner import plan
from microstream.app.wiring import enabled_venues, polled_services
from microstream.cli.run import run_async
from microstream.clock import SystemClock
from microstream.config import Config, dump, load
from microstream.config.model import Exchange
from microstream.errors import MicrostreamError
from microstream.model.instruments import Instrument
from microstream.model.symbols import Selection
from microstream.spec.rest import Listed, Poll
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.listing import ListReader
from microstream.transport.pacing import intervals

ASK_S = 3.0


def command(
    file: Annotated[
        Path | None, typer.Argument(help="Configuration file; default: microstream.yaml, if there.")
    ] = None,
) -> int:
    """Print the effective configuration, or what is wrong with it.

    Where a venue gives a value for one contract at a time, its list is asked for a moment, and the intervals that its
    limits allow are added as comments.
    """
    config = load(file, os.environ).config
    print(dump(config), end="")
    for name in enabled_venues(config):
        venue = venues.load(name)
        for item in plan(venue, polled_services(config)):
            if item.poll.single:
                lines: list[str] = []
                run_async(_paced(venue, config, item.poll, item.period_s, lines))
                print("\n".join(f"# {line}" for line in lines))
    return 0


async def _paced(venue: Venue, config: Config, poll: Poll, interval_s: float, lines: list[str]) -> None:
    settings: Exchange = getattr(config.exchanges, venue.name)
    quota = venue.quotas[0]
    limit, followed, note = quota.limit, None, ""
    try:
        listed = await _listed(venue, settings)
        limit = listed.limits.get(quota.name, limit)
        selection = Selection(config.symbols, tradfi=config.tradfi)
        followed = selection.chosen(listed.instruments)
    except MicrostreamError as error:
        note = f" ({venue.name} cannot be asked now: {error.reason})"
    rate = limit * settings.weight_share * SWEEP_PART / quota.window_s
    lines.append(
        f"{venue.name} {poll.name} is asked for one contract at a time: at most {rate * 60:.0f} a minute, half of"
        f" weight_share, most traded first{note}"
    )
    if followed is not None:
        lines.extend(_tiers(intervals(followed, rate, interval_s), interval_s))
        return
    for count in (100, 300, 600):
        made_up = [_placeholder(venue, number) for number in range(count)]
        lines.extend(
            f"with {count}: {line}" for line in _tiers(intervals(made_up, rate, interval_s), interval_s)
        )


def _tiers(planned: Mapping[str, float], interval_s: float) -> Iterator[str]:
    full = [name for name, each_s in planned.items() if each_s <= interval_s]
    rest = {name: each_s for name, each_s in planned.items() if each_s > interval_s}
    yield f"{len(full)} contracts every {interval_s:g} s"
    if rest:
        yield f"{len(rest)} contracts every {max(rest.values()):.0f} s: {_few(list(rest))}"


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:4])} ... {', '.join(names[-2:])}"


def _placeholder(venue: Venue, number: int) -> Instrument:
    name = f"contract {number + 1}"
    return Instrument(
        exchange=venue.name,
        name=name,
        symbol=name,
        instrument=name,
        base=name,
        venue_base=name,
        quote="",
        settle="",
        kind="perpetual",
    )


async def _listed(venue: Venue, settings: Exchange) -> Listed:
    clock = SystemClock()
    budget = Budget(venue.quotas, clock, settings.weight_share)
    http = HttpSettings(timeout_s=ASK_S, retries=0)
    base = settings.rest_url or venue.rest_url
    async with HttpClient(venue.name, base, venue.verdict, budget, http, clock, Random()) as client:
        return await ListReader(client, venue.instruments, clock).read()
