"""`signal:oi_regime:{exchange}:{symbol}`: what open interest did while the price moved, per timeframe."""

from typing import Any

from microstream.analytics.known import Contract
from microstream.analytics.regime import divergence, regime
from microstream.analytics.signals.changes import Change, Changes
from microstream.analytics.signals.result import Result
from microstream.analytics.signals.settings import SignalSettings
from microstream.model.messages import Input

FORMULA = "1"


class OiRegime:
    """The regimes of every contract: on each timeframe that of the last finished bar."""

    def __init__(self, settings: SignalSettings, changes: Changes) -> None:
        self._settings = settings
        self._changes = changes

    def of_contract(self, contract: Contract, now: int) -> Result | None:
        """Return the regimes of a contract; None before its first bar."""
        result = Result({})
        for timeframe in self._settings.regime_timeframes:
            change = self._changes.newest(contract.key, timeframe)
            if change is not None:
                result.values[timeframe] = self._told(timeframe, change, contract, result, now)
        if not result.values:
            return None
        return result

    def _told(
        self, timeframe: str, change: Change, contract: Contract, result: Result, now: int
    ) -> dict[str, Any]:
        bar, price, interest = change.bar, change.price, change.interest
        found = regime(price, interest, self._settings.price_dead_zone, self._settings.oi_dead_zone)
        if found is None:
            result.lacks(f"{timeframe}.regime", change.reason or "unknown")
        for name, value in (("mark", bar.mark), ("open_interest", bar.open_interest)):
            age_ms = now - bar.close_time + (value.age_ms if value else 0)
            close = value.close if value else None
            result.inputs.append(
                Input(f"{timeframe}.{name}", contract.exchange, contract.symbol, close, age_ms)
            )
        if result.newest is None or bar.received_at > result.newest.received_at:
            result.newest = bar
        return {
            "open_time": bar.open_time,
            "close_time": bar.close_time,
            "price_change": price,
            "oi_change": interest,
            "regime": found,
            "divergence": divergence(price, interest),
            "oi_z": change.interest_z,
            "samples": change.samples,
        }
