"""What an answer stands for: the venue's verdict, and HTTP's own rules where the venue has none."""

from microstream.errors import MicrostreamError, TransportError, VenueRefused
from microstream.spec.rest import Request, Response, Verdict

REQUEST_TIMEOUT = 408


def judged(request: Request, response: Response, verdict: Verdict) -> MicrostreamError | None:
    """Return the error that an answer stands for, or None if it is there to be parsed.

    A redirect is always an error. Of what the venue's verdict lets pass, 408 and 5xx may work on repetition,
    other 4xx will not.
    """
    status = response.status
    if 300 <= status < 400:
        target = response.headers.get("Location", "nowhere")[:200]
        return TransportError(
            f"HTTP {status}, redirected to {target}: redirects are not followed; if the venue has moved,"
            " set its rest_url",
            reason=f"http_{status}",
        )
    error = verdict(request, response)
    if error is not None or status < 300:
        return error
    text = f"HTTP {status}: {response.body[:200].decode('utf-8', 'replace') or 'empty body'}"
    if status >= 500 or status == REQUEST_TIMEOUT:
        return TransportError(text, reason=f"http_{status}")
    return VenueRefused(text, code=f"http_{status}")
