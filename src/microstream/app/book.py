"""InstrumentBook: the live registry of one venue, and which of its contracts are followed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

import structlog
from msgspec.structs import replace

from microstream.app.outlet import Outlet
from microstream.clock import Clock
from microstream.errors import MicrostreamError, RateLimited, WireMismatch
from microstream.model.channels import channel
from microstream.model.events import FundingRate
from microstream.model.frame import Reject
from microstream.model.instruments import Instrument
from microstream.model.state import PORTION, Upkeep
from microstream.model.symbols import Selection
from microstream.pipeline.pipeline import Pipeline
from microstream.services.instrument_watcher import Changes, changes, message
from microstream.spec.rest import Context
from microstream.transport.backoff import Backoff
from microstream.transport.listing import ListReader

log = structlog.get_logger()

SOONEST_S = 20.0
"""The lists are never read more often than this, whoever doubts them."""
BACKOFF_S = (1.0, 30.0)
"""First and longest ceiling of the delay after a failed reading."""
INSTRUMENT = "instrument"
"""What quality messages about the lists are about: the family that they feed."""
SHRUNK = 0.5
"""A list that lost more than this part at once is taken for broken, not for a mass delisting."""

UpkeepOf = Callable[[Instrument, int], Mapping[str, Upkeep]]


class InstrumentBook:
    """Knows every contract of a venue; tells the pipeline which to follow and the channels what changed.

    `known` is by the venue's own name. `context` is what parsers see: the followed contracts only; it is replaced as
    a whole whenever they change, and `changed` is called then. `first_try` is set after the first attempt to read the
    lists, `ready` when one worked.
    """

    def __init__(
        self,
        venue: str,
        reader: ListReader,
        selection: Selection,
        pipeline: Pipeline,
        outlet: Outlet,
        *,
        upkeep_of: UpkeepOf,
        refresh_s: float,
        clock: Clock,
        random: Random,
    ) -> None:
        self.venue = venue
        self.known: dict[str, Instrument] = {}
        self.context = Context({}, {})
        self.first_try = asyncio.Event()
        self.ready = asyncio.Event()
        self.failing: str | None = None
        self.limits: Callable[[str, float], None] = lambda _quota, _limit: None
        self.changed: Callable[[], None] = lambda: None
        self.derived: Sequence[str] = ()
        """Further groups whose items are the contracts that are followed."""
        self._reader = reader
        self._selection = selection
        self._pipeline = pipeline
        self._outlet = outlet
        self._upkeep_of = upkeep_of
        self._refresh_s = refresh_s
        self._clock = clock
        self._random = random
        self._backoff = Backoff(*BACKOFF_S, random)
        self._listed: dict[str, Instrument] = {}
        self._hurried = False
        self._doubted = asyncio.Event()

    async def run(self) -> None:
        """Read the lists now, then every `refresh_s`, sooner when somebody doubts them."""
        while True:
            self._doubted.clear()
            wait_s = await self._refresh()
            await asyncio.sleep(min(SOONEST_S, wait_s))
            try:
                async with asyncio.timeout(max(0.0, wait_s - SOONEST_S)):
                    await self._doubted.wait()
            except TimeoutError:
                pass

    def doubt(self) -> None:
        """Ask for an early reading: rows contradict the registry."""
        self._doubted.set()

    def learn(self, event: FundingRate, instrument: Instrument, interval_h: float | None) -> None:
        """Take terms that a funding row states and the registry does not have yet."""
        learnt = replace(
            instrument,
            funding_interval_hours=interval_h
            if interval_h is not None
            else instrument.funding_interval_hours,
            rate_cap=event.cap if event.cap is not None else instrument.rate_cap,
            rate_floor=event.floor if event.floor is not None else instrument.rate_floor,
        )
        self._replace(learnt, event.received_at)

    def follow(self) -> None:
        """Make the followed contracts those that the selection wants, and rebuild the context."""
        now = self._clock.now_ms()
        followed = {item.name: item for item in self._selection.chosen(self.known.values())}
        for name in self.context.instruments.keys() & self.known.keys():
            # one that left the selection by its status keeps its last value
            followed.setdefault(name, self.known[name])
        for name, item in followed.items():
            if name not in self.context.instruments:
                self._pipeline.follow(item, self._upkeep_of(item, now))
        indexes: dict[str, list[Instrument]] = {}
        for item in followed.values():
            if item.index is not None:
                indexes.setdefault(item.index, []).append(item)
        self.context = Context(followed, indexes)
        self.changed()

    async def _refresh(self) -> float:
        """Read the lists once; return the seconds until the next time."""
        try:
            listed = await self._reader.read()
            await self._take(listed.instruments)
            self._count(listed.rejects)
            for quota, limit in listed.limits.items():
                self.limits(quota, limit)
        except MicrostreamError as error:
            return self._failed(error)
        finally:
            self.first_try.set()
        if self.failing is not None:
            log.info("instrument lists are read again", venue=self.venue)
            detail = f"the instrument lists of {self.venue} are read again"
            self._pipeline.quality.cleared(
                self.venue, None, "silent", INSTRUMENT, now=self._clock.now_ms(), detail=detail
            )
        self.failing = None
        self._backoff = Backoff(*BACKOFF_S, self._random)
        self.ready.set()
        hurry = bool(self._reader.missing) and not self._hurried
        self._hurried = hurry
        return min(self._refresh_s, SOONEST_S) if hurry else self._refresh_s

    def _count(self, rejects: Iterable[Reject]) -> None:
        """Count rows of the lists that cannot be used, and keep samples of them."""
        now = self._clock.now_ms()
        for reject in rejects:
            self._pipeline.rejects.add(
                self.venue, INSTRUMENT, reject.symbol, reject.reason, reject.observed, now
            )

    def _failed(self, error: MicrostreamError) -> float:
        if self.failing is None:
            log.warning(
                "instrument lists cannot be read", venue=self.venue, reason=error.reason, why=str(error)
            )
            self._pipeline.quality.raised(
                self.venue,
                None,
                "silent",
                INSTRUMENT,
                now=self._clock.now_ms(),
                detail=f"the instrument lists of {self.venue} cannot be read: {error}",
                severity="warning" if self.known else "critical",
            )
        self.failing = str(error)
        delay = self._backoff.next()
        return max(delay, error.retry_after_s) if isinstance(error, RateLimited) else delay

    async def _take(self, instruments: Iterable[Instrument]) -> None:
        """Compare a new reading with what is known, tell the differences, follow what is wanted."""
        now = self._clock.now_ms()
        listed = {item.name: item for item in instruments}
        if not listed or len(listed) < SHRUNK * len(self._listed):
            raise WireMismatch(
                f"{self.venue}: the instrument list has {len(listed)} contracts after {len(self._listed)}; not believed"
            )
        first = not self._listed
        for number, (name, row) in enumerate(listed.items(), 1):
            if number % PORTION == 0:
                await asyncio.sleep(0)
            before, known = self._listed.get(name), self.known.get(name)
            item = _keep_learnt(row, before, known)
            if first:
                self.known[name] = item
                self._tell(item, {}, now)
            else:
                self._replace(item, now)
        for name in self.known.keys() - listed.keys():
            self._delist(self.known.pop(name), now)
        self._listed = listed
        self.follow()
        if first:
            self._leave_only_followed()

    def _replace(self, item: Instrument, now: int) -> None:
        old = self.known.get(item.name)
        self.known[item.name] = item
        if item.name in self.context.instruments:
            self._pipeline.update(item, now)
        changed = changes(old, item)
        if changed:
            self._tell(item, changed, now)

    def _delist(self, item: Instrument, now: int) -> None:
        gone = replace(item, status="delisted", delisted_at=item.delisted_at or now)
        self._tell(gone, changes(item, gone), now)
        self._pipeline.unfollow(item.key, now)
        for group in (*self._groups(), f"instrument:{self.venue}", f"quality:{self.venue}"):
            self._outlet.remove(group, (item.symbol,))

    def _leave_only_followed(self) -> None:
        """Take leftovers of an earlier run out of the last-value hashes."""
        followed = [item.symbol for item in self.context.instruments.values()]
        for group in self._groups():
            self._outlet.retain(group, followed)
        self._outlet.retain(f"instrument:{self.venue}", [item.symbol for item in self.known.values()])
        conditions = self._pipeline.quality.open
        wrong = {symbol for exchange, symbol, _, _ in conditions if exchange == self.venue}
        self._outlet.retain(f"quality:{self.venue}", wrong)

    def _groups(self) -> list[str]:
        """Return the groups whose items are the contracts that are followed."""
        families = [service.family for service in self._pipeline.services if not service.of_spot]
        return [*(f"{family}:{self.venue}" for family in families), *self.derived]

    def _tell(self, item: Instrument, changed: Changes, now: int) -> None:
        self._outlet.offer(channel("instrument", self.venue, item.symbol), message(item, changed, now))


def _keep_learnt(row: Instrument, before: Instrument | None, known: Instrument | None) -> Instrument:
    """Return a list's row with the terms that were learnt from funding rows, as long as the list says no news.

    Lists lag behind: a row that repeats what it said before does not undo what was seen since.
    """
    if before is None or known is None:
        return row
    terms = {
        name: getattr(known, name)
        for name in ("funding_interval_hours", "rate_cap", "rate_floor")
        if getattr(row, name) in {getattr(before, name), None}
    }
    return replace(row, **terms)
