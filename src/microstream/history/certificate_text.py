"""A certificate as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from microstream.history.certificate import Certificate, ContractGrade, VenueGrade
from microstream.history.grades import VALUES
from microstream.model.times import text_from_ms

UNKNOWN = "-"


def markdown(certificate: Certificate) -> Iterator[str]:
    """Yield the lines: the whole, venue by venue, contract by contract, how it was measured."""
    of = f" of {certificate.exchange}" if certificate.exchange else ""
    yield f"# Quality certificate{of}, {certificate.day} (UTC)"
    yield ""
    followed = [each for each in certificate.contracts if each.families.keys() & set(VALUES)]
    yield f"- messages: {certificate.rows:,}, contracts: {len(followed):,}"
    yield f"- SHA-256 of the data: `{certificate.sha256}`"
    yield f"- made {text_from_ms(certificate.made_at // 1000 * 1000)} UTC"
    if certificate.end - certificate.start < 86_400_000:
        yield f"- the day was not over: it ends here at {text_from_ms(certificate.end // 1000 * 1000)} UTC"
    yield ""
    yield "## Venues"
    yield ""
    yield from _table(_VENUE, map(_venue_row, certificate.venues))
    for other in certificate.others:
        yield f"- {other.family}: {other.rows:,} messages, {other.missing:,} missing, SHA-256 `{other.sha256}`"
    if certificate.others:
        yield ""
    yield "## Contracts"
    yield ""
    yield from _table(_CONTRACT, map(_contract_row, followed))
    if others := len(certificate.contracts) - len(followed):
        yield f"Of {others:,} others there are messages of the registry or of quality alone; JSON has them too."
        yield ""
    yield "## How it was measured"
    yield ""
    yield from _DEFINITIONS


_VENUE = (
    "venue",
    "contracts",
    "live",
    "worst",
    "messages",
    "missing",
    "lost",
    "outliers",
    "raised",
    "SHA-256",
)
_CONTRACT = (
    *("venue", "symbol", "instrument", "live", "bars"),
    *(f"{family} p50 / p99 ms" for family in VALUES),
    *("messages", "missing", "outliers", "raised"),
)


def _venue_row(venue: VenueGrade) -> Sequence[str]:
    lost = ", ".join(f"{family} {_share(share)}" for family, share in venue.lost.items())
    return (
        venue.exchange,
        f"{venue.contracts:,}",
        _share(venue.live),
        _share(venue.worst_live),
        f"{sum(venue.rows.values()):,}",
        f"{venue.missing:,}",
        lost or "none",
        f"{venue.outliers:,}",
        _counts(venue.quality),
        f"`{venue.sha256[:16]}`",
    )


def _contract_row(contract: ContractGrade) -> Sequence[str]:
    grades = contract.families
    ages = (
        f"{_age(grades[family].age_p50_ms)} / {_age(grades[family].age_p99_ms)}"
        if family in grades
        else UNKNOWN
        for family in VALUES
    )
    return (
        contract.exchange,
        contract.symbol,
        contract.instrument or UNKNOWN,
        _share(contract.live),
        _share(contract.bar_coverage),
        *ages,
        f"{sum(grade.rows for grade in grades.values()):,}",
        f"{sum(grade.missing for grade in grades.values()):,}",
        f"{sum(grade.outliers for grade in grades.values()):,}",
        _counts(contract.quality),
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table that is aligned as plain text too."""
    lines = [titles, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(titles))]
    for number, line in enumerate(lines):
        yield f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        if number == 0:
            yield f"| {' | '.join('-' * width for width in widths)} |"
    yield ""


def _share(share: float | None) -> str:
    """Return per cent with two places; what is nearly all is not said to be all."""
    if share is None:
        return UNKNOWN
    text = f"{100 * share:.2f}%"
    return "99.99%" if text == "100.00%" and share < 1 else text


def _age(age_ms: int | None) -> str:
    return UNKNOWN if age_ms is None else f"{age_ms:,}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "none"


_DEFINITIONS = (
    "- live: share of the time covered by messages that are not flagged stale, each from its receipt to the next, at",
    "  most three intervals; of a contract the least of funding, mark_price and oi, of a venue the mean.",
    "- bars: share of the day that recorded bars (up to 1h) say was live.",
    "- p50 / p99: received_at - timestamp, by our clock and the venue's.",
    "- missing: numbers that lack in seq within a run; lost: share of the day that the recorder could not recover.",
    "- outliers: messages with that flag; raised: quality messages by kind.",
    "- SHA-256: of a contract's family over the payloads as published, in their order, each with a line feed; combined",
    "  over sorted lines `family exchange symbol checksum`.",
)
