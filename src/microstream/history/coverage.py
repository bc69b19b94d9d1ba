"""Coverage: what of a span is there, what is missing and may still be fetched, and what is gone."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal

import polars as pl
from msgspec import Struct

from microstream.history.absence import gone
from microstream.history.ledger import WHOLE, Ledger, Subject
from microstream.history.lookup import partition_of
from microstream.history.moments import within
from microstream.history.names import Contract, chosen, named
from microstream.history.spans import Spans
from microstream.history.store import Store
from microstream.model.messages import PAYLOADS
from microstream.model.past import ROWS, Span

State = Literal["rows", "nothing", "part", "missing", "gone", "recorded", "lost"]
"""What became of a piece of time: answered with rows; answered, and nothing was there; known in part; never asked for;
no longer to be had; recorded; lost by the recorder."""


WHOLE_PIECE = 0.999
"""Share of a piece that counts as all of it: notes end at whole minutes, pieces do not."""


class Line(Struct, frozen=True):
    """The coverage of one subject: shares of time (0 to 1), and the state of each of equal pieces of it.

    Of a sum over contracts (`contracts` says how many), `parts` has the share of each piece that is there. `instrument`
    is the cross-venue name by the naming rules, where there is one.
    """

    exchange: str
    symbol: str
    instrument: str | None
    kind: str
    contracts: int
    there: float
    missing: float
    gone: float
    lost: float
    parts: list[float]
    states: list[State]


class Coverage(Struct, frozen=True):
    """The coverage of a span; times are ms UTC."""

    start: int
    end: int
    summed: bool
    lines: list[Line]


Filled = Mapping[tuple[str, str, str], set[int]]
"""By exchange, symbol and kind: the pieces of the span in which there are rows."""


def coverage(
    store: Store,
    span: Span,
    pieces: int,
    *,
    now: int,
    kinds: Collection[str] = (),
    instrument: str | None = None,
    exchange: str | None = None,
    summed: bool = False,
) -> Coverage:
    """Return the coverage of what the ledger has notes of, sorted by exchange, kind and contract.

    `kinds` are kinds of the past and recorded families; none means all. `summed` makes one line of all contracts of an
    exchange. Raises `StoreDown`.
    """
    store.ledger.load()
    subjects = [
        each
        for each in store.ledger.subjects()
        if exchange in {None, each.exchange} and (not kinds or each.kind in kinds)
    ]
    if instrument is not None:
        subjects = _of(instrument, subjects)
    past = sorted({each.kind for each in subjects if each.symbol != WHOLE} & set(ROWS))
    filled = _filled(store, past, subjects, span, pieces)
    ordered = sorted(subjects, key=lambda each: (each.exchange, _order(each), each.symbol))
    lines = [_line(store.ledger, each, span, pieces, now, filled) for each in ordered]
    return Coverage(*span, summed, list(_summed(lines)) if summed else lines)


def _of(instrument: str, subjects: Iterable[Subject]) -> list[Subject]:
    """Return the subjects of an instrument, and the recorded families of its venues."""
    known = {each: named(each.exchange, each.symbol) for each in subjects}
    meant = set(chosen(instrument, [each for each in known.values() if each.symbol != WHOLE]))
    exchanges = {each.exchange for each in meant}
    return [
        subject
        for subject, contract in known.items()
        if contract in meant or (subject.symbol == WHOLE and subject.exchange in exchanges)
    ]


def _filled(
    store: Store, kinds: Sequence[str], subjects: Sequence[Subject], span: Span, pieces: int
) -> Filled:
    """Return where there are rows."""
    found: dict[tuple[str, str, str], set[int]] = {}
    length = _piece(span, pieces)
    symbols = sorted({each.symbol for each in subjects})
    for kind, table in store.past.items():
        if kind not in kinds:
            continue
        piece = ((pl.col("timestamp") - span.start) // length).alias("piece")
        query = (
            table.scan()
            .filter(within(partition_of(table), "timestamp", span), pl.col("symbol").is_in(symbols))
            .select("exchange", "symbol", piece)
            .unique()
        )
        for exchange, symbol, number in table.read(query).iter_rows():
            found.setdefault((exchange, symbol, kind), set()).add(number)
    return found


def _line(ledger: Ledger, subject: Subject, span: Span, pieces: int, now: int, filled: Filled) -> Line:
    contract = named(*subject[:2]) if subject.symbol != WHOLE else Contract(*subject[:2], None)
    recorded = subject.kind in PAYLOADS and subject.symbol == WHOLE
    there = ledger.spans(subject, "recorded" if recorded else "answered")
    away = ledger.spans(subject, "lost") if recorded else gone(ledger, subject, span, now)
    cut = list(_cut(span, pieces))
    parts = [there.held(each) / (each.end - each.start) for each in cut]
    rows = filled.get((subject.exchange, subject.symbol, subject.kind), set())
    states = [
        _recorded_state(part, away, each) if recorded else _past_state(part, away, each, number in rows)
        for number, (part, each) in enumerate(zip(parts, cut, strict=True))
    ]
    total = span.end - span.start
    held, absent = there.held(span) / total, away.held(span) / total
    missing = max(0.0, 1 - Spans([*there.parts(span), *away.parts(span)]).held(span) / total)
    lost, old = (absent, 0.0) if recorded else (0.0, absent)
    return Line(*contract, subject.kind, 1, held, missing, old, lost, parts, states)


def _past_state(part: float, away: Spans, piece: Span, has_rows: bool) -> State:
    if part >= WHOLE_PIECE:
        return "rows" if has_rows else "nothing"
    share = part + away.held(piece) / (piece.end - piece.start)
    if share >= WHOLE_PIECE:
        return "gone" if not has_rows else "rows"
    return "part" if part or has_rows else "missing"


def _recorded_state(part: float, away: Spans, piece: Span) -> State:
    if away.held(piece):
        return "lost"
    return "recorded" if part >= WHOLE_PIECE else "part" if part else "missing"


def _summed(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield a line for all contracts of an exchange and kind."""
    for (exchange, kind, _), group in groupby(
        lines, key=lambda each: (each.exchange, each.kind, each.symbol == WHOLE)
    ):
        members = list(group)
        if len(members) == 1:
            yield members[0]
            continue
        count = len(members)
        columns = zip(*(each.parts for each in members), strict=True)
        states = [_common(column) for column in zip(*(each.states for each in members), strict=True)]
        there, missing, old, lost = (
            sum(getattr(each, name) for each in members) / count
            for name in ("there", "missing", "gone", "lost")
        )
        parts = [sum(column) / count for column in columns]
        yield Line(exchange, WHOLE, None, kind, count, there, missing, old, lost, parts, states)


def _common(states: Sequence[State]) -> State:
    """Return the state that all contracts have, `part` where they differ; nothing there is no other than rows."""
    found = set(states)
    if found <= {"rows", "nothing"}:
        return "rows" if "rows" in found else "nothing"
    return found.pop() if len(found) == 1 else "part"


def _piece(span: Span, pieces: int) -> int:
    return -(-(span.end - span.start) // pieces)


def _cut(span: Span, pieces: int) -> Iterator[Span]:
    """Yield equal pieces of a span; the last may be shorter."""
    for start in range(*span, _piece(span, pieces)):
        yield Span(start, min(start + _piece(span, pieces), span.end))


def _order(subject: Subject) -> tuple[bool, int]:
    kinds: list[str] = [*PAYLOADS] if subject.symbol == WHOLE else [*ROWS]
    return subject.symbol == WHOLE, kinds.index(subject.kind) if subject.kind in kinds else len(kinds)
