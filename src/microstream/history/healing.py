"""Healing: what the recorder has missed is asked of the venues, without being told to.

A hole lies between two spans in which a venue's values were recorded: the service, the venue or the recorder was away.
What the venues keep of it (settlements, candles of a minute, open interest of five) goes to the tables of the venues'
past; the messages themselves are gone.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from microstream.clock import Clock
from microstream.errors import MicrostreamError, StoreChanged
from microstream.history.backfill import Backfill, Source, Wanted
from microstream.history.ledger import Ledger, Subject
from microstream.history.lock import writing
from microstream.history.store import Store
from microstream.model.past import PastKind, Span

FIRST_S = 20.0
EVERY_S = 120.0
OPEN_EVERY_S = 900.0
"""A hole that goes on, because nothing is published, is filled less often."""
SHORTEST_MS = 60_000
"""What is shorter has no candle of its own."""
LATEST_MS = 240_000
"""A span that was recorded is noted some time later: what is missing since so recently may be there."""
LATE_MS = 900_000
"""By then every row of a span is there: beyond the longest lag, on the coarsest grid."""
MINUTE_MS = 60_000

KINDS: dict[str, frozenset[PastKind]] = {
    "mark_price": frozenset({"mark", "index", "premium"}),
    "funding": frozenset({"funding"}),
    "oi": frozenset({"oi"}),
}
"""What a venue can tell of the time in which a family was not recorded."""

log = structlog.get_logger()

Sources = Callable[[], AbstractAsyncContextManager[Sequence[Source]]]


class Hole(NamedTuple):
    """A span in which a family of a venue was not recorded; `is_open` while it goes on."""

    exchange: str
    family: str
    span: Span
    is_open: bool = False


def find_holes(
    ledger: Ledger, exchange: str, families: Collection[str], window_ms: int, now: int
) -> Iterator[Hole]:
    """Yield the holes of a venue that reach into the time back from now, newest first.

    `families` are those that are published: what is switched off has no holes. The time before the
    first record has none.
    """
    for family in (name for name in KINDS if name in families):
        recorded = ledger.spans(Subject(exchange, "*", family), "recorded")
        first = next(iter(recorded), None)
        if first is None:
            continue
        oldest = now - window_ms
        for hole in reversed(recorded.holes(Span(first.start, now))):
            long_enough = LATEST_MS if hole.end == now else SHORTEST_MS
            if hole.end - hole.start >= long_enough and hole.end > oldest:
                start = hole.start - hole.start % MINUTE_MS
                yield Hole(exchange, family, Span(start, hole.end + -hole.end % MINUTE_MS), hole.end == now)


class Healer:
    """Looks for holes now and then, and fills them.

    `sources()` opens the venues for the time of a look that finds something to fill.
    """

    def __init__(
        self,
        url: str,
        exchanges: Sequence[str],
        families: Collection[str],
        sources: Sources,
        window_ms: int,
        clock: Clock,
    ) -> None:
        self.rows = 0
        self._url = url
        self._exchanges = exchanges
        self._families = families
        self._sources = sources
        self._window_ms = window_ms
        self._clock = clock
        self._done: set[Hole] = set()
        self._open_due = clock.monotonic()

    async def run(self) -> None:
        """Heal until cancelled; what fails is tried again the next time."""
        wait_s = FIRST_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = EVERY_S
            try:
                await self.heal()
            except StoreChanged as error:
                log.debug("not healed now", why=str(error))
            except MicrostreamError as error:
                log.warning("holes cannot be healed now, trying again", why=str(error))

    async def heal(self) -> None:
        """Fill what is missing now. Raises `StoreDown`, and `StoreChanged` while a backfill is at work."""
        store = Store(self._url)
        await asyncio.to_thread(store.ledger.load)
        now = self._clock.now_ms()
        holes = [
            hole
            for name in self._exchanges
            for hole in find_holes(store.ledger, name, self._families, self._window_ms, now)
        ]
        self._done &= set(holes)
        open_are_due = self._clock.monotonic() >= self._open_due
        missing = [hole for hole in holes if hole not in self._done and (open_are_due or not hole.is_open)]
        if not missing:
            return
        if open_are_due:
            self._open_due = self._clock.monotonic() + OPEN_EVERY_S
        with writing(store.url):
            async with self._sources() as sources:
                for hole in missing:
                    await self._fill(
                        store, hole, [item for item in sources if item.exchange == hole.exchange]
                    )

    async def _fill(self, store: Store, hole: Hole, sources: Sequence[Source]) -> None:
        filling = Backfill(store, self._clock)
        now = self._clock.now_ms()
        within = Span(max(hole.span.start, now - self._window_ms), hole.span.end)
        intake = await filling.run(sources, Wanted(KINDS[hole.family], within))
        self.rows += intake.rows
        failures = filling.progress.failures()
        if sources and not failures and not hole.is_open and hole.span.end < now - LATE_MS:
            self._done.add(hole)
        if intake.rows or failures:
            say = log.warning if failures else log.info
            say(
                "hole healed in part" if failures else "hole healed",
                exchange=hole.exchange,
                family=hole.family,
                since=_text(hole.span.start),
                until=_text(hole.span.end),
                rows=intake.rows,
                requests=filling.progress.requests,
                why="; ".join(failures) or None,
            )


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")
