"""Who takes frames when: order, the limit of a pass, what is raised late, and how much may wait."""

import asyncio
from collections.abc import Callable

import pytest

from microstream.clock import SystemClock
from microstream.transport.turns import LIMIT_MS, MOST, Turns


class Clock(SystemClock):
    """A wall clock that stands still until it is moved."""

    now = 1_000_000

    def now_ms(self) -> int:
        """Wall clock, milliseconds UTC."""
        return self.now


class Owner:
    """Keeps what late steps have raised."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def failed(self, error: Exception) -> None:
        """Keep it."""
        self.errors.append(error)


class Desk:
    """Takes frames as a connection does, each in `cost_ms`."""

    def __init__(self, cost_ms: int) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock)
        self.owner = Owner()
        self.taken: list[int] = []
        self.cost_ms = cost_ms

    def step(self, number: int) -> None:
        """Take one."""
        self.clock.now += self.cost_ms
        self.taken.append(number)

    def wrong(self, number: int) -> None:
        """Take one that cannot be taken."""
        self.clock.now += self.cost_ms
        raise ValueError(number)

    def read(self, number: int, step: Callable[[int], None] | None = None) -> None:
        """Bring one, as the socket's callback does."""
        step = step or self.step
        if self.clock.now < self.turns.until:
            step(number)
        else:
            self.turns.take(self.owner, step, number)

    async def emptied(self) -> None:
        """Let the loop pass until nothing waits."""
        for _ in range(MOST):
            if not len(self.turns):
                return
            await asyncio.sleep(0)
        raise AssertionError("something waits for ever")


async def test_frames_of_a_pass_are_taken_at_once_until_its_time_is_up() -> None:
    """Those behind wait for the next pass, and the ones after these behind them."""
    desk = Desk(cost_ms=1)
    for number in range(6):
        desk.read(number)
    assert desk.taken == [0, 1, 2, 3]
    await asyncio.sleep(0)
    assert desk.taken == [0, 1, 2, 3, 4, 5]
    desk.read(6)
    assert desk.taken[-1] == 6


async def test_order_is_kept_however_long_frames_take() -> None:
    """No pass takes more than its time and the frame that is begun; none overtakes another."""
    desk = Desk(cost_ms=LIMIT_MS - 1)
    for number in range(50):
        desk.read(number)
        if number % 5 == 4:
            before = len(desk.taken)
            await asyncio.sleep(0)
            assert len(desk.taken) - before <= 2
    await desk.emptied()
    assert desk.taken == list(range(50))


async def test_the_rest_of_a_frame_comes_before_the_next_frame() -> None:
    """Parts that are put in front keep their order."""
    desk = Desk(cost_ms=LIMIT_MS)
    desk.read(0)
    desk.read(9)
    desk.turns.put_first(desk.owner, [(desk.step, (number,)) for number in (1, 2, 3)])
    await desk.emptied()
    assert desk.taken == [0, 1, 2, 3, 9]


async def test_what_a_late_frame_raises_goes_to_its_owner() -> None:
    """What is raised at once goes to the caller; the others are taken all the same."""
    desk = Desk(cost_ms=LIMIT_MS)
    with pytest.raises(ValueError, match="0"):
        desk.read(0, desk.wrong)
    desk.read(1, desk.wrong)
    desk.read(2)
    await desk.emptied()
    assert [str(error) for error in desk.owner.errors] == ["1"]
    assert desk.taken == [2]


async def test_no_more_than_so_many_wait() -> None:
    """Beyond, all is taken at once: the kernel's buffers and the venue wait instead."""
    desk = Desk(cost_ms=LIMIT_MS)
    for number in range(MOST + 2):
        desk.read(number)
    assert desk.taken == list(range(MOST + 2))
    assert len(desk.turns) == 0
