"""SpotCollector: everything that runs for the spot pairs of one venue, apart from its contracts."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from microstream.app.outlet import Outlet
from microstream.app.planner import Planned
from microstream.app.spot_book import SpotBook
from microstream.app.streams import Streams
from microstream.clock import Clock
from microstream.config import Config
from microstream.config.model import Exchange
from microstream.errors import Banned, VenueRefused
from microstream.model.frame import Frame
from microstream.pipeline.pipeline import Pipeline
from microstream.spec.rest import Context, Feed, Parse, Request
from microstream.spec.spot import Spot
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.poll_feed import PollFeed
from microstream.transport.rounds import Inlet
from microstream.transport.stream_outlet import Tap
from microstream.transport.turns import Turns

SPOT = "spot"
"""What quality messages of this are about."""
CONNECTIONS = 2
"""One request is under way at a time; the other connection is for one that hangs."""


def spot_url(venue: Venue, settings: Exchange) -> str:
    """Return the base of the spot REST paths: one host for contracts and spot stays one when it is configured."""
    one_host = venue.spot_rest_url == venue.rest_url
    return settings.spot_rest_url or (one_host and settings.rest_url) or venue.spot_rest_url


def spot_stream_url(venue: Venue, settings: Exchange) -> str:
    """Return the base of the spot WebSocket paths, by the same rule."""
    one_host = venue.spot_ws_url == venue.ws_url
    return settings.spot_ws_url or (one_host and settings.ws_url) or venue.spot_ws_url


class SpotCollector:
    """The spot pairs of one venue's followed contracts; built without I/O, `run` until cancelled.

    What happens to it is told about `spot` alone. `budget` is that of the contracts, and shared where the venue counts
    both together. It begins when the first round of the contracts is over (`after`), and waits for a slow
    one for a moment only.
    """

    def __init__(
        self,
        venue: Venue,
        spot: Spot,
        planned: Planned,
        config: Config,
        pipeline: Pipeline,
        outlet: Outlet,
        *,
        contracts: Callable[[], Context],
        budget: Budget,
        after: asyncio.Event | None,
        is_streamed: bool,
        connects: Budget,
        tap: Tap | None,
        turns: Turns,
        clock: Clock,
        random: Random,
    ) -> None:
        settings: Exchange = getattr(config.exchanges, venue.name)
        base = spot_url(venue, settings)
        same_host = base == (settings.rest_url or venue.rest_url)
        shared = same_host and spot.quotas is venue.quotas
        self.budget = budget if shared else Budget(spot.quotas, clock, settings.weight_share)
        http = HttpSettings(config.http.timeout, config.http.retries, config.http.max_body, CONNECTIONS)
        self.client = HttpClient(venue.name, base, spot.verdict, self.budget, http, clock, random)
        self.book = SpotBook(
            venue.name,
            spot.pairs,
            contracts,
            pipeline,
            outlet,
            interval_ms=round(planned.period_s * 1000),
            clock=clock,
        )
        feeds = {name: Feed(self._learning(feed.parse)) for name, feed in spot.feeds.items()}
        inlet = Inlet(venue.name, self.client, feeds, lambda: self.book.context, self, clock)
        self.feed = PollFeed(planned.poll, inlet, planned.period_s, after)
        self.streams = Streams(
            venue,
            spot.endpoints if is_streamed else (),
            {"spot": spot_stream_url(venue, settings)},
            frozenset({"spot"}),
            lambda: self.book.streamed,
            pipeline,
            connects=connects,
            hurry=lambda _kinds: self.feed.hurry(),
            doubt=lambda: None,
            clock=clock,
            random=random,
            tap=tap,
            turns=turns,
        )
        self.book.changed = self.streams.plan
        self._venue = venue.name
        self._same_host = same_host
        self._patience_s = 3 * planned.period_s
        self._heard = asyncio.Event()
        self._pipeline = pipeline
        self._clock = clock

    async def run(self) -> None:
        """Poll and stream the quotes, and tell once when none comes."""
        async with self.client, asyncio.TaskGroup() as group:
            group.create_task(self.streams.run())
            group.create_task(self.feed.run())
            group.create_task(self._await_first())

    def deliver(self, frames: Sequence[Frame], period_ms: int) -> None:
        """Push a round into the pipeline."""
        if not self._heard.is_set():
            self._heard.set()
            detail = f"{self._venue} answers about spot"
            self._pipeline.quality.cleared(
                self._venue, None, "silent", SPOT, now=self._clock.now_ms(), detail=detail
            )
        self._pipeline.reject(self._venue, frames)
        self._pipeline.push(frames, period_ms)

    def clock(self, offset_ms: int, error_ms: int, at: int) -> None:
        """Take how the host's clock goes, where it is the one of the contracts too."""
        if self._same_host:
            self._pipeline.clock(self._venue, offset_ms, error_ms, at)

    def refused(self, _request: Request, error: VenueRefused | Banned) -> None:
        """Tell that the host says no."""
        self._pipeline.quality.raised(
            self._venue,
            None,
            "refused",
            SPOT,
            now=self._clock.now_ms(),
            detail=str(error),
            observed=error.code if isinstance(error, VenueRefused) else error.reason,
        )

    def answered(self, _request: Request) -> None:
        """Tell that a refusal has ended."""
        self._pipeline.quality.cleared(
            self._venue,
            None,
            "refused",
            SPOT,
            now=self._clock.now_ms(),
            detail=f"{self._venue} answers about spot again",
        )

    def _learning(self, parse: Parse) -> Parse:
        """Return a parser that shows the book each whole reply, before it is cut into slices."""

        def read(body: bytes, context: Context, frame: Frame) -> None:
            parse(body, context, frame)
            self.book.take(frame)

        return read

    async def _await_first(self) -> None:
        """Tell when nothing was ever heard: what is not known to be there is missed by nobody else."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._heard.wait()
        except TimeoutError:
            refused = self._pipeline.quality.is_open(self._venue, "*", "refused", SPOT)
            if refused or not self.book.context.instruments:
                return
            detail = f"no spot pair of {self._venue} can be read; see 'failing' in /readyz"
            self._pipeline.quality.raised(
                self._venue, None, "silent", SPOT, now=self._clock.now_ms(), detail=detail
            )
