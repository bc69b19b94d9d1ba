"""Noise with a closed form: sums of sine waves with seeded phases.

A sum of waves has a value and a mean at any moment without any state, so a market made of them can be asked
for every time, past or future, in any order, and gives the same answer.
"""

from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from random import Random

DAY_MS = 86_400_000
_RATIO = 4.7  # step between neighbouring periods; not a whole number, so that the sum does not repeat


@dataclass(frozen=True, slots=True)
class Waves:
    """A sum of sines; each term is (amplitude, angular frequency per ms, phase)."""

    terms: tuple[tuple[float, float, float], ...]

    def value(self, t: float) -> float:
        """Return the sum at `t` (ms)."""
        total = 0.0
        for amplitude, frequency, phase in self.terms:
            total += amplitude * sin(frequency * t + phase)
        return total

    def integral(self, t: float) -> float:
        """Return an antiderivative at `t`: its difference over a span, by the span, is the exact mean there."""
        total = 0.0
        for amplitude, frequency, phase in self.terms:
            total -= amplitude * cos(frequency * t + phase) / frequency
        return total


def random_walk(
    name: str, daily: float, *, shortest_ms: int = 4_000, longest_ms: int = 200 * DAY_MS
) -> Waves:
    """Waves that wander like a random walk: their change over a day is of the order of `daily`.

    A wave's amplitude grows with the square root of its period, as the spread of a random walk does.
    """
    random = Random(name)
    terms = []
    period = float(shortest_ms)
    while period <= longest_ms:
        spread = period * random.uniform(0.85, 1.15)
        amplitude = 0.55 * daily * sqrt(spread / DAY_MS)
        terms.append((amplitude, 2 * pi / spread, random.uniform(0, 2 * pi)))
        period *= _RATIO
    return Waves(tuple(terms))


def level_noise(name: str, amplitude: float, *, shortest_ms: int, longest_ms: int) -> Waves:
    """Waves of equal strength at every period, so the sum stays within a few times `amplitude`."""
    random = Random(name)
    periods = []
    period = float(shortest_ms)
    while period <= longest_ms:
        periods.append(period * random.uniform(0.85, 1.15))
        period *= _RATIO
    share = amplitude / sqrt(len(periods))
    return Waves(tuple((share, 2 * pi / period, random.uniform(0, 2 * pi)) for period in periods))
