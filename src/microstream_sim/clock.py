"""The simulator's time: that of the machine, or one that tests set."""

import time


def system_time() -> int:
    """Return the time of this machine in ms."""
    return time.time_ns() // 1_000_000


class SettableClock:
    """A clock that stands still until `now` (ms) is set, for tests that need a certain moment."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time in ms."""
        return self.now
