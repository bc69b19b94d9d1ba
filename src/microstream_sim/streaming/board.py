"""What clients did with streams: counts for tests, bounded in memory."""

from collections import Counter, deque
from typing import Any

from microstream_sim.streaming.connection import Connection

_MINUTE_MS = 60_000
_KEPT_MINUTES = 180
_KEPT_ENDS = 1_000


class Board:
    """Connections and messages of clients by minute, and the last connections that ended."""

    def __init__(self) -> None:
        self._minutes: Counter[tuple[int, str, str, str]] = Counter()
        self._ended: deque[dict[str, Any]] = deque(maxlen=_KEPT_ENDS)

    def count(self, venue: str, host: str, event: str, now: int) -> None:
        """Count a connection that was `made`, `refused` or `ended`, or a `message` on one."""
        minute = now - now % _MINUTE_MS
        self._minutes[minute, venue, host, event] += 1
        if len(self._minutes) > 16 * _KEPT_MINUTES:
            oldest = minute - _KEPT_MINUTES * _MINUTE_MS
            self._minutes = Counter({key: n for key, n in self._minutes.items() if key[0] >= oldest})

    def ended(self, venue: str, connection: Connection, now: int) -> None:
        """Note a connection that has ended, and why."""
        row = connection_row(venue, connection)
        del row["subscriptions"], row["messages"]
        row["topics"] = len(connection.subscriptions)
        self._ended.append({**row, "ended": now, "end": connection.end or "by the client"})

    def report(self) -> dict[str, Any]:
        """Return the counts and the ends."""
        return {
            "minutes": [
                {"minute": minute, "venue": venue, "host": host, "event": event, "count": count}
                for (minute, venue, host, event), count in sorted(self._minutes.items())
            ],
            "ended": list(self._ended),
        }


def connection_row(venue: str, connection: Connection) -> dict[str, Any]:
    """Return what is known of a connection."""
    return {
        "id": connection.number,
        "venue": venue,
        "path": connection.path,
        "opened": connection.opened_at,
        "subscriptions": list(connection.subscriptions),
        "received": connection.received,
        "messages": list(connection.messages),
        "sent": connection.sent,
        "sent_bytes": connection.sent_bytes,
    }
