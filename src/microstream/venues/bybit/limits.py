"""Quota of one address, and what Bybit's answers mean (venue page, sections 1 and 5)."""

import msgspec

from microstream.errors import (
    Banned,
    MicrostreamError,
    RateLimited,
    RegionBlocked,
    TransportError,
    VenueRefused,
)
from microstream.spec.rest import Quota, Request, Response
from microstream.venues.bybit import wire

REQUESTS = "requests"
QUOTAS = (Quota(REQUESTS, limit=600, window_s=5),)

BAN_S = 600.0
"""How long the venue asks to stay away after HTTP 403 "access too frequent"."""
PAUSE_S = 5.0
"""After HTTP 429, which names no time."""
BUSY = frozenset({10000, 10016})
REGION = frozenset({10009, 10024})
_STATUS = msgspec.json.Decoder(wire.Status)
_FINE = b'"retCode":0,'


def verdict(request: Request, response: Response) -> MicrostreamError | None:
    """Return the error that an answer stands for, or None. HTTP 200 does not mean success."""
    if response.status == 200 and _FINE in response.body[:200]:
        return None
    status = _status(response.body)
    if response.status == 200:
        return None if status is None or status.retCode == 0 else _by_code(request, response, status)
    text = f"HTTP {response.status}: {status.retMsg if status else 'no JSON body'}"
    if response.status == 403:
        if _is_json(response.body):
            return Banned(f"{text}; all requests stop for 10 minutes", retry_after_s=BAN_S)
        return RegionBlocked(f"{text}; Bybit does not serve this address", code="403")
    if response.status == 429:
        return RateLimited(text, retry_after_s=_retry_after_s(response) or PAUSE_S)
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


def _status(body: bytes) -> wire.Status | None:
    try:
        return _STATUS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def _retry_after_s(response: Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _until_reset_s(response: Response) -> float:
    text = response.headers.get("X-Bapi-Limit-Reset-Timestamp", "")
    left_s = (int(text) - response.received_at) / 1000 if text.isdigit() else 0.0
    return max(left_s, 1.0)
