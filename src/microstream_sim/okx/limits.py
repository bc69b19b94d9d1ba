"""OKX's limits: so many requests per 2 seconds for each endpoint, some for each instrument (type)."""

from microstream_sim.exchange import Charge, Query
from microstream_sim.limits import SlidingWindow
from microstream_sim.okx.replies import failure

_WINDOW_MS = 2_000
_DEFAULT = 20
_LIMITS = {
    "/api/v5/public/instruments": (20, "instType"),
    "/api/v5/public/funding-rate": (10, "instId"),
    "/api/v5/public/funding-rate-history": (10, "instId"),
    "/api/v5/public/mark-price": (10, "instId"),
    "/api/v5/public/open-interest": (20, "instId"),
    "/api/v5/public/premium-history": (20, None),
    "/api/v5/public/time": (10, None),
    "/api/v5/market/candles": (40, None),
    "/api/v5/market/history-index-candles": (10, None),
    "/api/v5/rubik/stat/contracts/open-interest-history": (10, "instId"),
}


class OkxLimiter:
    """One window for each endpoint and, where documented, each instrument; a bulk request is one bucket."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], SlidingWindow] = {}

    def charge(self, path: str, query: Query, now: int) -> Charge:
        """Count a request at `now`."""
        limit, scope = _LIMITS.get(path, (_DEFAULT, None))
        key = (path, query.get(scope, "") if scope else "")
        window = self._windows.get(key)
        if window is None:
            self._forget_idle(now)
            window = self._windows[key] = SlidingWindow(limit, _WINDOW_MS)
        if window.spend(now):
            return Charge()
        return Charge(refusal=failure("50011", "Too Many Requests", status=429))

    def used(self, now: int) -> dict[str, int]:
        """Return what is used of each endpoint's budget now."""
        totals: dict[str, int] = {}
        for (path, _), window in self._windows.items():
            totals[path] = totals.get(path, 0) + window.limit - window.remaining(now)
        return totals

    def _forget_idle(self, now: int) -> None:
        idle = [key for key, window in self._windows.items() if window.remaining(now) == window.limit]
        for key in idle:
            del self._windows[key]
