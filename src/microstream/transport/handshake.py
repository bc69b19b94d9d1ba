"""What a refused WebSocket handshake stands for (pure)."""

from microstream.errors import Banned, MicrostreamError, RateLimited, RegionBlocked, TransportError
from microstream.spec.rest import Headers, Response, retry_after_s

LIMITED_S = 60.0
"""How long to stay away after a 429 that does not say it."""
SHUT_OUT_S = 600.0
"""How long to stay away when the address is shut out: bans and firewalls count what comes meanwhile."""


def refusal_of(status: int, headers: Headers, body: bytes, at: int) -> MicrostreamError:
    """Return the error for an HTTP answer other than 101, received `at` (ms UTC).

    429 is `RateLimited`, 418 and a bare 403 are `Banned`, 451 and a 403 with a page are `RegionBlocked`; all else
    is a `TransportError` with the status as its reason. `body` may be only the beginning.
    """
    asked_s = retry_after_s(Response(status, headers, body, at, at))
    said = " ".join(body[:200].decode("utf-8", "replace").split()) or "no text"
    text = f"handshake refused with HTTP {status}: {said}"
    if status == 429:
        return RateLimited(text, retry_after_s=asked_s or LIMITED_S, quota="connects")
    is_page = "html" in headers.get("Content-Type", "") or body.lstrip()[:1] == b"<"
    if status == 451 or (status == 403 and is_page):
        return RegionBlocked(f"{text}; the venue does not serve this address", code=f"http_{status}")
    if status in {403, 418}:
        return Banned(text, retry_after_s=max(asked_s, SHUT_OUT_S), quota="connects")
    if 300 <= status < 400:
        target = headers.get("Location", "nowhere")[:200]
        text = f"{text}; redirected to {target}, which is not followed: is the venue's ws_url right?"
    return TransportError(text, reason=f"http_{status}")


def stay_away_s(error: MicrostreamError) -> float:
    """Return for how many seconds no connection may be tried after a failed one; 0 leaves it to the backoff."""
    if isinstance(error, RateLimited):
        return error.retry_after_s
    return SHUT_OUT_S if isinstance(error, RegionBlocked) else 0.0
