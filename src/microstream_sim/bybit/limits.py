"""Bybit's address limit: 600 requests in any 5 seconds, then ten minutes of HTTP 403."""

from microstream_sim.exchange import Charge, Query, VenueError
from microstream_sim.limits import SlidingWindow

_BAN_MS = 600_000


class BybitLimiter:
    """Counts all requests of one address together."""

    def __init__(self) -> None:
        self._window = SlidingWindow(600, 5_000)
        self._banned_until = 0

    def charge(self, path: str, query: Query, now: int) -> Charge:
        """Count a request at `now`."""
        if now < self._banned_until:
            return Charge(refusal=access_too_frequent(now))
        if not self._window.spend(now):
            self._banned_until = now + _BAN_MS
            return Charge(refusal=access_too_frequent(now))
        headers = {
            "X-Bapi-Limit": str(self._window.limit),
            "X-Bapi-Limit-Status": str(self._window.remaining(now)),
            "X-Bapi-Limit-Reset-Timestamp": str(now),
        }
        return Charge(headers)

    def used(self, now: int) -> dict[str, int]:
        """Return what is used of the budget now."""
        return {"requests_5s": self._window.limit - self._window.remaining(now)}


def access_too_frequent(now: int) -> VenueError:
    """Return the answer to a banned address; the ban lifts by itself after ten minutes."""
    message = "access too frequent"
    return VenueError(403, {"retCode": 10018, "retMsg": message, "result": {}, "retExtInfo": {}, "time": now})
