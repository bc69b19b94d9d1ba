"""The way of one family into its table: entries are gathered, and written with the position that they reach."""

import asyncio
from collections import deque
from random import Random

import structlog

from microstream.client.log_position import Anew, Entry, Lost
from microstream.client.tail import News
from microstream.clock import Clock
from microstream.errors import StoreChanged, StoreDown
from microstream.history.batch import Batch, Standing
from microstream.history.ledger import Note
from microstream.history.log_rows import Payloads, Read, Reject
from microstream.history.notebook import Notebook, subject_of
from microstream.history.numbering import Numbering
from microstream.history.positions import counter, packed
from microstream.history.recorder_state import RecorderState
from microstream.history.tables import Table
from microstream.model.past import Span
from microstream.transport.backoff import Backoff

FULL = 20_000
"""Messages that are gathered at most, some 15 MB; they are written earlier then, or nothing more is read."""
BACKOFF_S = (1.0, 30.0)
CONFLICTS = 3
"""Commits in a row that may fail because of another one that has not moved our groups."""

log = structlog.get_logger()


class Lane:
    """Gathers the entries of a family and writes them. A store that is away is tried again, and nothing is dropped.

    `standings` are the groups whose place is known: those may be read, while the lane is not `full`. `wanted` are to
    be looked up.
    """

    def __init__(
        self,
        family: str,
        table: Table,
        notebook: Notebook,
        state: RecorderState,
        clock: Clock,
        random: Random,
    ) -> None:
        self.family = family
        self.standings: dict[str, Standing] = {}
        self.wanted: dict[str, int] = {}
        """Since when (ms UTC)."""
        self._table = table
        self._notebook = notebook
        self._state = state
        self._clock = clock
        self._random = random
        self._backoff = Backoff(*BACKOFF_S, random)
        self._payloads = Payloads(family)
        self._numbering = Numbering()
        self._batches: deque[Batch] = deque([Batch()])
        self._wake = asyncio.Event()
        self._ending = False
        self._shared = False
        self._conflicts = 0
        self._complained: set[str] = set()

    @property
    def waiting(self) -> int:
        """Messages that are not written yet."""
        return sum(batch.count for batch in self._batches)

    @property
    def full(self) -> bool:
        """Whether nothing more may be read now."""
        return self.waiting >= FULL

    def oldest(self) -> dict[str, int]:
        """Return when the oldest entry of every group was written (ms UTC) that is not in the table."""
        found = dict(self.wanted)
        for batch in list(self._batches):
            for entry in batch.entries:
                found.setdefault(entry.group, entry.id[0])
        return found

    def want(self, group: str) -> None:
        """Have the place of a group looked up."""
        if group not in self.standings and group not in self.wanted:
            self.wanted[group] = self._clock.now_ms()
            self._wake.set()

    def take(self, news: News) -> None:
        """Add what came from the log of a group."""
        batch = self._batches[-1]
        if isinstance(news, Entry):
            batch.entries.append(news)
            batch.count += len(news.fields)
            if batch.count >= FULL:
                self._wake.set()
        elif isinstance(news, Lost):
            batch.lost.append(news)
        else:
            self._begin_anew(news)

    def end(self) -> None:
        """Let `run` write what is there and return; a store that is away does not hold it up."""
        self._ending = True
        self._wake.set()

    async def run(self, flush_s: float) -> None:
        """Write every `flush_s` seconds, or as soon as the lane is full, until `end`."""
        while True:
            pause_s = await self._work(flush_s)
            if self._ending:
                return
            await self._rest(pause_s)

    async def _rest(self, pause_s: float) -> None:
        down = self.family in self._state.down
        try:
            async with asyncio.timeout(pause_s):
                while not self._ending:
                    self._wake.clear()
                    if not down and (self.full or self.wanted):
                        return
                    await self._wake.wait()
        except TimeoutError:
            pass

    async def _work(self, flush_s: float) -> float:
        """Do what there is to do; return after how long to look again."""
        try:
            await self._look_up()
            due = len(self._batches)  # what fills while these are written waits for its own turn
            while (batch := self._next()) and (due > 0 or batch.count >= FULL or self._ending):
                await self._write(batch)
                due -= 1
        except StoreDown as error:
            self._note_down(error)
            return self._backoff.next()
        self._note_up()
        return flush_s

    def _next(self) -> Batch | None:
        """Return what is to be written next."""
        while len(self._batches) > 1 and not self._batches[0]:
            self._batches.popleft()
        return self._batches[0] or None

    async def _look_up(self) -> None:
        for group in sorted(self.wanted):
            self.standings[group] = await asyncio.to_thread(self._standing, group)
            del self.wanted[group]

    def _standing(self, group: str) -> Standing:
        return Standing(self._table.position(group), self._table.position(counter(group)))

    async def _write(self, batch: Batch) -> None:
        if batch is self._batches[-1]:
            self._batches.append(Batch())
        self._leave_out_covered(batch)
        try:
            standings = await asyncio.to_thread(self._commit, batch)
        except StoreChanged as error:
            await self._catch_up(batch, error)
            return
        self._conflicts = 0
        self.standings |= standings
        self._batches.popleft()
        if batch.read is not None:
            self._count(batch.read)

    async def _catch_up(self, batch: Batch, error: StoreChanged) -> None:
        """Another recorder, or upkeep, has written: go on from where the table has come to.

        Raises `StoreDown` where commits fail again and again, and nobody else has made one.
        """
        before = dict(self.standings)
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        groups = {entry.group for entry in batch.entries}
        for group in groups:
            self.standings[group] = await asyncio.to_thread(self._standing, group)
        if self.standings != before:
            self._conflicts = 0
            self._say_shared()
            return
        self._conflicts += 1
        if self._conflicts > CONFLICTS:
            raise StoreDown(str(error)) from error

    def _say_shared(self) -> None:
        if not self._shared:
            self._shared = True
            log.warning("another recorder writes to the same history", family=self.family)

    def _leave_out_covered(self, batch: Batch) -> None:
        """Take out what another recorder has written meanwhile."""
        entries = [entry for entry in batch.entries if not self._is_covered(entry, batch)]
        if len(entries) < len(batch.entries):
            if batch.notes is None:  # whose numbers nobody has looked at
                self._numbering.forget({entry.group for entry in batch.entries})
            batch.entries, batch.read = entries, None
            batch.count = sum(len(entry.fields) for entry in entries)

    def _is_covered(self, entry: Entry, batch: Batch) -> bool:
        at, before = self.standings[entry.group].at, batch.anew.get(entry.group)
        return entry.id <= at and (before is None or at < before)

    def _commit(self, batch: Batch) -> dict[str, Standing]:
        """Write notes of what is lost, then the rows (blocking); return where the groups stand then."""
        read = batch.read
        if read is None:
            read = batch.read = self._payloads.read(batch.entries)
        if batch.notes is None:
            batch.notes = self._losses(batch, read)
        if batch.notes:
            self._notebook.write(batch.notes)
            for note in batch.notes:
                self._say_lost(note)
            batch.notes = []
        last = {entry.group: entry for entry in batch.entries}
        positions = {group: packed(entry.id) for group, entry in last.items()}
        counters = {counter(group): entry.number for group, entry in last.items() if entry.number is not None}
        if last:
            after = {group: self.standings[group].place for group in last}
            self._table.append(read.frame, positions | counters, after=after)
            self._notebook.hear(self.family, read.messages)
        return {
            group: Standing(positions[group], counters.get(counter(group), self.standings[group].number))
            for group in last
        }

    def _losses(self, batch: Batch, read: Read) -> list[Note]:
        """Return what has to be noted as lost: messages where their numbers tell, else entries."""
        notes = []
        for lost in batch.lost:
            rows = 0 if self._numbering.knows(lost.group) else lost.entries or 0
            span = Span(lost.after[0], max(lost.before[0], lost.after[0] + 1))
            notes.append(Note(subject_of(lost.group), span, "lost", rows))
        for group, span, rows in self._numbering.take(read.messages):
            notes.append(
                Note(subject_of(group), Span(span.start, max(span.end, span.start + 1)), "lost", rows)
            )
        return notes

    def _say_lost(self, note: Note) -> None:
        self._state.lost[self.family] += note.rows
        log.warning(
            "messages are missing in the history",
            family=self.family,
            of=note.subject.exchange,
            start=note.span.start,
            end=note.span.end,
            at_least=note.rows,
        )

    def _begin_anew(self, news: Anew) -> None:
        log.warning("the log of a group began anew", group=news.group, server_had=news.after[0])
        if self._batches[-1]:  # ids start over: what came before is written by itself
            self._batches.append(Batch())
        self._batches[-1].anew[news.group] = news.after

    def _count(self, read: Read) -> None:
        self._state.rows[self.family] += len(read.messages)
        for reject in read.rejects:
            self._state.rejects[self.family] += 1
            self._complain(reject)

    def _complain(self, reject: Reject) -> None:
        if reject.group not in self._complained:
            self._complained.add(reject.group)
            log.warning(
                "payloads do not fit their family and are not recorded",
                group=reject.group,
                item=reject.item,
                why=reject.why,
            )

    def _note_down(self, error: StoreDown) -> None:
        if self.family not in self._state.down:
            log.warning("history cannot be written, retrying", family=self.family, why=str(error))
        self._state.down[self.family] = str(error)

    def _note_up(self) -> None:
        self._backoff = Backoff(*BACKOFF_S, self._random)
        if self._state.down.pop(self.family, None) is not None:
            log.info("history is written again", family=self.family)
