"""Legs of pairs to calculate with."""

from microstream.analytics.spread import Leg

NOON = 1_795_348_800_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def leg(
    exchange: str,
    rate: float,
    interval_h: float,
    *,
    fee: float = 0.0005,
    price: float = 100.0,
    in_ms: int | None = None,
) -> Leg:
    """Return a leg of SOL as it is at noon; it settles a full interval later, or `in_ms` later."""
    wait = round(interval_h * HOUR) if in_ms is None else in_ms
    return Leg(exchange, "solusdt", rate, interval_h, NOON + wait, fee, price)
