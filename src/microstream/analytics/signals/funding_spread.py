"""`signal:funding_spread:{coin}`: what a short on one venue and a long on another earn, all pairs ranked."""

from itertools import combinations
from typing import Any

from microstream.analytics.known import Contract, Known, is_fresh
from microstream.analytics.signals.result import Result
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.spread import HORIZONS_H, Leg, Pair, pair, price_fault, rank

FORMULA = "1"
DOUBTS = frozenset({"out_of_range", "frozen", "disagrees"})
"""Flags of a rate that nothing should be earned by."""
_NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "short",
        "long",
        "carry_per_hour",
        "gross_apr",
        "costs",
        "break_even_hours",
        "break_even_time",
        "net_return",
        "price_gap_bps",
    )
)


class FundingSpread:
    """Pairs of perpetuals of one coin on different venues."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings

    def of_coin(self, coin: str, known: Known, now: int) -> Result | None:
        """Return all pairs of a coin, the best first; None where fewer than two venues have it."""
        contracts = list(known.perpetuals(coin))
        if len({contract.exchange for contract in contracts}) < 2:
            return None
        result = Result({})
        legs = [(contract, leg) for contract in contracts if (leg := self._usable(contract, result, now))]
        pairs = []
        for (one, a), (other, b) in combinations(legs, 2):
            if one.exchange == other.exchange:
                continue
            fault = "quote_mismatch" if one.quote != other.quote else None
            fault = fault or price_fault(a.price, b.price, self._settings.price_limit)
            if fault:
                result.leave_out(f"{a.exchange}/{b.exchange}", f"{a.symbol}/{b.symbol}", fault)
            else:
                pairs.append(pair(a, b, now, slippage=self._settings.slippage))
        ranked = [_told(item) for item in rank(pairs)]
        best = ranked[0] if ranked else _NOTHING
        if not ranked:
            result.lacks("pairs", "no_two_legs_that_fit")
        result.values = {**best, "pairs": ranked}
        return result

    def _usable(self, contract: Contract, result: Result, now: int) -> Leg | None:
        """Return a contract as a leg, its numbers noted, or note why it is none."""
        leg = _leg(contract, self._settings.fees.get(contract.exchange))
        if isinstance(leg, str):
            result.leave_out(contract.exchange, contract.symbol, leg)
            return None
        funding, price = contract.funding, contract.price
        if funding is not None and price is not None:
            result.use("funding_rate", contract, funding, leg.rate, now)
            result.use("funding_interval_hours", contract, funding, leg.interval_h, now)
            result.use("next_funding_time", contract, funding, leg.next_settlement, now)
            result.use("mark_price", contract, price, price.mark_price, now)
        return leg


def _leg(contract: Contract, fee: float | None) -> Leg | str:
    """Return a contract as a leg, or why it cannot be one."""
    funding, price, mark = contract.funding, contract.price, contract.coin_mark
    if funding is None or funding.funding_rate is None:
        return "rate_unknown"
    if not is_fresh(funding):
        return "stale"
    if DOUBTS.intersection(funding.flags):
        return "doubtful_rate"
    if not funding.funding_interval_hours:
        return "interval_unknown"
    if funding.next_funding_time is None:
        return "settlement_time_unknown"
    if price is None or not is_fresh(price):
        return "price_unknown" if price is None else "stale_price"
    if "outlier" in price.flags:
        return "price_outlier"
    if not mark:
        return "price_unknown"
    if fee is None:
        return "fee_unknown"
    return Leg(
        contract.exchange,
        contract.symbol,
        funding.funding_rate,
        funding.funding_interval_hours,
        funding.next_funding_time,
        fee,
        mark,
    )


def _told(item: Pair) -> dict[str, Any]:
    return {
        "short": _leg_told(item.short),
        "long": _leg_told(item.long),
        "carry_per_hour": item.carry_per_hour,
        "gross_apr": item.gross_apr,
        "costs": item.costs,
        "break_even_hours": item.break_even_hours,
        "break_even_time": item.break_even_time,
        "net_return": {f"{hours}h": value for hours, value in zip(HORIZONS_H, item.net_returns, strict=True)},
        "price_gap_bps": item.price_gap_bps,
    }


def _leg_told(leg: Leg) -> dict[str, Any]:
    return {
        "exchange": leg.exchange,
        "symbol": leg.symbol,
        "funding_rate": leg.rate,
        "interval_hours": leg.interval_h,
        "next_funding_time": leg.next_settlement,
        "fee": leg.fee,
    }
