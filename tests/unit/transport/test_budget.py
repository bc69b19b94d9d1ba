"""Budget on a clock that stands still until it is moved: what fits, what is closed, what is believed."""

import asyncio
import contextlib

import pytest

from microstream.errors import RateLimited
from microstream.spec.rest import Headers, Quota
from microstream.transport.budget import Booking, Budget, QuotaState

START_MS = 1_795_000_020_000  # a whole minute


class StillClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.wall_ms = START_MS
        self.seconds = 1000.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.seconds

    def pass_s(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.seconds += seconds


def used_weight(headers: Headers) -> float | None:
    """Read Binance's counter."""
    text = headers.get("X-MBX-USED-WEIGHT-1M")
    return None if text is None else float(text)


WEIGHT = Quota("weight", 100, 60, aligned=True, used=used_weight)
SPIN = Quota("spin", 10, 2)


def budget_of(*quotas: Quota, share: float = 1.0) -> tuple[Budget, StillClock]:
    """Return a budget and its clock."""
    clock = StillClock()
    return Budget(quotas, clock, share), clock


async def taken(budget: Budget, name: str, cost: float) -> Booking | None:
    """Spend if it is possible at once, else withdraw."""
    spending = asyncio.ensure_future(budget.spend(((name, cost),)))
    await asyncio.sleep(0)
    if spending.done():
        return spending.result()
    spending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await spending
    assert budget.waiting == 0
    return None


async def times_taken(budget: Budget, name: str, cost: float) -> int:
    """Return how often a cost fits now; each is settled at once."""
    for count in range(1000):
        booking = await taken(budget, name, cost)
        if booking is None:
            return count
        budget.settle(booking)
    raise AssertionError("the budget has no end")


def state(budget: Budget) -> QuotaState:
    """Return the state of the first quota."""
    return budget.quotas()[0]


async def test_only_the_share_of_a_limit_is_used() -> None:
    """Of 100 units at a share of 0.6, 60 fit."""
    budget, _ = budget_of(WEIGHT, share=0.6)
    assert await times_taken(budget, "weight", 10) == 6
    assert state(budget) == QuotaState("weight", limit=100, used=60, closed_s=0)


async def test_an_aligned_window_is_full_again_at_the_whole_minute() -> None:
    """Binance's minutes turn at second 0 of the wall clock, not a minute after the first request."""
    budget, clock = budget_of(WEIGHT)
    clock.pass_s(50)
    assert await times_taken(budget, "weight", 50) == 2
    clock.pass_s(9.999)
    assert await times_taken(budget, "weight", 50) == 0
    clock.pass_s(0.001)
    assert await times_taken(budget, "weight", 50) == 2


async def test_a_sliding_window_forgets_each_cost_by_itself() -> None:
    """OKX's 2 s slide: what was spent half a second later frees half a second later."""
    budget, clock = budget_of(SPIN)
    assert await times_taken(budget, "spin", 4) == 2
    clock.pass_s(0.5)
    assert await times_taken(budget, "spin", 1) == 2
    clock.pass_s(1.49)
    assert await times_taken(budget, "spin", 1) == 0
    clock.pass_s(0.01)
    assert await times_taken(budget, "spin", 1) == 8


async def test_a_request_under_way_keeps_its_place() -> None:
    """The venue may count a slow request at any moment until its answer is here, so it counts until then."""
    budget, clock = budget_of(SPIN)
    booking = await taken(budget, "spin", 10)
    assert booking is not None
    clock.pass_s(30)
    assert await taken(budget, "spin", 1) is None
    budget.settle(booking)
    clock.pass_s(1.9)
    assert await taken(budget, "spin", 1) is None
    clock.pass_s(0.1)
    assert await taken(budget, "spin", 1) is not None


async def test_settling_twice_counts_once() -> None:
    """An error path that settles again changes nothing."""
    budget, _ = budget_of(SPIN)
    booking = await taken(budget, "spin", 4)
    assert booking is not None
    budget.settle(booking)
    budget.settle(booking)
    assert state(budget).used == 4


async def test_a_cost_above_the_allowance_passes_once_a_window() -> None:
    """A share too small for the dearest request slows it down but never starves it."""
    budget, clock = budget_of(WEIGHT, share=0.05)
    assert await times_taken(budget, "weight", 10) == 1
    clock.pass_s(60)
    assert await times_taken(budget, "weight", 10) == 1


async def test_what_others_take_counts_against_the_full_limit() -> None:
    """The venue counts 80 where we took 10: up to 95 of 100 there is room for 15 more, not for our 50."""
    budget, clock = budget_of(WEIGHT, share=0.6)
    booking = await taken(budget, "weight", 10)
    assert booking is not None
    budget.believe({"X-MBX-USED-WEIGHT-1M": "80"})
    budget.settle(booking)
    assert state(budget).used == 80
    assert await times_taken(budget, "weight", 5) == 3
    clock.pass_s(60)
    assert await times_taken(budget, "weight", 5) == 12


@pytest.mark.parametrize("headers", [{}, {"X-MBX-USED-WEIGHT-1M": "3"}, {"X-MBX-USED-WEIGHT-1M": "20"}])
async def test_a_lower_counter_makes_no_room(headers: dict[str, str]) -> None:
    """Some of Binance's endpoints send a counter that is too low; ours stands then."""
    budget, _ = budget_of(WEIGHT, share=0.5)
    assert await times_taken(budget, "weight", 20) == 2
    budget.believe(headers)
    assert state(budget).used == 40
    assert await times_taken(budget, "weight", 10) == 1


async def test_a_counter_of_the_window_before_is_forgotten_with_it() -> None:
    """An answer from second 59.9 read at second 0.1 tells of the full minute before, by its Date header."""
    budget, clock = budget_of(WEIGHT)
    clock.pass_s(60.1)
    budget.believe({"X-MBX-USED-WEIGHT-1M": "99", "Date": "Wed, 18 Nov 2026 11:07:59 GMT"})
    assert await taken(budget, "weight", 10) is None
    clock.pass_s(1.0)
    assert await times_taken(budget, "weight", 10) == 10


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Nov 2026 11:07:59 GMT"])
async def test_a_broken_date_header_leaves_our_own_clock(date: str) -> None:
    """Without a readable Date the counter holds until our own minute turns."""
    budget, clock = budget_of(WEIGHT)
    clock.pass_s(50)
    budget.believe({"X-MBX-USED-WEIGHT-1M": "99", "Date": date})
    clock.pass_s(9)
    assert await taken(budget, "weight", 10) is None
    clock.pass_s(1)
    assert await taken(budget, "weight", 10) is not None


async def test_a_live_limit_replaces_the_declared_one() -> None:
    """exchangeInfo announces a limit; room follows at once."""
    budget, _ = budget_of(WEIGHT, share=0.5)
    assert await times_taken(budget, "weight", 10) == 5
    budget.set_limit("weight", 200)
    assert await times_taken(budget, "weight", 10) == 5
    assert state(budget).limit == 200


async def test_a_closure_is_never_shortened() -> None:
    """A short wait asked for during a ban changes nothing."""
    budget, clock = budget_of(WEIGHT, SPIN)
    budget.close("weight", 100)
    budget.close("weight", 5)
    clock.pass_s(40)
    assert budget.closed_for((("weight", 1),)) == 60
    assert budget.closed_for((("spin", 1),)) == 0
    assert [quota.closed_s for quota in budget.quotas()] == [60, 0]


async def test_closing_all_closes_each() -> None:
    """A ban of the address holds for every quota, and for requests without a cost."""
    budget, clock = budget_of(WEIGHT, SPIN)
    budget.close(None, 10)
    assert [budget.closed_for(costs) for costs in ((), (("weight", 1),), (("spin", 1),))] == [10, 10, 10]
    assert await taken(budget, "spin", 1) is None
    clock.pass_s(10)
    assert await taken(budget, "spin", 1) is not None


@pytest.mark.parametrize("step_s", [-3600, -30, 30, 3600])
async def test_a_step_of_the_wall_clock_opens_nothing(step_s: int) -> None:
    """Closures and what was spent stand through a step; the next window opens no later than without it."""
    budget, clock = budget_of(WEIGHT)
    clock.pass_s(10)
    assert await times_taken(budget, "weight", 50) == 2
    budget.close("weight", 20)
    clock.wall_ms += step_s * 1000
    assert budget.closed_for((("weight", 1),)) == 20
    clock.pass_s(49)
    assert await taken(budget, "weight", 50) is None
    clock.pass_s(60)
    assert await taken(budget, "weight", 50) is not None


async def test_a_request_that_would_not_wait_is_told_at_once() -> None:
    """The error says which quota is closed and for how long."""
    budget, clock = budget_of(WEIGHT, SPIN)
    budget.close("weight", 30)
    with pytest.raises(RateLimited, match=r"quota 'weight' is closed for another 30\.0 s") as caught:
        await budget.spend((("weight", 1), ("spin", 1)), give_up_at=clock.seconds + 29)
    assert (caught.value.quota, caught.value.retry_after_s) == ("weight", 30)
    budget.close(None, 60)
    with pytest.raises(RateLimited, match="all quotas are closed") as caught:
        await budget.spend((("weight", 1),), give_up_at=clock.seconds)
    assert caught.value.quota is None
    assert budget.waiting == 0


async def test_an_undeclared_quota_is_a_bug() -> None:
    """A misspelt name does not pass for a free request."""
    budget, _ = budget_of(WEIGHT)
    with pytest.raises(KeyError):
        await budget.spend((("wait", 1),))
    with pytest.raises(KeyError):
        budget.close("wait", 1)


async def test_a_place_granted_to_a_cancelled_request_is_given_back() -> None:
    """Cancelled in the very moment in which it is let through, it leaves nothing taken for ever."""
    budget, clock = budget_of(SPIN)
    assert await times_taken(budget, "spin", 10) == 1
    spending = asyncio.ensure_future(budget.spend((("spin", 5),)))
    await asyncio.sleep(0)
    budget.set_limit("spin", 20)
    assert state(budget).used == 15
    spending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await spending
    clock.pass_s(2)
    assert state(budget).used == 0
