"""How much speaks for a squeeze, 0 to 100. No standard exists: this is a formula of our own, with a version."""

from msgspec import Struct

FORMULA = "1"
"""Goes up with every change of what follows."""
WEIGHTS = {"funding": 0.30, "oi": 0.25, "basis": 0.15, "momentum": 0.15, "liquidations": 0.15}
FULL = 4.0
"""Standard deviations from which a component counts fully."""
LEAST_COMPONENTS = 3


class Components(Struct, frozen=True, gc=False):
    """What is known, each in standard deviations from its own history; None is unknown.

    `funding` is the robust score of the rate, `oi` the z-score of the change of open interest over 24 h in coins,
    `basis` that of the basis, `momentum` that of the price change, above 0 for up, `liquidations` that of the share of
    liquidations that hit shorts; longs have the rest, so theirs is the same with the other sign.
    """

    funding: float | None = None
    oi: float | None = None
    basis: float | None = None
    momentum: float | None = None
    liquidations: float | None = None


class Used(Struct, frozen=True, gc=False):
    """A component that is known: its value, its part of the score (all make 1), and how far it counts, 0 to 1."""

    name: str
    value: float
    weight: float
    g_short: float
    g_long: float


class Squeeze(Struct, frozen=True):
    """Scores 0 to 100 for a squeeze of the shorts and of the longs, None of fewer than three components."""

    short_squeeze: float | None
    long_squeeze: float | None
    components: tuple[Used, ...]


def squeeze(components: Components) -> Squeeze:
    """Return 100 x the weighted sum of g(x) = clamp(x / 4, 0, 1) over the known components.

    Shorts are squeezed where funding and basis are low, and open interest, price and liquidated shorts high; longs
    where funding and basis are high, open interest too, and price and liquidated shorts low.
    """
    known = {name: value for name in WEIGHTS if (value := getattr(components, name)) is not None}
    total = sum(WEIGHTS[name] for name in known)
    used = tuple([_used(name, value, WEIGHTS[name] / total) for name, value in known.items()])
    if len(used) < LEAST_COMPONENTS:
        return Squeeze(None, None, used)
    return Squeeze(
        100 * sum(item.weight * item.g_short for item in used),
        100 * sum(item.weight * item.g_long for item in used),
        used,
    )


def _used(name: str, value: float, weight: float) -> Used:
    for_shorts = -value if name in {"funding", "basis"} else value
    for_longs = value if name == "oi" else -for_shorts
    return Used(name, value, weight, _g(for_shorts), _g(for_longs))


def _g(x: float) -> float:
    return min(max(x / FULL, 0.0), 1.0)
