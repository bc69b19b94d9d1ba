"""The tap: every received frame kept on disk with its time of receipt, for whoever has to see what a venue sent.

`Tap.keep` is called for each frame and does no more than append to a list; `Tap.run` packs and writes in a worker
thread. Nothing here stops the service: what cannot be written is counted and given up.
"""

import asyncio
import errno
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from structlog import get_logger

from microstream.clock import Clock
from microstream.transport.tap_folder import TapFolder, Written
from microstream.transport.tap_format import Row, line

PERIOD_S = 1.0
"""What is lost at most when the process is killed."""

OVERHEAD = 200
"""Bytes of memory that a waiting frame takes beside its own."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, or lower tap.max_total",
    errno.EDQUOT: "the quota of the disk is used up: free some space, or lower tap.max_total",
    errno.EACCES: "no permission: let the service write there, or set tap.folder to where it may",
    errno.EPERM: "no permission: let the service write there, or set tap.folder to where it may",
    errno.EROFS: "the disk is read-only: set tap.folder to where the service may write",
    errno.EEXIST: "a file is in the way of the folder: move it, or set tap.folder",
    errno.ENOTDIR: "a file is in the way of the folder: move it, or set tap.folder",
}

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TapSettings:
    """Where frames are kept, and bounds: bytes of a file, of all files (both compressed), of frames in memory."""

    folder: Path
    max_file: int = 64 << 20
    max_total: int = 1 << 30
    max_waiting: int = 32 << 20


class Tap:
    """Keeps frames; by venue it counts `frames` and `size` (compressed bytes) written, `dropped` frames, `errors`.

    Dropped are frames that came while `max_waiting` bytes were not yet written, and those that the disk refused.
    """

    name = "tap"

    def __init__(self, settings: TapSettings, clock: Clock) -> None:
        self.frames: Counter[str] = Counter()
        self.size: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._settings = settings
        self._folder = TapFolder(settings.folder, settings.max_file, settings.max_total, clock)
        self._max_waiting = settings.max_waiting
        self._large = settings.max_waiting // 4
        self._waiting: list[tuple[str, str, bytes, int]] = []
        self._held = 0
        self._wake = asyncio.Event()
        self._failing: frozenset[str] = frozenset()
        self._dropped_before = 0

    def keep(self, exchange: str, connection: str, frame: bytes | memoryview, received_at: int) -> None:
        """Keep a frame as it came; `received_at` in ms UTC. To be called in the thread of the event loop.

        `connection` tells the connections of a venue apart, and one from the one that follows it, such as
        `market/stream#3`: their frames are decoded apart. It has no tab and no line break in it.
        """
        data = bytes(frame)  # no copy of bytes; a view's buffer is used again for the next frame
        held = self._held + len(data) + OVERHEAD
        if held > self._max_waiting:
            self.dropped[exchange] += 1
            return
        self._held = held
        self._waiting.append((exchange, connection, data, received_at))
        if held > self._large:
            self._wake.set()

    async def run(self) -> None:
        """Write what was kept, every second or sooner when it is much, until cancelled; then the rest of it."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PERIOD_S):
                        await self._wake.wait()
                self._wake.clear()
                await self._flush()
        finally:
            await self._flush()

    async def _flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        size = self._held  # nothing else is under way: one flush at a time
        writing = asyncio.get_running_loop().run_in_executor(None, self._write, waiting)
        try:
            await asyncio.shield(writing)
        finally:  # a thread cannot be cancelled: see it through
            written = await writing
            self._held -= size
            self._note(written)

    def _write(self, waiting: Sequence[tuple[str, str, bytes, int]]) -> Mapping[str, Written]:
        lines: defaultdict[str, list[bytes]] = defaultdict(list)
        for exchange, connection, frame, received_at in waiting:
            lines[exchange].append(line(Row(received_at, exchange, connection, frame)))
        return {exchange: self._folder.write(exchange, its) for exchange, its in lines.items()}

    def _note(self, written: Mapping[str, Written]) -> None:
        for exchange, done in written.items():
            self.frames[exchange] += done.frames
            self.size[exchange] += done.size
            self.dropped[exchange] += done.lost
            self.errors[exchange] += done.error is not None
        failing = self._failing - written.keys()
        failing |= {exchange for exchange, done in written.items() if done.error is not None}
        error = next((done.error for done in written.values() if done.error is not None), None)
        if error is not None and not self._failing:
            log.warning(
                "frames cannot be kept, retrying", folder=str(self._settings.folder), error=_told(error)
            )
        elif self._failing and not failing:
            dropped = self.dropped.total() - self._dropped_before
            log.info("frames are kept again", folder=str(self._settings.folder), dropped=dropped)
        if not failing:
            self._dropped_before = self.dropped.total()
        self._failing = failing


def _told(error: OSError) -> str:
    """Return what happened and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, "see that the folder can be written to, or set tap.folder")
    return f"{error.strerror or error}: {remedy}"
