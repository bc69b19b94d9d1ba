"""What a connection sends: within the limit, pings first, with room kept for them."""

from dataclasses import dataclass, field, replace

from tests.integration.toy_venue import ENDPOINT, topics

from microstream.spec.stream import Endpoint, Ping
from microstream.transport.heartbeat import Heartbeat
from microstream.transport.sender import Sender
from microstream.transport.subscriptions import Subscriptions


@dataclass
class Wire:
    """Keeps what is sent."""

    texts: list[bytes] = field(default_factory=list)
    pings: int = 0

    def send(self, text: bytes) -> None:
        """Keep a text."""
        self.texts.append(text)

    def ping(self) -> None:
        """Count a ping."""
        self.pings += 1


def sender(endpoint: Endpoint, count: int) -> Sender:
    """Return the sender of a connection that opens at 0 and wants so many topics."""
    subscriptions = Subscriptions(endpoint, {})
    subscriptions.want({item.name: item for item in topics(count)})
    heartbeat = Heartbeat(endpoint.ping)
    heartbeat.begin(0.0)
    return Sender(endpoint, subscriptions, heartbeat)


def test_requests_stop_at_the_limit_and_go_on_when_it_frees() -> None:
    """With ten messages a second one is kept for the ping; the rest follows a little more than a second later."""
    endpoint = replace(ENDPOINT, requests=10, requests_s=1.0, batch=1, ping=Ping(20.0, None, 60.0))
    sending, wire = sender(endpoint, 12), Wire()
    wait_s = sending.step(wire, 0.0)
    assert len(wire.texts) == 9
    assert 1.0 < wait_s < 1.2
    assert sending.step(wire, wait_s) > 10
    assert len(wire.texts) == 12


def test_a_ping_has_its_room_while_requests_wait() -> None:
    """Pings are sent on time even when requests have used all that they may."""
    endpoint = replace(ENDPOINT, requests=4, requests_s=100.0, batch=1, ping=Ping(50.0, b"ping", 150.0))
    sending, wire = sender(endpoint, 10), Wire()
    sending.step(wire, 0.0)
    assert len(wire.texts) == 2
    sending.step(wire, 50.0)
    assert wire.texts[2:] == [b"ping"]


def test_nothing_to_send_waits_for_the_next_ping() -> None:
    """With all asked for, the next thing that is due is a ping."""
    endpoint = replace(ENDPOINT, ping=Ping(20.0, None, 60.0))
    sending, wire = sender(endpoint, 3), Wire()
    assert sending.step(wire, 1.0) == 19.0
    assert len(wire.texts) == 1
    assert (sending.step(wire, 20.0), wire.pings) == (20.0, 1)
