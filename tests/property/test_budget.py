"""What a venue sees of a budget, for any traffic: in virtual time, so that minutes cost nothing."""

import asyncio
import itertools
import selectors
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microstream.errors import RateLimited
from microstream.spec.rest import Headers, Quota
from microstream.transport.account import Account
from microstream.transport.budget import Budget, Costs

START_S = 1_795_000_020.0  # wall clock at loop time 0


class JumpingSelector(selectors.SelectSelector):
    """Does not wait: tells how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for ever"
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which sleeping takes no time."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class VirtualClock:
    """The clock of the virtual loop; the wall clock can be stepped."""

    def __init__(self) -> None:
        self.step_s = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall_s(self) -> float:
        return START_S + self.step_s + self.monotonic()

    def now_ms(self) -> int:
        return int(self.wall_s() * 1000 + 1e-3)


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run to the end, however long that takes by the virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test())


@dataclass
class Ask:
    """A request: when it comes, what it costs, and how long the way to the venue and back takes."""

    at: float
    costs: Costs
    there: float
    back: float


@dataclass
class Seen:
    """When a request was let through and when the venue counted it, by monotonic and by wall clock."""

    order: int
    costs: Costs
    let_through: float
    counted: float
    counted_wall: float


@dataclass
class Log:
    """All that a venue has seen."""

    seen: list[Seen] = field(default_factory=list)

    def of(self, quota: str) -> list[tuple[Seen, float]]:
        """Return the requests that cost something of a quota, as the venue counted them."""
        found = [(one, cost) for one in self.seen for name, cost in one.costs if name == quota]
        return sorted(found, key=lambda pair: pair[0].counted)


QUOTAS = (Quota("minute", 40, 60, aligned=True), Quota("spin", 10, 2), Quota("long", 30, 300, aligned=True))


def seconds(shortest: float, longest: float) -> st.SearchStrategy[float]:
    """Spans to the millisecond, as clocks tell them."""
    return st.integers(round(shortest * 1000), round(longest * 1000)).map(lambda ms: ms / 1000)


costs_lists = st.dictionaries(
    st.sampled_from(["minute", "spin", "long"]), st.integers(1, 12).map(float), max_size=2
).map(lambda costs: tuple(costs.items()))
asks_lists = st.lists(
    st.builds(
        Ask,
        at=seconds(0, 100),
        costs=costs_lists,
        there=st.sampled_from([0.0, 0.01, 0.7, 5.0]),
        back=st.sampled_from([0.0, 0.05, 3.0]),
    ),
    min_size=1,
    max_size=40,
)
shares = st.sampled_from([0.05, 0.5, 0.8, 1.0])


async def sent(budget: Budget, clock: VirtualClock, asks: Sequence[Ask]) -> Log:
    """Send all, and return what the venue saw."""
    log = Log()
    arrivals = itertools.count()

    async def send(ask: Ask) -> None:
        await asyncio.sleep(ask.at)
        order = next(arrivals)
        booking = await budget.spend(ask.costs)
        try:
            let_through = clock.monotonic()
            await asyncio.sleep(ask.there)
            log.seen.append(Seen(order, ask.costs, let_through, clock.monotonic(), clock.wall_s()))
            await asyncio.sleep(ask.back)
        finally:
            budget.settle(booking)

    async with asyncio.TaskGroup() as group:
        for ask in asks:
            group.create_task(send(ask))
    return log


@settings(deadline=None)
@given(asks=asks_lists, share=shares)
def test_no_window_of_the_venue_holds_more_than_the_share(asks: list[Ask], share: float) -> None:
    """Whatever the ways take, sliding and aligned windows keep within the share, or hold one dear request."""

    async def check() -> None:
        clock = VirtualClock()
        log = await sent(Budget(QUOTAS, clock, share), clock, asks)
        assert len(log.seen) == len(asks)
        for quota in QUOTAS:
            for first, _ in log.of(quota.name):
                inside = [cost for other, cost in log.of(quota.name) if in_one_window(quota, first, other)]
                assert sum(inside) <= max(quota.limit * share, *inside)

    in_virtual_time(check)


def in_one_window(quota: Quota, first: Seen, other: Seen) -> bool:
    """Say whether `other` falls into the window that `first` is in (aligned) or begins (sliding)."""
    if quota.aligned:
        return first.counted_wall // quota.window_s == other.counted_wall // quota.window_s
    return 0 <= other.counted - first.counted < quota.window_s - 1e-6


@settings(deadline=None)
@given(asks=asks_lists, share=shares)
def test_requests_that_share_a_quota_keep_their_order(asks: list[Ask], share: float) -> None:
    """First come, first served: nothing cheap overtakes something dear on the same quota."""

    async def check() -> None:
        clock = VirtualClock()
        log = await sent(Budget(QUOTAS, clock, share), clock, asks)
        for quota in QUOTAS:
            let_through = [one.let_through for one, _ in sorted(log.of(quota.name), key=lambda p: p[0].order)]
            assert let_through == sorted(let_through)

    in_virtual_time(check)


closures = st.lists(
    st.tuples(
        seconds(0, 100), st.sampled_from([None, "minute", "spin"]), seconds(0, 200), seconds(-1e5, 1e5)
    ),
    max_size=6,
)


@settings(deadline=None)
@given(asks=asks_lists, closures=closures)
def test_nothing_passes_before_the_end_of_a_closure(
    asks: list[Ask], closures: list[tuple[float, str | None, float, float]]
) -> None:
    """Closures come at any time, overlap, and the wall clock is stepped after each: none lets anything by."""

    async def check() -> None:
        clock = VirtualClock()
        budget = Budget(QUOTAS, clock, 1.0)
        shut: list[tuple[float, str | None, float]] = []

        async def close(at: float, quota: str | None, for_s: float, step_s: float) -> None:
            await asyncio.sleep(at)
            budget.close(quota, for_s)
            shut.append((clock.monotonic(), quota, clock.monotonic() + for_s))
            clock.step_s = step_s

        async with asyncio.TaskGroup() as group:
            for closure in closures:
                group.create_task(close(*closure))
            log = await sent(budget, clock, asks)
        for one in log.seen:
            names = {None, *(name for name, _ in one.costs)}
            for begins, quota, ends in shut:
                assert quota not in names or not begins < one.let_through < ends

    in_virtual_time(check)


@settings(deadline=None)
@given(asks=asks_lists, cancel_at=st.lists(seconds(0, 120), min_size=1, max_size=20))
def test_cancelled_requests_leave_no_trace(asks: list[Ask], cancel_at: list[float]) -> None:
    """Whatever is cancelled, the others go through, and in the end nothing is taken."""

    async def check() -> None:
        clock = VirtualClock()
        budget = Budget(QUOTAS, clock, 0.5)

        async def cancelled(ask: Ask, at: float) -> None:
            try:
                async with asyncio.timeout(at):
                    await sent(budget, clock, [ask])
            except TimeoutError:
                assert at >= ask.at or clock.monotonic() >= at

        async with asyncio.TaskGroup() as group:
            for at in cancel_at:
                group.create_task(cancelled(Ask(at / 2, (("spin", 7.0),), 0.0, 0.0), at))
            log = await sent(budget, clock, asks)
        assert len(log.seen) == len(asks)
        await asyncio.sleep(1000)
        assert budget.waiting == 0
        assert [quota.used for quota in budget.quotas()] == [0, 0, 0]

    in_virtual_time(check)


@settings(deadline=None)
@given(
    waits=st.lists(st.tuples(seconds(0, 50), seconds(0, 100)), min_size=1, max_size=10),
    closed_at=seconds(0, 50),
    for_s=seconds(1, 200),
)
def test_those_who_would_not_wait_are_told_when_it_is_known(
    waits: list[tuple[float, float]], closed_at: float, for_s: float
) -> None:
    """A closure past someone's last moment is told the moment it is known; the others are served after it."""

    async def check() -> None:
        clock = VirtualClock()
        budget = Budget([Quota("spin", 1e6, 2)], clock, 1.0)
        ends = closed_at + for_s

        async def ask(at: float, patience: float) -> None:
            await asyncio.sleep(at)
            began, give_up_at = clock.monotonic(), clock.monotonic() + patience
            refusal = None
            try:
                await budget.spend((("spin", 1.0),), give_up_at)
            except RateLimited as error:
                refusal = error
            if refusal is None:
                assert began <= closed_at + 1e-6 or give_up_at >= ends - 1e-6 or began >= ends - 1e-6
            else:
                assert give_up_at < ends + 1e-6
                assert clock.monotonic() == pytest.approx(max(began, closed_at), abs=1e-6)
                assert refusal.retry_after_s == pytest.approx(ends - clock.monotonic())

        async def close() -> None:
            await asyncio.sleep(closed_at)
            budget.close("spin", for_s)

        async with asyncio.TaskGroup() as group:
            group.create_task(close())
            for at, patience in waits:
                group.create_task(ask(at, patience))

    in_virtual_time(check)


def counter(headers: Headers) -> float | None:
    """Read the venue's counter."""
    text = headers.get("Used")
    return None if text is None else float(text)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.floats(0.5, 20)),
        st.tuples(st.just("pass"), seconds(0, 70)),
        st.tuples(st.just("believe"), st.floats(0, 200)),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(steps=steps, cost=st.floats(0.5, 60), aligned=st.booleans(), share=shares)
def test_believing_the_venue_never_makes_room(
    steps: list[tuple[str, float]], cost: float, aligned: bool, share: float
) -> None:
    """What did not fit before a reading does not fit after it, and with others we stay under 95 %."""

    async def check() -> None:
        clock = VirtualClock()
        account = Account(Quota("q", 100, 60, aligned=aligned, used=counter), share, clock)
        for step, amount in steps:
            now = clock.monotonic()
            if step == "pass":
                await asyncio.sleep(amount)
            elif step == "book" and account.room_in(now, amount) <= 0:
                account.book(amount)
                account.settle(now, amount)
                if account.others(now) > 0 and account.ours(now) > amount:
                    assert account.ours(now) + account.others(now) <= 95
            elif step == "believe":
                fitted = account.room_in(now, cost) <= 0
                account.believe(now, {"Used": str(amount)})
                assert fitted or account.room_in(now, cost) > 0
                assert account.ours(now) + account.others(now) >= amount - 1e-9

    in_virtual_time(check)
