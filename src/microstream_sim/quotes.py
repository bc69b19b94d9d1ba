"""Last trade, best quotes and 24-hour figures of a contract or a spot pair, drawn from the market.

They are a side scene: right in shape, consistent with the mark, and no more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from microstream_sim.contracts import HOUR_MS, Contract, with_decimals
from microstream_sim.moves import Moves

if TYPE_CHECKING:
    from microstream_sim.view import View

_DAY_SAMPLES = 8
SMALLEST = 1e-7
"""Spot quotes coins that cost less by the unit of their contract, or not at all: prices have eight decimals."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices in quote currency; volumes in base units and in quote currency over 24 hours."""

    last: float
    bid: float
    ask: float
    size: float
    open_24h: float
    high_24h: float
    low_24h: float
    open_1h: float
    volume: float
    turnover: float


def contract_quote(view: "View", contract: Contract) -> Quote:
    """Return the quote of a contract; the market trades around its mark, and as many coins as ever."""
    at, market = view.value_time(contract.symbol), view.market
    past = _past(market.mark, contract, at - at % HOUR_MS, market.moves)
    turnover = contract.coin.oi_usd * contract.share * 2.5 * market.price_factor(contract, at)
    return _quote(contract, market.mark(contract, at), past, turnover)


def spot_quote(view: "View", pair: Contract) -> Quote:
    """Return the quote of a spot pair (a contract made by `spot_pair`); it trades at the index."""
    at, market = view.value_time(pair.symbol), view.market
    past = _past(market.index, pair, at - at % HOUR_MS, market.moves)
    turnover = pair.coin.oi_usd * pair.share * market.price_factor(pair, at)
    return _quote(pair, market.index(pair, at), past, turnover)


def spot_multiplier(contract: Contract) -> int:
    """Return how many coins a spot price is for."""
    return contract.multiplier if contract.coin.price < SMALLEST else 1


@lru_cache(maxsize=4_000)
def spot_pair(like: Contract, symbol: str, status: str) -> Contract:
    """Return the spot pair of a contract's coin: single coins (the cheapest by the unit), no funding."""
    return with_decimals(
        Contract(
            venue=like.venue, symbol=symbol, kind="perpetual", coin=like.coin, quote=like.quote, settle="",
            status=status, live=False, interval_h=None, listed_at=like.listed_at,
            multiplier=spot_multiplier(like),
        )
    )  # fmt: skip


@lru_cache(maxsize=8_000)
def _past(
    price: Callable[[Contract, int], float], contract: Contract, hour: int, _moves: Moves
) -> tuple[float, ...]:
    """Return prices over the 24 hours before `hour`, the oldest first; they are others when moves are."""
    step = 24 * HOUR_MS // _DAY_SAMPLES
    return tuple(price(contract, hour - i * step) for i in range(_DAY_SAMPLES, -1, -1))


def _quote(contract: Contract, price: float, past: tuple[float, ...], turnover: float) -> Quote:
    tick = 10.0**-contract.tick_decimals
    half = max(tick, price * 0.00005)
    return Quote(
        last=price,
        bid=price - half,
        ask=price + half,
        size=(1 + crc32(contract.symbol.encode()) % 50) * 500 / price,
        open_24h=past[0],
        high_24h=max(*past, price),
        low_24h=min(*past, price),
        open_1h=past[-1],
        volume=turnover / price,
        turnover=turnover,
    )
