"""Tasks: who is cancelled when, and what an error ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from microstream.app.supervisor import Runner, supervise


class Diary:
    """What happened, in order."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.stop = asyncio.Event()

    def runner(self, name: str) -> Runner:
        """Return a runner that lives until it is cancelled."""

        async def run() -> None:
            self.entries.append(f"{name} began")
            try:
                await asyncio.Event().wait()
            finally:
                self.entries.append(f"{name} ended")

        return run

    async def drain(self) -> None:
        """Note the draining, which takes a moment."""
        await asyncio.sleep(0)
        self.entries.append("drained")


@pytest.fixture
def diary() -> Diary:
    """An empty diary."""
    return Diary()


async def test_stopping_ends_above_then_drains_then_ends_below(
    diary: Diary, eventually: Callable[..., Awaitable[None]]
) -> None:
    """What is collected is still written."""
    async with asyncio.TaskGroup() as group:
        group.create_task(
            supervise([diary.runner("feed")], [diary.runner("sink")], stop=diary.stop, drain=diary.drain)
        )
        await eventually(lambda: len(diary.entries) == 2)
        assert set(diary.entries) == {"feed began", "sink began"}
        diary.stop.set()
    assert diary.entries[2:] == ["feed ended", "drained", "sink ended"]


async def test_an_error_above_ends_all_after_draining(diary: Diary) -> None:
    """It is raised in a group."""

    async def fails() -> None:
        raise ValueError("bug")

    with pytest.raises(ExceptionGroup) as caught:
        await supervise(
            [diary.runner("feed"), fails], [diary.runner("sink")], stop=diary.stop, drain=diary.drain
        )
    assert caught.group_contains(ValueError, match="bug")
    assert [entry for entry in diary.entries if "began" not in entry] == [
        "feed ended",
        "drained",
        "sink ended",
    ]


async def test_an_error_below_ends_all(diary: Diary) -> None:
    """A writer that dies leaves nobody running."""

    async def fails() -> None:
        raise ValueError("bug")

    with pytest.raises(ExceptionGroup) as caught:
        await supervise(
            [diary.runner("feed")], [fails, diary.runner("sink")], stop=diary.stop, drain=diary.drain
        )
    assert caught.group_contains(ValueError, match="bug")
    assert {"feed ended", "sink ended"} <= set(diary.entries)


async def test_a_task_that_is_done_ends_nothing(
    diary: Diary, eventually: Callable[..., Awaitable[None]]
) -> None:
    """Checking the names at the start is over at some time."""
    done = asyncio.Event()

    async def short() -> None:
        done.set()

    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            supervise([short, diary.runner("feed")], [], stop=diary.stop, drain=diary.drain)
        )
        await done.wait()
        await eventually(lambda: "feed began" in diary.entries)
        assert not running.done()
        diary.stop.set()


async def test_cancelling_the_whole_drains_too(
    diary: Diary, eventually: Callable[..., Awaitable[None]]
) -> None:
    """And the cancellation is not swallowed."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            supervise([diary.runner("feed")], [diary.runner("sink")], stop=diary.stop, drain=diary.drain)
        )
        await eventually(lambda: len(diary.entries) == 2)
        running.cancel()
    assert running.cancelled()
    assert diary.entries[2:] == ["feed ended", "drained", "sink ended"]


async def test_a_stop_that_came_before_the_start_ends_at_once(diary: Diary) -> None:
    """A signal during the start is not lost."""
    diary.stop.set()
    await supervise([diary.runner("feed")], [diary.runner("sink")], stop=diary.stop, drain=diary.drain)
    assert "drained" in diary.entries
