"""Page `funding`: the rate of every coin on every venue, side by side."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.style import Style

from microstream.cli import figures
from microstream.cli.board import ROW_LIMIT, is_late
from microstream.cli.column import LATE, PLAIN, TROUBLE, Column, by_rate, by_sign
from microstream.cli.pages.published import PublishedPage, Record
from microstream.client.arrival import EMPTY, Arrival, Payload
from microstream.client.selection import spellings

PREFERRED = ("USDT", "USDC", "USD")
"""Which of a venue's contracts of a coin is shown: by the currency that it settles in; then the others, dated last."""

CONTRACT_LIMIT = 200
"""Contracts of a coin that are kept."""


class Contract:
    """One contract of a coin, and the newest that is known of its funding."""

    __slots__ = ("payload", "symbol")

    def __init__(self, symbol: str, payload: Payload) -> None:
        self.symbol = symbol
        self.payload = payload

    @property
    def settle(self) -> str:
        """The currency that it settles in, empty where that is unknown."""
        return (self.payload.instrument or "").partition(":")[2].partition("-")[0]

    @property
    def preference(self) -> tuple[bool, int, str]:
        """What sorts the contract to be shown before the others of its venue."""
        dated = "-" in (self.payload.instrument or "").partition(":")[2]
        place = PREFERRED.index(self.settle) if self.settle in PREFERRED else len(PREFERRED)
        return dated, place, self.symbol

    def late(self, now_ms: int) -> bool:
        """Return whether the rate is not to be trusted."""
        return is_late(self.payload.flags, self.payload.received_at, now_ms)


NONE = Contract("", EMPTY)


class FundingRow:
    """One coin: its contracts by venue."""

    def __init__(self, coin: str) -> None:
        self.coin = coin
        self._venues: dict[str, dict[str, Contract]] = {}
        self._shown: dict[str, Contract] = {}
        self._count = 0

    def take(self, venue: str, symbol: str, payload: Payload) -> None:
        """Replace what is known of a contract."""
        contracts = self._venues.setdefault(venue, {})
        known = contracts.get(symbol)
        if known is not None:
            known.payload = payload
        elif self._count < CONTRACT_LIMIT:
            self._count += 1
            contracts[symbol] = Contract(symbol, payload)
            self._shown[venue] = min(contracts.values(), key=lambda contract: contract.preference)

    @property
    def venues(self) -> Iterable[str]:
        """The venues that have the coin."""
        return self._shown

    def at(self, venue: str) -> Contract:
        """Return the contract that is shown of a venue, an empty one where there is none."""
        return self._shown.get(venue, NONE)

    def others(self, venue: str) -> list[str]:
        """Return the symbols of the contracts of a venue that are not shown."""
        return sorted(self._venues.get(venue, {}).keys() - {self.at(venue).symbol})

    def ends(self, now_ms: int) -> tuple[str, str, float] | None:
        """Return the venues with the highest and the lowest APR, and the difference; None of fewer than two.

        What is late counts for nothing.
        """
        rates = [
            (apr, venue)
            for venue, contract in self._shown.items()
            if (apr := contract.payload.funding_apr) is not None and not contract.late(now_ms)
        ]
        if len(rates) < 2:
            return None
        high = max(rates, key=lambda rate: rate[0])
        low = min(rates, key=lambda rate: rate[0])
        return high[1], low[1], high[0] - low[0]

    def notes(self, now_ms: int) -> str:
        """Return what is wrong with the rates: flags, and the age of what is old."""
        return ", ".join(self._notes(now_ms))

    def _notes(self, now_ms: int) -> Iterator[str]:
        for venue, contract in sorted(self._shown.items()):
            payload = contract.payload
            flags = [flag for flag in payload.flags if flag != "recovered"]
            if contract.late(now_ms) and "stale" not in flags:
                flags.append(f"{figures.age(payload.received_at, now_ms)} old")
            if flags:
                yield f"{venue} {' '.join(flags)}"

    @property
    def key(self) -> tuple[str, ...]:
        """What orders rows that are equal in the column sorted by."""
        return (self.coin,)

    @property
    def names(self) -> set[str]:
        """The coin, its contracts and their venues, in lower case."""
        contracts = [contract for held in self._venues.values() for contract in held.values()]
        spelled = (spellings(contract.symbol, contract.payload.instrument) for contract in contracts)
        return {self.coin.lower(), *self._shown}.union(*spelled)

    def late(self, now_ms: int) -> bool:
        """Return whether no rate is to be trusted."""
        return all(contract.late(now_ms) for contract in self._shown.values())


class FundingPage(PublishedPage[FundingRow]):
    """The funding matrix: a row per coin, a column group per venue that publishes."""

    name = "funding"
    about = "funding rate per coin and venue: simple APR, rate per 8 h, interval that is paid for"
    feeds = ("funding",)
    channels = ("funding:*",)
    sort = "spread"

    def __init__(self) -> None:
        self._rows: dict[str, FundingRow] = {}
        self._venues: set[str] = set()
        self._columns: Sequence[Column[FundingRow]] = _columns(())

    def take(self, arrival: Arrival) -> None:
        """Take in a funding message."""
        instrument = arrival.payload.instrument
        coin = instrument.partition("/")[0] if instrument else arrival.item
        row = self._rows.get(coin)
        if row is None:
            if len(self._rows) >= ROW_LIMIT:
                return
            row = self._rows[coin] = FundingRow(coin)
        row.take(arrival.exchange, arrival.item, arrival.payload)
        if arrival.exchange not in self._venues:
            self._venues.add(arrival.exchange)
            self._columns = _columns(sorted(self._venues))

    def columns(self, sort: str) -> Sequence[Column[FundingRow]]:
        """Return the columns: three of each venue that has published."""
        return self._columns

    def rows(self) -> Iterable[FundingRow]:
        """Return the coins."""
        return self._rows.values()

    def nothing(self) -> str:
        """Return why there are no rows."""
        return "connected, no funding rate published yet: is the service (microstream run) running?"

    def record(self, row: FundingRow, now_ms: int) -> Record:
        """Return a coin for programs."""
        ends = row.ends(now_ms)
        short, long, spread = ends or (None, None, None)
        return {
            "coin": row.coin,
            "short": short,
            "long": long,
            "spread_apr": spread,
            "venues": {venue: _told(row, venue, now_ms) for venue in sorted(row.venues)},
        }


def _told(row: FundingRow, venue: str, now_ms: int) -> dict[str, Any]:
    contract = row.at(venue)
    payload = contract.payload
    return {
        "symbol": contract.symbol,
        "instrument": payload.instrument,
        "funding_rate": payload.funding_rate,
        "funding_interval_hours": payload.funding_interval_hours,
        "funding_rate_8h": payload.funding_rate_8h,
        "funding_apr": payload.funding_apr,
        "next_funding_time": payload.next_funding_time,
        "received_at": payload.received_at,
        "flags": payload.flags,
        "late": contract.late(now_ms),
        "others": row.others(venue),
    }


def _columns(venues: Sequence[str]) -> Sequence[Column[FundingRow]]:
    return (
        Column(
            name="coin",
            title="coin",
            text=lambda row, _: row.coin,
            order=lambda row, _: row.coin,
            floor=6,
            ceiling=14,
            rank=100,
            left=True,
            ascending=True,
        ),
        Column(
            name="spread",
            title="spread",
            text=lambda row, now: figures.annual(_spread(row, now)).removeprefix("+"),
            order=_spread,
            floor=7,
            ceiling=9,
            rank=99,
        ),
        *(column for at, venue in enumerate(venues) for column in _of_venue(venue, 95 - at)),
        _end_column("short", 0),
        _end_column("long", 1),
        Column(
            name="notes",
            title="notes",
            text=lambda row, now: row.notes(now),
            order=lambda row, now: row.notes(now) or None,
            style=lambda row, now: TROUBLE if row.notes(now) else PLAIN,
            floor=5,
            ceiling=80,
            rank=50,
            cut=True,
            left=True,
            ascending=True,
        ),
    )


def _spread(row: FundingRow, now_ms: int) -> float | None:
    ends = row.ends(now_ms)
    return ends[2] if ends else None


def _end(row: FundingRow, now_ms: int, at: int) -> str | None:
    ends = row.ends(now_ms)
    return (ends[0], ends[1])[at] if ends else None


def _end_column(name: str, at: int) -> Column[FundingRow]:
    """Return the column of the venue to be short, or long, on."""
    return Column(
        name=name,
        title=name,
        text=lambda row, now: _end(row, now, at) or figures.UNKNOWN,
        order=lambda row, now: _end(row, now, at),
        floor=5,
        ceiling=10,
        rank=60,
        left=True,
        ascending=True,
    )


def _of_venue(venue: str, rank: int) -> tuple[Column[FundingRow], ...]:
    """Return APR, rate per 8 h and interval of a venue."""

    def payload(row: FundingRow) -> Payload:
        return row.at(venue).payload

    def faded(row: FundingRow, now_ms: int) -> Style:
        return LATE if row.at(venue).late(now_ms) else PLAIN

    return (
        Column(
            name=venue,
            title=venue,
            text=lambda row, _: figures.annual(payload(row).funding_apr),
            order=lambda row, _: payload(row).funding_apr,
            style=lambda row, now: (
                by_rate(payload(row).funding_rate, payload(row).funding_apr) + faded(row, now)
            ),
            floor=8,
            ceiling=12,
            rank=rank,
        ),
        Column(
            name=f"{venue}_8h",
            title="8h rate",
            text=lambda row, _: figures.per_cent(payload(row).funding_rate_8h),
            order=lambda row, _: payload(row).funding_rate_8h,
            style=lambda row, now: by_sign(payload(row).funding_rate) + faded(row, now),
            floor=8,
            ceiling=9,
            rank=70,
        ),
        Column(
            name=f"{venue}_per",
            title="per",
            text=lambda row, _: _paid_for(row.at(venue)),
            order=lambda row, _: payload(row).funding_interval_hours,
            style=faded,
            floor=4,
            ceiling=9,
            rank=80,
            left=True,
        ),
    )


def _paid_for(contract: Contract) -> str:
    """Return the interval, and the currency of settlement where it is not the usual one."""
    if contract is NONE:
        return figures.UNKNOWN
    hours = figures.interval(contract.payload.funding_interval_hours)
    settle = contract.settle
    return f"{hours} {settle}" if settle not in {"", PREFERRED[0]} else hours
