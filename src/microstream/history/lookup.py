"""Finds rows of contracts: which contracts a spelling means here, and all versions of their rows in a span."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

import polars as pl

from microstream import venues
from microstream.errors import ConfigError
from microstream.history.ledger import WHOLE
from microstream.history.moments import NOWHERE, within
from microstream.history.names import Contract, candidates, chosen, contracts_of, named, unknown
from microstream.history.store import Store
from microstream.history.tables import Table
from microstream.history.versions import CONTRACT
from microstream.model.past import ROWS, PastKind, Span

FEW = 30
"""Contracts that are asked for by name; more are sought by lists of names, and cut to what is meant afterwards."""
NAMES = ("exchange", "symbol", "instrument")


class Lookup:
    """Reads the tables of a store; raises `StoreDown` where they cannot be read."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def past(
        self, kind: PastKind, contracts: Sequence[Contract], span: Span, as_of: int | None
    ) -> pl.DataFrame:
        """Return the versions of rows of a kind with a timestamp in a span that were known at `as_of`."""
        table = self.store.past[kind]
        known = [] if as_of is None else [pl.col("known_at") <= as_of]
        query = table.scan().filter(_within(table, span), _of(contracts), *known).drop(partition_of(table))
        return _cut(table.read(query), contracts)

    def published(
        self,
        family: str,
        span: Span,
        contracts: Sequence[Contract] | None,
        equal: Mapping[str, str],
        as_of: int | None,
    ) -> pl.DataFrame:
        """Return the messages of a family that were written in a span, and by `as_of`, in their original order."""
        table = self.store.published[family]
        conditions = [pl.col(name) == value for name, value in equal.items()]
        if contracts is not None:
            conditions.append(_of(contracts))
        if as_of is not None:
            conditions.append(pl.col("written_at") <= as_of)
        found = table.read(table.scan().filter(_within(table, span), *conditions).drop("day"))
        return _cut(found, contracts or ()).sort("written_at", "entry", "place")

    def contracts(
        self, table: Table, spelling: str, exchange: str | None, span: Span = NOWHERE
    ) -> list[Contract]:
        """Return the contracts that a spelling means, of those with rows in a span, else of those with any.

        Empty when nothing is in the table, or nothing of a contract that the ledger knows. Raises `ConfigError` for a
        spelling that nothing answers to, with the nearest that are there.
        """
        for each in dict.fromkeys((span, NOWHERE)):
            found = chosen(spelling, self._names(table, _within(table, each), exchange, candidates(spelling)))
            if found:
                return found
        there = self._names(table, pl.lit(True), exchange)
        if there and not self.noted(table, spelling, exchange):
            where = table.location.removeprefix(self.store.url).strip("/")
            raise unknown(spelling, there, f"{where} of {exchange}" if exchange else where)
        return []

    def noted(self, table: Table, spelling: str, exchange: str | None) -> list[Contract]:
        """Return the contracts that a spelling means of those that the ledger has notes of."""
        kind = next((kind for kind in ROWS if self.store.past[kind] is table), None)
        self.store.ledger.load()
        subjects = {each for each in self.store.ledger.subjects() if each.kind == kind}
        known = [
            named(each.exchange, each.symbol)
            for each in subjects
            if each.symbol != WHOLE and exchange in {None, each.exchange}
        ]
        return chosen(spelling, known)

    def _names(
        self, table: Table, where: pl.Expr, exchange: str | None, more: pl.Expr | None = None
    ) -> list[Contract]:
        conditions = [where] if more is None else [where, more]
        if exchange is not None:
            conditions.append(pl.col("exchange") == exchange)
        query = table.scan().filter(*conditions).select(NAMES).unique()
        return [each for each in contracts_of(table.read(query)) if each.symbol != WHOLE]


def step_ms(exchange: str, kind: PastKind) -> int:
    """Return the length of a venue's candles of a kind, a minute where it does not say."""
    if exchange in venues.REGISTRY:
        for history in venues.load(exchange).histories:
            if history.kind == kind and history.step_ms:
                return history.step_ms
    return 60_000


def partition_of(table: Table) -> str:
    """Return the column that a table is partitioned by."""
    return "month" if "month" in table.schema else "day"


def check_exchange(exchange: str | None) -> str | None:
    """Return the exchange in lower case. Raises `ConfigError` where there is none of this name."""
    if exchange is None:
        return None
    name = exchange.lower()
    if name not in venues.REGISTRY:
        raise ConfigError(f"'{exchange}' is no exchange; there are {', '.join(venues.REGISTRY)}")
    return name


def _within(table: Table, span: Span) -> pl.Expr:
    if span == NOWHERE:
        return pl.lit(True)
    return within(partition_of(table), "timestamp" if "known_at" in table.schema else "written_at", span)


def _of(contracts: Sequence[Contract]) -> pl.Expr:
    """Return a condition of plain comparisons, so that row groups of other contracts are left out."""
    if not contracts:
        return pl.lit(False)
    if len(contracts) <= FEW:
        return reduce(
            or_,
            ((pl.col("exchange") == each.exchange) & (pl.col("symbol") == each.symbol) for each in contracts),
        )
    exchanges = sorted({each.exchange for each in contracts})
    symbols = sorted({each.symbol for each in contracts})
    return pl.col("exchange").is_in(exchanges) & pl.col("symbol").is_in(symbols)


def _cut(frame: pl.DataFrame, contracts: Sequence[Contract]) -> pl.DataFrame:
    if len(contracts) <= FEW:
        return frame
    meant = pl.DataFrame([each[:2] for each in contracts], schema=list(CONTRACT), orient="row")
    return frame.join(meant, on=CONTRACT, how="semi")
