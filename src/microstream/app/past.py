"""The venues as a backfill sees them: clients of their own, with their own share of the limits, and what is listed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from random import Random

import structlog

from microstream import venues
from microstream.app.wiring import enabled_venues
from microstream.clock import Clock
from microstream.config import Config
from microstream.errors import ConfigError, MicrostreamError
from microstream.history.backfill import Source
from microstream.model.instruments import Instrument
from microstream.model.symbols import Selection, nearest
from microstream.spec.rest import Quota
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.listing import ListReader
from microstream.transport.pager import Pager

SHORT_S = 10.0

log = structlog.get_logger()


class Venues:
    """The enabled venues, asked with `history.weight_share` of their limits.

    `unread` says of each venue that could not list its contracts why.
    """

    def __init__(self, config: Config, clock: Clock, random: Random) -> None:
        self.unread: dict[str, str] = {}
        self._config = config
        self._clock = clock
        self._random = random
        self._clients: dict[str, tuple[Venue, Budget, HttpClient]] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Venues"]:
        """Open a client for each venue; close all at the end."""
        async with AsyncExitStack() as stack:
            for name in enabled_venues(self._config):
                venue = venues.load(name)
                budget = Budget(
                    list(map(_evened, venue.quotas)), self._clock, self._config.history.weight_share
                )
                client = await stack.enter_async_context(self._client(venue, budget))
                self._clients[name] = (venue, budget, client)
            yield self

    async def sources(self, selection: Selection, *, strict: bool) -> list[Source]:
        """Return the venues with the contracts that are chosen and traded.

        Raises `ConfigError` when all venues have told what they list and a name is none of it; without `strict` that
        is a warning.
        """
        async with asyncio.TaskGroup() as group:
            reading = {name: group.create_task(self._listed(name)) for name in self._clients}
        listed = {name: task.result() for name, task in reading.items()}
        known = [item for items in listed.values() for item in items]
        missing = selection.unmatched(known)
        if missing and not self.unread:
            text = "\n".join(_unknown(name, known, sorted(listed)) for name in missing)
            if strict:
                raise ConfigError(text)
            log.warning("symbols that no venue lists are left out", names=missing, why=text)
        if silent := selection.following_none(known):
            log.warning(
                "names that follow nothing live: suspended, not launched yet, or waiting for tradfi",
                names=silent,
            )
        return [
            Source(
                name,
                venue.histories,
                _traded(selection, listed[name]),
                Pager(client, self._clock),
                partial(_closed_s, budget),
            )
            for name, (venue, budget, client) in self._clients.items()
            if name not in self.unread
        ]

    def _client(self, venue: Venue, budget: Budget) -> HttpClient:
        settings, http = getattr(self._config.exchanges, venue.name), self._config.http
        return HttpClient(
            venue.name,
            settings.rest_url or venue.rest_url,
            venue.verdict,
            budget,
            HttpSettings(http.timeout, http.retries, http.max_body, settings.connections),
            self._clock,
            self._random,
        )

    async def _listed(self, name: str) -> list[Instrument]:
        venue, budget, client = self._clients[name]
        try:
            listed = await ListReader(client, venue.instruments, self._clock).read()
        except MicrostreamError as error:
            self.unread[name] = str(error)
            return []
        self.unread.pop(name, None)
        for quota, limit in listed.limits.items():
            budget.set_limit(quota, limit)
        return list(listed.instruments)


@asynccontextmanager
async def followed(config: Config, clock: Clock, random: Random) -> AsyncIterator[list[Source]]:
    """Open the venues with the contracts that the configuration follows; those that cannot be read are left out."""
    selection = Selection(config.symbols, tradfi=config.tradfi)
    async with Venues(config, clock, random).opened() as asked:
        yield await asked.sources(selection, strict=False)


def _evened(quota: Quota) -> Quota:
    """Return a long sliding limit as one of a few seconds: a process that begins anew does not know what was spent."""
    if quota.aligned or quota.window_s <= SHORT_S:
        return quota
    return replace(quota, limit=quota.limit * SHORT_S / quota.window_s, window_s=SHORT_S)


def _closed_s(budget: Budget) -> float:
    return max((quota.closed_s for quota in budget.quotas()), default=0.0)


def _traded(selection: Selection, listed: list[Instrument]) -> list[Instrument]:
    """Return the chosen contracts that have a past: not those that have yet to be launched."""
    return [item for item in selection.chosen(listed) if item.status != "prelaunch"]


def _unknown(name: str, known: list[Instrument], exchanges: list[str]) -> str:
    near = nearest(name, known)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return f"symbols: '{name}' is listed by none of {', '.join(exchanges)}{hint}"
