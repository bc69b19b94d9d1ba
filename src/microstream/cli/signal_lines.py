"""The values of a signal on one line, for people."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import json

from microstream.cli import figures
from microstream.cli.signal_values import Signal, inner, number, word

LONGEST_VALUE = 40
Values = Mapping[str, Any]


def signal_text(name: str, signal: Signal, now_ms: int) -> str:
    """Return the values that matter, with units, and what was left out; of unknown signals all values, shortened."""
    text = _TEXTS.get(name, _any_signal)(signal.values, now_ms)
    left = [f"{left.exchange} {left.symbol} ({left.reason})" for left in signal.excluded]
    return f"{text}  without {', '.join(left)}" if left else text


def _basis(values: Values, _: int) -> str:
    return (
        f"mark to index {figures.basis_points(number(values, 'mark_index_bps')):>8}"
        f"  to spot {figures.basis_points(number(values, 'perp_spot_bps')):>8}"
        f"  carry {figures.annual(number(values, 'carry_apr')):>8}"
        f"  z {figures.deviation(number(values, 'z_score')):>6}"
    )


def _funding_spread(values: Values, now_ms: int) -> str:
    return (
        f"short {leg(values, 'short')}  long {leg(values, 'long')}"
        f"  APR {figures.annual(number(values, 'gross_apr'))}"
        f"  costs {figures.share(number(values, 'costs'))}"
        f"  even after {figures.hours(number(values, 'break_even_hours'))}"
        f", at {figures.moment(number(values, 'break_even_time'), now_ms)}"
        f"  net 24h {figures.per_cent(number(values, 'net_return', '24h'))}"
        f"  168h {figures.per_cent(number(values, 'net_return', '168h'))}"
    )


def leg(values: Any, side: str) -> str:
    """Return venue and symbol of one leg of a pair."""
    names = (word(values, side, key) for key in ("exchange", "symbol"))
    return " ".join(name for name in names if name) or figures.UNKNOWN


def _funding_anomaly(values: Values, _: int) -> str:
    rank = number(values, "percentile")
    anomalous = inner(values, "anomalous")
    return (
        f"{figures.per_cent(number(values, 'funding_rate_8h')):>8} per 8h"
        f"  score {figures.deviation(number(values, 'score'))} beside {word(values, 'history') or figures.UNKNOWN}"
        f"  percentile {figures.UNKNOWN if rank is None else f'{rank:.2f}'}"
        f"  to cap {figures.deviation(number(values, 'distance_to_cap'))}"
        f"{'  anomalous' if anomalous is True else ''}"
    )


def _oi_regime(values: Values, _: int) -> str:
    parts = [
        f"{timeframe} {regime_name(word(told, 'regime'))}"
        f" OI {figures.change(number(told, 'oi_change'))} price {figures.change(number(told, 'price_change'))}"
        for timeframe, told in values.items()
    ]
    return "  ".join(parts) or figures.UNKNOWN


def regime_name(regime: str | None) -> str:
    """Return a regime as people write it: `long build up`."""
    return regime.replace("_", " ") if regime else figures.UNKNOWN


def _squeeze(values: Values, _: int) -> str:
    used = inner(values, "components_used")
    names = ", ".join(map(str, used)) if isinstance(used, list) and used else "nothing"
    short, long = (number(values, f"{side}_squeeze") for side in ("short", "long"))
    return f"short {figures.score(short):>5}  long {figures.score(long):>5}  of {names}"


def _liquidity(values: Values, _: int) -> str:
    shares = inner(values, "shares")
    named = shares.items() if isinstance(shares, dict) else ()
    venues = " ".join(
        f"{venue} {share:.1%}" for venue in dict(named) if (share := number(shares, venue)) is not None
    )
    count = number(values, "effective_venues")
    return (
        f"OI {figures.amount(number(values, 'open_value')):>6} USD  {venues or figures.UNKNOWN}"
        f"  effective venues {figures.UNKNOWN if count is None else f'{count:.2f}'}"
        f"  funding {figures.per_cent(number(values, 'oi_weighted_funding_8h'))} per 8h"
    )


def _any_signal(values: Values, _: int) -> str:
    return shortened(values)


def shortened(values: Values) -> str:
    """Return all keys with their values as JSON, cut where they are long."""
    return "  ".join(f"{key}={json.encode(value).decode()[:LONGEST_VALUE]}" for key, value in values.items())


_TEXTS: dict[str, Callable[[Values, int], str]] = {
    "basis": _basis,
    "funding_spread": _funding_spread,
    "funding_anomaly": _funding_anomaly,
    "oi_regime": _oi_regime,
    "squeeze": _squeeze,
    "liquidity": _liquidity,
}
