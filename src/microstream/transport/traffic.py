"""Plain counters of one client; a metrics collector reads them when it is asked."""

from collections import Counter
from dataclasses import dataclass, field

from microstream.errors import MicrostreamError


@dataclass(slots=True)
class Traffic:
    """What a client has sent and received since the start.

    `requests` are counted by feed and outcome: the HTTP status, or the reason why there was no readable
    answer (`timeout`, `closed`, `connect` and so on). `failures` are counted by feed and reason, also those
    of requests that were never sent because a quota was closed. `seconds` and `answers` are the sum and the
    number of the times from asking for a connection to the end of the body. `body_bytes` are counted
    decompressed, `wire_bytes` as they came. Times are ms UTC.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    wire_bytes: int = 0
    body_bytes: int = 0
    last_success_at: int | None = None
    last_failure_at: int | None = None
    last_failure: str | None = None

    def answered(self, feed: str, status: int, seconds: float) -> None:
        """Note a complete answer of any status."""
        self.requests[feed, str(status)] += 1
        self.answers[feed] += 1
        self.seconds[feed] = self.seconds.get(feed, 0.0) + seconds

    def failed(self, feed: str, error: MicrostreamError, at: int) -> None:
        """Note that a request has failed at `at` (ms UTC)."""
        self.failures[feed, error.reason] += 1
        self.last_failure_at = at
        self.last_failure = str(error)
