"""Backfill: fills what is missing from the venues' own history, a lane for every venue and kind.

The lanes of a venue share its budget (`transport.budget`), a share of the limits beside that of the live polls: these
never wait for history.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from microstream.clock import Clock
from microstream.history.gaps import Gap, find_gaps
from microstream.history.intake import Intake
from microstream.history.lane import Lane
from microstream.history.store import Store
from microstream.model.instruments import Instrument
from microstream.model.past import PastKind, Span
from microstream.spec.history import History
from microstream.transport.pager import Pager

MANY_FILES = 4
"""A partition with more files than this is written anew as few, in the order of search, when a backfill ends."""


@dataclass(frozen=True, slots=True)
class Source:
    """A venue to ask, and the contracts to ask it for."""

    exchange: str
    histories: Sequence[History]
    instruments: Sequence[Instrument]
    pager: Pager


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted: kinds within a span; `again` asks for what is there as well, to learn of corrections."""

    kinds: Collection[PastKind]
    within: Span
    again: bool = False


@dataclass(slots=True)
class Progress:
    """How far a backfill has come: plain counters, for a bar or a log."""

    lanes: list[Lane] = field(default_factory=list)
    began: float = 0.0

    @property
    def requests(self) -> int:
        """Requests that were answered."""
        return sum(lane.requests for lane in self.lanes)

    @property
    def expected(self) -> int:
        """Requests that are left, as far as it can be told."""
        return sum(lane.expected for lane in self.lanes)

    @property
    def rows(self) -> int:
        """Rows that came."""
        return sum(lane.rows for lane in self.lanes)

    def left_s(self, now: float) -> float | None:
        """Return the seconds that are left: those of the slowest lane at its rate so far; None while it has none."""
        elapsed = now - self.began
        left = [
            lane.expected / lane.requests * elapsed for lane in self.lanes if lane.requests and lane.expected
        ]
        untold = any(lane.expected and not lane.requests for lane in self.lanes)
        return None if untold else max(left, default=0.0)

    def failures(self) -> list[str]:
        """Return what was left undone, a sentence each."""
        told = [
            f"{lane.exchange} {lane.kind}: given up: {lane.given_up}" for lane in self.lanes if lane.given_up
        ]
        return told + [
            f"{lane.exchange} {lane.kind}: left out: {', '.join(sorted(lane.problems))}"
            for lane in self.lanes
            if lane.problems
        ]


class Backfill:
    """Asks for what is missing, and writes it; can be stopped at any point and goes on where it was."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.progress = Progress()
        self._store = store
        self._clock = clock
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask no more, write what has come, and let `run` return."""
        self._stop.set()

    async def run(self, sources: Sequence[Source], wanted: Wanted) -> Intake:
        """Fill what is missing; return what was written. Raises `StoreDown`."""
        intake = Intake(self._store, self._clock, careful=wanted.again)
        await asyncio.to_thread(self._store.ledger.load)
        await intake.begin()
        self.progress.began = self._clock.monotonic()
        for source in sources:
            self.progress.lanes += await self._lanes(source, wanted, intake)
        async with asyncio.TaskGroup() as below:
            below.create_task(intake.run())
            async with asyncio.TaskGroup() as above:
                lanes = [above.create_task(lane.run()) for lane in self.progress.lanes]
                stopper = above.create_task(self._stopped(lanes))
                await asyncio.wait(lanes) if lanes else None
                stopper.cancel()
            await intake.end()
        await asyncio.to_thread(self._tidy, intake)
        return intake

    async def _stopped(self, lanes: Sequence[asyncio.Task[None]]) -> None:
        await self._stop.wait()
        for lane in lanes:
            lane.cancel()

    async def _lanes(self, source: Source, wanted: Wanted, intake: Intake) -> list[Lane]:
        now = self._clock.now_ms()
        gaps, gone = find_gaps(
            self._store.ledger,
            source.instruments,
            source.histories,
            wanted.kinds,
            wanted.within,
            now,
            again=wanted.again,
        )
        await asyncio.to_thread(self._store.ledger.note, gone, now)
        gaps.sort(key=_kind)
        return [
            Lane(source.exchange, kind, source.pager, group, intake, self._clock)
            for kind, group in groupby(gaps, key=_kind)
        ]

    def _tidy(self, intake: Intake) -> None:
        """Make few files of the many that were written."""
        for kind in intake.touched:
            table = self._store.past[kind]
            counts = table.files()["partition"].value_counts()
            for partition, count in counts.iter_rows():
                if count > MANY_FILES:
                    table.compact(partition, sort=True)
            table.clean()


def _kind(gap: Gap) -> PastKind:
    return gap.history.kind
