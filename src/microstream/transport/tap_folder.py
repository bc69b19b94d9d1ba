"""The files of the tap: compressed, one after the other for each venue, and never more than was allowed.

Runs in a worker thread; knows nothing of asyncio. A file is a sequence of gzip members, each written in one go, so
what a killed process leaves behind can be read up to its last write.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from microstream.clock import Clock
from microstream.transport.body import GZIP
from microstream.transport.body import inflater as codec
from microstream.transport.tap_format import HEADER

LEVEL = 2
"""Of isal: its default, a quarter of the text at a few milliseconds a megabyte; of zlib: a fast one too."""

MEMBER = 1 << 20
"""Bytes of text that are packed as one; a longer frame is a member of its own."""

LONGEST_MS = 3_600_000
"""A file is followed by a new one after an hour at the latest."""

_OURS = re.compile(r"[a-z0-9]+-(\d{8}T\d{6}Z)-(\d+)\.tap\.gz")


@dataclass(slots=True)
class Written:
    """What became of the frames of one venue: `frames` in files as `size` compressed bytes, `lost` for `error`."""

    frames: int = 0
    size: int = 0
    lost: int = 0
    error: OSError | None = None


@dataclass(slots=True)
class _File:
    path: Path
    begun_at: int
    size: int = 0


class TapFolder:
    """Writes lines to the files of a folder; sizes are in compressed bytes.

    Deletes the oldest of its own files, by their names, where all of them would exceed `max_total`. Other files are
    never touched. A folder that is missing is made.
    """

    def __init__(self, folder: Path, max_file: int, max_total: int, clock: Clock) -> None:
        self._folder = folder
        self._max_file = max_file
        self._max_total = max_total
        self._clock = clock
        self._current: dict[str, _File] = {}
        self._begun = 0
        self._total = 0

    def write(self, exchange: str, lines: Sequence[bytes]) -> Written:
        """Append lines to the file of a venue; at the first error of the disk the rest of them is lost."""
        done = Written()
        for part in _parts(lines):
            try:
                done.size += self._append(exchange, _packed(b"".join(part)))
            except OSError as error:
                done.error = error
                break
            done.frames += len(part)
        done.lost = len(lines) - done.frames
        return done

    def _append(self, exchange: str, member: bytes) -> int:
        file = self._current.get(exchange)
        if file is not None and not self._has_room(file, member):
            file = None
        if file is not None:
            try:
                if self._total + len(member) > self._max_total:
                    self._make_room(len(member))
                return self._put(file, member)
            except FileNotFoundError:  # somebody has removed it, or it was the oldest
                pass
        return self._begin(exchange, _packed(HEADER) + member)

    def _has_room(self, file: _File, member: bytes) -> bool:
        young = 0 <= self._clock.now_ms() - file.begun_at < LONGEST_MS
        return young and file.size + len(member) <= self._max_file

    def _begin(self, exchange: str, members: bytes) -> int:
        self._current.pop(exchange, None)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._make_room(len(members))
        now = self._clock.now_ms()
        stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        while True:
            self._begun += 1
            file = _File(self._folder / f"{exchange}-{stamp}-{self._begun}.tap.gz", now)
            if not file.path.exists():
                break
        size = self._put(file, members)
        self._current[exchange] = file
        return size

    def _put(self, file: _File, data: bytes) -> int:
        """Write at the end of what is known to be whole; what an earlier failure left there is overwritten."""
        with file.path.open("r+b" if file.size else "xb", buffering=0) as out:
            out.seek(file.size)
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[out.write(rest) :]
            except OSError:
                if file.size:
                    out.truncate(file.size)
                else:  # a full disk would fill with empty files
                    file.path.unlink()
                raise
        file.size += len(data)
        self._total += len(data)
        return len(data)

    def _make_room(self, size: int) -> None:
        """Delete the oldest files until so many bytes more are allowed."""
        files = sorted(self._files())
        self._total = sum(held for _, held, _ in files)
        for _, held, path in files:
            if self._total + size <= self._max_total:
                return
            Path(path).unlink(missing_ok=True)
            self._total -= held

    def _files(self) -> Iterator[tuple[tuple[str, int], int, str]]:
        """Yield time and number, size and path of each of our files."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                match = _OURS.fullmatch(entry.name)
                if match is not None and entry.is_file(follow_symlinks=False):
                    yield (match[1], int(match[2])), entry.stat().st_size, entry.path


def _parts(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield the lines in parts of about `MEMBER` bytes."""
    start = size = 0
    for number, line in enumerate(lines):
        if size and size + len(line) > MEMBER:
            yield lines[start:number]
            start, size = number, 0
        size += len(line)
    if size:
        yield lines[start:]


def _packed(text: bytes) -> bytes:
    packed: bytes = codec.compress(text, LEVEL, GZIP)
    return packed
