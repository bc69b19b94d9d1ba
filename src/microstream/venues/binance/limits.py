"""Quotas of one address, and what Binance's answers mean (venue page, sections 1 and 5)."""

import re

from microstream.errors import (
    Banned,
    MicrostreamError,
    RateLimited,
    RegionBlocked,
    TransportError,
    VenueRefused,
)
from microstream.spec.rest import Headers, Quota, Request, Response, header_number, retry_after_s
from microstream.spec.wire import Body
from microstream.venues.binance import wire

WEIGHT = "weight"
FUNDING_INFO = "funding_info"
STATISTICS = "statistics"


def _used_weight(headers: Headers) -> float | None:
    return header_number(headers, "X-MBX-USED-WEIGHT-1M")


QUOTAS = (
    Quota(WEIGHT, limit=2400, window_s=60, aligned=True, used=_used_weight),
    Quota(FUNDING_INFO, limit=500, window_s=300),
    Quota(STATISTICS, limit=1000, window_s=300),
)

TOO_MANY = -1003
RETRYABLE = frozenset({-1000, -1001, -1006, -1007, -1008})
FIREWALL_S = 300.0
MARGIN_S = 1.0
"""Added to times by the venue's clock: ours may run ahead of it."""
SHORTEST_BAN_S = 120.0
LONGEST_BAN_S = 3 * 86_400.0
_UNTIL = re.compile(r"banned until (\d{13})(?!\d)", re.ASCII)
_ERROR = Body(wire.Error)


def verdict(request: Request, response: Response) -> MicrostreamError | None:
    """Return the error that an answer stands for, or None. Bodies may be HTML; one with `code` is an error."""
    if response.status == 200 and not _may_be_error(response.body):
        return None
    error = _ERROR.peek(response.body)
    if response.status == 200 and error is None:
        return None
    code = error.code if error else 0
    text = f"HTTP {response.status}, code {code}: {error.msg if error else 'no error body'}"
    if response.status == 418 or (code == TOO_MANY and _UNTIL.search(text)):
        return Banned(f"banned: {text}", retry_after_s=_ban_s(response, text))
    if response.status == 429 or code == TOO_MANY:
        return RateLimited(text, retry_after_s=_wait_s(response))
    if response.status == 403:
        return Banned(f"firewall rule: {text}; fewer requests may help", retry_after_s=FIREWALL_S)
    if response.status == 451:
        return RegionBlocked(f"{text}; Binance does not serve this address", code="451")
    if response.status >= 500 or response.status == 408 or code in RETRYABLE:
        return TransportError(text, reason=f"http_{response.status}")
    what = f" for {request.symbol}" if request.symbol else ""
    return VenueRefused(f"{text}{what}", code=str(error.code if error else response.status))


def _may_be_error(body: bytes) -> bool:
    return len(body) < 1000 and b'"code"' in body


def _wait_s(response: Response) -> float:
    """Return the time asked for, else the rest of the minute in which the weight is counted."""
    return retry_after_s(response) or 60.0 - response.received_at % 60_000 / 1000 + MARGIN_S


def _ban_s(response: Response, text: str) -> float:
    """Return the longer of the times that text and header name; bans last 2 minutes to 3 days."""
    until = _UNTIL.search(text)
    named = (int(until.group(1)) - response.received_at) / 1000 + MARGIN_S if until else 0.0
    asked = max(named, retry_after_s(response))
    return min(asked, LONGEST_BAN_S) if asked > 0 else SHORTEST_BAN_S
