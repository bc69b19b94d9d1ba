"""`signal:squeeze:{exchange}:{symbol}`: how much speaks for a squeeze of the shorts, and of the longs."""

from typing import Any

from microstream.analytics.known import Contract, is_fresh
from microstream.analytics.signals.basis import Basis
from microstream.analytics.signals.changes import Changes
from microstream.analytics.signals.funding_anomaly import FundingAnomaly
from microstream.analytics.signals.result import Result
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.squeeze import FORMULA, WEIGHTS, Components, Used, squeeze

__all__ = ["FORMULA", "SqueezeScore"]


class SqueezeScore:
    """The scores of every perpetual, from what the other signals keep."""

    def __init__(
        self, settings: SignalSettings, changes: Changes, basis: Basis, anomaly: FundingAnomaly
    ) -> None:
        self._settings = settings
        self._changes = changes
        self._basis = basis
        self._anomaly = anomaly

    def of_contract(self, contract: Contract, now: int) -> Result | None:
        """Return the scores of a perpetual; None of what never funds."""
        funding, price, oi = contract.funding, contract.price, contract.oi
        if funding is None or price is None or oi is None:
            return None
        result = Result({})
        result.use("funding_rate", contract, funding, funding.funding_rate, now)
        result.use("basis_bps", contract, price, price.basis_bps, now)
        result.use("open_value", contract, oi, oi.open_value, now)
        gate = self._gate(contract)
        components = Components() if gate else self._components(contract)
        scored = squeeze(components)
        if scored.short_squeeze is None:
            reason = gate or "fewer_than_three_components"
            result.lacks("short_squeeze", reason)
            result.lacks("long_squeeze", reason)
        used = {item.name: item for item in scored.components}
        result.values = {
            "short_squeeze": scored.short_squeeze,
            "long_squeeze": scored.long_squeeze,
            "components": {name: _told(used.get(name)) for name in WEIGHTS},
            "components_used": list(used),
        }
        return result

    def _gate(self, contract: Contract) -> str | None:
        """Return why there is no score at all: too little open interest, or data that is not fresh."""
        oi = contract.oi
        if not (is_fresh(contract.funding) and is_fresh(contract.price) and is_fresh(oi)):
            return "stale"
        if oi is None or oi.open_value is None:
            return "open_value_unknown"
        return "open_interest_too_small" if oi.open_value < self._settings.squeeze_min_oi else None

    def _components(self, contract: Contract) -> Components:
        funding, price = contract.funding, contract.price
        change = self._changes.newest(contract.key, self._settings.squeeze_timeframe)
        return Components(
            funding=self._anomaly.score(contract.key, None if funding is None else funding.funding_rate_8h),
            oi=None if change is None else change.interest_z,
            basis=self._basis.z_score(contract.key, None if price is None else price.basis_bps),
            momentum=None if change is None else change.price_z,
        )


def _told(used: Used | None) -> dict[str, Any] | None:
    if used is None:
        return None
    return {"value": used.value, "short": used.g_short, "long": used.g_long, "weight": used.weight}
