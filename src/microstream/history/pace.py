"""When a recorded moment is due again, by the monotonic clock (pure)."""

EARLY_S = 0.001
"""What is due so soon is due now: a timer is no finer."""


class Pace:
    """Original distances, divided by a speed; None is as fast as can be.

    Every moment is reckoned from the first one, so nothing drifts.
    """

    def __init__(self, speed: float | None = 1.0) -> None:
        if speed is not None and not speed > 0:
            raise ValueError("a speed is above 0")
        self.speed = speed
        self._begun_at = 0.0
        self._first: int | None = None

    def wait_s(self, moment: int, now: float) -> float:
        """Return the seconds from `now` until a recorded moment (ms UTC) is due, 0 where it is due or overdue."""
        if self.speed is None:
            return 0.0
        if self._first is None:
            self._first, self._begun_at = moment, now
        left_s = self._begun_at + (moment - self._first) / 1000 / self.speed - now
        return left_s if left_s > EARLY_S else 0.0

    def shift(self, pause_s: float) -> None:
        """Put all that is left off by a time in which nothing could be sent."""
        self._begun_at += pause_s
