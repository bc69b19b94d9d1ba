"""Market situations by name, each a script of faults: what signals and alerts are there for.

`at` is when one begins, in seconds as in any script; spans are in seconds, rates fractions per interval,
premiums fractions of the index. On OKX a funding rate is pushed every 30 to 90 s only, so a situation that is
to be seen there on streams must hold for longer than that.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from microstream_sim.contracts import Contract
from microstream_sim.faults import Fault
from microstream_sim.targets import Catalogue, UnknownTarget

Venue = Literal["binance", "bybit", "okx"]
Span = Annotated[float, Meta(ge=0)]
_DAY_S = 86_400
_SHORTEST_H = 1


class Scenario(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What all have: the coin it is about, and when it begins."""

    name: ClassVar[str]
    coin: str = "SOL"
    at: float = 0.0

    def faults(self, catalogue: Catalogue) -> list[Fault]:
        """Return its script. Raises UnknownTarget where the catalogue lacks what it is about."""
        raise NotImplementedError

    def _move(self, field: str, value: float, **keys: Any) -> Fault:
        """Return a move of the coin, on all venues unless one is given."""
        return Fault(kind="market", coin=self.coin, field=field, value=value, **{"at": self.at, **keys})


class CapHit(Scenario):
    """Funding of one contract climbs to its cap and stays there; then it settles every hour, and all returns.

    The cap stays the same per interval; the next settlement is the next full hour.
    """

    name = "cap_hit"
    venue: Venue = "bybit"
    rise_s: Span = 20.0
    hold_s: Span = 40.0
    hourly_s: Span = 60.0

    def faults(self, catalogue: Catalogue) -> list[Fault]:
        """Return a move of the rate and a change of the interval."""
        contract = _perpetual(catalogue, self.venue, self.coin)
        if (contract.interval_h or 0) <= _SHORTEST_H:
            raise UnknownTarget(f"{contract.symbol} of {self.venue} settles every hour already")
        lasts = 2 * self.rise_s + self.hold_s + self.hourly_s
        of: dict[str, Any] = {"venue": self.venue, "symbol": contract.symbol}
        return [
            Fault(
                kind="market", **of, field="funding_rate", value=float(contract.cap), ramp=self.rise_s,
                at=self.at, lasts=lasts,
            ),
            Fault(
                kind="change", **of, field="interval_h", value=_SHORTEST_H,
                at=self.at + self.rise_s + self.hold_s, lasts=self.hourly_s,
            ),
        ]  # fmt: skip


class Spread(Scenario):
    """Funding of a coin rises far above that of the other venues on one of them, and returns."""

    name = "spread"
    venue: Venue = "bybit"
    rate: float = 0.003
    rise_s: Span = 20.0
    hold_s: Span = 100.0

    def faults(self, catalogue: Catalogue) -> list[Fault]:
        """Return a move of the rate."""
        lasts = 2 * self.rise_s + self.hold_s
        return [
            self._move("funding_rate", self.rate, venue=self.venue, ramp=self.rise_s, lasts=lasts),
        ]


class Squeeze(Scenario):
    """On all venues shorts pay and the mark falls below the index, while open interest and price climb."""

    name = "squeeze"
    rate: float = -0.002
    premium: float = -0.004
    open_interest: float = 1.4
    price: float = 1.04
    rise_s: Span = 45.0
    hold_s: Span = 120.0

    def faults(self, catalogue: Catalogue) -> list[Fault]:
        """Return four moves at once."""
        values = {
            "funding_rate": self.rate,
            "premium": self.premium,
            "open_interest_factor": self.open_interest,
            "price_factor": self.price,
        }
        lasts = 2 * self.rise_s + self.hold_s
        return [self._move(field, value, ramp=self.rise_s, lasts=lasts) for field, value in values.items()]


class VenueOff(Scenario):
    """Mark and index of a coin on one venue leave those of the others, and return."""

    name = "venue_off"
    venue: Venue = "binance"
    factor: float = 1.02
    rise_s: Span = 0.0
    hold_s: Span = 60.0

    def faults(self, catalogue: Catalogue) -> list[Fault]:
        """Return a move of the price."""
        lasts = 2 * self.rise_s + self.hold_s
        return [
            self._move("price_factor", self.factor, venue=self.venue, ramp=self.rise_s, lasts=lasts),
        ]


class Flat(Scenario):
    """Funding of a coin is the same at every settlement of `days` on all venues, and stays; then one jump."""

    name = "flat"
    rate: float = 0.0001
    days: float = 30.0
    quiet_s: Span = 60.0
    jump: float = 0.001
    jump_s: Span = 120.0

    def faults(self, catalogue: Catalogue) -> list[Fault]:
        """Return a move that began long ago and does not end, and one upon it."""
        return [
            self._move("funding_rate", self.rate, at=self.at - self.days * _DAY_S),
            self._move("funding_rate", self.jump, at=self.at + self.quiet_s, lasts=self.jump_s),
        ]


SCENARIOS: Mapping[str, type[Scenario]] = {
    kind.name: kind for kind in (CapHit, Spread, Squeeze, VenueOff, Flat)
}


def read_scenario(entry: Any) -> Scenario:
    """Return the scenario that an object with its `name` and parameters describes. Raises ValueError."""
    name = entry.get("name") if isinstance(entry, dict) else None
    kind = SCENARIOS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    try:
        scenario = msgspec.convert({key: value for key, value in entry.items() if key != "name"}, kind)
    except msgspec.ValidationError as bad:
        raise ValueError(f"scenario {name}: {bad}; it has {', '.join(_parameters(kind))}") from bad
    scenario.coin = scenario.coin.upper()
    return scenario


def described() -> list[dict[str, Any]]:
    """Return name, meaning and parameters (with their defaults) of all scenarios."""
    return [
        {"name": name, "meaning": " ".join((kind.__doc__ or "").split()), "parameters": _parameters(kind)}
        for name, kind in SCENARIOS.items()
    ]


def _parameters(kind: type[Scenario]) -> dict[str, Any]:
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    return {name: defaults[name] for name in (*Scenario.__struct_fields__, *defaults)}


def _perpetual(catalogue: Catalogue, venue: str, coin: str) -> Contract:
    """Return the perpetual of a coin that is margined in USDT."""
    for one in catalogue[venue].values():
        if one.live and one.kind == "perpetual" and one.settle == "USDT" and one.coin.name == coin:
            return one
    raise UnknownTarget(f"{venue} lists no live perpetual on {coin!r} in USDT")
