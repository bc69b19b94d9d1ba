"""`signal:basis:{exchange}:{symbol}`: the mark beside its index, the spot pair, other venues and the calendar."""

from typing import Any

from microstream.analytics import carry
from microstream.analytics.known import Contract, Known, is_fresh
from microstream.analytics.signals.result import Result
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.statistics import Moments, median
from microstream.model.messages import MarkPriceMessage

FORMULA = "1"
SAMPLES = 360
"""Values that the history of a basis has at most: one every ten seconds of an hour."""
_EXPIRY = ("days_to_expiry", "annualised_basis", "constant_maturity_days", "constant_maturity_basis")


class Basis:
    """The basis of every contract, with the history that its z-score goes by."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings
        # from where on a sample is due is told by the clock, not by when the service began
        self._every_ms = settings.basis_window_ms // SAMPLES
        self._histories: dict[str, tuple[Moments, int]] = {}

    def of_coin(self, coin: str, known: Known, now: int) -> dict[Contract, Result]:
        """Return the basis of each contract of a coin that has a fresh mark."""
        contracts = known.coins.get(coin, [])
        marks = {contract: mark for contract in contracts if (mark := contract.coin_mark) is not None}
        perpetuals = [contract for contract in marks if contract.is_perpetual]
        reference = median(sorted(marks[contract] for contract in perpetuals)) if perpetuals else None
        curves = self._curves(marks, now)
        results = {}
        for contract in marks:
            if contract.price is None:
                continue
            result = self._of(contract, contract.price, known, now)
            result.values["perp_perp"] = _perp_perp(contract, marks, perpetuals, reference)
            result.values.update(self._expiry(contract, curves, now))
            results[contract] = result
        return results

    def z_score(self, key: str, basis_bps: float | None) -> float | None:
        """Return how far a basis is from its mean, in standard deviations; None of too short a history."""
        history = self._histories.get(key)
        if history is None or basis_bps is None or len(history[0]) < self._settings.min_samples:
            return None
        return history[0].z(basis_bps)

    def forget(self, key: str) -> None:
        """Forget a contract."""
        self._histories.pop(key, None)

    def _of(self, contract: Contract, price: MarkPriceMessage, known: Known, now: int) -> Result:
        funding, spot = contract.funding, known.spot_of(contract)
        result = Result({})
        result.use("mark_price", contract, price, price.mark_price, now)
        result.use("index_price", contract, price, price.index_price, now)
        if price.basis_bps is None:
            result.lacks("mark_index_bps", "no_index_of_the_same_time")
        premium = None
        if spot is not None and is_fresh(spot) and spot.mid is not None and contract.multiplier:
            result.use("spot_mid", contract, spot, spot.mid, now)
            premium = carry.perp_spot_bps(price.mark_price, spot.mid, contract.multiplier, spot.multiplier)
        else:
            result.lacks("perp_spot_bps", "no_spot_pair" if spot is None else "spot_stale_or_one_sided")
        apr = None
        if contract.is_perpetual:
            apr = self._carry(contract, result, now)
        elif funding is None:
            result.lacks("carry_apr", "never_funds")
        z_score, samples = self._remember(contract.key, price.basis_bps, now)
        if z_score is None:
            result.lacks(
                "z_score", "too_few_samples" if samples < self._settings.min_samples else "flat_history"
            )
        result.values = {
            "mark_index_bps": price.basis_bps,
            "perp_spot_bps": premium,
            "carry_apr": apr,
            "z_score": z_score,
            "samples": samples,
        }
        return result

    def _carry(self, contract: Contract, result: Result, now: int) -> float | None:
        """Return the simple annual rate that holding a short earns at the present funding rate."""
        funding = contract.funding
        if funding is None or not is_fresh(funding) or funding.funding_apr is None:
            result.lacks("carry_apr", "funding_unknown" if funding is None else "stale_or_interval_unknown")
            return None
        result.use("funding_apr", contract, funding, funding.funding_apr, now)
        return funding.funding_apr

    def _remember(self, key: str, basis_bps: float | None, now: int) -> tuple[float | None, int]:
        """Return the z-score of a basis and the length of its history; then add it, if a sample is due."""
        if key not in self._histories:
            self._histories[key] = (Moments(SAMPLES), 0)
        history, sampled_at = self._histories[key]
        score = self.z_score(key, basis_bps)
        if basis_bps is not None and now // self._every_ms > sampled_at // self._every_ms:
            history.add(basis_bps)
            self._histories[key] = (history, now)
        return score, len(history)

    def _curves(
        self, marks: dict[Contract, float], now: int
    ) -> dict[tuple[str, str], list[tuple[float, float]]]:
        """Return days to expiry and annualised basis of the dated contracts of each venue and quote."""
        curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for contract in marks:
            days, annualised = _annualised(contract, now)
            if days is not None and annualised is not None:
                curves.setdefault((contract.exchange, contract.quote), []).append((days, annualised))
        return curves

    def _expiry(
        self, contract: Contract, curves: dict[tuple[str, str], list[tuple[float, float]]], now: int
    ) -> dict[str, float | None]:
        days, annualised = _annualised(contract, now)
        if days is None:
            return dict.fromkeys(_EXPIRY)
        target = self._settings.constant_maturity_days
        curve = curves.get((contract.exchange, contract.quote), [])
        interpolated = carry.constant_maturity(curve, target) if len(curve) > 1 else None
        return dict(zip(_EXPIRY, (round(days, 2), annualised, target, interpolated), strict=True))


def _annualised(contract: Contract, now: int) -> tuple[float | None, float | None]:
    """Return the days to the expiry of a dated contract and its basis a year; None of a perpetual."""
    row, price = contract.row, contract.price
    if row is None or row.kind != "future" or price is None:
        return None, None
    days = carry.days_to_expiry(now, row.delisted_at)
    return days, carry.annualised_basis(price.mark_price, price.index_price, days)


def _perp_perp(
    contract: Contract, marks: dict[Contract, float], perpetuals: list[Contract], reference: float | None
) -> list[dict[str, Any]]:
    """Return how far a perpetual's mark per coin is above that of each perpetual on another venue."""
    if not contract.is_perpetual:
        return []
    return [
        {
            "exchange": other.exchange,
            "symbol": other.symbol,
            "bps": carry.perp_perp_bps(marks[contract], marks[other], reference),
            "quote_mismatch": other.quote != contract.quote,
        }
        for other in perpetuals
        if other.exchange != contract.exchange
    ]
