"""What went wrong on the way to a venue and back, as an error that says what to look at."""

from collections.abc import Sequence

import aiohttp

from microstream.errors import TransportError, WireMismatch
from microstream.transport.body import BadEncodingError, TooLargeError

REASONS: Sequence[tuple[type[Exception], str]] = (
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientProxyConnectionError, "proxy"),
    (aiohttp.ClientHttpProxyError, "proxy"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "connect"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientResponseError, "bad_http"),
    (aiohttp.ClientConnectionError, "closed"),
    (aiohttp.ClientPayloadError, "closed"),
    (BadEncodingError, "bad_encoding"),
)
"""The label under which a failed exchange is counted; the first that fits."""


EXCHANGE_ERRORS = (aiohttp.ClientError, TimeoutError, OSError, BadEncodingError, TooLargeError)
"""All that sending and reading can raise."""

ADVICE = {
    "connect": "is the venue's rest_url right, and the network up?",
    "dns": "is the venue's rest_url right, and does this machine resolve names?",
    "proxy": "is the proxy in HTTP_PROXY or HTTPS_PROXY right?",
    "tls": "is the venue's rest_url right, and this machine's clock and list of certificates?",
}
"""What to look at, by reason."""


def failure_of(error: Exception, timeout_s: float, max_body: int) -> TransportError | WireMismatch:
    """Return our error for one of `EXCHANGE_ERRORS`; the two limits are those that held."""
    if isinstance(error, TooLargeError):
        return WireMismatch(f"body above {max_body} bytes")
    reason = next((label for kind, label in REASONS if isinstance(error, kind)), "transport")
    if reason == "timeout":
        return TransportError(f"no complete answer within {timeout_s:g} s", reason=reason)
    text = str(error) or type(error).__name__
    return TransportError(f"{text}; {ADVICE[reason]}" if reason in ADVICE else text, reason=reason)
