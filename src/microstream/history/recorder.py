"""The recorder: what is published goes from the logs into tables, with the position that it reaches."""

import asyncio
from collections import Counter
from collections.abc import Callable
from math import inf
from random import Random
from time import monotonic

import structlog

from microstream.client.tail import BLOCK_MS, Tail
from microstream.clock import Clock, SystemClock
from microstream.errors import StoreDown
from microstream.history.lane import Lane
from microstream.history.notebook import Notebook
from microstream.history.recorder_state import RecorderState
from microstream.history.store import Store

PRESENCE_S = 60.0
READ_PAUSE_S = 0.1
"""Between two reads that brought little: a message waits for the next flush anyway."""
LITTLE = 64
LOOK_UP_S = 0.02
LAST_READS_S = 2.0
"""How long the end waits for the last entries."""

WATCH_S = 1.0
LATE = 0.5
"""Part of the time that a log is kept; who is further behind is warned of."""
PATIENCE = 10
"""Looks: one that begins has all of the log before it, and reads it within seconds."""

log = structlog.get_logger()


class Recorder:
    """Follows the logs of a server and writes them to a store, until `stop`.

    `kept_s` tells for a group how long its log is kept, to warn in time. Raises `ConfigError` for an unusable url.
    """

    def __init__(
        self,
        url: str,
        store: Store,
        *,
        flush_s: float = 10.0,
        kept_s: Callable[[str], float] = lambda _group: inf,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self.state = RecorderState()
        self._clock = clock or SystemClock()
        self._random = random or Random()
        self._tail = Tail(url)
        self._notebook = Notebook(store.ledger, self._clock)
        self._lanes = {
            family: Lane(family, table, self._notebook, self.state, self._clock, self._random)
            for family, table in store.published.items()
        }
        self._flush_s = flush_s
        self._kept_s = kept_s
        self._late: Counter[str] = Counter()
        """How often in a row a family was found late."""
        self._stop = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Messages that are read and not written yet."""
        return sum(lane.waiting for lane in self._lanes.values())

    def stop(self) -> None:
        """Ask for the end: what is in the logs now is read and written, then `run` returns."""
        self._stop.set()

    async def run(self) -> None:
        """Record until `stop`."""
        try:
            async with asyncio.TaskGroup() as group:
                lanes = [group.create_task(lane.run(self._flush_s)) for lane in self._lanes.values()]
                others = [group.create_task(self._note_presence()), group.create_task(self._watch())]
                await self._read()
                for lane in self._lanes.values():
                    lane.end()
                await asyncio.wait(lanes)
                for task in others:
                    task.cancel()
            await self._write_presence()
            self._say_unwritten()
        finally:
            await self._tail.close()

    async def _read(self) -> None:
        while not self._stop.is_set():
            if await self._read_once() < LITTLE:
                await self._pause(READ_PAUSE_S)
        self._tail.look_again()
        until = monotonic() + LAST_READS_S
        while monotonic() < until:
            if not await self._read_once(0):
                if self._tail.found <= set(self._tail.followed):
                    return
                await asyncio.sleep(LOOK_UP_S)

    async def _read_once(self, block_ms: int = BLOCK_MS) -> int:
        """Read what is new for the lanes that have room; return how much it was."""
        for group in self._tail.found - set(self._tail.followed):
            self._follow(group)
        groups = [group for group in self._tail.followed if not self._lane(group).full]
        news = await self._tail.read(groups, block_ms)
        for each in news:
            self._lane(each.group).take(each)
        self._note_server(self._tail.away)
        return len(news)

    def _note_server(self, away: str | None) -> None:
        if away is not None and not self.state.redis:
            log.warning("redis is away, retrying", redis=self._tail.name, error=away)
        elif away is None and self.state.redis != "":
            log.info("redis is connected", redis=self._tail.name)
        self.state.redis = away or ""

    def _follow(self, group: str) -> None:
        lane = self._lane(group)
        standing = lane.standings.get(group)
        if standing is None:
            lane.want(group)
        else:
            self._tail.follow(group, standing.at, standing.number)

    def _lane(self, group: str) -> Lane:
        return self._lanes[group.partition(":")[0]]

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _watch(self) -> None:
        """See how far behind the logs the tables are."""
        while True:
            now = self._clock.now_ms()
            for family, lane in self._lanes.items():
                ages = {group: max(0.0, (now - at) / 1000) for group, at in lane.oldest().items()}
                self.state.lag_s[family] = max(ages.values(), default=0.0)
                self._warn_of_lag(
                    family, max((age / self._kept_s(group) for group, age in ages.items()), default=0.0)
                )
            await asyncio.sleep(WATCH_S)

    def _warn_of_lag(self, family: str, share: float) -> None:
        lag_s = round(self.state.lag_s[family])
        if share > LATE:
            self._late[family] += 1
            if self._late[family] == PATIENCE:
                log.warning("recording is late, messages may be lost", family=family, lag_s=lag_s)
        elif share < LATE / 2 and self._late.pop(family, 0) >= PATIENCE:
            log.info("recording is in time again", family=family, lag_s=lag_s)

    async def _note_presence(self) -> None:
        while True:
            await asyncio.sleep(PRESENCE_S)
            await self._write_presence()

    async def _write_presence(self) -> None:
        try:
            await asyncio.to_thread(self._notebook.write_presence)
        except StoreDown as error:
            log.warning("the ledger cannot be written, retrying", why=str(error))

    def _say_unwritten(self) -> None:
        if left := self.waiting:
            log.warning("ended with unwritten messages; the next start reads them again", count=left)
