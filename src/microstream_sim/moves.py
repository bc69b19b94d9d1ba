"""Scripted moves of the market: a quantity that leaves its course for a value, and returns.

Like the market itself a move is a function of time: how far the value is taken on at `t` follows from the
script alone. Moves of one quantity lie upon each other in the order in which they begin; the last one
that is fully taken on hides those before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Literal

from microstream_sim.contracts import Contract
from microstream_sim.waves import Waves

Field = Literal["price_factor", "premium", "funding_rate", "open_interest_factor"]
_CELLS = 64  # of a ramp, for its share of the mean premium


@dataclass(frozen=True, slots=True)
class Move:
    """A venue's `field` of one coin goes to `value` at `start` (ms), over `ramp_ms`, and is back at `end`.

    It is about the contracts of the coin that are named `symbol` and quoted in `quote`; None is all.
    """

    venue: str
    coin: str
    field: Field
    value: float
    start: int
    end: int | None = None
    ramp_ms: int = 0
    symbol: str | None = None
    quote: str | None = None

    def fits(self, contract: Contract) -> bool:
        """Return whether it is about a contract of its venue and coin."""
        return self.symbol in {None, contract.symbol} and self.quote in {None, contract.quote}

    def weight(self, t: float) -> float:
        """Return how far the value is taken on at `t`: 1 in force, 0 outside, linear between them."""
        if t < self.start or (self.end is not None and t >= self.end):
            return 0.0
        if not self.ramp_ms:
            return 1.0
        left = inf if self.end is None else self.end - t
        return min(1.0, (t - self.start) / self.ramp_ms, left / self.ramp_ms)

    def edges(self) -> Iterator[int]:
        """Yield the times at which the weight has a corner."""
        yield from (self.start, self.start + self.ramp_ms)
        if self.end is not None:
            yield from (self.end - self.ramp_ms, self.end)


class Moves:
    """All moves of a market. Compared by identity, which makes it a key of caches of what follows from it.

    `touched` are venue and coin of each: most contracts are not among them, and cost no more than this look.
    """

    def __init__(self, moves: Sequence[Move] = ()) -> None:
        self.all = tuple(moves)
        self.touched = frozenset((move.venue, move.coin) for move in moves)
        self._by_target: dict[tuple[Field, str, str], list[Move]] = {}
        for move in sorted(moves, key=lambda one: one.start):
            self._by_target.setdefault((move.field, move.venue, move.coin), []).append(move)

    def touch(self, contract: Contract) -> bool:
        """Return whether any may be about a contract, or the coin that it is quoted in, at whatever time."""
        touched = self.touched
        return bool(touched) and (
            (contract.venue, contract.coin.name) in touched or (contract.venue, contract.quote) in touched
        )

    def of(self, field: Field, contract: Contract) -> list[Move]:
        """Return the moves of a contract's field, the first to begin first."""
        found = self._by_target.get((field, contract.venue, contract.coin.name), ())
        return [move for move in found if move.fits(contract)]

    def taken(self, field: Field, contract: Contract, t: int, course: float) -> float:
        """Return the value of a field at `t`; `course` is what it is without moves."""
        return taken(self.of(field, contract), t, course)

    def price_factor(self, contract: Contract, t: int) -> float:
        """Return what a price is multiplied with at `t`; one in another coin is divided by that coin's factor."""
        quoted_in = self._by_target.get(("price_factor", contract.venue, contract.quote), ())
        whole = [move for move in quoted_in if move.quote is None]
        return self.taken("price_factor", contract, t, 1.0) / taken(whole, t, 1.0)


def taken(moves: Sequence[Move], t: float, course: float) -> float:
    """Return what moves of one quantity, in order, make of its course at `t`."""
    for move in moves:
        weight = move.weight(t)
        if weight == 1.0:
            course = move.value
        elif weight:
            course += weight * (move.value - course)
    return course


def moved_integral(moves: Sequence[Move], waves: Waves, start: int, end: int) -> float:
    """Return the integral over [start, end] of a wave with moves upon it.

    Exact where the wave or a move is in force alone, a sum of cells that stay in their places on ramps.
    """
    corners = sorted({float(edge) for move in moves for edge in move.edges()})
    pieces = pairwise([-inf, *corners, inf])
    return sum(_piece(moves, waves, piece, (start, end)) for piece in pieces)


def _piece(moves: Sequence[Move], waves: Waves, piece: tuple[float, float], span: tuple[int, int]) -> float:
    """Return the integral over what of a piece without corners lies in the span."""
    lower, upper = max(piece[0], span[0]), min(piece[1], span[1])
    if lower >= upper:
        return 0.0
    middle = (lower + upper) / 2
    acting = [move for move in moves if move.weight(middle)]
    if not acting:
        return waves.integral(upper) - waves.integral(lower)
    if acting[-1].weight(middle) == 1.0:
        return acting[-1].value * (upper - lower)
    return _sum_of_cells(acting, waves, piece, (lower, upper))


def _sum_of_cells(
    moves: Sequence[Move], waves: Waves, piece: tuple[float, float], span: tuple[float, float]
) -> float:
    width = (piece[1] - piece[0]) / _CELLS
    total = 0.0
    for number in range(_CELLS):
        left = piece[0] + number * width
        inside = min(left + width, span[1]) - max(left, span[0])
        if inside > 0:
            middle = left + width / 2
            total += inside * taken(moves, middle, waves.value(middle))
    return total
