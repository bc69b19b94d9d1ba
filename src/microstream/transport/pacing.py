"""How often to ask for values that a venue gives for one contract at a time (pure).

The most traded contracts keep the service's interval as far as the budget reaches; the others share what is left.
"""

from collections.abc import Sequence

from microstream.model.instruments import Instrument

TAIL_S = 120.0
"""What the tail gets before more contracts get the full rate."""
ALWAYS_FULL = 10
"""Contracts that keep the full rate however small the budget is, as long as it carries half of them."""


def intervals(instruments: Sequence[Instrument], per_s: float, interval_s: float) -> dict[str, float]:
    """Return the interval in seconds of every contract by its venue name, most traded first.

    `per_s` is how many requests a second may be spent. The sum of 1 / interval never exceeds it.
    """
    ranked = sorted(instruments, key=lambda item: (-(item.turnover or 0.0), item.name))
    count = len(ranked)
    if count == 0 or count / interval_s <= per_s:
        return {item.name: interval_s for item in ranked}
    tail_s = max(TAIL_S, interval_s)
    full = int((per_s - count / tail_s) / (1 / interval_s - 1 / tail_s)) if tail_s > interval_s else 0
    full = max(full, min(ALWAYS_FULL, int(per_s * interval_s / 2)), 0)
    rest = count - full
    rest_s = rest / (per_s - full / interval_s)
    return {item.name: interval_s if rank < full else rest_s for rank, item in enumerate(ranked)}
