"""What one connection sends, within what the endpoint takes: pings and requests. Times are monotonic seconds."""

from typing import Protocol

from microstream.spec.stream import Endpoint
from microstream.transport.heartbeat import Heartbeat
from microstream.transport.subscriptions import Subscriptions
from microstream.transport.window import SlidingWindow

WINDOW_MARGIN = 1.1
"""The venue may see our messages closer together than they were sent."""


class Wire(Protocol):
    """Where client messages go."""

    def send(self, text: bytes) -> None:
        """Send a text frame."""
        ...

    def ping(self) -> None:
        """Send a control ping."""
        ...


class Sender:
    """Sends what is due, pings before requests; requests leave room for the pings of their window."""

    def __init__(self, endpoint: Endpoint, subscriptions: Subscriptions, heartbeat: Heartbeat) -> None:
        self._endpoint = endpoint
        self._subscriptions = subscriptions
        self._heartbeat = heartbeat
        self._sent = SlidingWindow(endpoint.requests_s * WINDOW_MARGIN)
        pings = heartbeat.pings_in(endpoint.requests_s)
        self._reserved = min(pings, endpoint.requests // 2)

    def step(self, wire: Wire, now: float) -> float:
        """Send what is due and may be sent; return the seconds until there is more."""
        return min(self._ping(wire, now), self._request(wire, now))

    def _ping(self, wire: Wire, now: float) -> float:
        due_s = max(self._heartbeat.due_s(now), self._room_s(now, reserved=0))
        if due_s > 0:
            return due_s
        if self._endpoint.ping.text is None:
            wire.ping()
        else:
            wire.send(self._endpoint.ping.text)
        self._sent.add(now, 1)
        return self._heartbeat.sent(now)

    def _request(self, wire: Wire, now: float) -> float:
        while (wait_s := self._room_s(now, self._reserved)) <= 0:
            text = self._subscriptions.next_request(now)
            if text is None:
                return float("inf")
            wire.send(text)
            self._sent.add(now, 1)
        return wait_s if self._subscriptions.has_more else float("inf")

    def _room_s(self, now: float, reserved: int) -> float:
        """Return 0 if a client message may be sent, else the seconds before which none may."""
        excess = self._sent.total(now) + 1 - (self._endpoint.requests - reserved)
        return self._sent.frees_in(now, excess) if excess > 0 else 0.0
