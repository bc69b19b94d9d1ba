"""Wall clock and monotonic clock, replaceable in tests."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the asynchronous rim may ask about time."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()
