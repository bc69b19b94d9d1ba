"""Certificate: how good a recorded day was, contract by contract, and a checksum of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl
from msgspec import Struct

from microstream.history.batches import BATCH_ROWS, batches
from microstream.history.checksum import Key, combined
from microstream.history.grades import KEPT_INTERVALS, VALUES, Grade, graded
from microstream.history.ledger import WHOLE, Ledger, Subject
from microstream.history.store import Store
from microstream.model.messages import PAYLOADS
from microstream.model.past import Span

OWNERS = {"signal": ("name", "subject"), "alert": ("rule", "subject")}
_CONTRACT = ("exchange", "symbol")
LONGEST_BAR_MS = 3_600_000


class ContractGrade(Struct, frozen=True):
    """A contract: `live` is the least of funding, mark price and open interest, of those that were recorded.

    `bar_coverage` is the share of the day that bars say was live, None where none were recorded. `quality` counts the
    quality messages that were raised, by kind.
    """

    exchange: str
    symbol: str
    instrument: str | None
    live: float | None
    bar_coverage: float | None
    families: dict[str, Grade]
    quality: dict[str, int]


class VenueGrade(Struct, frozen=True):
    """A venue: `live` is the mean of its followed contracts, `worst_live` the least; `rows` is by family.

    `recorded` and `lost` are shares of the day by family, as the ledger has them. `quality` counts what was raised,
    of contracts and of the whole venue.
    """

    exchange: str
    contracts: int
    live: float | None
    worst_live: float | None
    rows: dict[str, int]
    missing: int
    outliers: int
    recorded: dict[str, float]
    lost: dict[str, float]
    quality: dict[str, int]
    sha256: str


class OtherGrade(Struct, frozen=True):
    """A family that belongs to no venue: signals and alerts."""

    family: str
    rows: int
    missing: int
    sha256: str


class Certificate(Struct, frozen=True):
    """A UTC day; times are ms UTC. `end` is before the end of the day where that was not over."""

    day: str
    start: int
    end: int
    made_at: int
    exchange: str | None
    rows: int
    sha256: str
    venues: list[VenueGrade]
    others: list[OtherGrade]
    contracts: list[ContractGrade]


class _Gathered:
    """Grades by family and key, and what the messages of a contract say of it."""

    def __init__(self) -> None:
        self.grades: dict[str, dict[Key, Grade]] = {}
        self.instruments: dict[Key, str] = {}
        self.quality: dict[Key, Counter[str]] = {}
        self.bars: dict[Key, float] = {}

    def take(
        self, rows: pl.DataFrame, family: str, names: tuple[str, str], span: Span, interval_ms: int
    ) -> None:
        """Add the rows of some keys of a family."""
        self.grades.setdefault(family, {}).update(graded(rows, family, names, span, interval_ms))
        if family in OWNERS:
            return
        known = rows.filter(pl.col("instrument").is_not_null()).unique(names, keep="last")
        for exchange, symbol, instrument in known.select(*names, "instrument").iter_rows():
            self.instruments.setdefault(
                (exchange, symbol), instrument
            )  # spot, which comes later, has symbols too
        if family == "quality":
            raised = rows.filter(pl.col("state") == "raised").group_by(*names, "kind").len()
            for exchange, symbol, kind, count in raised.iter_rows():
                self.quality.setdefault((exchange, symbol), Counter())[kind] += count
        if family == "bars":
            self._take_bars(rows, span)

    def _take_bars(self, rows: pl.DataFrame, span: Span) -> None:
        long = pl.col("close_time") - pl.col("open_time")
        longest = (
            rows.filter(long <= LONGEST_BAR_MS)
            .unique([*_CONTRACT, "timeframe", "open_time"])
            .group_by(*_CONTRACT, "timeframe")
            .agg((pl.col("coverage") * long).sum().alias("live_ms"))
            .group_by(_CONTRACT)
            .agg(pl.col("live_ms").max())
        )
        for exchange, symbol, live_ms in longest.iter_rows():
            self.bars[exchange, symbol] = min(1.0, live_ms / (span.end - span.start))


def certify(
    store: Store,
    day: date,
    *,
    now: int,
    intervals_ms: Mapping[str, int],
    exchange: str | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Certificate:
    """Return the certificate of a UTC day: of what was written in it (`written_at`), of one exchange or of all.

    `intervals_ms` are the configured intervals of funding, mark_price and oi. Rows are read some contracts at a time.
    Raises `StoreDown`.
    """
    start = (day - date(1970, 1, 1)).days * 86_400_000
    span = Span(start, max(start + 1, min(start + 86_400_000, now)))
    gathered = _Gathered()
    for family in PAYLOADS:
        if exchange is not None and family in OWNERS:
            continue
        names = OWNERS.get(family, _CONTRACT)
        interval = intervals_ms.get(family, 60_000)
        before = KEPT_INTERVALS * interval if family in VALUES else 0
        table = store.published[family]
        for rows in batches(table, names, span, exchange=exchange, before_ms=before, most=batch_rows):
            gathered.take(rows, family, names, span, interval)
    store.ledger.load(pl.col("symbol") == WHOLE)
    return _certificate(gathered, store.ledger, day, span, now, exchange)


def _certificate(
    gathered: _Gathered, ledger: Ledger, day: date, span: Span, now: int, exchange: str | None
) -> Certificate:
    contracts = _contracts(gathered)
    exchanges = sorted(
        {key[0] for family, keys in gathered.grades.items() if family not in OWNERS for key in keys}
    )
    others = [_other(family, gathered.grades[family]) for family in OWNERS if gathered.grades.get(family)]
    return Certificate(
        day=day.isoformat(),
        start=span.start,
        end=span.end,
        made_at=now,
        exchange=exchange,
        rows=sum(grade.rows for keys in gathered.grades.values() for grade in keys.values()),
        sha256=_sum(gathered.grades),
        venues=[_venue(each, gathered, ledger, contracts, span) for each in exchanges],
        others=others,
        contracts=contracts,
    )


def _contracts(gathered: _Gathered) -> list[ContractGrade]:
    of_venues = {family: keys for family, keys in gathered.grades.items() if family not in OWNERS}
    keys = sorted({key for found in of_venues.values() for key in found if key[1] != WHOLE})
    return [_contract(key, gathered, of_venues) for key in keys]


def _contract(key: Key, gathered: _Gathered, of_venues: Mapping[str, Mapping[Key, Grade]]) -> ContractGrade:
    families = {family: keys[key] for family, keys in of_venues.items() if key in keys}
    lives = (families[family].live for family in VALUES if family in families)
    live = [share for share in lives if share is not None]
    return ContractGrade(
        exchange=key[0],
        symbol=key[1],
        instrument=gathered.instruments.get(key),
        live=min(live) if live else None,
        bar_coverage=gathered.bars.get(key),
        families=families,
        quality=dict(sorted(gathered.quality.get(key, {}).items())),
    )


def _venue(
    exchange: str, gathered: _Gathered, ledger: Ledger, contracts: Iterable[ContractGrade], span: Span
) -> VenueGrade:
    members = [each for each in contracts if each.exchange == exchange]
    live = [each.live for each in members if each.live is not None]
    grades = {
        family: {key: grade for key, grade in keys.items() if key[0] == exchange}
        for family, keys in gathered.grades.items()
        if family not in OWNERS
    }
    quality: Counter[str] = Counter()
    for key, counts in gathered.quality.items():
        if key[0] == exchange:
            quality += counts
    every = [grade for keys in grades.values() for grade in keys.values()]
    return VenueGrade(
        exchange=exchange,
        contracts=sum(1 for each in members if each.families.keys() & set(VALUES)),
        live=sum(live) / len(live) if live else None,
        worst_live=min(live) if live else None,
        rows={family: sum(grade.rows for grade in keys.values()) for family, keys in grades.items() if keys},
        missing=sum(grade.missing for grade in every),
        outliers=sum(grade.outliers for grade in every),
        recorded=_shares(ledger, exchange, "recorded", span),
        lost=_shares(ledger, exchange, "lost", span),
        quality=dict(sorted(quality.items())),
        sha256=_sum(grades),
    )


def _shares(ledger: Ledger, exchange: str, answer: str, span: Span) -> dict[str, float]:
    spans = {
        family: ledger.spans(Subject(exchange, WHOLE, family), "lost" if answer == "lost" else "recorded")
        for family in PAYLOADS
    }
    held = {family: each.held(span) / (span.end - span.start) for family, each in spans.items()}
    return {family: share for family, share in held.items() if share}


def _other(family: str, grades: Mapping[Key, Grade]) -> OtherGrade:
    rows, missing = (sum(getattr(grade, name) for grade in grades.values()) for name in ("rows", "missing"))
    return OtherGrade(family, rows, missing, _sum({family: grades}))


def _sum(grades: Mapping[str, Mapping[Key, Grade]]) -> str:
    return combined(
        (family, key, grade.sha256) for family, keys in grades.items() for key, grade in keys.items()
    )
