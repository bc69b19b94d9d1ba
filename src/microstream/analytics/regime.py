"""What the open interest does while the price moves.

Open interest is in coins: in dollars it moves with the price by itself.
"""

from typing import Literal

Regime = Literal["long_build_up", "short_build_up", "short_covering", "long_unwinding", "neutral"]

PRICE_DEAD_ZONE = 0.001
OI_DEAD_ZONE = 0.0025


def regime(
    price_change: float | None,
    oi_change: float | None,
    price_dead_zone: float = PRICE_DEAD_ZONE,
    oi_dead_zone: float = OI_DEAD_ZONE,
) -> Regime | None:
    """Return what the relative changes of mark and of open interest in coins over one bar say together.

    Neutral where either is nearer to 0 than its dead zone; None where either is unknown.
    """
    if price_change is None or oi_change is None:
        return None
    if abs(price_change) < price_dead_zone or abs(oi_change) < oi_dead_zone:
        return "neutral"
    if oi_change > 0:
        return "long_build_up" if price_change > 0 else "short_build_up"
    return "short_covering" if price_change > 0 else "long_unwinding"


def divergence(price_change: float | None, oi_change: float | None) -> float | None:
    """Return the relative change of open interest in coins less that of the mark; None where either is unknown."""
    if price_change is None or oi_change is None:
        return None
    return oi_change - price_change
