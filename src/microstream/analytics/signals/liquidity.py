"""`signal:liquidity:{coin}`: where a coin's open interest is, and the funding rate that it pays on average."""

from microstream.analytics.concentration import effective_venues, hhi, oi_weighted_funding, shares
from microstream.analytics.known import Known, is_fresh
from microstream.analytics.signals.result import Result

FORMULA = "1"


def of_coin(coin: str, known: Known, now: int) -> Result | None:
    """Return shares, concentration and total in US dollars of a coin's contracts; None where none has a value."""
    result = Result({})
    venues: dict[str, float | None] = {}
    weighted = []
    for contract in known.coins.get(coin, ()):
        oi, funding = contract.oi, contract.funding
        if oi is None or oi.open_value is None or not is_fresh(oi):
            reason = "open_value_unknown" if oi is None or is_fresh(oi) else "stale"
            result.leave_out(contract.exchange, contract.symbol, reason)
            continue
        result.use("open_value", contract, oi, oi.open_value, now)
        venues[contract.exchange] = (venues.get(contract.exchange) or 0.0) + oi.open_value
        if funding is None:
            continue
        if not is_fresh(funding) or funding.funding_rate_8h is None:
            reason = "interval_or_rate_unknown" if is_fresh(funding) else "stale_rate"
            result.leave_out(contract.exchange, contract.symbol, reason)
            continue
        result.use("funding_rate", contract, funding, funding.funding_rate, now)
        result.use("funding_interval_hours", contract, funding, funding.funding_interval_hours, now)
        weighted.append((funding.funding_rate, funding.funding_interval_hours, oi.open_value))
    if not venues:
        return None
    parts = shares(venues)
    index = hhi(parts.values())
    funding_8h = oi_weighted_funding(weighted)
    if funding_8h is None:
        result.lacks("oi_weighted_funding_8h", "no_rate_with_a_value")
    result.values = {
        "shares": parts,
        "open_value": sum(value for value in venues.values() if value is not None),
        "hhi": index,
        "effective_venues": effective_venues(index),
        "oi_weighted_funding_8h": funding_8h,
    }
    return result
