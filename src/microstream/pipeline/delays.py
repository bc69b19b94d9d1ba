"""How long pushes are under way: our time of receipt less the venue's stamp, which holds the clocks' difference too."""

from collections import deque
from collections.abc import Iterable
from statistics import median

from microstream.model.line import Line

MINUTE_MS = 60_000
MINUTES = 10


class Delay:
    """Of one venue: `median_ms` of the pushes of the last look, and the least within ten minutes."""

    def __init__(self) -> None:
        self.median_ms: float | None = None
        self._minutes: deque[tuple[int, int]] = deque(maxlen=MINUTES)

    @property
    def least_ms(self) -> int | None:
        """The least of the last ten minutes: what is left of the way when nothing holds it up."""
        return min([least for _, least in self._minutes], default=None)

    def look(self, lines: Iterable[Line], now: int, since: int) -> None:
        """Take what came after `since`."""
        delays = [
            line.heard_at - line.stamp for line in lines if line.heard_at > since and line.stamp is not None
        ]
        if not delays:
            return
        self.median_ms = median(delays)
        minute, least = now // MINUTE_MS, min(delays)
        if self._minutes and self._minutes[-1][0] == minute:
            least = min(least, self._minutes.pop()[1])
        self._minutes.append((minute, least))
