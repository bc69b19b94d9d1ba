"""The tap between the callback and the files."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from microstream.clock import SystemClock
from microstream.transport import tap as module
from microstream.transport.tap import OVERHEAD, Tap, TapSettings
from microstream.transport.tap_format import HEADER

Eventually = Callable[..., asyncio.Future[None]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD_S", 0.01)


def written(folder: Path) -> bytes:
    """Return the text of all files but their headers."""
    files = sorted(folder.glob("*.tap.gz"))
    return b"".join(gzip.decompress(path.read_bytes()).removeprefix(HEADER) for path in files)


async def test_frames_are_written_in_order(tmp_path: Path, eventually: Eventually) -> None:
    """Frames come out in the order of their receipt and are counted by venue; so are the bytes on disk."""
    tap = Tap(TapSettings(tmp_path), SystemClock())
    running = asyncio.create_task(tap.run())
    tap.keep("okx", "public#1", b"{}", 1)
    tap.keep("okx", "public#2", b"[1]", 2)
    await eventually(lambda: tap.frames["okx"] == 2)
    tap.keep("okx", "public#1", b"[2]", 3)
    await eventually(lambda: tap.frames["okx"] == 3)
    assert written(tmp_path) == b"1\tokx\tpublic#1\t{}\n2\tokx\tpublic#2\t[1]\n3\tokx\tpublic#1\t[2]\n"
    assert tap.size == {"okx": sum(path.stat().st_size for path in tmp_path.iterdir())}
    assert tap.dropped.total() == tap.errors.total() == 0
    running.cancel()
    await asyncio.wait([running])


async def test_a_view_is_copied(tmp_path: Path, eventually: Eventually) -> None:
    """The buffer under a view may be used again as soon as the frame is kept."""
    tap = Tap(TapSettings(tmp_path), SystemClock())
    buffer = bytearray(b"{}")
    tap.keep("okx", "c", memoryview(buffer), 1)
    buffer[:] = b"xx"
    running = asyncio.create_task(tap.run())
    await eventually(lambda: tap.frames["okx"] == 1)
    assert written(tmp_path) == b"1\tokx\tc\t{}\n"
    running.cancel()
    await asyncio.wait([running])


async def test_cancelling_writes_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """Cancelled in the middle of a write, it sees that through, writes what came meanwhile, and is cancelled."""
    tap = Tap(TapSettings(tmp_path), SystemClock())
    loop, writing, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    write = tap._folder.write

    def slow(exchange: str, lines: list[bytes]) -> module.Written:
        loop.call_soon_threadsafe(writing.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
        return write(exchange, lines)

    monkeypatch.setattr(tap._folder, "write", slow)
    running = asyncio.create_task(tap.run())
    tap.keep("okx", "c", b"{}", 1)
    await writing.wait()
    tap.keep("okx", "c", b"{}", 2)
    running.cancel()
    loop.call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert written(tmp_path) == b"1\tokx\tc\t{}\n2\tokx\tc\t{}\n"
    assert tap.frames == {"okx": 2}


async def test_a_large_buffer_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """A quarter of what may wait is enough not to wait for the second to pass."""
    monkeypatch.setattr(module, "PERIOD_S", 3600.0)
    tap = Tap(TapSettings(tmp_path, max_waiting=40_000), SystemClock())
    running = asyncio.create_task(tap.run())
    tap.keep("okx", "c", bytes(9000), 1)
    tap.keep("okx", "c", bytes(9000), 2)
    await eventually(lambda: tap.frames["okx"] == 2)
    running.cancel()
    await asyncio.wait([running])


async def test_what_waits_is_bounded(tmp_path: Path, eventually: Eventually) -> None:
    """Frames beyond `max_waiting` bytes are dropped and counted, until those before them are written."""
    tap = Tap(TapSettings(tmp_path, max_waiting=10 * (100 + OVERHEAD)), SystemClock())
    for number in range(13):
        tap.keep("okx" if number % 2 else "bybit", "c", bytes(100), number)
    assert tap.dropped == {"bybit": 2, "okx": 1}
    running = asyncio.create_task(tap.run())
    await eventually(lambda: tap.frames.total() == 10)
    for number in range(10):
        tap.keep("okx", "c", bytes(100), number)
    await eventually(lambda: tap.frames.total() == 20)
    assert tap.dropped.total() == 3
    running.cancel()
    await asyncio.wait([running])


async def test_a_disk_that_fails_is_told_once(tmp_path: Path, eventually: Eventually) -> None:
    """What to do is logged once, every failure counted, and writing goes on when the disk is back."""
    folder = tmp_path / "tap"
    folder.write_bytes(b"in the way")
    tap = Tap(TapSettings(folder), SystemClock())
    with capture_logs() as logs:
        running = asyncio.create_task(tap.run())
        for number in range(3):
            tap.keep("okx", "c", b"{}", number)
            tap.keep("bybit", "c", b"{}", number)
            await eventually(lambda number=number: tap.errors["okx"] == tap.errors["bybit"] == number + 1)
        folder.unlink()
        tap.keep("okx", "c", b"{}", 3)
        await eventually(lambda: tap.frames["okx"] == 1)
        tap.keep("bybit", "c", b"{}", 4)
        await eventually(lambda: tap.frames["bybit"] == 1)
        running.cancel()
        await asyncio.wait([running])
    assert written(folder) == b"4\tbybit\tc\t{}\n3\tokx\tc\t{}\n"
    assert tap.dropped == {"okx": 3, "bybit": 3}
    assert [entry["event"] for entry in logs] == ["frames cannot be kept, retrying", "frames are kept again"]
    assert logs[0]["folder"] == str(folder)
    assert "move it, or set tap.folder" in logs[0]["error"]
    assert logs[1]["dropped"] == 6
