"""Backfill: fills what is missing from the venues' own history, with an inquiry for every venue and kind.

The inquiries of a venue share its budget (`transport.budget`), a share of the limits beside that of the live polls:
these never wait for history.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from microstream.clock import Clock
from microstream.errors import MicrostreamError
from microstream.history.gaps import Gap, find_gaps
from microstream.history.inquiry import Inquiry
from microstream.history.intake import Intake
from microstream.history.store import Store
from microstream.model.instruments import Instrument
from microstream.model.past import PastKind, Span
from microstream.spec.history import History
from microstream.transport.pager import Pager

SHORT_S = 3.0
"""Waits that are not worth a word."""
MANY_FILES = 4
"""A partition with more files than this is written anew as few, in the order of search, when a backfill ends."""


@dataclass(frozen=True, slots=True)
class Source:
    """A venue to ask, and the contracts to ask it for; `closed_s` is how long it asks to be left alone still."""

    exchange: str
    histories: Sequence[History]
    instruments: Sequence[Instrument]
    pager: Pager
    closed_s: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted: kinds within a span; `again` asks for what is there as well, to learn of corrections."""

    kinds: Collection[PastKind]
    within: Span
    again: bool = False


@dataclass(slots=True)
class Progress:
    """How far a backfill has come: plain counters, for a bar or a log."""

    inquiries: list[Inquiry] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    began: float = 0.0

    @property
    def requests(self) -> int:
        """Requests that were answered."""
        return sum(inquiry.requests for inquiry in self.inquiries)

    @property
    def expected(self) -> int:
        """Requests that are left, as far as it can be told."""
        return sum(inquiry.expected for inquiry in self.inquiries)

    @property
    def rows(self) -> int:
        """Rows that came."""
        return sum(inquiry.rows for inquiry in self.inquiries)

    def left_s(self, now: float) -> float | None:
        """Return the seconds that are left: those of the slowest inquiry at its rate so far; None while it has none."""
        elapsed = now - self.began
        left = [
            inquiry.expected / inquiry.requests * elapsed
            for inquiry in self.inquiries
            if inquiry.requests and inquiry.expected
        ]
        untold = any(inquiry.expected and not inquiry.requests for inquiry in self.inquiries)
        return None if untold else max(left, default=0.0)

    def waits(self) -> dict[str, float]:
        """Return the venues that ask to be left alone, and for how many seconds."""
        closed = {source.exchange: source.closed_s() for source in self.sources}
        return {exchange: seconds for exchange, seconds in closed.items() if seconds > SHORT_S}

    def failures(self) -> list[str]:
        """Return what was left undone, a sentence each."""
        told = [
            f"{inquiry.exchange} {inquiry.kind}: given up: {inquiry.given_up}"
            for inquiry in self.inquiries
            if inquiry.given_up
        ]
        told += [
            f"{inquiry.exchange} {inquiry.kind}: {inquiry.rejects} rows could not be used;"
            " backfill --again asks for them once more"
            for inquiry in self.inquiries
            if inquiry.rejects
        ]
        return told + [
            f"{inquiry.exchange} {inquiry.kind}: left out: {', '.join(sorted(inquiry.problems))}"
            for inquiry in self.inquiries
            if inquiry.problems
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
        await (
            intake.begin()
        )  # before the ledger is read: who writes in between comes in our way, and not unseen
        await asyncio.to_thread(self._store.ledger.load)
        self.progress.began = self._clock.monotonic()
        self.progress.sources += sources
        for source in sources:
            self.progress.inquiries += await self._inquiries(source, wanted, intake)
        try:
            await self._fill(intake)
        except ExceptionGroup as group:
            raise _first_of(group) from group
        if not self._stop.is_set():
            await asyncio.to_thread(self._tidy, intake)
        return intake

    async def _fill(self, intake: Intake) -> None:
        async with asyncio.TaskGroup() as below:
            below.create_task(intake.run())
            async with asyncio.TaskGroup() as above:
                inquiries = [above.create_task(inquiry.run()) for inquiry in self.progress.inquiries]
                stopper = above.create_task(self._stopped(inquiries))
                if inquiries:
                    await asyncio.wait(inquiries)
                stopper.cancel()
            await intake.end()

    async def _stopped(self, inquiries: Sequence[asyncio.Task[None]]) -> None:
        await self._stop.wait()
        for inquiry in inquiries:
            inquiry.cancel()

    async def _inquiries(self, source: Source, wanted: Wanted, intake: Intake) -> list[Inquiry]:
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
            Inquiry(source.exchange, kind, source.pager, group, intake, self._clock)
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


def _first_of(group: ExceptionGroup[Exception]) -> Exception:
    """Return the failure of ours in a group, the group itself where there is none."""
    ours = group.subgroup(MicrostreamError)
    error: Exception = group if ours is None else ours
    while ours is not None and isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _kind(gap: Gap) -> PastKind:
    return gap.history.kind
