"""How a stream feed is doing: counters that connections add to, and a snapshot for metrics and readiness."""

from dataclasses import dataclass, field

from microstream.transport.round_trips import RoundTrips


@dataclass(slots=True)
class StreamTally:
    """Counters of connections that have ended, and what is known of the feed as a whole. Times are ms UTC."""

    attempts: int = 0
    reconnects: int = 0
    frames: int = 0
    bytes: int = 0
    binary: int = 0
    mismatches: int = 0
    desyncs: int = 0
    renewals: int = 0
    last_error: str | None = None
    last_error_at: int | None = None
    failing_since: int | None = None
    up_since: int | None = None
    round_trips: RoundTrips = field(default_factory=RoundTrips)

    def failed(self, text: str, at: int) -> None:
        """Note a failure."""
        self.last_error, self.last_error_at = text, at
        if self.failing_since is None:
            self.failing_since = at


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream feed as it stands.

    `connections_wanted` is how many it needs, `connections_open` how many of these are there (a successor beside its
    predecessor counts once). `attempts` are connects tried, `reconnects` those after the first of a lane. `frames`,
    `bytes` (payload), `binary` (ignored frames), `mismatches`, `desyncs` and `renewals` are totals since the start.
    `pending` topics are wanted and neither confirmed nor refused. `last_error` stays after recovery; `failing_since`
    (ms UTC) is None while every needed connection is there, `up_since` (ms UTC) is None while one is missing, and
    `uptime_s` counts from it. Round trips of pings in seconds, the least over ten minutes.
    """

    connections_open: int
    connections_wanted: int
    attempts: int
    reconnects: int
    frames: int
    bytes: int
    binary: int
    mismatches: int
    desyncs: int
    renewals: int
    topics_wanted: int
    topics_confirmed: int
    topics_refused: int
    topics_pending: int
    last_error: str | None
    last_error_at: int | None
    failing_since: int | None
    up_since: int | None
    uptime_s: float
    round_trip_s: float | None
    least_round_trip_s: float | None
