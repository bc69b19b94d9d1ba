"""PollFeed: a round that somebody misses begins ahead of its time, and rounds keep a distance."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from microstream.clock import SystemClock
from microstream.model.frame import Frame
from microstream.spec.rest import Context, Poll, Request
from microstream.transport import poll_feed
from microstream.transport.feed_state import FeedState
from microstream.transport.poll_feed import PollFeed

APART_S = 0.15
PERIOD_S = 1_000.0


class Desk:
    """Answers at once, or when it is let; `asked` are the times of all rounds."""

    venue = "toy"

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.asked: list[float] = []
        self.delivered = 0
        self.news = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    def context(self) -> Context:
        """Follow nothing."""
        return Context({}, {})

    async def ask(
        self, request: Request, state: FeedState, give_up_at: float, *, has_rows: bool = True
    ) -> Frame | None:
        """Note when, wait until answers may come, and answer."""
        self.asked.append(self.clock.monotonic())
        self.news.set()
        await self.open.wait()
        return Frame(request.feed, self.clock.now_ms(), "rest")

    async def hand_over(self, frames: Sequence[Frame], period_ms: int) -> None:
        """Count what is delivered."""
        self.delivered += len(frames)

    async def rounds(self, count: int) -> None:
        """Wait until so many rounds have begun."""
        async with asyncio.timeout(5):
            while len(self.asked) < count:
                self.news.clear()
                await self.news.wait()


@pytest.fixture
def desk() -> Desk:
    """Who answers and takes the answers."""
    return Desk()


@asynccontextmanager
async def polling(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PollFeed]:
    """Run a poll whose next due time is far away, with a short distance between rounds."""
    monkeypatch.setattr(poll_feed, "HURRY_S", APART_S)
    monkeypatch.setattr(PollFeed, "_until_due_s", lambda _self: PERIOD_S)
    poll = Poll("tickers", frozenset({"mark"}), bulk=lambda _context: [Request("tickers", "/tickers")])
    feed = PollFeed(poll, desk, PERIOD_S)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(feed.run())
        yield feed
        task.cancel()


async def test_a_hurried_round_begins_ahead_of_its_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its distance from the one before, however soon and often it is asked for."""
    async with polling(desk, monkeypatch) as feed:
        await desk.rounds(1)
        for _ in range(3):
            feed.hurry()
        await desk.rounds(2)
    assert APART_S <= desk.asked[1] - desk.asked[0] < APART_S + 2
    assert len(desk.asked) == 2


async def test_nobody_in_a_hurry_is_no_round(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hurry is one round, and the next is due at its own time."""
    async with polling(desk, monkeypatch) as feed:
        feed.hurry()
        await desk.rounds(2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * APART_S):
                await desk.rounds(3)


async def test_every_hurry_after_a_round_is_heard(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that comes long after the last round: it begins at once."""
    async with polling(desk, monkeypatch) as feed:
        await desk.rounds(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2 * APART_S):
                await desk.rounds(2)
        began = desk.clock.monotonic()
        feed.hurry()
        await desk.rounds(2)
        assert desk.asked[1] - began < APART_S


async def test_an_answer_that_is_late_does_not_hold_up_a_hurry(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Awaitable[None]]
) -> None:
    """What is under way is not asked again; the round is over all the same when the answer comes."""
    monkeypatch.setattr(poll_feed, "MOST_TOGETHER_S", 0.01)
    desk.open.clear()
    async with polling(desk, monkeypatch) as feed:
        await feed.first_round.wait()
        feed.hurry()
        await eventually(lambda: feed.state.rounds == 2)
        assert (len(desk.asked), feed.state.skipped) == (1, 1)
        desk.open.set()
        await eventually(lambda: desk.delivered == 1)
