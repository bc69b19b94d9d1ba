"""Quotas of one address, and what OKX's answers mean (venue page, sections 1 and 5)."""

from microstream.errors import MicrostreamError, RateLimited, RegionBlocked, TransportError, VenueRefused
from microstream.spec.rest import Quota, Request, Response, retry_after_s
from microstream.spec.wire import Body
from microstream.venues.okx import wire

QUOTAS = (
    Quota("instruments", limit=20, window_s=2),
    Quota("funding-rate", limit=10, window_s=2),
    Quota("mark-price", limit=10, window_s=2),
    Quota("open-interest", limit=20, window_s=2),
    Quota("index-tickers", limit=20, window_s=2),
    Quota("time", limit=10, window_s=2),
    Quota("funding-rate-history", limit=10, window_s=2),
    Quota("premium-history", limit=20, window_s=2),
    Quota("mark-price-candles", limit=20, window_s=2),
    Quota("history-mark-price-candles", limit=20, window_s=2),
    Quota("index-candles", limit=20, window_s=2),
    Quota("history-index-candles", limit=10, window_s=2),
    Quota("open-interest-history", limit=10, window_s=2),
)

PAUSE_S = 2.0
"""The window of every limit."""
TOO_MANY = frozenset({"50011", "50013", "50040"})
BUSY = frozenset({"50001", "50004", "50026"})
REGION = frozenset({"50051", "50052", "50059", "50121"})
_STATUS = Body(wire.Status)
_FINE = b'"code":"0"'


def verdict(request: Request, response: Response) -> MicrostreamError | None:
    """Return the error that an answer stands for, or None. Some codes come with HTTP 200."""
    if response.status == 200 and (_FINE in response.body[:200] or _FINE in response.body[-200:]):
        return None
    status = _STATUS.peek(response.body)
    code = status.code if status else ""
    if response.status == 200 and code in {"", "0"}:
        return None
    what = f" for {request.symbol}" if request.symbol else ""
    text = f"HTTP {response.status}, code {code or 'none'}{what}: {status.msg if status else 'no JSON body'}"
    if code in TOO_MANY or response.status == 429:
        return RateLimited(text, retry_after_s=retry_after_s(response) or PAUSE_S, quota=_quota(request))
    if code in REGION or response.status == 451 or (response.status == 403 and status is None):
        return RegionBlocked(
            f"{text}; OKX does not serve this address here", code=code or str(response.status)
        )
    if code in BUSY or response.status >= 500 or response.status == 408:
        return TransportError(text, reason=f"code_{code}" if code else f"http_{response.status}")
    return VenueRefused(text, code=code or str(response.status))


def _quota(request: Request) -> str | None:
    return request.costs[0][0] if request.costs else None
