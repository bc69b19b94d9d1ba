"""Collector: everything that runs for one venue: its client, registry and feeds."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

from microstream.app.book import InstrumentBook
from microstream.app.modes import Modes, unstreamed
from microstream.app.outlet import Outlet
from microstream.app.planner import Planned, plan, plan_spot
from microstream.app.spot import SpotCollector
from microstream.app.streams import Desk, Streams
from microstream.clock import Clock
from microstream.config import Config
from microstream.config.model import Exchange
from microstream.errors import Banned, RegionBlocked, VenueRefused
from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument, key_of
from microstream.model.state import Upkeep
from microstream.model.symbols import Selection
from microstream.pipeline.pipeline import Pipeline
from microstream.services import Service
from microstream.spec.rest import Request
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.listing import ListReader
from microstream.transport.poll_feed import PollFeed
from microstream.transport.rounds import Inlet
from microstream.transport.sweep_feed import SweepFeed
from microstream.transport.tap import Tap
from microstream.transport.turns import Turns

SWEEP_PART = 0.5
"""Part of our share of a quota that requests for single contracts may take; the rest is for bulk polls and retries."""


class Collector:
    """One venue's client, registry and feeds; built without I/O, `run` until cancelled."""

    def __init__(
        self,
        venue: Venue,
        config: Config,
        services: Mapping[Service, float],
        ways: Modes,
        selection: Selection,
        pipeline: Pipeline,
        outlet: Outlet,
        *,
        tap: Tap | None,
        turns: Turns,
        gate: asyncio.Event,
        clock: Clock,
        random: Random,
    ) -> None:
        settings: Exchange = getattr(config.exchanges, venue.name)
        self.venue = venue
        self.budget = Budget(venue.quotas, clock, settings.weight_share)
        self.client = HttpClient(
            venue.name,
            settings.rest_url or venue.rest_url,
            venue.verdict,
            self.budget,
            HttpSettings(
                config.http.timeout, config.http.retries, config.http.max_body, settings.connections
            ),
            clock,
            random,
        )
        self.book = InstrumentBook(
            venue.name,
            ListReader(self.client, venue.instruments, clock),
            selection,
            pipeline,
            outlet,
            upkeep_of=self._upkeep,
            refresh_s=config.instruments.refresh,
            clock=clock,
            random=random,
        )
        self.book.limits = self.budget.set_limit
        left_out = unstreamed(venue, ways)
        self._services = {item: s for item, s in services.items() if item.value_kind not in left_out}
        self._share = settings.weight_share
        self._pipeline = pipeline
        self._gate = gate
        self._inlet = Inlet(venue.name, self.client, venue.feeds, lambda: self.book.context, self, clock)
        self._clock = clock
        self.feeds: Sequence[PollFeed | SweepFeed] = self._feeds(plan(venue, ways.polls))
        self._connects = Budget((venue.connects,), clock, settings.weight_share)
        self._tap = None if tap is None else partial(tap.keep, venue.name)
        self._random = random
        self.streams = Streams(
            venue,
            venue.endpoints,
            {"ws": settings.ws_url or venue.ws_url},
            ways.wanted,
            lambda: self.book.context,
            pipeline,
            connects=self._connects,
            hurry=self._hurry,
            doubt=self.book.doubt,
            clock=clock,
            random=random,
            tap=self._tap,
            turns=turns,
        )
        self.book.changed = self.streams.plan
        self.spot: SpotCollector | None = None
        if venue.spot is not None and (planned := plan_spot(venue, services)) is not None:
            self.spot = SpotCollector(
                venue,
                venue.spot,
                planned,
                config,
                pipeline,
                outlet,
                contracts=lambda: self.book.context,
                budget=self.budget,
                after=next((feed.first_round for feed in self.feeds if isinstance(feed, PollFeed)), None),
                is_streamed="spot" in ways.wanted,
                connects=self._connects,
                tap=self._tap,
                turns=turns,
                clock=clock,
                random=random,
            )

    async def run(self) -> None:
        """Read the registry, then stream and poll what is followed."""
        async with self.client, asyncio.TaskGroup() as group:
            group.create_task(self.book.run())
            await self._gate.wait()
            await self.book.ready.wait()
            group.create_task(self.streams.run())
            for feed in self.feeds:
                group.create_task(feed.run())
            if self.spot is not None:
                group.create_task(self.spot.run())

    def deliver(self, frames: Sequence[Frame], period_ms: int) -> None:
        """Push a round into the pipeline."""
        self._pipeline.reject(self.venue.name, frames)
        self._pipeline.push(frames, period_ms)

    def clock(self, offset_ms: int, error_ms: int, at: int) -> None:
        """Tell the pipeline how the venue's clock goes."""
        self._pipeline.clock(self.venue.name, offset_ms, error_ms, at)

    def refused(self, request: Request, error: VenueRefused | Banned) -> None:
        """Tell that the venue says no: to this address, to one contract, or to a kind of request."""
        whole = isinstance(error, RegionBlocked | Banned)
        about = None if whole else request.feed
        instrument = self._instrument(request)
        if request.symbol and not instrument and not whole:
            return  # it left while it was asked for
        self._pipeline.quality.raised(
            self.venue.name,
            None if whole else instrument,
            "refused",
            about,
            now=self._clock.now_ms(),
            detail=str(error),
            severity="warning" if request.symbol and not whole else "critical",
            observed=error.code if isinstance(error, VenueRefused) else error.reason,
        )
        if request.symbol and not whole:
            self.book.doubt()

    def answered(self, request: Request) -> None:
        """Tell that a refusal has ended."""
        instrument, now = self._instrument(request), self._clock.now_ms()
        self._pipeline.quality.cleared(
            self.venue.name, instrument, "refused", request.feed, now=now, detail="it is answered again"
        )
        self._pipeline.quality.cleared(
            self.venue.name, None, "refused", None, now=now, detail=f"{self.venue.name} answers again"
        )

    def _hurry(self, kinds: frozenset[Kind]) -> None:
        """Poll now what streams no longer bring."""
        for feed in self.feeds:
            if isinstance(feed, PollFeed) and feed.poll.provides & kinds:
                feed.hurry()

    @property
    def families(self) -> frozenset[str]:
        """The families that are published of contracts, not all of every one."""
        return frozenset(service.family for service in self._services if not service.of_spot)

    def desks(self) -> list[Desk]:
        """Return the stream endpoints of contracts and spot pairs."""
        return [*self.streams.desks, *(self.spot.streams.desks if self.spot else ())]

    def silent(self, topic: str, *, anew: bool) -> None:
        """Poll what a topic says no more, and subscribe to it anew where that is due."""
        self.streams.silent(topic, anew=anew)
        if self.spot is not None:
            self.spot.streams.silent(topic, anew=anew)

    def intervals(self) -> dict[str, tuple[float, float]]:
        """Return the shortest and the longest interval of each poll, in seconds."""
        result = {}
        for feed in self.all_feeds():
            paced = feed.intervals.values() if isinstance(feed, SweepFeed) else ()
            result[feed.poll.name] = (min(paced, default=feed.period_s), max(paced, default=feed.period_s))
        return result

    def all_feeds(self) -> list[PollFeed | SweepFeed]:
        """Return the feeds of contracts and of spot pairs."""
        return [*self.feeds, *([self.spot.feed] if self.spot else [])]

    def clients(self) -> list[HttpClient]:
        """Return the clients of the venue's hosts."""
        return [self.client, *([self.spot.client] if self.spot else [])]

    def budgets(self) -> list[Budget]:
        """Return what counts the requests: the spot host's own, where it has one."""
        own = self.spot is not None and self.spot.budget is not self.budget
        return [self.budget, self.spot.budget] if self.spot and own else [self.budget]

    def _feeds(self, planned: Sequence[Planned]) -> list[PollFeed | SweepFeed]:
        """Return the feeds; one whose values are published with those of another begins after it."""
        feeds: list[PollFeed | SweepFeed] = []
        bulk: list[PollFeed] = []
        for item in planned:
            after = next((feed.first_round for feed in bulk if feed.poll.provides & item.poll.needs), None)
            if item.poll.bulk:
                bulk.append(PollFeed(item.poll, self._inlet, item.period_s, after))
                feeds.append(bulk[-1])
            else:
                feeds.append(
                    SweepFeed(
                        item.poll,
                        self._inlet,
                        item.period_s,
                        rate=self.sweep_rate,
                        paced=self._paced,
                        after=after,
                    )
                )
        return feeds

    def sweep_rate(self) -> float:
        """Return how many requests for single contracts may be sent a second."""
        quota = self.venue.quotas[0]
        limits = {state.name: state.limit for state in self.budget.quotas()}
        return limits[quota.name] * self._share * SWEEP_PART / quota.window_s

    def _paced(self, intervals: Mapping[str, float]) -> None:
        for name, interval_s in intervals.items():
            state = self._pipeline.states.get(self.book.context.instruments[name].key)
            if state is not None and "oi" in state.upkeep:
                state.upkeep["oi"].interval_ms = round(interval_s * 1000)

    def _upkeep(self, instrument: Instrument, now: int) -> dict[str, Upkeep]:
        """Return an entry for every family that the contract can have: those that never fund have no funding."""
        result = {}
        for service, interval_s in self._services.items():
            if service.of_spot or (service.family == "funding" and instrument.kind != "perpetual"):
                continue
            lag_s = self.venue.refresh_s.get(service.value_kind)
            lag_ms = None if lag_s is None else round(lag_s * 1000)
            result[service.family] = Upkeep(round(interval_s * 1000), lag_ms, now)
        return result

    def _instrument(self, request: Request) -> Instrument | None:
        if request.symbol is None:
            return None
        state = self._pipeline.states.get(key_of(self.venue.name, request.symbol))
        return state.instrument if state else None
