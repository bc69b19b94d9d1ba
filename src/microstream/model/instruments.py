"""Instrument: one contract or spot pair of one venue, under both of its names."""

import sys
from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

ContractKind = Literal["perpetual", "future"]
InstrumentKind = Literal[ContractKind, "spot"]
Status = Literal["live", "prelaunch", "suspended", "settling", "delisted"]


class Instrument(Struct, frozen=True, kw_only=True):
    """A contract as the registry knows it, or a spot pair.

    `name` is the venue's own spelling, `symbol` the same in lower case (OKX without `-SWAP`), `instrument` the
    cross-venue name (`SOL/USDT:USDT`). `multiplier` is the number of coins in one base unit (1000 for
    1000PEPE, whose `base` is PEPE and `venue_base` 1000PEPE). `contract_size` is the value of one contract in
    base units, for inverse contracts in USD; None where it is not known. `index` is the venue's name of the
    index behind the mark. `funding_interval_hours`, `rate_cap` and `rate_floor` (fractions per interval) are
    None where the venue's lists do not state them. Times are ms UTC.

    A spot pair (`BTC/USDT`) settles in nothing (`settle` is empty). It may have the symbol of a perpetual (`btcusdt`)
    and never its `key`, which is made of the other fields: `{exchange}:{symbol}`, of a spot pair
    `{exchange}:spot:{symbol}`.
    """

    exchange: str
    name: str
    symbol: str
    instrument: str
    base: str
    venue_base: str
    quote: str
    settle: str
    kind: InstrumentKind
    inverse: bool = False
    multiplier: float = 1.0
    contract_size: float | None = 1.0
    tick_size: float | None = None
    funding_interval_hours: float | None = None
    rate_cap: float | None = None
    rate_floor: float | None = None
    status: Status = "live"
    listed_at: int | None = None
    delisted_at: int | None = None
    index: str | None = None
    tradfi: bool = False
    turnover: float | None = None
    """Turnover of the last 24 hours in quote currency, where a list states it: what "most traded" goes by."""
    key: str = ""
    """What events and states go by: unique among contracts and spot pairs of all venues."""

    def __post_init__(self) -> None:
        """Derive the key."""
        force_setattr(
            self, "key", sys.intern(key_of(self.exchange, self.symbol, is_spot=self.kind == "spot"))
        )

    @property
    def priced(self) -> bool:
        """Whether prices and open interest of this contract mean anything now."""
        return self.status in {"live", "prelaunch"}

    @property
    def funds(self) -> bool:
        """Whether a funding rate of this contract means anything now."""
        return self.kind == "perpetual" and self.status == "live"


REGISTRY_KEYS = (
    "base",
    "quote",
    "settle",
    "kind",
    "multiplier",
    "contract_size",
    "tick_size",
    "funding_interval_hours",
    "rate_cap",
    "rate_floor",
    "status",
    "listed_at",
    "delisted_at",
)
"""The keys of an instrument that are published, and whose change is news."""


def key_of(exchange: str, symbol: str, *, is_spot: bool = False) -> str:
    """Return the key of the contract, or of the spot pair, with this symbol."""
    return f"{exchange}:spot:{symbol}" if is_spot else f"{exchange}:{symbol}"


def spot_pair(
    exchange: str, name: str, *, base: str, venue_base: str, quote: str, multiplier: float = 1.0
) -> Instrument:
    """Return the spot pair of this name; `multiplier` is the number of coins in one quoted unit (`1000SATSUSDT`)."""
    return Instrument(
        exchange=exchange,
        name=name,
        symbol=name.lower(),
        instrument=f"{base}/{quote}",
        base=base,
        venue_base=venue_base,
        quote=quote,
        settle="",
        kind="spot",
        multiplier=multiplier,
    )


def unified(base: str, quote: str, settle: str, date: str | None = None) -> str:
    """Return the cross-venue name: `BASE/QUOTE:SETTLE`, with `-YYMMDD` for contracts that end."""
    name = f"{base}/{quote}:{settle}"
    return f"{name}-{date}" if date else name
