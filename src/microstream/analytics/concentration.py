"""How a coin's open interest spreads over venues, and the funding rate that its holders pay on average."""

from collections.abc import Iterable, Mapping

from microstream.model.formulas import funding_rate_8h


def shares(amounts: Mapping[str, float | None]) -> dict[str, float]:
    """Return each amount as a part of all; those that are unknown are left out, and nothing is a part of nothing.

    Amounts are not below 0 and of one kind: one side counted, one unit, quotes of one currency.
    """
    known = {name: amount for name, amount in amounts.items() if amount is not None}
    total = sum(known.values())
    return {name: amount / total for name, amount in known.items()} if total > 0 else {}


def hhi(parts: Iterable[float]) -> float | None:
    """Return the Herfindahl-Hirschman index, the sum of the squared shares: 1/n of n equal ones, 1 of a single one."""
    squares = [part * part for part in parts]
    return sum(squares) if squares else None


def effective_venues(index: float | None) -> float | None:
    """Return 1 / HHI: how many venues of equal size would be as concentrated."""
    return 1 / index if index else None


def oi_weighted_funding(
    venues: Iterable[tuple[float | None, float | None, float | None]],
) -> float | None:
    """Return the funding rate per 8 h that the open interest pays on average.

    Each venue is its rate (fraction per interval), interval (h) and open interest (one side, US dollars). The sum of
    rate per 8 h x open interest, over the sum of open interest; a venue of which one of the three is unknown is in
    neither. None where nothing is left.
    """
    weighted = [
        (rate_8h, value)
        for rate, interval_h, value in venues
        if value is not None and (rate_8h := funding_rate_8h(rate, interval_h)) is not None
    ]
    total = sum(value for _, value in weighted)
    return sum(rate_8h * value for rate_8h, value in weighted) / total if total > 0 else None
