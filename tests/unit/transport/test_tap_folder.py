"""Files of the tap: their names, their bounds, and what a disk can do to them."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from microstream.transport import tap_folder
from microstream.transport.tap_folder import MEMBER, TapFolder
from microstream.transport.tap_format import HEADER

START = 1_795_594_500_000  # 2026-11-25T08:15:00Z


class Time:
    """A clock that stands until it is moved."""

    now = START

    def now_ms(self) -> int:
        """Return what it was set to."""
        return self.now

    def monotonic(self) -> float:
        """Return the same in seconds."""
        return self.now / 1000


@pytest.fixture
def time() -> Time:
    """A clock of the test's own."""
    return Time()


@pytest.fixture
def make(tmp_path: Path, time: Time) -> Callable[..., TapFolder]:
    """`make(max_file=, max_total=)` gives a folder that does not exist yet."""

    def run(max_file: int = 1 << 20, max_total: int = 1 << 30) -> TapFolder:
        return TapFolder(tmp_path / "a" / "tap", max_file, max_total, time)

    return run


def noise(size: int) -> bytes:
    """Return a line that cannot be packed."""
    return os.urandom(size // 2).hex().encode() + b"\n"


def names(tmp_path: Path) -> list[str]:
    """Return the names of the files."""
    return sorted(path.name for path in (tmp_path / "a" / "tap").iterdir())


def text(tmp_path: Path, name: str) -> bytes:
    """Return what is in a file."""
    return gzip.decompress((tmp_path / "a" / "tap" / name).read_bytes())


def test_one_file_a_venue_with_a_header(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """Files are named for venue and time, begin with the header, and grow by what is written."""
    folder = make()
    for exchange, lines in (("okx", [b"1\n"]), ("bybit", [b"2\n"]), ("okx", [b"3\n", b"4\n"])):
        assert folder.write(exchange, lines).frames == len(lines)
    assert names(tmp_path) == ["bybit-20261125T081500Z-2.tap.gz", "okx-20261125T081500Z-1.tap.gz"]
    assert text(tmp_path, "okx-20261125T081500Z-1.tap.gz") == HEADER + b"1\n3\n4\n"


def test_the_compressed_size_is_counted(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """The count is that of the bytes on disk, header included."""
    folder = make()
    size = sum(folder.write("okx", [noise(1000)]).size for _ in range(3))
    (path,) = (tmp_path / "a" / "tap").iterdir()
    assert size == path.stat().st_size


def test_much_text_is_packed_in_parts(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """No more than about a megabyte is packed at once, and no line is torn by it."""
    lines = [b"x" * (MEMBER // 3) + b"\n"] * 7 + [b"y" * (MEMBER + 1) + b"\n"]
    assert make().write("okx", lines).frames == 8
    (name,) = names(tmp_path)
    assert text(tmp_path, name) == HEADER + b"".join(lines)
    assert (tmp_path / "a" / "tap" / name).read_bytes().count(b"\x1f\x8b\x08" + bytes(5)) == 1 + 4 + 1


def test_a_file_ends_at_its_size(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """A file that would grow beyond `max_file` is followed by a new one in the same second."""
    folder = make(max_file=15_000)
    for _ in range(5):
        folder.write("okx", [noise(12_000)])
    assert names(tmp_path) == [f"okx-20261125T081500Z-{number}.tap.gz" for number in (1, 2, 3)]
    assert all(path.stat().st_size <= 15_000 for path in (tmp_path / "a" / "tap").iterdir())


@pytest.mark.parametrize(("passed_ms", "files"), [(3_599_999, 1), (3_600_000, 2), (-1, 2)])
def test_a_file_ends_after_an_hour(
    make: Callable[..., TapFolder], tmp_path: Path, time: Time, passed_ms: int, files: int
) -> None:
    """A file holds at most an hour, and none is continued once the clock was set back."""
    folder = make()
    folder.write("okx", [b"1\n"])
    time.now += passed_ms
    folder.write("okx", [b"2\n"])
    assert len(names(tmp_path)) == files


def test_the_oldest_files_are_deleted(make: Callable[..., TapFolder], tmp_path: Path, time: Time) -> None:
    """All files together stay within `max_total`, by deleting the oldest, those of earlier runs first."""
    earlier = make(max_file=15_000, max_total=45_000)
    for _ in range(2):
        earlier.write("okx", [noise(20_000)])
        time.now += 1000
    folder = make(max_file=15_000, max_total=45_000)
    for number in range(11):
        folder.write("okx" if number % 2 else "bybit", [noise(20_000)])
        assert sum(path.stat().st_size for path in (tmp_path / "a" / "tap").iterdir()) <= 45_000
        time.now += 1000
    assert [name.split("Z-")[1] for name in names(tmp_path)] == [f"{n}.tap.gz" for n in (9, 11, 8, 10)]


def test_a_growing_file_makes_room(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """What is appended counts too, and a venue whose file had to go begins a new one."""
    folder = make(max_file=30_000, max_total=30_000)
    folder.write("okx", [noise(10_000)])
    for _ in range(3):
        folder.write("bybit", [noise(20_000)])
    assert [name[:5] for name in names(tmp_path)] == ["bybit"]
    assert folder.write("okx", [b"1\n"]).error is None
    assert [name[:3] for name in names(tmp_path)] == ["byb", "okx"]


def test_other_files_are_never_touched(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """Only regular files under the names that we give are counted and deleted."""
    place = tmp_path / "a" / "tap"
    place.mkdir(parents=True)
    (tmp_path / "kept").write_bytes(bytes(50_000))
    foreign = ["notes.txt", "okx-20260101T000000Z-1.tap.gz.bak", "okx-old.tap.gz"]
    for name in foreign:
        (place / name).write_bytes(bytes(50_000))
    (place / "okx-20260101T000000Z-2.tap.gz").symlink_to(tmp_path / "kept")
    (place / "okx-20260101T000000Z-3.tap.gz").mkdir()
    folder = make(max_file=10_000, max_total=10_000)
    for _ in range(3):
        assert folder.write("okx", [noise(10_000)]).error is None
    assert len(names(tmp_path)) == len(foreign) + 2 + 1


@pytest.mark.parametrize("max_total", [1000, 1 << 30])
def test_a_file_that_was_removed_is_begun_anew(
    make: Callable[..., TapFolder], tmp_path: Path, max_total: int
) -> None:
    """Whoever removes the folder while frames come loses nothing that comes later, full or not."""
    folder = make(max_total=max_total)
    folder.write("okx", [b"1\n"])
    (tmp_path / "a" / "tap" / names(tmp_path)[0]).unlink()
    (tmp_path / "a" / "tap").rmdir()
    lines = [noise(1500)]
    assert folder.write("okx", lines).error is None
    assert text(tmp_path, names(tmp_path)[0]) == HEADER + lines[0]


def test_a_file_in_the_way(make: Callable[..., TapFolder], tmp_path: Path) -> None:
    """Where the folder cannot be made, the lines are lost and the error is returned; then it is tried again."""
    (tmp_path / "a").write_bytes(b"")
    folder = make()
    lost = folder.write("okx", [b"1\n", b"2\n"])
    assert isinstance(lost.error, OSError)
    assert (lost.frames, lost.size, lost.lost) == (0, 0, 2)
    (tmp_path / "a").unlink()
    assert folder.write("okx", [b"3\n"]).frames == 1


class Full:
    """`/dev/full` in place of the file that is opened: takes nothing, as a disk without space."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = Path.open

        def opened(path: Path, mode: str, **options: int) -> object:
            real(path, mode, buffering=0).close()
            return real(Path("/dev/full"), "r+b", **options)

        monkeypatch.setattr(Path, "open", opened)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
def test_a_full_disk_leaves_no_empty_files(
    make: Callable[..., TapFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot take its first bytes is removed, one that has some goes on when there is space again."""
    folder = make()
    with monkeypatch.context() as patched:
        Full(patched)
        assert folder.write("okx", [b"1\n"]).lost == 1
    assert names(tmp_path) == []
    folder.write("okx", [b"2\n"])
    with monkeypatch.context() as patched:
        Full(patched)
        assert folder.write("okx", [b"3\n"]).lost == 1
    folder.write("okx", [b"4\n"])
    (name,) = names(tmp_path)
    assert text(tmp_path, name) == HEADER + b"2\n4\n"


def test_the_standard_library_does_the_same(
    make: Callable[..., TapFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where isal has no wheel, zlib takes its place."""
    import zlib

    monkeypatch.setattr(tap_folder, "codec", zlib)
    make().write("okx", [b"1\n"])
    assert text(tmp_path, names(tmp_path)[0]) == HEADER + b"1\n"
