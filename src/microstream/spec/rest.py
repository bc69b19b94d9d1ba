"""REST of a venue as data: requests, replies, quotas, and what a parser fills."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from microstream.errors import MicrostreamError
from microstream.model.events import Kind
from microstream.model.frame import Frame, Reject
from microstream.model.instruments import Instrument

Headers = Mapping[str, str]
"""Response headers; names are compared without regard to case."""


def header_number(headers: Headers, name: str) -> int | None:
    """Return a header that is a whole number, or None when it is absent or anything else (a date, a fraction)."""
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit that the venue sets for one address.

    `limit` units per `window_s` seconds; `aligned` windows start at multiples of `window_s` of the UTC clock,
    others slide. `used(headers)` reads the venue's own count of the current window, where it sends one.
    """

    name: str
    limit: float
    window_s: float
    aligned: bool = False
    used: Callable[[Headers], float | None] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One GET request.

    `feed` names the parser that reads the answer: the last part of the path, as `microstream decode` takes it.
    `path` is appended to the venue's base URL. `params` are sent percent-encoded as UTF-8. `costs` is what the
    request takes from each named quota. `symbol` names the contract, where the request is about a single one.
    """

    feed: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    costs: tuple[tuple[str, float], ...] = ()
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, body decompressed; times in ms UTC by our clock."""

    status: int
    headers: Headers
    body: bytes
    sent_at: int
    received_at: int


LONGEST_WAIT_S = 3 * 86_400.0


def retry_after_s(response: Response) -> float:
    """Return the seconds for which an answer asks to wait in its `Retry-After`: a number or a date; 0 without one."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        asked = float(text) if text.isascii() else 0.0
    except ValueError:
        asked = _until_date_s(text, response.received_at)
    return min(max(asked, 0.0), LONGEST_WAIT_S) if math.isfinite(asked) else 0.0


def _until_date_s(text: str, now_ms: int) -> float:
    try:
        return parsedate_to_datetime(text).timestamp() - now_ms / 1000
    except (ValueError, OverflowError):
        return 0.0


Verdict = Callable[[Request, Response], MicrostreamError | None]
"""Says what an answer means before it is parsed: None to go on, or the error that it stands for."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a parser may know: the followed contracts by the venue's own name, and by the index behind them."""

    instruments: Mapping[str, Instrument]
    indexes: Mapping[str, Sequence[Instrument]]


Parse = Callable[[bytes, Context, Frame], None]
"""Fills a frame from a body. Raises `WireMismatch` when the body as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How the reply to one path is read. Rows of a `history` stand for their own time and not for now."""

    parse: Parse
    history: bool = False


@dataclass(frozen=True, slots=True)
class Poll:
    """One way to ask a venue for current values of the kinds in `provides`.

    `bulk(context)` returns requests that are asked together and whose replies enter the pipeline as one frame,
    so that mark and index of one round belong together; none means there is nothing to ask. `single(instrument)`
    is for values that the venue gives for one contract at a time. A poll has one of the two. `needs` are kinds
    without which the provided ones cannot be published whole: a poll that provides them stands before this one.
    `sparse` says that an answer without any row of what is followed is as good as another, `timed` that the answer
    states the venue's clock. A poll that provides nothing is for the clock alone.
    """

    name: str
    provides: frozenset[Kind]
    bulk: Callable[[Context], Sequence[Request]] | None = None
    single: Callable[[Instrument], Request] | None = None
    needs: frozenset[Kind] = frozenset()
    sparse: bool = False
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What the venue's instrument lists say. `limits` are live limits of quotas, by name."""

    instruments: Sequence[Instrument]
    rejects: Sequence[Reject] = ()
    limits: Mapping[str, float] = field(default_factory=dict)


Replies = Mapping[str, Sequence[bytes]]
"""Bodies by feed, pages in order."""


@dataclass(frozen=True, slots=True)
class InstrumentList:
    """How a venue lists its contracts.

    `requests` are all asked; `following(request, body)` is the next page, if there is one. Feeds in `optional`
    may fail without failing the whole. `build` reads all bodies and raises `WireMismatch` when a list as a
    whole cannot be read. `feed` is the one list that `build` can work from alone.
    """

    feed: str
    requests: Sequence[Request]
    build: Callable[[Replies], Listed]
    following: Callable[[Request, bytes], Request | None] = lambda _request, _body: None
    optional: frozenset[str] = frozenset()
