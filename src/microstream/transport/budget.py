"""Spends the venue's quotas before anything is sent, and keeps closed what the venue has closed."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from microstream.clock import Clock
from microstream.errors import RateLimited
from microstream.spec.rest import Headers, Quota
from microstream.transport.account import Account

Costs = tuple[tuple[str, float], ...]
"""What a request takes from each quota that it names; no quota twice."""


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota as it stands: `used` of `limit` in the current window; `closed_s` is 0 when it is open."""

    name: str
    limit: float
    used: float
    closed_s: float


@dataclass(slots=True, eq=False)
class Booking:
    """Costs that are taken for one request; `Budget.settle` ends it."""

    costs: Costs


@dataclass(slots=True, eq=False)
class _Waiter:
    costs: Costs
    names: frozenset[str]
    give_up_at: float | None
    booked: asyncio.Future[Booking]


class Budget:
    """All quotas that one venue sets for this address, as far as this process may use them.

    `share` is the part of each quota that this process takes (0 to 1); the rest is for others on the same
    address. Requests are let through in the order in which they came; one overtakes only those that share no
    quota with it.
    """

    def __init__(self, quotas: Sequence[Quota], clock: Clock, share: float) -> None:
        self._clock = clock
        self._accounts = {quota.name: Account(quota, share, clock) for quota in quotas}
        self._open_at = float("-inf")
        self._waiters: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def spend(self, costs: Costs, give_up_at: float | None = None) -> Booking:
        """Wait until every named quota has room and is open, then take all costs at once.

        The caller settles the booking when the answer is there. Raises `RateLimited` as soon as a closure is
        known to outlast `give_up_at` (monotonic); without it the wait is as long as it takes. Raises
        `KeyError` for a quota that the venue does not declare.
        """
        names = frozenset(name for name, _ in costs)
        is_first = all(names.isdisjoint(waiter.names) for waiter in self._waiters)
        if is_first and self._wait_s(costs) <= 0:
            return self._book(costs)
        if (refusal := self._refusal(costs, give_up_at)) is not None:
            raise refusal
        waiter = _Waiter(costs, names, give_up_at, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        if is_first:
            self._serve()
        try:
            return await waiter.booked
        except asyncio.CancelledError:
            if waiter.booked.cancelled():
                self._serve()  # whoever stood behind may go
            elif not waiter.booked.exception():
                self.settle(waiter.booked.result())
            raise

    def settle(self, booking: Booking) -> None:
        """End a booking: its costs count for one window from now. Doing it twice is harmless."""
        now = self._clock.monotonic()
        costs, booking.costs = booking.costs, ()
        for name, cost in costs:
            self._accounts[name].settle(now, cost)

    def believe(self, headers: Headers) -> None:
        """Correct what is used by the venue's own counters, where the answer carries them.

        What the venue counts beyond ours belongs to other processes on this address; all of us together stay
        under 95 % of the full limit.
        """
        now = self._clock.monotonic()
        for account in self._accounts.values():
            account.believe(now, headers)

    def set_limit(self, name: str, limit: float) -> None:
        """Take over a limit that the venue has announced. Raises `KeyError` for an undeclared quota."""
        self._accounts[name].limit = limit
        self._serve()

    def close(self, quota: str | None, for_s: float) -> None:
        """Let nothing through for `for_s` seconds: one quota, or the whole venue (None).

        An existing closure is never shortened. Raises `KeyError` for an undeclared quota.
        """
        until = self._clock.monotonic() + for_s
        if quota is None:
            self._open_at = max(self._open_at, until)
        else:
            account = self._accounts[quota]
            account.open_at = max(account.open_at, until)
        for waiter in self._waiters:
            refusal = self._refusal(waiter.costs, waiter.give_up_at)
            if refusal is not None and not waiter.booked.done():
                waiter.booked.set_exception(refusal)
        self._serve()

    def closed_for(self, costs: Costs) -> float:
        """Return the seconds for which a request with these costs may not be sent; 0 when all is open."""
        open_at = max((self._accounts[name].open_at for name, _ in costs), default=self._open_at)
        return max(open_at - self._clock.monotonic(), self._open_at - self._clock.monotonic(), 0.0)

    @property
    def waiting(self) -> int:
        """How many requests wait for room or for the end of a closure."""
        return len(self._waiters)

    def quotas(self) -> list[QuotaState]:
        """Return how each quota stands now."""
        now = self._clock.monotonic()
        return [
            QuotaState(
                name=name,
                limit=account.limit,
                used=account.ours(now) + account.others(now),
                closed_s=max(account.open_at - now, self._open_at - now, 0.0),
            )
            for name, account in self._accounts.items()
        ]

    def _wait_s(self, costs: Costs) -> float:
        """Return 0 if the costs can be taken now, else the seconds before which they cannot."""
        now = self._clock.monotonic()
        room_in = max((self._accounts[name].room_in(now, cost) for name, cost in costs), default=0.0)
        return max(room_in, self.closed_for(costs))

    def _book(self, costs: Costs) -> Booking:
        for name, cost in costs:
            self._accounts[name].book(cost)
        return Booking(costs)

    def _serve(self) -> None:
        """Let through whom there is room for, in order, and come back when the next one may fit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held: set[str] = set()  # quotas that an earlier request waits for
        look_again_s = float("inf")
        kept: deque[_Waiter] = deque()
        for waiter in self._waiters:
            if waiter.booked.done():
                continue
            wait_s = self._wait_s(waiter.costs) if held.isdisjoint(waiter.names) else float("inf")
            if wait_s <= 0:
                waiter.booked.set_result(self._book(waiter.costs))
                continue
            look_again_s = min(look_again_s, wait_s)
            held |= waiter.names
            kept.append(waiter)
        self._waiters = kept
        if look_again_s != float("inf"):
            self._timer = asyncio.get_running_loop().call_later(look_again_s, self._serve)

    def _refusal(self, costs: Costs, give_up_at: float | None) -> RateLimited | None:
        """Return the answer to one who would not wait until the end of a closure."""
        closed_s = self.closed_for(costs)
        if give_up_at is None or closed_s <= 0 or self._clock.monotonic() + closed_s <= give_up_at:
            return None
        quota = self._last_to_open(name for name, _ in costs)
        what = "all quotas are" if quota is None else f"quota {quota!r} is"
        return RateLimited(
            f"not sent: {what} closed for another {closed_s:.1f} s after what the venue answered",
            retry_after_s=closed_s,
            quota=quota,
        )

    def _last_to_open(self, names: Iterable[str]) -> str | None:
        """Return the quota whose closure ends last, None if that is the venue's."""
        latest = max(names, key=lambda name: self._accounts[name].open_at, default=None)
        return latest if latest is not None and self._accounts[latest].open_at > self._open_at else None
