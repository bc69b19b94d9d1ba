"""When a connection is replaced ahead of the end that the venue sets (pure)."""

import math
from random import Random

MARGIN_S = 300.0
"""How long before the end, at least: time for a successor that fails a few times."""
SHARE, MOST = 0.01, 0.1
"""Part of the life that the margin takes, and the most of a life that is short."""


def replaced_after_s(life_s: float | None, random: Random) -> float:
    """Return after how many seconds to begin; drawn, so that connections of one start do not end together."""
    if life_s is None:
        return math.inf
    margin_s = min(max(MARGIN_S, SHARE * life_s), MOST * life_s)
    return life_s - margin_s * random.uniform(1.0, 2.0)
