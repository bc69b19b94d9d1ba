"""What is true of spot: the pairs and quotes of the simulated market, computed here."""

import re
import time
from typing import Any

from tests.integration.oracle import ALIASES

from microstream_sim import Market
from microstream_sim.binance import spot as binance
from microstream_sim.bybit import spot as bybit
from microstream_sim.okx import current as okx
from microstream_sim.venues import VENUES
from microstream_sim.view import View

Quote = tuple[float, float, float | None]
"""Bid, ask, last."""


class SpotOracle:
    """The spot market that the simulator serves: a function of seed, pair and time."""

    def __init__(self, contracts: int | None) -> None:
        now = round(time.time() * 1000)
        self._market = Market(0)
        self._listed = {
            name: {one.symbol: one for one in venue.contracts(now, contracts)}
            for name, venue in VENUES.items()
        }

    def quotes(self, exchange: str, at: int) -> dict[str, Quote]:
        """Return the quotes of all pairs of a venue by its own name, at a time in ms."""
        view = View(self._market, self._listed[exchange], at, at)
        rows: list[dict[str, Any]]
        if exchange == "binance":
            rows = binance.book_ticker(view, {})
            return {row["symbol"]: (float(row["bidPrice"]), float(row["askPrice"]), None) for row in rows}
        if exchange == "bybit":
            names = ("symbol", "bid1Price", "ask1Price", "lastPrice")
            rows = bybit.tickers(view, {})
        else:
            names = ("instId", "bidPx", "askPx", "last")
            rows = okx.tickers(view, {"instType": "SPOT"})["data"]
        name, bid, ask, last = names
        return {row[name]: (float(row[bid]), float(row[ask]), float(row[last])) for row in rows}

    def around(self, payload: dict[str, Any]) -> set[Quote]:
        """Return every quote that the pair of a message had in the two seconds before its receipt."""
        until = payload["received_at"]
        steps = {at - at % 1000 for at in (until, until - 1000, until - 2000)}
        quotes = [self.quotes(payload["exchange"], at) for at in steps]
        return {pairs[payload["symbol"].upper()] for pairs in quotes}


def pairs_of(exchange: str, row: dict[str, Any]) -> set[str]:
    """Return our symbols that the spot pair of a row of the control port may have: of the coin, or of the unit."""
    quote = "USDT" if row["quote"] == "USD" else row["quote"]
    coin = ALIASES.get(row["symbol"], row["coin"])
    name = f"{coin}-{quote}" if exchange == "okx" else f"{coin}{quote}"
    return {name.lower(), row["symbol"].lower()}


def multiplier_of(symbol: str) -> int:
    """Return how many coins a pair's price is for, by its symbol."""
    unit = re.match(r"(1m|10{3,7})(?=\D)", symbol)
    return 1 if unit is None else 1_000_000 if unit[1] == "1m" else int(unit[1])
