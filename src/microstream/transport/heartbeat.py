"""When to ping, and for how long nothing has come (pure; times are monotonic seconds)."""

import math

from microstream.spec.stream import Ping

LOOKS = 4
"""How often within `dead_s` a connection is looked after: noting the time of every frame would cost more."""


class Heartbeat:
    """Pings at even times; knows the connection alive by frames that have been counted since the last look."""

    def __init__(self, ping: Ping) -> None:
        self.look_s = ping.dead_s / LOOKS
        self._ping = ping
        self._due_at = math.inf
        self._sent_at: float | None = None
        self._heard = 0
        self._heard_at = 0.0

    def begin(self, now: float) -> None:
        """Start: the connection is open."""
        self._heard_at = now
        self._due_at = now + self._ping.every_s

    def due_s(self, now: float) -> float:
        """Return the seconds until the next ping."""
        return self._due_at - now

    def sent(self, now: float) -> float:
        """Note that a ping is sent; return the seconds until the next."""
        self._sent_at = now
        self._due_at = now + self._ping.every_s
        return self._ping.every_s

    def answered(self, now: float) -> float | None:
        """Note a pong; return the round trip in seconds, or None for a pong that nobody asked for."""
        self._heard_at = now
        sent_at, self._sent_at = self._sent_at, None
        return None if sent_at is None else now - sent_at

    def silence_s(self, frames: int, now: float) -> float:
        """Return for how long neither a frame nor a pong has come, given the number of frames so far."""
        if frames != self._heard:
            self._heard, self._heard_at = frames, now
        return now - self._heard_at

    def pings_in(self, seconds: float) -> int:
        """Return how many pings fall into a time."""
        return math.ceil(seconds / self._ping.every_s)
