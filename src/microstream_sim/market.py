"""The market itself: every true value as a pure function of (seed, contract, time).

Nothing moves by itself here. Prices, premiums and open interest are sums of waves, the funding rate follows
from the mean premium over the interval, and both are constant within a step. So the past, the present and
what was settled always agree with one another. A script can have contracts change their terms (`Change`)
and quantities leave their waves for a time (`Move`); caches hold what is without moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp
from typing import Any
from zlib import crc32

from microstream_sim.coins import coin
from microstream_sim.contracts import HOUR_MS, Contract
from microstream_sim.moves import Move, Moves, moved_integral
from microstream_sim.waves import DAY_MS, Waves, level_noise, random_walk

STEP_MS = 1_000  # unless another is asked for
_HALF_CLAMP = 0.0005  # the interest component pulls the rate by at most 0.05 %
_INTEREST_8H = 0.0001
_DEFAULT_INTERVAL_H = 8
_TRADING_WORDS = {"TRADING", "Trading", "live"}  # each venue's own
_USD_PER_QUOTE = {"USDC": 1.0001, "USDT": 0.9998}


@dataclass(frozen=True, slots=True)
class Change:
    """From `start` on (until `end`, if given) a contract's `field` has another value."""

    venue: str
    symbol: str
    start: int
    end: int | None
    field: str
    value: Any


@dataclass(frozen=True, slots=True)
class Funding:
    """The funding state of a contract: `rate` is the running estimate for `settles_at`, per interval."""

    rate: float
    premium: float
    settles_at: int
    previous_at: int
    interval_h: int


def _interest(contract: Contract, interval_h: int) -> float:
    return _INTEREST_8H * interval_h / 8 if contract.coin.category == "crypto" else 0.0


def _carried(contract: Contract, premium: float, t: int) -> float:
    """Return by what part the mark lies above the index: for a dated future less premium, and its carry."""
    if contract.kind == "future" and contract.delivers_at is not None:
        return premium * 0.3 + 0.05 * max(0, contract.delivers_at - t) / (365 * DAY_MS)
    return premium


class Market:
    """True values of every contract at every time, for one seed, one list of changes and one of moves.

    `step_ms` is how long values stay as they are; a whole number of steps makes a second, so that figures
    which are made once a second or more rarely always fall on the start of a step. A move acts from the first
    step that starts after it has begun.
    """

    def __init__(
        self,
        seed: int = 0,
        changes: Sequence[Change] = (),
        moves: Sequence[Move] = (),
        *,
        step_ms: int = STEP_MS,
    ) -> None:
        if step_ms < 1 or 1_000 % step_ms:
            raise ValueError(f"a market's step must divide a second, and {step_ms} ms does not")
        self.seed = seed
        self.step_ms = step_ms
        self.moves = Moves()
        self._changes: dict[tuple[str, str], list[Change]] = {}
        self.change(changes, moves)
        self.index_of = lru_cache(maxsize=20_000)(self._compute_index)
        self._mark = lru_cache(maxsize=20_000)(self._compute_mark)
        self._premium_of = lru_cache(maxsize=5_000)(self._find_premium)
        self._premium_integral = lru_cache(maxsize=20_000)(self._compute_premium_integral)
        self._usd_price = lru_cache(maxsize=20_000)(self._compute_usd_price)
        self._walk = lru_cache(maxsize=2_000)(self._make_walk)
        self._venue_noise = lru_cache(maxsize=5_000)(self._make_venue_noise)
        self._premium_waves = lru_cache(maxsize=5_000)(self._make_premium_waves)
        self._interest_waves = lru_cache(maxsize=5_000)(self._make_interest_waves)
        self._common = lru_cache(maxsize=1_000)(random_walk(f"{seed}:common", 0.015).value)

    def change(self, changes: Sequence[Change], moves: Sequence[Move] = ()) -> None:
        """Replace the lists of changes and moves."""
        if tuple(moves) != self.moves.all:
            self.moves = Moves(moves)
        self._changes = {}
        for change in sorted(changes, key=lambda one: one.start):
            self._changes.setdefault((change.venue, change.symbol), []).append(change)

    def step_of(self, t: int) -> int:
        """Return the start of the step that `t` falls in."""
        return t - t % self.step_ms

    def at(self, contract: Contract, t: int) -> Contract:
        """Return the contract as it stands at `t`, also of one that has been returned for another time."""
        if not self._changes:
            return contract
        listed = now = contract.listed_as or contract
        for change in self._changes.get((contract.venue, contract.symbol), ()):
            if change.start <= t and (change.end is None or t < change.end):
                now = replace(now, listed_as=listed, **{change.field: change.value})
                if change.field == "status" and change.value not in _TRADING_WORDS:
                    now = replace(now, live=False)
        return now

    def index(self, contract: Contract, t: int) -> float:
        """Return the index price in quote currency for one unit of the contract."""
        t = self.step_of(t)
        price = self._index(contract, t)
        if self.moves.touched and self.moves.touch(contract):
            price *= self.moves.price_factor(contract, t)
        return price

    def price_factor(self, contract: Contract, t: int) -> float:
        """Return by what moves have multiplied mark and index."""
        return self.moves.price_factor(contract, self.step_of(t)) if self.moves.touch(contract) else 1.0

    def _index(self, contract: Contract, t: int) -> float:
        return self.index_of(contract.venue, contract.coin.name, contract.quote, t) * contract.multiplier

    def _compute_index(self, venue: str, coin_name: str, quote: str, t: int) -> float:
        """Return a venue's index of one coin in `quote` at a step; venues differ by a few basis points."""
        noise = self._venue_noise(venue, coin_name).value(t)
        price = self._usd_price(coin_name, t) * (1.0 + noise)
        if quote in {"USD", "USDT", "USDC"}:
            return price / _USD_PER_QUOTE.get(quote, 1.0)
        return price / self._usd_price(quote, t)

    def mark(self, contract: Contract, t: int) -> float:
        """Return the mark price: index and premium; a dated future carries 5 % a year on top."""
        t = self.step_of(t)
        if self.moves.touched and self.moves.touch(contract):
            return self.index(contract, t) * (1.0 + _carried(contract, self.premium(contract, t), t))
        return self._mark(contract, t)

    def _compute_mark(self, contract: Contract, t: int) -> float:
        premium = self._premium_of(contract).value(t)
        return self._index(contract, t) * (1.0 + _carried(contract, premium, t))

    def premium(self, contract: Contract, t: int) -> float:
        """Return the premium of the mark over the index as a fraction."""
        t = self.step_of(t)
        premium = self._premium_of(contract).value(t)
        if self.moves.touched and self.moves.touch(contract):
            premium = self.moves.taken("premium", contract, t, premium)
        return premium

    def funding(self, contract: Contract, t: int) -> Funding:
        """Return the rate that would be settled at the next settlement if the premium stayed as it is.

        Changed terms act at once, within a step too. A move of the rate is held to cap and floor as well.
        """
        previous = self.previous_settlement(contract, t)
        terms = self.at(contract, t)
        interval_h = terms.interval_h or _DEFAULT_INTERVAL_H
        interval = interval_h * HOUR_MS
        settles_at = t - t % interval + interval
        t = self.step_of(t)
        rate = self._rate(contract, (previous, t), interval_h, terms, t)
        return Funding(rate, self.premium(contract, t), settles_at, previous, interval_h)

    def settled(self, contract: Contract, settlement: int) -> Funding:
        """Return what was charged at `settlement`: the estimate over the whole interval before it.

        A move of the rate counts as it was in the last step before.
        """
        previous = self.previous_settlement(contract, settlement - 1)
        interval_h = self._interval_h(contract, settlement - 1)
        terms, last = self.at(contract, settlement), self.step_of(settlement - 1)
        rate = self._rate(contract, (previous, settlement), interval_h, terms, last)
        return Funding(rate, self.premium(contract, settlement), settlement, previous, interval_h)

    def previous_settlement(self, contract: Contract, t: int) -> int:
        """Return the last settlement at or before `t`, on the UTC grid of the interval in force then."""
        while True:
            start = self._interval_since(contract, t)
            interval = self._interval_h(contract, t) * HOUR_MS
            on_grid = t - t % interval
            if on_grid >= start:
                return on_grid
            t = start - 1

    def settlements(self, contract: Contract, start: int, end: int, limit: int | None = None) -> list[int]:
        """Return the newest `limit` settlements within [start, end], or all of them, newest first."""
        found: list[int] = []
        start = max(start, contract.listed_at)
        at = self.previous_settlement(contract, end) if end >= start else start - 1
        while at >= start and (limit is None or len(found) < limit):
            found.append(at)
            at = self.previous_settlement(contract, at - 1)
        return found

    def interest(self, contract: Contract, t: int) -> float:
        """Return the interest component per interval: 0.01 % per 8 h, none for stocks and the like."""
        return _interest(contract, self._interval_h(contract, t))

    def _rate(
        self, contract: Contract, span: tuple[int, int], interval_h: int, limits: Contract, moved_at: int
    ) -> float:
        mean = self._mean_premium(contract, *span)
        interest = _interest(contract, interval_h)
        rate = mean + min(_HALF_CLAMP, max(-_HALF_CLAMP, interest - mean))
        if self.moves.touched and self.moves.touch(contract):
            rate = self.moves.taken("funding_rate", contract, moved_at, rate)
        return min(float(limits.cap), max(float(limits.floor), rate))

    def _interval_h(self, contract: Contract, t: int) -> int:
        return self.at(contract, t).interval_h or _DEFAULT_INTERVAL_H

    def _interval_since(self, contract: Contract, t: int) -> int:
        """Return when the interval in force at `t` came into force; 0 when it always was."""
        since = 0
        for change in self._changes.get((contract.venue, contract.symbol), ()):
            if change.field == "interval_h":
                edges = (change.start, change.end or change.start)
                since = max([since, *(edge for edge in edges if edge <= t)])
        return since

    def open_interest(self, contract: Contract, t: int) -> float:
        """Return the one-sided open interest in base units: slow, and rising a little with the price."""
        t = self.step_of(t)
        slow = self._interest_waves(contract.venue, contract.symbol).value(t)
        drift = 0.3 * (self._usd_price(contract.coin.name, t) / contract.coin.price - 1.0)
        usd = contract.coin.oi_usd * contract.share * exp(slow) * (1.0 + max(-0.5, min(0.5, drift)))
        units = usd / contract.unit_price
        if self.moves.touched and self.moves.touch(contract):
            units *= self.moves.taken("open_interest_factor", contract, t, 1.0)
        return units

    def _compute_usd_price(self, name: str, t: int) -> float:
        of = coin(name)
        if name == "USDC":
            return of.price
        beta = 1.0 if of.category == "crypto" else 0.1
        return of.price * exp(beta * self._common(t) + self._walk(name).value(t))

    def _make_walk(self, name: str) -> Waves:
        return random_walk(f"{self.seed}:coin:{name}", coin(name).daily * 0.7)

    def _make_venue_noise(self, venue: str, name: str) -> Waves:
        key = f"{self.seed}:venue:{venue}:{name}"
        return level_noise(key, 0.00012, shortest_ms=20_000, longest_ms=2 * HOUR_MS)

    def _make_premium_waves(self, venue: str, symbol: str, size: float) -> Waves:
        key = f"{self.seed}:premium:{venue}:{symbol}"
        return level_noise(key, size, shortest_ms=30_000, longest_ms=6 * DAY_MS)

    def _make_interest_waves(self, venue: str, symbol: str) -> Waves:
        key = f"{self.seed}:interest:{venue}:{symbol}"
        return level_noise(key, 0.08, shortest_ms=HOUR_MS // 6, longest_ms=20 * DAY_MS)

    def _mean_premium(self, contract: Contract, start: int, end: int) -> float:
        if end <= start:
            return self.premium(contract, start)
        if self.moves.touched and (moves := self.moves.of("premium", contract)):
            return moved_integral(moves, self._premium_of(contract), start, end) / (end - start)
        area = self._premium_integral(contract, end) - self._premium_integral(contract, start)
        return area / (end - start)

    def _compute_premium_integral(self, contract: Contract, t: int) -> float:
        return self._premium_of(contract).integral(t)

    def _find_premium(self, contract: Contract) -> Waves:
        """Return the premium noise: small for large coins, wild (up to the caps) for one small coin in 25."""
        size = 0.0009 if contract.coin.oi_usd > 5e7 else 0.0016
        if size > 0.0009 and crc32(contract.coin.name.encode()) % 25 == 0:
            size = 0.02
        return self._premium_waves(contract.venue, contract.symbol, size)
