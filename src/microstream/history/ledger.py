"""Ledger: which spans were asked for and answered, recorded or lost. A quiet hour is not a hole."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import polars as pl

from microstream.history.spans import Spans
from microstream.history.tables import Table
from microstream.model.past import Span

Answer = Literal["answered", "gone", "recorded", "lost"]
"""`answered`: the venue was asked and all it had is in the table, be it nothing. `gone`: it no longer has it, or never
had: older than it keeps, or before the contract was listed. `recorded`: the recorder was there. `lost`: it was away for
longer than the log reached back."""

WHOLE = "*"
"""Symbol of spans that are about all contracts of a venue."""


class Subject(NamedTuple):
    """What a span is about: a kind of the venue's past of one contract, or (symbol `*`) a recorded family."""

    exchange: str
    symbol: str
    kind: str


class Note(NamedTuple):
    """A span of a subject, and what became of it; `rows` is how many rows it brought."""

    subject: Subject
    span: Span
    answer: Answer
    rows: int = 0


class Ledger:
    """The notes of a history, merged in memory; written by one process of a kind at a time.

    Notes of rows are written after the rows, so a crash between the two asks once more and loses nothing.
    """

    SCHEMA: ClassVar[Mapping[str, Any]] = {
        "exchange": pl.String,
        "symbol": pl.String,
        "kind": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
        "answer": pl.String,
        "rows": pl.Int64,
        "noted_at": pl.Int64,
    }

    def __init__(self, table: Table) -> None:
        self.table = table
        self._spans: dict[tuple[Subject, Answer], Spans] = {}

    def load(self, where: pl.Expr | None = None) -> None:
        """Read all notes, or those that a condition takes. Raises `StoreDown`."""
        self._spans = {}
        notes = self.table.scan() if where is None else self.table.scan().filter(where)
        found = self.table.read(notes.select("exchange", "symbol", "kind", "answer", "start", "end"))
        for exchange, symbol, kind, answer, start, end in found.sort("start").iter_rows():
            self.spans(Subject(exchange, symbol, kind), answer).add(Span(start, end))

    def subjects(self) -> set[Subject]:
        """Return everything that there are notes of."""
        return {subject for (subject, _), spans in self._spans.items() if spans}

    def spans(self, subject: Subject, answer: Answer) -> Spans:
        """Return the spans of a subject with an answer."""
        return self._spans.setdefault((subject, answer), Spans())

    def holes(self, subject: Subject, within: Span) -> list[Span]:
        """Return what of a span is neither answered nor gone: what may be asked for."""
        known = Spans(
            [*self.spans(subject, "answered").parts(within), *self.spans(subject, "gone").parts(within)]
        )
        return known.holes(within)

    def position(self, name: str) -> int | None:
        """Return the last position that was noted under a name. Raises `StoreDown`."""
        return self.table.position(name)

    def note(
        self,
        notes: Iterable[Note],
        now: int,
        positions: Mapping[str, int] | None = None,
        *,
        after: Mapping[str, int | None] | None = None,
    ) -> None:
        """Write notes and hold them, with the position that they stand for; `after` as in `Table.append`.

        Raises `StoreDown`.
        """
        fresh = list(notes)
        if not fresh:
            return
        rows = [(*note.subject, *note.span, note.answer, note.rows, now) for note in fresh]
        self.table.append(pl.DataFrame(rows, schema=dict(self.SCHEMA), orient="row"), positions, after=after)
        for note in fresh:
            self.spans(note.subject, note.answer).add(note.span)
