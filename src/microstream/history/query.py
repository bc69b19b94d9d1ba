"""`History`: what the tables say, as frames."""

from collections.abc import Mapping, Sequence
from typing import cast

import polars as pl

from microstream.errors import ConfigError
from microstream.history.candles import COLUMNS as CANDLE_COLUMNS
from microstream.history.candles import DAY_MS, MINUTE_MS, resampled
from microstream.history.forecasts import with_settled
from microstream.history.intervals import LOOK_BACK_MS, with_intervals
from microstream.history.joined import VALUES, JoinedKind, clock, is_candle, with_value
from microstream.history.lookup import NAMES, Lookup, check_exchange, step_ms
from microstream.history.moments import NOWHERE, Moment, between, moment, typed
from microstream.history.names import Contract
from microstream.history.store import Store
from microstream.history.versions import CONTRACT, newest
from microstream.model.messages import PAYLOADS
from microstream.model.past import PastKind, Span

FUNDING_COLUMNS = (
    *("exchange", "symbol", "instrument", "timestamp", "settled_rate", "funding_interval_hours"),
    *("funding_rate_8h", "funding_apr", "mark_price", "settled_time", "known_at", "fetched_at"),
)
_UNITS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS}
_COMING_MS = 25 * 3_600_000
"""How long before a settlement the forecasts of it may begin: the longest interval, and some."""


class History:
    """The tables under one URL, read as frames of polars, which every Arrow library takes as they are.

    An instrument is named as in the configuration's `symbols`: `SOL/USDT:USDT`, the venue's `solusdt`, the pair
    `SOL/USDT`, the coin `SOL`, a glob or `all`, each also for one venue (`okx:SOL`); `exchange` does the same. `start`
    belongs to the span, `end` does not; times are `datetime` (naive is UTC), ISO 8601 text or integer ms UTC.

    `as_of` gives what could be known at a time. Of a row that a venue corrected, that is the newest version known by
    then; without `as_of` the newest of all. In frames, columns with times are `Datetime("ms", "UTC")`.

    Raises `ConfigError` for what is no time, no exchange or no instrument of the table (with the nearest), `StoreDown`
    where the tables cannot be read.
    """

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        self._lookup = Lookup(self.store)

    def funding(
        self,
        instrument: str,
        *,
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return the rates that were paid, with the interval that each paid for.

        Venues do not state the interval of the past. It is the time since the settlement before, null where the venue
        was not asked about all of the time between, or where that time is no interval. `funding_rate_8h` and
        `funding_apr` follow from it. `settled_rate` is a fraction per interval.
        """
        span = between(start, end)
        contracts = self._contracts("funding", instrument, exchange, span)
        before = Span(max(span.start - LOOK_BACK_MS, 0), span.end)
        rows = newest(self._lookup.past("funding", contracts, before, _known(as_of)))
        found = self._with_intervals(rows).filter(pl.col("timestamp") >= span.start)
        return typed(found.select(FUNDING_COLUMNS))

    def mark(
        self,
        instrument: str,
        *,
        every: str = "1m",
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return candles of the mark price, in quote currency.

        `every` makes longer ones (5m, 1h, 1d), UTC-aligned: those that open in the span, each whole. None is left out
        for what it lacks: `candles` counts what it is made of, `complete` is whether that is all.
        """
        return self._candles("mark", instrument, every, exchange, between(start, end), as_of)

    def index(
        self,
        instrument: str,
        *,
        every: str = "1m",
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return candles of the index price, in quote currency; as `mark`."""
        return self._candles("index", instrument, every, exchange, between(start, end), as_of)

    def premium(
        self,
        instrument: str,
        *,
        every: str = "1m",
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return candles of the premium index, a fraction; as `mark`. Of a venue with single points only `close`."""
        return self._candles("premium", instrument, every, exchange, between(start, end), as_of)

    def open_interest(
        self,
        instrument: str,
        *,
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return open interest, one side counted: the venue's unit, coins, and the value where the venue states it."""
        span = between(start, end)
        contracts = self._contracts("oi", instrument, exchange, span)
        rows = newest(self._lookup.past("oi", contracts, span, _known(as_of)))
        return typed(rows)

    def recorded(
        self,
        family: str,
        instrument: str | None = None,
        *,
        exchange: str | None = None,
        symbol: str | None = None,
        name: str | None = None,
        rule: str | None = None,
        subject: str | None = None,
        timeframe: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return the messages of a family as they were published, in their original order, all keys of the payload.

        They are sought by contract, of signals and alerts by `name` or `rule` and `subject`, of bars by `timeframe`
        too. `start`, `end` and `as_of` are about `written_at`. Objects without fixed keys are JSON text.
        """
        if family not in PAYLOADS:
            raise ConfigError(f"'{family}' is no family; there are {', '.join(PAYLOADS)}")
        own = {"name": name, "rule": rule, "subject": subject, "timeframe": timeframe, "symbol": symbol}
        wanted = {key: value for key, value in own.items() if value is not None}
        foreign = [key for key in wanted if key not in PAYLOADS[family].__struct_fields__]
        if foreign:
            raise ConfigError(f"messages of {family} have no {', '.join(foreign)}")
        venue = check_exchange(exchange)
        span = between(start, end)
        contracts = None
        if instrument is not None:
            contracts = self._lookup.contracts(self.store.published[family], instrument, venue, span)
        if venue is not None:
            wanted["exchange"] = venue
        return typed(self._lookup.published(family, span, contracts, wanted, _known(as_of)))

    def forecasts(
        self,
        instrument: str,
        *,
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> pl.DataFrame:
        """Return what was recorded of the payments of a span before they were made, beside what was paid.

        `start` and `end` are about `next_funding_time`. `funding_rate` is the forecast as received at `received_at`,
        `lead_ms` before the payment; `settled_rate` is what the venue's history says, null where it is not there.
        """
        span = between(start, end)
        table = self.store.published["funding"]
        written = Span(max(span.start - _COMING_MS, 0), min(span.end + MINUTE_MS, NOWHERE.end))
        contracts = self._lookup.contracts(table, instrument, check_exchange(exchange), written)
        said = self._lookup.published("funding", written, contracts, {}, _known(as_of))
        settles_at = pl.col("next_funding_time")
        coming = said.filter(settles_at.is_between(span.start, span.end, closed="left"))
        settled = newest(self._lookup.past("funding", contracts, span, _known(as_of)))
        return typed(with_settled(coming, settled))

    def joined(
        self,
        instrument: str,
        *,
        every: str = "1m",
        exchange: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
        tolerance_ms: Mapping[str, int] | None = None,
    ) -> pl.DataFrame:
        """Return funding, mark, index and open interest at every tick of a clock, as they were known at that time.

        A tick has the newest value with `known_at` not after it, in the version of that time, and its age. One that is
        older than its tolerance is null: funding a day, mark and index 5 minutes, open interest an hour;
        `tolerance_ms` changes that by kind. Without `start` or `end` the clock goes as far as there is anything.
        """
        every_ms = length(every)
        limits = {kind: value.tolerance_ms for kind, value in VALUES.items()} | _limits(tolerance_ms or {})
        span = between(start, end)
        meant = self._meant(instrument, exchange, span)
        versions = {
            kind: self._versions(kind, contracts, span, limits[kind], _known(as_of))
            for kind, contracts in meant.items()
        }
        span = _clipped(span, list(versions.values()), every_ms)
        names = [rows.select(NAMES) for rows in versions.values()]
        ticks = clock(pl.concat(names).unique(CONTRACT).sort(CONTRACT), span, every_ms)
        for kind, rows in versions.items():
            ticks = with_value(ticks, kind, rows, MINUTE_MS if is_candle(kind) else 0, limits[kind])
        return typed(ticks.sort(*CONTRACT, "timestamp"))

    def _meant(self, instrument: str, exchange: str | None, span: Span) -> dict[JoinedKind, list[Contract]]:
        """Return the contracts of every kind; not each has every kind, so one that knows the name is enough."""
        found: dict[JoinedKind, list[Contract]] = {}
        unknown: list[ConfigError] = []
        for kind in VALUES:
            try:
                found[kind] = self._contracts(kind, instrument, exchange, span)
            except ConfigError as error:
                found[kind] = []
                unknown.append(error)
        if unknown and not any(found.values()):
            raise unknown[0]
        return found

    def _versions(
        self, kind: JoinedKind, contracts: list[Contract], span: Span, limit: int, as_of: int | None
    ) -> pl.DataFrame:
        """Return all versions that a tick of a span may show."""
        before = Span(max(span.start - limit - MINUTE_MS, 0), span.end)
        if kind != "funding":
            return self._lookup.past(kind, contracts, before, as_of)
        longer = Span(max(before.start - LOOK_BACK_MS, 0), before.end)
        rows = self._lookup.past(kind, contracts, longer, as_of)
        hours = self._with_intervals(newest(rows)).select(*CONTRACT, "timestamp", "funding_interval_hours")
        return rows.join(hours, on=(*CONTRACT, "timestamp"), how="left")

    def _candles(
        self,
        kind: PastKind,
        instrument: str,
        every: str,
        exchange: str | None,
        span: Span,
        as_of: Moment | None,
    ) -> pl.DataFrame:
        every_ms = length(every)
        whole = Span(span.start + -span.start % every_ms, span.end + -span.end % every_ms)
        contracts = self._contracts(kind, instrument, exchange, whole)
        rows = newest(self._lookup.past(kind, contracts, whole, _known(as_of)))
        if every_ms == MINUTE_MS:
            plain = rows.with_columns(pl.lit(1, pl.Int64).alias("candles"), pl.lit(True).alias("complete"))
            return typed(plain.select(CANDLE_COLUMNS))
        by_venue = rows.partition_by("exchange", maintain_order=True)
        longer = [resampled(each, every_ms, step_ms(each["exchange"][0], kind)) for each in by_venue]
        return typed(pl.concat(longer) if longer else resampled(rows, every_ms))

    def _contracts(self, kind: PastKind, instrument: str, exchange: str | None, span: Span) -> list[Contract]:
        return self._lookup.contracts(self.store.past[kind], instrument, check_exchange(exchange), span)

    def _with_intervals(self, rows: pl.DataFrame) -> pl.DataFrame:
        ledger = self.store.ledger
        symbols = rows["symbol"].unique().to_list()
        ledger.load((pl.col("kind") == "funding") & pl.col("symbol").is_in(symbols))
        return with_intervals(rows, ledger)


def length(every: str) -> int:
    """Return the ms of a candle or tick: whole minutes that divide a day. Raises `ConfigError`."""
    number, unit = every[:-1], every[-1:]
    if number.isascii() and number.isdigit() and unit in _UNITS and len(number) <= 4:
        every_ms = int(number) * _UNITS[unit]
        if every_ms and DAY_MS % every_ms == 0:
            return every_ms
    raise ConfigError(f"every {every} is no length; it must divide a day: 1m, 5m, 15m, 1h, 4h, 1d")


def _known(as_of: Moment | None) -> int | None:
    return None if as_of is None else moment("as_of", as_of, 0)


def _limits(tolerance_ms: Mapping[str, int]) -> dict[JoinedKind, int]:
    strange = tolerance_ms.keys() - set(VALUES)
    if strange:
        raise ConfigError(f"tolerance of {', '.join(sorted(strange))}; there are {', '.join(VALUES)}")
    return {cast("JoinedKind", kind): limit for kind, limit in tolerance_ms.items()}


def _clipped(span: Span, frames: Sequence[pl.DataFrame], every_ms: int) -> Span:
    """Return a span without its open ends: from the first thing that was known to the tick after the last."""
    if span.start != NOWHERE.start and span.end != NOWHERE.end:
        return span
    rows = [each for each in frames if each.height]
    if not rows:
        return Span(0, 0)
    first = min(cast("int", each["known_at"].min()) for each in rows)
    last = max(cast("int", each["timestamp"].max()) for each in rows) + MINUTE_MS
    start = first if span.start == NOWHERE.start else span.start
    return Span(start, last + -last % every_ms + 1 if span.end == NOWHERE.end else span.end)
