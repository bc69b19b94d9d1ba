"""Heartbeats, round trips and lifetimes: values."""

import math
from random import Random

import pytest

from microstream.spec.stream import Ping
from microstream.transport.heartbeat import Heartbeat
from microstream.transport.lifetime import replaced_after_s
from microstream.transport.round_trips import MOST, RoundTrips


def test_pings_are_due_at_even_times() -> None:
    """The first ping is due one interval after the opening, the next one interval after it."""
    heartbeat = Heartbeat(Ping(20.0, b"ping", 60.0))
    heartbeat.begin(100.0)
    assert heartbeat.due_s(105.0) == 15.0
    assert heartbeat.sent(121.0) == 20.0
    assert heartbeat.due_s(121.0) == 20.0


def test_silence_ends_with_a_frame_or_a_pong() -> None:
    """Silence counts from the last look that found new frames, or from a pong."""
    heartbeat = Heartbeat(Ping(20.0, b"ping", 60.0))
    heartbeat.begin(0.0)
    assert heartbeat.silence_s(0, 30.0) == 30.0
    assert heartbeat.silence_s(1, 40.0) == 0.0
    assert heartbeat.silence_s(1, 55.0) == 15.0
    heartbeat.answered(60.0)
    assert heartbeat.silence_s(1, 61.0) == 1.0


def test_round_trip_is_from_the_ping_to_its_pong() -> None:
    """A pong that nobody asked for measures nothing."""
    heartbeat = Heartbeat(Ping(20.0, None, 60.0))
    heartbeat.begin(0.0)
    assert heartbeat.answered(1.0) is None
    heartbeat.sent(20.0)
    assert heartbeat.answered(20.25) == 0.25
    assert heartbeat.answered(21.0) is None


def test_the_least_round_trip_is_of_the_last_ten_minutes() -> None:
    """A short round trip is forgotten after ten minutes; what is kept is bounded."""
    trips = RoundTrips()
    assert (trips.last, trips.least(0.0)) == (None, None)
    trips.note(0.010, 0.0)
    trips.note(0.030, 100.0)
    trips.note(0.020, 200.0)
    assert (trips.last, trips.least(300.0)) == (0.020, 0.010)
    assert trips.least(601.0) == 0.020
    assert trips.least(801.0) is None
    for at in range(2 * MOST):
        trips.note(1.0 + at, float(at))
    assert trips.least(float(MOST)) == 1.0 + MOST


@pytest.mark.parametrize(
    ("life_s", "earliest", "latest"),
    [(86_400.0, 84_672.0, 85_536.0), (3600.0, 3000.0, 3300.0), (10.0, 8.0, 9.0)],
)
def test_a_connection_is_replaced_well_ahead_of_its_end(
    life_s: float, earliest: float, latest: float
) -> None:
    """Five minutes or more before the end, a tenth of a short life, drawn so that they do not end together."""
    drawn = [replaced_after_s(life_s, Random(seed)) for seed in range(200)]
    assert earliest <= min(drawn) < max(drawn) <= latest
    assert max(drawn) - min(drawn) > (latest - earliest) / 2


def test_without_an_end_there_is_no_replacement() -> None:
    """Where the venue sets no end, none is anticipated."""
    assert replaced_after_s(None, Random(1)) == math.inf
