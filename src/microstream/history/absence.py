"""Why there are no rows: nothing happened, nobody asked, the recorder was away, or the venue has it no more."""

from microstream import venues
from microstream.errors import ConfigError
from microstream.history.ledger import WHOLE, Ledger, Subject
from microstream.history.lookup import Lookup
from microstream.history.names import Contract
from microstream.history.spans import Spans
from microstream.history.store import Store
from microstream.history.tables import Table
from microstream.model.past import PastKind, Span
from microstream.model.times import text_from_ms


def gone(ledger: Ledger, subject: Subject, within: Span, now: int) -> Spans:
    """Return what of a span a venue no longer has: what the ledger says, and what is older than it keeps."""
    spans = Spans(ledger.spans(subject, "gone").parts(within))
    if (oldest := kept_from(subject, now)) is not None:
        old = Spans([Span(within.start, min(max(oldest, within.start), within.end))])
        for span in old:
            for part in ledger.spans(subject, "answered").holes(span):
                spans.add(part)
    return spans


def kept_from(subject: Subject, now: int) -> int | None:
    """Return the oldest time of which a venue has rows, None where it keeps them for good or does not say."""
    if subject.exchange not in venues.REGISTRY:
        return None
    for history in getattr(venues.load(subject.exchange), "histories", ()):
        if history.kind == subject.kind and history.keeps_ms is not None:
            return now - int(history.keeps_ms)
    return None


def why_no_past(
    store: Store, kind: PastKind, instrument: str, exchange: str | None, within: Span, now: int
) -> str:
    """Return why there is no row of a kind in a span, a line for each contract that the instrument means."""
    lookup, table, ledger = Lookup(store), store.past[kind], store.ledger
    noted = lookup.noted(table, instrument, exchange)  # reads the ledger
    contracts = noted or _with_rows(lookup, table, instrument, exchange)
    reasons = [_past_reason(ledger, Subject(*each[:2], kind), within, now) for each in contracts]
    if not reasons:
        return f"no {kind} of {instrument} was ever fetched; microstream backfill does"
    return "\n".join(
        f"{kind} of {each.exchange} {each.symbol}: {reason}"
        for each, reason in zip(contracts, reasons, strict=True)
    )


def _with_rows(lookup: Lookup, table: Table, instrument: str, exchange: str | None) -> list[Contract]:
    try:
        return lookup.contracts(table, instrument, exchange)
    except ConfigError:  # of a join: not every contract has every kind
        return []


def _past_reason(ledger: Ledger, subject: Subject, within: Span, now: int) -> str:
    answered = ledger.spans(subject, "answered")
    lost = gone(ledger, subject, within, now)
    total = within.end - within.start
    if answered.held(within) == total:
        return "the venue was asked for all of this time and has nothing: nothing happened"
    if lost.held(within) == total:
        return "the venue no longer has this time, or the contract was not listed yet"
    missing = Spans([*answered.parts(within), *lost]).holes(within)
    if not missing:
        return "the venue was asked and has nothing of a part of this time, and keeps the rest no more"
    share = sum(hole.end - hole.start for hole in missing) / total
    return (
        f"{share:.0%} of this time was never fetched, from {text_from_ms(missing[0].start, seconds=False)};"
        " microstream backfill does"
    )


def why_nothing_recorded(store: Store, family: str, exchange: str | None, within: Span) -> str:
    """Return why there is no message of a family in a span, a line for each exchange."""
    ledger = store.ledger
    ledger.load()
    subjects = [
        each
        for each in sorted(ledger.subjects())
        if each.symbol == WHOLE and each.kind == family and exchange in {None, each.exchange}
    ]
    if not subjects:
        return f"{family} was never recorded; microstream record does, or history.record: true"
    return "\n".join(
        f"{family} of {each.exchange}: {_recorded_reason(ledger, each, within)}" for each in subjects
    )


def _recorded_reason(ledger: Ledger, subject: Subject, within: Span) -> str:
    total = within.end - within.start
    there, lost = (ledger.spans(subject, answer).held(within) for answer in ("recorded", "lost"))
    if there == total:
        return "the recorder was there all the time and nothing was published"
    if lost:
        return f"lost for {lost / total:.0%} of this time: the recorder was away for longer than the log reached back"
    if not there:
        return "nothing was recorded in this time"
    return f"recorded for {there / total:.0%} of this time, and nothing was published then"
