"""What clients have asked: counts for tests, bounded in memory."""

from collections import Counter, deque
from typing import Any

_MINUTE_MS = 60_000
_KEPT_MINUTES = 180
_KEPT_REQUESTS = 5_000
_GRACE_MS = 250  # requests already under way when a venue said stop


class Traffic:
    """Counts of requests by venue, path and status, the last requests, and those that came too early.

    A request is early when it comes although the venue said to stop: before the Retry-After of an earlier
    reply, or before the end of a ban, has passed.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._minutes: Counter[tuple[int, str, str]] = Counter()
        self._weights: Counter[tuple[int, str]] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self._said_stop: dict[str, tuple[int, int]] = {}
        self._early: Counter[str] = Counter()

    def arrived(self, venue: str, now: int) -> None:
        """Note that a request came, before it is answered."""
        said_at, until = self._said_stop.get(venue, (0, 0))
        if said_at + _GRACE_MS <= now < until:
            self._early[venue] += 1

    def answered(
        self, venue: str, path: str, query: str, status: int, now: int, *, weight: int, stop_s: float | None
    ) -> None:
        """Note an answer; `stop_s` is how long it told the client to stay away. Status 0: no answer."""
        self._counts[venue, path, status] += 1
        minute = now - now % _MINUTE_MS
        self._minutes[minute, venue, path] += 1
        self._weights[minute, venue] += weight
        self._recent.append({"time": now, "venue": venue, "path": path, "query": query, "status": status})
        if stop_s is not None:
            until = now + round(1000 * stop_s)
            said_at, known = self._said_stop.get(venue, (now, 0))
            self._said_stop[venue] = (said_at if now < known else now, max(known, until))
        if len(self._minutes) > 64 * _KEPT_MINUTES:
            self._forget(minute - _KEPT_MINUTES * _MINUTE_MS)

    def report(self, recent: int) -> dict[str, Any]:
        """Return the counts, with the last `recent` requests."""
        return {
            "total": sum(self._counts.values()),
            "counts": [
                {"venue": venue, "path": path, "status": status, "count": count}
                for (venue, path, status), count in sorted(self._counts.items())
            ],
            "minutes": [
                {"minute": minute, "venue": venue, "path": path, "count": count}
                for (minute, venue, path), count in sorted(self._minutes.items())
            ],
            "weights": [
                {"minute": minute, "venue": venue, "weight": weight}
                for (minute, venue), weight in sorted(self._weights.items())
            ],
            "early": dict(self._early),
            "recent": list(self._recent)[-recent:] if recent else [],
        }

    def _forget(self, oldest: int) -> None:
        self._minutes = Counter({key: n for key, n in self._minutes.items() if key[0] >= oldest})
        self._weights = Counter({key: n for key, n in self._weights.items() if key[0] >= oldest})
