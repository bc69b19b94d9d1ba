"""Store: all tables of one history, by what they hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from microstream.history.columns import schema_of
from microstream.history.ledger import Ledger
from microstream.history.published import PLACE
from microstream.history.tables import Table
from microstream.model.messages import PAYLOADS
from microstream.model.past import ROWS, PastKind

KNOWN = {"known_at": pl.Int64, "fetched_at": pl.Int64}
"""Columns of `venue/*` besides a row's own: since when the value could be known, and when it was fetched (ms UTC)."""

_SOUGHT_BY = {"signal": ("name", "subject"), "alert": ("rule", "subject")}


class Store:
    """The tables under one URL: a folder, or an object store (`s3://`, its credentials in the environment)."""

    def __init__(self, url: str) -> None:
        self.url = url if "://" in url else str(Path(url).expanduser().absolute())
        self.ledger = Ledger(
            self._table("ledger", Ledger.SCHEMA, time="noted_at", sort=("exchange", "symbol"), month=True)
        )
        self.published = {family: self._published(family) for family in PAYLOADS}
        """What was published, by family."""
        self.past = {kind: self._past(kind) for kind in ROWS}
        """What the venues tell of the past, by kind."""

    def _published(self, family: str) -> Table:
        sought_by = _SOUGHT_BY.get(family, ("exchange", "symbol"))
        schema = PLACE | schema_of(PAYLOADS[family])
        return self._table(
            f"published/{family}",
            schema,
            time="written_at",
            sort=(*sought_by, "written_at", "entry", "place"),
        )

    def _past(self, kind: PastKind) -> Table:
        schema = schema_of(ROWS[kind]) | KNOWN
        sort = ("exchange", "symbol", "timestamp")
        return self._table(f"venue/{kind}", schema, time="timestamp", sort=sort, month=kind == "funding")

    def _table(
        self, name: str, schema: Mapping[str, Any], *, time: str, sort: tuple[str, ...], month: bool = False
    ) -> Table:
        location = f"{self.url.rstrip('/')}/{name}"
        return Table(location, schema, time=time, sort=sort, partition="month" if month else "day")
