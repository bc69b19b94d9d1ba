"""What was kept out: counted by venue, reply and reason, with the newest samples to look at."""

from collections import Counter, deque

from msgspec import Struct

SAMPLES = 200


class Sample(Struct, frozen=True):
    """One value that was kept out; `at` is when it arrived, ms UTC."""

    at: int
    exchange: str
    feed: str
    symbol: str
    reason: str
    observed: str


class Rejects:
    """Counters and the newest samples. Symbols are in the samples only, so that no label set grows."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)

    def add(self, exchange: str, feed: str, symbol: str, reason: str, observed: str, at: int) -> None:
        """Count one reject and keep it as a sample."""
        self.counts[exchange, feed, reason] += 1
        self.samples.append(Sample(at, exchange, feed, symbol, reason, observed))
