"""Binance's request limits: weight per fixed minute, two request counters of their own, and bans.

Answers over the limit are 429 with Retry-After; going on regardless is answered with 418 and a ban that
doubles each time, from two minutes to three days.
"""

from collections.abc import Callable

from microstream_sim.exchange import Charge, Query, VenueError, whole_number
from microstream_sim.limits import FixedWindow

_MINUTE_MS = 60_000
_TOLERATED = 5  # requests after a 429, within its window, before the ban
_FIRST_BAN_MS = 2 * _MINUTE_MS
_LONGEST_BAN_MS = 3 * 24 * 60 * _MINUTE_MS
_KLINES = ("klines", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines")


def _one_or_all(one: int, everything: int) -> Callable[[Query], int]:
    return lambda query: one if query.get("symbol") else everything


_WEIGHTS: dict[str, Callable[[Query], int]] = {
    "/fapi/v1/premiumIndex": _one_or_all(1, 10),
    "/fapi/v1/ticker/bookTicker": _one_or_all(2, 5),
    "/fapi/v1/ticker/price": _one_or_all(1, 2),
    "/fapi/v2/ticker/price": _one_or_all(1, 2),
    "/fapi/v1/ticker/24hr": _one_or_all(1, 40),
    "/fapi/v1/fundingInfo": lambda _: 0,
    "/fapi/v1/fundingRate": lambda _: 0,
    "/api/v3/exchangeInfo": lambda _: 20,
    "/api/v3/ticker/bookTicker": _one_or_all(2, 4),
    "/api/v3/ticker/price": _one_or_all(2, 4),
}


def weight(path: str, query: Query) -> int:
    """Return the documented weight of a request."""
    if path.startswith("/futures/data/"):
        return 0
    if path.rsplit("/", 1)[-1] in _KLINES:
        return _kline_weight(query)
    return _WEIGHTS[path](query) if path in _WEIGHTS else 1


def _kline_weight(query: Query) -> int:
    asked = whole_number(query.get("limit", ""))
    rows = 500 if asked is None else asked
    if rows < 100:
        return 1
    if rows < 500:
        return 2
    return 5 if rows <= 1000 else 10


class BinanceLimiter:
    """Weight of futures and of spot, the funding and the statistics counters, and the ban."""

    def __init__(self) -> None:
        self._futures = FixedWindow(2400, _MINUTE_MS)
        self._spot = FixedWindow(6000, _MINUTE_MS)
        self._funding = FixedWindow(500, 5 * _MINUTE_MS)
        self._statistics = FixedWindow(1000, 5 * _MINUTE_MS)
        self._banned_until = 0
        self._next_ban_ms = _FIRST_BAN_MS
        self._limited_until = 0
        self._after_limit = 0

    def charge(self, path: str, query: Query, now: int) -> Charge:
        """Count a request at `now`."""
        if now < self._banned_until:
            return self._banned(now)
        spot = path.startswith("/api/")
        budget = self._spot if spot else self._futures
        cost = weight(path, query)
        exceeded = None if budget.spend(cost, now) else budget
        own = self._own_counter(path)
        if own is not None and not own.spend(1, now):
            exceeded = own
        headers = self._headers(path, budget, now, cost)
        if exceeded is None:
            return Charge(headers, weight=cost)
        return self._limited(exceeded, headers, cost, now)

    def used(self, now: int) -> dict[str, int]:
        """Return what is used of each budget now."""
        return {
            "weight_1m": self._futures.used(now),
            "spot_weight_1m": self._spot.used(now),
            "funding_5m": self._funding.used(now),
            "statistics_5m": self._statistics.used(now),
        }

    def _own_counter(self, path: str) -> FixedWindow | None:
        if path in {"/fapi/v1/fundingRate", "/fapi/v1/fundingInfo"}:
            return self._funding
        return self._statistics if path.startswith("/futures/data/") else None

    def _headers(self, path: str, budget: FixedWindow, now: int, cost: int) -> dict[str, str]:
        # The documentation says to ignore the header on these two paths: it is wrong there.
        wrong = path in {"/fapi/v1/ticker/bookTicker", "/fapi/v2/ticker/price"}
        return {"X-MBX-USED-WEIGHT-1M": str(cost if wrong else budget.used(now))}

    def _limited(self, exceeded: FixedWindow, headers: dict[str, str], cost: int, now: int) -> Charge:
        if now >= self._limited_until:
            self._limited_until = exceeded.resets_at(now)
            self._after_limit = 0
        self._after_limit += 1
        if self._after_limit > _TOLERATED:
            self._banned_until = now + self._next_ban_ms
            self._next_ban_ms = min(2 * self._next_ban_ms, _LONGEST_BAN_MS)
            return self._banned(now)
        minutes = exceeded.window_ms // _MINUTE_MS
        unit = "requests" if minutes > 1 else "request weight"
        span = f"{minutes} MINUTES" if minutes > 1 else "minute"
        message = (
            f"Too many requests; current limit of IP(127.0.0.1) is {exceeded.limit} {unit} per {span}. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        headers["Retry-After"] = _seconds(exceeded.resets_at(now) - now)
        return Charge(headers, VenueError(429, {"code": -1003, "msg": message}), cost)

    def _banned(self, now: int) -> Charge:
        return Charge({"Retry-After": _seconds(self._banned_until - now)}, banned(self._banned_until), 0)


def banned(until: int) -> VenueError:
    """Return the answer to a banned address."""
    message = (
        f"Way too many requests; IP(127.0.0.1) banned until {until}. "
        "Please use the websocket for live updates to avoid bans."
    )
    return VenueError(418, {"code": -1003, "msg": message})


def _seconds(span_ms: int) -> str:
    return str(max(1, -(-span_ms // 1000)))
