"""The bounded hand-over to the consumer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from microstream.client.backlog import Backlog
from microstream.client.events import Event, read_event
from microstream.client.notices import Behind, CaughtUp


def value(item: str, seq: int) -> Event:
    """Return an event of a family that conflates."""
    return read_event(f"funding:okx:{item}", json.encode({"run": 1, "seq": seq}), live=True)


def alarm(item: str, seq: int) -> Event:
    """Return an event of a family that does not."""
    return read_event(f"quality:okx:{item}", json.encode({"run": 1, "seq": seq}), live=True)


def drain(backlog: Backlog) -> list[tuple[str, int, int]]:
    """Take everything: item, number, and what was left out before it."""
    taken = []
    while (event := backlog.take()) is not None:
        taken.append((event.channel.rpartition(":")[2], event.seq, event.skipped))
    return taken


def test_everything_is_kept_up_to_the_limit() -> None:
    """Older values of a channel come, too, as long as there is room."""
    told: list[Behind | CaughtUp] = []
    backlog = Backlog(3, told.append)
    for seq in (1, 2, 3):
        backlog.put(value("a", seq))
    assert drain(backlog) == [("a", 1, 0), ("a", 2, 0), ("a", 3, 0)]
    assert told == []


def test_past_the_limit_the_newest_of_each_channel_is_kept() -> None:
    """It stands where the oldest of its channel stood; begin and end are told."""
    told: list[Behind | CaughtUp] = []
    backlog = Backlog(3, told.append)
    for item, seq in (("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3)):
        backlog.put(value(item, seq))
    assert told == [Behind(waiting=3, conflated=1, dropped=0)]
    assert drain(backlog) == [("a", 3, 2), ("b", 1, 0), ("c", 1, 0)]
    assert told[1:] == [CaughtUp(conflated=2, dropped=0)]


def test_what_does_not_conflate_is_dropped_from_the_oldest_end() -> None:
    """The next event of its channel says how many are left out, even when it comes later."""
    told: list[Behind | CaughtUp] = []
    backlog = Backlog(2, told.append)
    for item, seq in (("x", 1), ("y", 1), ("y", 2), ("y", 3)):
        backlog.put(alarm(item, seq))
    assert drain(backlog) == [("y", 2, 1), ("y", 3, 0)]
    assert told[-1] == CaughtUp(conflated=0, dropped=2)
    backlog.put(alarm("x", 2))
    assert drain(backlog) == [("x", 2, 1)]


def test_what_is_lost_stays_counted() -> None:
    """The event that takes the place of another also takes over what was missing before that."""
    backlog = Backlog(1, lambda notice: None)
    first = value("a", 5)
    first.missing = 4
    backlog.put(first)
    backlog.put(value("a", 6))
    event = backlog.take()
    assert event is not None
    assert (event.seq, event.missing, event.skipped) == (6, 4, 1)


async def test_a_waiting_consumer_is_woken() -> None:
    """By an event, and by the end, which comes after the last event."""
    backlog = Backlog(5, lambda notice: None)
    waiting = asyncio.create_task(backlog.wait())
    await asyncio.sleep(0)
    assert backlog.has_waiter
    backlog.put(value("a", 1))
    await waiting
    assert not backlog.has_waiter
    backlog.end(LookupError("over"))
    await backlog.wait()
    assert drain_one(backlog) == 1
    with pytest.raises(LookupError, match="over"):
        backlog.take()


def drain_one(backlog: Backlog) -> int:
    """Return the number of the next event."""
    event = backlog.take()
    assert event is not None
    return event.seq


async def test_two_consumers_are_refused() -> None:
    """They would take each other's events; the error says what to do."""
    backlog = Backlog(5, lambda notice: None)
    waiting = asyncio.create_task(backlog.wait())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="give each its own"):
        await backlog.wait()
    waiting.cancel()


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from("abcxyz"), st.booleans()), max_size=80),
)
def test_order_bounds_and_accounts(limit: int, steps: list[tuple[str, bool]]) -> None:
    """Each channel stays in order, nothing grows past its bound, and what was left out adds up."""
    backlog = Backlog(limit, lambda notice: None)
    put = dict.fromkeys("abcxyz", 0)
    taken: dict[str, list[Event]] = {item: [] for item in put}

    def take() -> bool:
        event = backlog.take()
        if event is not None:
            taken[event.channel.rpartition(":")[2]].append(event)
        return event is not None

    for item, takes in steps:
        put[item] += 1
        backlog.put(value(item, put[item]) if item in "abc" else alarm(item, put[item]))
        assert len(backlog) <= limit + 3
        if takes:
            take()
    while take():
        pass
    for item, events in taken.items():
        for earlier, later in zip([None, *events], events, strict=False):
            assert later.seq - (earlier.seq if earlier else 0) - 1 == later.skipped
        if put[item] and item in "abc":
            assert events[-1].seq == put[item]
