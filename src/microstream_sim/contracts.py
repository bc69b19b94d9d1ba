"""A contract as a venue lists it, and how its numbers are spelt."""

from dataclasses import dataclass, replace
from decimal import Decimal
from math import floor, log10
from typing import Literal

from microstream_sim.coins import Coin

HOUR_MS = 3_600_000
Kind = Literal["perpetual", "xperp", "future"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contract:
    """One row of a venue's instrument list. Compared by identity, which makes it a cheap key of caches.

    `multiplier` is the number of coins that one price is for (1000 for 1000PEPE). `contract_size` is the
    value of one contract where the venue counts contracts: coins for linear ones, US dollars for inverse
    ones. `cap` and `floor` are fractions per interval; `caps_published` tells whether the venue states them.
    `interval_h` is None for contracts that do not fund. `live` marks what a client should follow: a
    perpetual (or X-Perp) that trades and funds now. `listed_as` is what a contract whose terms have been
    changed was before: what it was in the past follows from that.
    """

    venue: str
    symbol: str
    kind: Kind
    coin: Coin
    quote: str
    settle: str
    status: str
    live: bool
    inverse: bool = False
    multiplier: int = 1
    contract_size: Decimal = Decimal(1)
    interval_h: int | None = 8
    cap: Decimal = Decimal("0.02")
    floor: Decimal = Decimal("-0.02")
    caps_published: bool = True
    index_shown: Literal["value", "empty", "missing"] = "value"
    formula: Literal["noRate", "withRate"] = "withRate"
    tick_decimals: int = 2
    size_decimals: int = 3
    share: float = 1.0
    listed_at: int = 1_640_995_200_000
    delivers_at: int | None = None
    rule: str = ""
    listed_as: "Contract | None" = None

    @property
    def unit_price(self) -> float:
        """Typical price of one unit (of `multiplier` coins) in US dollars."""
        return self.coin.price * self.multiplier

    @property
    def tick(self) -> str:
        """The smallest price step as text."""
        return step_text(self.tick_decimals)

    @property
    def funds(self) -> bool:
        """Whether a funding rate is charged on it now."""
        return self.interval_h is not None and self.live


def with_decimals(contract: Contract, most: int = 8) -> Contract:
    """Return the contract with tick (of at most `most` decimals) and size steps that suit its price."""
    magnitude = floor(log10(contract.unit_price))
    return replace(
        contract,
        tick_decimals=min(most, max(1, 5 - magnitude)),
        size_decimals=min(3, max(0, magnitude - 1)),
    )


def step_text(decimals: int) -> str:
    """Return the step of that many decimals: 1, 0.1, 0.01 and so on."""
    return "1" if decimals <= 0 else f"0.{'0' * (decimals - 1)}1"


def trimmed(value: float, decimals: int) -> str:
    """Return the number rounded to `decimals` without trailing zeros, never in exponent form."""
    text = f"{value:.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def decimal_text(value: Decimal) -> str:
    """Return an exact decimal without exponent and trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
