"""What the writer needs to know, as plain values."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """Where and how messages are written.

    `url` is `redis://`, `rediss://` or `unix://` with the query parameters that redis-py takes (`db`,
    `ssl_ca_certs`, ...); it may hold a password and is kept out of the repr. `last_ttl_s` is the life of the
    last-value hashes after their last refresh. A stream keeps about `stream_max_length` entries (one a write)
    and nothing older than about `stream_max_age_s`, of signals and one-second bars `brief_max_age_s`. A write whose
    replies are not complete after `timeout_s` counts as failed. `max_queued` bounds the messages of a family that do
    not conflate while the server is away.
    """

    url: str = field(repr=False)
    last_ttl_s: int = 3600
    stream_max_length: int = 100_000
    stream_max_age_s: int = 86_400
    brief_max_age_s: int = 86_400
    timeout_s: float = 5.0
    max_queued: int = 10_000
