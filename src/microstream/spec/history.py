"""History of a venue as data: how a span of the past of one contract is asked for, and how the reply is read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from microstream.model.frame import Reject
from microstream.model.instruments import Instrument
from microstream.model.past import AnyPast, PastKind, Span
from microstream.spec.rest import Request


@dataclass(slots=True)
class Page:
    """What a reply says: rows in any order, and what could not be used; `size` is how many rows the reply had."""

    rows: list[AnyPast] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """One kind of the past of one contract at a time.

    `step_ms` is the distance of rows, None where it varies (settlements). A reply has at most `page` rows: the newest
    of the span if `newest_first`, else the oldest. One request is about `window_ms` at most, None where a span may be
    asked for whole and is paged through. `request(instrument, span, now)` asks for the rows of a span; None when the
    contract has no such history. `parse` fills a page and raises `WireMismatch` for a body that cannot be read; it need
    not look at the span. The venue keeps rows for `keeps_ms` (None: for good), and a row may be missing still for
    `lag_ms` after the end of what it stands for.
    """

    kind: PastKind
    step_ms: int | None
    page: int
    newest_first: bool
    window_ms: int | None
    request: Callable[[Instrument, Span, int], Request | None]
    parse: Callable[[bytes, Instrument, Page], None]
    keeps_ms: int | None = None
    lag_ms: int = 120_000
