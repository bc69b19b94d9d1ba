"""A venue whose price of a coin leaves that of the others. Two venues cannot tell which of them is wrong; three can."""

from collections.abc import Callable, Iterable, Iterator
from statistics import median

from microstream.model.state import PORTION, State

APART = 0.015
"""Part by which a mark must differ from the others' to be told; dollar stablecoins do not leave the dollar so far."""
TOGETHER = 0.01
"""Below this it is with the others again."""
OTHER_COIN = 0.3
"""Prices so far apart are of different coins under one name: nothing to compare."""
IN_A_ROW = 3
"""Looks, a second apart, that must find the same."""
DOLLARS = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "USD1"})
MOST_AGE_MS = 15_000
VENUES = 3

Judged = Callable[[State, bool, float, float, int], None]
"""Told state, whether it is an outlier now, the others' price and its own per unit coin, and the time."""


class Outliers:
    """Compares marks of the same coin, per single coin, across venues."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._coins: dict[str, list[State]] = {}
        self._alone: list[State] = []
        self._in_a_row: dict[str, int] = {}
        self._open: set[str] = set()

    def follow(self, states: Iterable[State]) -> None:
        """Take the contracts that are followed now; only coins that enough venues have are compared."""
        coins: dict[str, list[State]] = {}
        for state in states:
            item = state.instrument
            if item.kind == "perpetual" and not item.tradfi and item.quote in DOLLARS:
                coins.setdefault(item.base, []).append(state)
        self._coins = {base: group for base, group in coins.items() if _is_comparable(group)}
        self._alone = [state for group in coins.values() if not _is_comparable(group) for state in group]
        keys = {state.instrument.key for group in coins.values() for state in group}
        self._open &= keys
        self._in_a_row = {key: count for key, count in self._in_a_row.items() if key in keys}

    def forget(self, key: str) -> None:
        """Drop what is known of a contract."""
        self._open.discard(key)
        self._in_a_row.pop(key, None)

    def ticking(self, now: int) -> Iterator[None]:
        """Compare all coins that three venues have."""
        self._end(now)
        for number, group in enumerate(self._coins.values(), 1):
            if number % PORTION == 0:
                yield
            by_venue: dict[str, list[tuple[State, float]]] = {}
            for state in group:
                mark = state.mark
                if state.gone:
                    continue
                if mark is not None and now - mark.received_at <= MOST_AGE_MS and state.instrument.priced:
                    price = mark.price / state.instrument.multiplier
                    by_venue.setdefault(state.instrument.exchange, []).append((state, price))
            if len(by_venue) >= VENUES:
                self._compare(by_venue, now)

    def _end(self, now: int) -> None:
        """End what is open against a contract that has nothing to be compared with any more."""
        for state in self._alone:
            if state.instrument.key in self._open:
                self.forget(state.instrument.key)
                self._judged(state, False, 0.0, 0.0, now)
        self._alone = []

    def _compare(self, by_venue: dict[str, list[tuple[State, float]]], now: int) -> None:
        common = median([median([price for _, price in prices]) for prices in by_venue.values()])
        for prices in by_venue.values():
            for state, price in prices:
                self._judge(state, price, common, now)

    def _judge(self, state: State, price: float, common: float, now: int) -> None:
        key = state.instrument.key
        apart = abs(price / common - 1)
        if key in self._open:
            if apart < TOGETHER:
                self._open.discard(key)
                self._judged(state, False, common, price, now)
        elif APART < apart < OTHER_COIN:
            count = self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
            if count >= IN_A_ROW:
                self._open.add(key)
                self._in_a_row.pop(key)
                self._judged(state, True, common, price, now)
        elif self._in_a_row:
            self._in_a_row.pop(key, None)


def _is_comparable(group: list[State]) -> bool:
    return len({state.instrument.exchange for state in group}) >= VENUES
