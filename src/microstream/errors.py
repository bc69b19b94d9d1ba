"""Every error of the service, sorted by what to do about it.

::

    MicrostreamError
    ├── ConfigError            STOP    bad file, unknown key, unlisted symbol, port in use
    ├── StartError             STOP    nothing could be started
    ├── TransportError         RETRY   connect, timeout, closed, 5xx
    ├── RateLimited            RETRY   429, codes 50011, 10006: not before `retry_after_s`
    │   └── Banned             RETRY   418, 403 ban: the whole address is shut out
    ├── VenueRefused           SKIP    unknown symbol, bad request
    │   └── RegionBlocked      SKIP    451, 403 with a page: the venue does not serve this address
    ├── WireMismatch           SKIP    the body does not fit what the venue documents
    ├── Desynced               RESYNC  a delta without its snapshot
    ├── SinkDown               RETRY   Redis or Valkey away
    └── StoreDown              RETRY   history: disk full, folder or object store away
        └── StoreChanged       RETRY   another process has written there at the same time

Anything else is a bug and ends the process.
"""

from enum import Enum


class Remedy(Enum):
    """What the one who catches an error does."""

    STOP = "stop"
    RETRY = "retry"
    SKIP = "skip"
    RESYNC = "resync"


class MicrostreamError(Exception):
    """Root of the tree; `reason` is the label under which it is counted."""

    remedy = Remedy.STOP
    reason = "error"


class ConfigError(MicrostreamError):
    """The configuration cannot be used. The text names file, line, key and what would be right."""

    reason = "config"


class StartError(MicrostreamError):
    """Nothing could be started."""

    reason = "start"


class TransportError(MicrostreamError):
    """The network or the venue's server failed; asking again may work."""

    remedy = Remedy.RETRY
    reason = "transport"

    def __init__(self, text: str, *, reason: str = "transport") -> None:
        super().__init__(text)
        self.reason = reason


class RateLimited(MicrostreamError):
    """The venue asks to wait.

    `retry_after_s` counts from the receipt of the answer. `quota` is the quota that is closed; None closes all
    quotas of the venue.
    """

    remedy = Remedy.RETRY
    reason = "rate_limited"

    def __init__(self, text: str, *, retry_after_s: float, quota: str | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.quota = quota


class Banned(RateLimited):
    """The venue has shut this address out for a time."""

    reason = "banned"


class VenueRefused(MicrostreamError):
    """The venue answers no to this very request; repeating it is useless."""

    remedy = Remedy.SKIP
    reason = "refused"

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code


class RegionBlocked(VenueRefused):
    """The venue does not serve this address (geo-block or firewall)."""

    reason = "region_blocked"


class WireMismatch(MicrostreamError):
    """A body that does not fit its documented shape. `sample` is its beginning."""

    remedy = Remedy.SKIP
    reason = "wire_mismatch"

    def __init__(self, text: str, *, sample: bytes = b"") -> None:
        super().__init__(text)
        self.sample = sample[:500]


class Desynced(MicrostreamError):
    """A stream whose state cannot be trusted any more: of one `topic`, or of the whole connection."""

    remedy = Remedy.RESYNC
    reason = "desynced"

    def __init__(self, text: str, *, topic: str | None = None) -> None:
        super().__init__(text)
        self.topic = topic


class SinkDown(MicrostreamError):
    """The Redis or Valkey server cannot be reached or does not answer."""

    remedy = Remedy.RETRY
    reason = "sink_down"


class StoreDown(MicrostreamError):
    """The history cannot be read or written."""

    remedy = Remedy.RETRY
    reason = "store_down"


class StoreChanged(StoreDown):
    """Another process has written to the table since it was read: read it again."""

    reason = "store_changed"
