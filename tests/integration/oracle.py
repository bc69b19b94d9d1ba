"""What is true: the simulated market computed here, and every published value held against it."""

import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from microstream_sim import Market
from microstream_sim.truth import TrueState, true_state
from microstream_sim.venues import VENUES

FAMILIES = ("funding", "mark_price", "oi")
HOUR_MS = 3_600_000
DOLLARS = {"USD", "USDT", "USDC"}
ALIASES = {"1000NEIROCTOUSDT": "NEIROCTO"}
"""Bybit's own name of a coin that others call NEIRO: only a human can know that they are one."""


class Oracle:
    """The market that the simulator serves, computed here: it is a function of seed, contract and time.

    `price_age_ms` is how old a price may be that is shown beside a rate.
    """

    def __init__(self, contracts: int | None, price_age_ms: int = 3000) -> None:
        self.price_age_ms = price_age_ms
        now = round(time.time() * 1000)
        self._market = Market(0)
        self._at = lru_cache(maxsize=50_000)(self._compute)
        self._contracts = {
            (name, one.symbol): one
            for name, venue in VENUES.items()
            for one in venue.contracts(now, contracts)
        }

    def at(self, exchange: str, name: str, at: int) -> TrueState:
        """Return the true state of a contract, by its venue name, at a time in ms."""
        return self._at(exchange, name, at)

    def _compute(self, exchange: str, name: str, at: int) -> TrueState:
        return true_state(self._market, self._contracts[exchange, name], at)

    def seen(self, exchange: str, name: str, value: str, since: int, until: int) -> set[float | None]:
        """Return all values that a field took between two times."""
        first = since - since % 1000
        found = [getattr(self.at(exchange, name, step), value) for step in range(first, until + 1, 1000)]
        return {None if text is None else float(text) for text in found}


def symbol_of(exchange: str, name: str) -> str:
    """Return our symbol of a venue's name (contract, section 1)."""
    return name.removesuffix("-SWAP").lower() if exchange == "okx" else name.lower()


def instrument_of(row: dict[str, Any]) -> str:
    """Return the cross-venue name of a row of the control port."""
    settle = "USD" if row["settle"] == "USDⓈ" else row["settle"]
    date = ""
    if row["kind"] != "perpetual":
        date = time.strftime("-%y%m%d", time.gmtime(row["delivers_at"] / 1000))
    return f"{ALIASES.get(row['symbol'], row['coin'])}/{row['quote']}:{settle}{date}"


def check_common(
    payload: dict[str, Any], exchange: str, row: dict[str, Any], flags: tuple[str, ...] = ()
) -> None:
    """The keys that every payload has, and no flags but these."""
    assert (payload["v"], payload["source"], payload["exchange"]) == (1, "rest", exchange)
    assert payload["symbol"] == symbol_of(exchange, row["symbol"])
    assert payload["instrument"] == instrument_of(row)
    assert set(payload["flags"]) <= set(flags)
    assert -1000 <= payload["received_at"] - payload["timestamp"] < 60_000


def check_funding(payload: dict[str, Any], row: dict[str, Any], oracle: Oracle) -> None:
    """Rate, interval, settlement, caps and their derivatives."""
    exchange, at = payload["exchange"], payload["timestamp"]
    true = oracle.at(exchange, row["symbol"], at)
    if true.settling:
        assert payload["funding_rate"] is None
        assert payload["next_funding_time"] == true.next_funding_time + row["interval_hours"] * HOUR_MS
    else:
        assert payload["funding_rate"] == float(true.funding_rate or "nan")
        assert payload["next_funding_time"] == true.next_funding_time
        rate, hours = payload["funding_rate"], row["interval_hours"]
        assert math.isclose(payload["funding_rate_pct"], rate * 100, rel_tol=1e-15)
        assert math.isclose(payload["funding_rate_8h"], rate * 8 / hours, rel_tol=1e-15)
        assert math.isclose(payload["funding_apr"], rate * 8760 / hours, rel_tol=1e-15)
    assert payload["funding_interval_hours"] == true.interval_hours
    assert payload["rate_cap"] == (None if true.cap is None else float(true.cap))
    assert payload["rate_floor"] == (None if true.floor is None else float(true.floor))
    if exchange == "okx":
        assert payload["settled_rate"] == float(true.settled_rate or "nan")
        assert payload["settled_time"] in {true.settled_time, None}
    else:
        assert (payload["settled_rate"], payload["settled_time"]) == (None, None)
    for key in ("mark_price", "index_price"):
        assert payload[key] in oracle.seen(
            exchange, row["symbol"], key, at - oracle.price_age_ms, payload["received_at"]
        ), key


def check_mark_price(payload: dict[str, Any], row: dict[str, Any], oracle: Oracle) -> None:
    """Mark, index and the basis between them."""
    exchange, at = payload["exchange"], payload["timestamp"]
    mark, index = payload["mark_price"], payload["index_price"]
    assert mark == float(oracle.at(exchange, row["symbol"], at).mark_price)
    assert index in oracle.seen(exchange, row["symbol"], "index_price", at - 1000, at + 1000)
    if index is None:
        assert (payload["basis"], payload["basis_bps"]) == (None, None)
    else:
        assert payload["basis"] == mark - index
        assert math.isclose(payload["basis_bps"], (mark - index) / index * 10_000, rel_tol=1e-12)


def check_oi(payload: dict[str, Any], row: dict[str, Any], oracle: Oracle) -> None:
    """One side counted, in the venue's unit, in coins, and in dollars."""
    exchange, at, name = payload["exchange"], payload["timestamp"], row["symbol"]
    true = oracle.at(exchange, name, at)
    assert payload["open_interest"] == float(true.open_interest_single)
    assert math.isclose(payload["open_interest_base"], float(true.open_interest_coins), rel_tol=1e-12)
    assert payload["open_value_ccy"] in DOLLARS
    if true.open_interest_usd is not None:
        assert payload["open_value"] == float(true.open_interest_usd)
        assert payload["open_value_source"] == "venue"
    else:
        since = payload["received_at"] - oracle.price_age_ms - 1000
        marks = oracle.seen(exchange, name, "mark_price", since, payload["received_at"])
        assert payload["open_value"] in {payload["open_interest"] * mark for mark in marks if mark}
        assert payload["open_value_source"] == "computed"


CHECKS: dict[str, Callable[[dict[str, Any], dict[str, Any], Oracle], None]] = {
    "funding": check_funding,
    "mark_price": check_mark_price,
    "oi": check_oi,
}
