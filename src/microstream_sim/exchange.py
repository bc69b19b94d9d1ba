"""What every simulated exchange declares, and how it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from microstream_sim.contracts import Contract
from microstream_sim.streaming.api import StreamApi
from microstream_sim.view import View

Query = Mapping[str, str]
Handler = Callable[[View, Query], Any]


class VenueError(Exception):
    """A reply that is an error of the venue: HTTP status, JSON body, further headers."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Charge:
    """What the venue's limiter says to one request: headers to send, and a refusal if it is over a limit."""

    headers: dict[str, str] = field(default_factory=dict)
    refusal: VenueError | None = None
    weight: int = 1


class Limiter(Protocol):
    """The request limits of one venue, counted per client address."""

    def charge(self, path: str, query: Query, now: int) -> Charge:
        """Count a request at `now` (ms)."""
        ...

    def used(self, now: int) -> dict[str, int]:
        """Return what is used of each budget now."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """One simulated exchange: which contracts it lists, its paths and its limits.

    `rows` returns the list of rows within a reply body (None if it has none), `key` names the field of a
    row that holds the symbol, and `new_listing` makes a contract from a symbol alone. `streams` are its
    WebSocket APIs.
    """

    name: str
    key: str
    contracts: Callable[[int, int | None], list[Contract]]
    new_listing: Callable[[str, int], Contract]
    routes: Mapping[str, Handler]
    limiter: Callable[[], Limiter]
    rows: Callable[[Any], list[Any] | None]
    unknown_path: Callable[[str, int], VenueError]
    streams: StreamApi


def whole_number(text: str) -> int | None:
    """Return a number of at most 20 plain digits, None for all else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def page_limit(text: str | None, default: int, largest: int) -> int | None:
    """Return the page size asked for, `default` when absent, None when it is not within 1..`largest`."""
    if text is None or text == "":
        return default
    rows = whole_number(text)
    return rows if rows is not None and 1 <= rows <= largest else None
