"""Gaps: what of the past of a contract is missing and can still be asked for (pure)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from microstream.history.ledger import Ledger, Note, Subject
from microstream.model.instruments import Instrument
from microstream.model.past import PastKind, Span
from microstream.spec.history import History

MINUTE_MS = 60_000
GRID_MS = 300_000
BEFORE_MS = 24 * 3_600_000
"""Settlements are asked for from so long before: the distance to the one before tells the interval of the first."""
SETTLEMENT_MS = 8 * 3_600_000
"""Usual distance of settlements, for guessing how many requests a span takes."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of one kind of the past of one contract that is to be asked for; `tries` is how often that was in vain."""

    instrument: Instrument
    history: History
    span: Span
    tries: int = 0

    @property
    def subject(self) -> Subject:
        """What the ledger knows it as."""
        return Subject(self.instrument.exchange, self.instrument.symbol, self.history.kind)


def find_gaps(
    ledger: Ledger,
    instruments: Sequence[Instrument],
    histories: Sequence[History],
    kinds: Collection[PastKind],
    within: Span,
    now: int,
    *,
    again: bool = False,
) -> tuple[list[Gap], list[Note]]:
    """Return what is to be asked for of a span, and notes of what is found to be gone without asking.

    A venue has nothing from before a contract was listed, and keeps some kinds for a limited time. What may not be
    there yet is left for the next time: rows come with a lag. `again` asks for what was answered as well, to learn of
    corrections.
    """
    gaps: list[Gap] = []
    notes: list[Note] = []
    for instrument in instruments:
        for history in (item for item in histories if item.kind in kinds):
            subject = Subject(instrument.exchange, instrument.symbol, history.kind)
            if history.request(instrument, Span(now - MINUTE_MS, now), now) is None:
                continue
            wanted = within
            if history.kind == "funding":
                wanted = Span(within.start - BEFORE_MS, within.end)
            there, since = _available(instrument, history, wanted, now)
            before = Span(wanted.start, min(since, wanted.end))
            notes += [Note(subject, span, "gone") for span in ledger.holes(subject, before)]
            missing = [there] if again and there.start < there.end else ledger.holes(subject, there)
            gaps += [Gap(instrument, history, span) for span in missing]
    return gaps, notes


def _available(instrument: Instrument, history: History, within: Span, now: int) -> tuple[Span, int]:
    """Return the part of a span of which the venue has rows, on the grid of the kind, and since when it has any.

    What was so lately that it may be missing still ends at full five minutes, so that an early repeat finds no news.
    """
    step = history.step_ms or MINUTE_MS
    since = max(instrument.listed_at or 0, now - history.keeps_ms if history.keeps_ms is not None else 0)
    start = since + -since % step if since > within.start else within.start - within.start % step
    surely = now - history.lag_ms
    end = min(within.end + -within.end % step, surely - surely % GRID_MS)
    return Span(start, max(start, end)), since


def expected_requests(gap: Gap) -> int:
    """Return how many requests a gap will take, as far as it can be told."""
    history, length = gap.history, gap.span.end - gap.span.start
    step = history.step_ms or (SETTLEMENT_MS if history.kind == "funding" else MINUTE_MS)
    reach = min(history.page * step, history.window_ms or length)
    return max(1, -(-length // reach))
