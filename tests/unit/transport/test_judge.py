"""What an answer stands for when the venue's verdict lets it pass, and when not."""

import pytest

from microstream.errors import MicrostreamError, Remedy, VenueRefused
from microstream.spec.rest import Request, Response
from microstream.transport.judge import judged

REQUEST = Request("time", "/api/v5/public/time")


def silent(_request: Request, _response: Response) -> MicrostreamError | None:
    """Have nothing against any answer."""
    return None


def answer(status: int, **headers: str) -> Response:
    """Return an answer of that status."""
    return Response(status, headers, b"<html>oops</html>", 1, 2)


def test_success_is_no_error() -> None:
    """A 200 without an objection of the venue is there to be parsed."""
    assert judged(REQUEST, answer(200), silent) is None


@pytest.mark.parametrize(
    ("status", "remedy", "reason"),
    [
        (302, Remedy.RETRY, "http_302"),
        (404, Remedy.SKIP, "refused"),
        (408, Remedy.RETRY, "http_408"),
        (500, Remedy.RETRY, "http_500"),
        (520, Remedy.RETRY, "http_520"),
    ],
)
def test_http_speaks_where_the_venue_is_silent(status: int, remedy: Remedy, reason: str) -> None:
    """No status above 300 ever reaches a parser."""
    error = judged(REQUEST, answer(status), silent)
    assert error is not None
    assert (error.remedy, error.reason) == (remedy, reason)
    assert f"HTTP {status}" in str(error)


def test_the_venue_goes_first() -> None:
    """Its own reading of a status or of a 200 stands."""
    refusal = VenueRefused("unknown symbol", code="51001")
    assert judged(REQUEST, answer(200), lambda _request, _response: refusal) is refusal
    assert judged(REQUEST, answer(500), lambda _request, _response: refusal) is refusal


def test_a_redirect_names_its_target() -> None:
    """The operator sees where the venue has moved to."""
    error = judged(REQUEST, answer(301, Location="https://elsewhere.example/"), silent)
    assert "https://elsewhere.example/" in str(error)
