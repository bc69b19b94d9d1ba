"""Quota of one address, and what Bybit's answers mean (venue page, sections 1 and 5)."""

from microstream.errors import (
    Banned,
    MicrostreamError,
    RateLimited,
    RegionBlocked,
    TransportError,
    VenueRefused,
)
from microstream.model.units import BadNumber, millis
from microstream.spec.rest import Quota, Request, Response, retry_after_s
from microstream.spec.wire import Body
from microstream.venues.bybit import wire

REQUESTS = "requests"
QUOTAS = (Quota(REQUESTS, limit=600, window_s=5),)

BAN_S = 600.0
"""How long the venue asks to stay away after HTTP 403 "access too frequent"."""
MARGIN_S = 1.0
"""Added to times by the venue's clock: ours may run ahead of it."""
PAUSE_S = 5.0
"""After HTTP 429, which names no time."""
BUSY = frozenset({10000, 10016})
REGION = frozenset({10009, 10024})
_STATUS = Body(wire.Status)
TOO_FREQUENT = b"access too frequent"
_FINE = b'"retCode":0,'


def verdict(request: Request, response: Response) -> MicrostreamError | None:
    """Return the error that an answer stands for, or None. HTTP 200 does not mean success."""
    if response.status == 200 and _FINE in response.body[:200]:
        return None
    status = _STATUS.peek(response.body)
    if status is not None and (response.status == 200 or status.retCode in REGION):
        return None if status.retCode == 0 else _by_code(request, response, status)
    if response.status == 200:
        return None
    text = f"HTTP {response.status}: {status.retMsg if status else 'no JSON body'}"
    if response.status == 403:
        if _is_page(response):
            return RegionBlocked(f"{text}; Bybit does not serve this address", code="403")
        return Banned(f"{text}; all requests stop for 10 minutes", retry_after_s=BAN_S)
    if response.status == 429:
        return RateLimited(text, retry_after_s=retry_after_s(response) or PAUSE_S)
    if response.status == 451:
        return RegionBlocked(f"{text}; Bybit does not serve this address", code="451")
    if response.status >= 500 or response.status == 408:
        return TransportError(text, reason=f"http_{response.status}")
    return VenueRefused(text, code=str(status.retCode if status else response.status))


def _by_code(request: Request, response: Response, status: wire.Status) -> MicrostreamError:
    code = status.retCode
    what = f" for {request.symbol}" if request.symbol else ""
    text = f"retCode {code}{what}: {status.retMsg}"
    if code == 10006:
        return RateLimited(text, retry_after_s=_until_reset_s(response))
    if code == 10018:
        return Banned(f"{text}; all requests stop for 10 minutes", retry_after_s=BAN_S)
    if code in BUSY:
        return TransportError(text, reason=f"code_{code}")
    if code in REGION:
        return RegionBlocked(f"{text}; Bybit does not serve this address", code=str(code))
    return VenueRefused(text, code=str(code))


def _is_page(response: Response) -> bool:
    """Return whether HTTP 403 is the page of a geo-block, and not the message of a ban ("access too frequent")."""
    html = response.body.lstrip()[:1] == b"<" or "html" in response.headers.get("Content-Type", "").lower()
    return html and TOO_FREQUENT not in response.body.lower()


def _until_reset_s(response: Response) -> float:
    try:
        reset_at = millis(response.headers.get("X-Bapi-Limit-Reset-Timestamp"))
    except BadNumber:
        reset_at = None
    return max((reset_at - response.received_at) / 1000 + MARGIN_S, MARGIN_S) if reset_at else MARGIN_S
