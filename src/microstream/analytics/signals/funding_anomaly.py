"""`signal:funding_anomaly:{exchange}:{symbol}`: the funding rate beside its own history.

Settled rates and live ones are histories of their own: a forecast is not a payment.
"""

from typing import Any

from microstream.analytics.carry import apy
from microstream.analytics.known import Contract, is_fresh
from microstream.analytics.signals.result import Result
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.statistics import Window, is_anomalous, percentile_rank
from microstream.model.formulas import funding_rate_8h
from microstream.model.messages import FundingMessage

FORMULA = "1"
SAMPLES = 1_440
"""Live rates that a history has at most: one a minute of a day."""
SETTLED = 100
SETTLED_SPAN_MS = 60 * 86_400_000
MS_PER_MINUTE = 60_000


class _History:
    """What one contract's rates were, per 8 h."""

    __slots__ = ("live", "sampled_at", "settled", "settled_at")

    def __init__(self, span_ms: int) -> None:
        self.live = Window(SAMPLES, span_ms)
        self.settled = Window(SETTLED, SETTLED_SPAN_MS)
        self.sampled_at = 0
        self.settled_at = 0


class FundingAnomaly:
    """The funding rate of every contract, with its histories."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings
        # from where on a sample is due is told by the clock, not by when the service began
        self._every_ms = settings.funding_window_ms // SAMPLES
        self._histories: dict[str, _History] = {}

    def of_contract(self, contract: Contract, now: int) -> Result | None:
        """Return how unusual the present rate is; None of a contract without one."""
        funding = contract.funding
        if funding is None:
            return None
        result = Result({})
        history = self._histories.get(contract.key)
        if history is None:
            history = self._histories[contract.key] = _History(self._settings.funding_window_ms)
        rate = funding.funding_rate_8h if is_fresh(funding) else None
        result.use("funding_rate", contract, funding, funding.funding_rate, now)
        if rate is None:
            result.lacks("funding_rate_8h", "stale" if not is_fresh(funding) else "rate_or_interval_unknown")
        settled = self._remember_settled(history, funding)
        compared = {
            "live": self._compared(rate, history.live),
            "settled": self._compared(rate, history.settled),
        }
        main = self._main(history)
        if main is None:
            result.lacks("score", "too_few_samples")
        elif rate is not None and compared[main]["score"] is None:
            result.lacks("score", "flat_history")
        result.values = {
            "funding_rate_8h": rate,
            "funding_apy": apy(
                funding.funding_rate if rate is not None else None, funding.funding_interval_hours
            ),
            **_headline(rate, compared.get(main or "", {}), main),
            "distance_to_cap": _distance_to_cap(funding, result),
            "minutes_to_settlement": _minutes_left(funding, now),
            "settled_rate_8h": settled,
            "live": compared["live"],
            "settled": compared["settled"],
        }
        self._remember_live(history, rate, now)
        return result

    def score(self, key: str, rate_8h: float | None) -> float | None:
        """Return the robust score of a rate beside the history of its contract, None of too short or flat a one."""
        history = self._histories.get(key)
        main = None if history is None else self._main(history)
        if history is None or main is None or rate_8h is None:
            return None
        found = (history.live if main == "live" else history.settled).score(rate_8h)
        return None if found is None else found.score

    def forget(self, key: str) -> None:
        """Forget a contract."""
        self._histories.pop(key, None)

    def _main(self, history: _History) -> str | None:
        """Return the history to compare with: what was paid, else what was told, None where both are too short."""
        if len(history.settled) >= self._settings.min_samples:
            return "settled"
        return "live" if len(history.live) >= self._settings.min_samples else None

    def _compared(self, rate: float | None, window: Window) -> dict[str, Any]:
        summary, found = window.summary, None if rate is None else window.score(rate)
        is_long = len(window) >= self._settings.min_samples
        return {
            "median": None if summary is None else summary.median,
            "mad": None if summary is None else summary.mad,
            "score": None if found is None or not is_long else found.score,
            "method": None if found is None or not is_long else found.method,
            "percentile": None if rate is None or not is_long else percentile_rank(rate, window.ordered),
            "samples": len(window),
        }

    def _remember_settled(self, history: _History, funding: FundingMessage) -> float | None:
        """Add a payment that was not known; return the last one per 8 h."""
        paid = funding_rate_8h(funding.settled_rate, funding.funding_interval_hours)
        if (
            paid is not None
            and funding.settled_time is not None
            and funding.settled_time > history.settled_at
        ):
            history.settled_at = funding.settled_time
            history.settled.add(funding.settled_time, paid)
        return paid

    def _remember_live(self, history: _History, rate: float | None, now: int) -> None:
        if rate is not None and now // self._every_ms > history.sampled_at // self._every_ms:
            history.sampled_at = now
            history.live.add(now, rate)


def _headline(rate: float | None, compared: dict[str, Any], main: str | None) -> dict[str, Any]:
    """Return the comparison with the history that counts."""
    middle = compared.get("median")
    deviation = None if rate is None or middle is None else rate - middle
    return {
        "median": middle,
        "mad": compared.get("mad"),
        "score": compared.get("score"),
        "method": compared.get("method"),
        "percentile": compared.get("percentile"),
        "samples": compared.get("samples", 0),
        "history": main,
        "anomalous": None if deviation is None else is_anomalous(compared.get("score"), deviation),
    }


def _distance_to_cap(funding: FundingMessage, result: Result) -> float | None:
    """Return the rate as a part of its cap, of its floor when it is below 0: 1 at the limit."""
    rate = funding.funding_rate if is_fresh(funding) else None
    limit = funding.rate_cap if rate is None or rate >= 0 else funding.rate_floor
    if rate is None or not limit:
        result.lacks("distance_to_cap", "limit_unknown" if rate is not None else "rate_unknown")
        return None
    return rate / limit


def _minutes_left(funding: FundingMessage, now: int) -> int | None:
    if funding.next_funding_time is None:
        return None
    return max(0, (funding.next_funding_time - now) // MS_PER_MINUTE)
