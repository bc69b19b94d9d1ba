"""The buffer keeps the newest of what conflates, drops the oldest of the rest, and counts both."""

import asyncio
from collections.abc import Callable

import pytest

from microstream.model.channels import Channel, channel
from microstream.model.messages import Message
from microstream.sinks.buffer import Buffer

SOL = channel("mark_price", "okx", "sol-usdt")
BTC = channel("mark_price", "okx", "btc-usdt")
SOL_QUALITY = channel("quality", "okx", "sol-usdt")
BTC_QUALITY = channel("quality", "okx", "btc-usdt")


class Newest(Message, gc=False, kw_only=True):
    """A message that conflates."""

    family = "mark_price"


class Queued(Message, gc=False, kw_only=True):
    """A message that does not."""

    family = "quality"
    conflates = False


def mark(received_at: int) -> Message:
    """A message that conflates."""
    return Newest(
        exchange="okx",
        symbol="sol",
        instrument=None,
        timestamp=None,
        received_at=received_at,
        source="ws",
        v=1,
        run=0,
        seq=0,
        flags=(),
    )


def quality(received_at: int) -> Message:
    """A message that does not."""
    return Queued(
        exchange="okx",
        symbol="sol",
        instrument=None,
        timestamp=None,
        received_at=received_at,
        source="ws",
        v=1,
        run=0,
        seq=0,
        flags=(),
    )


def names(messages: list[tuple[Channel, Message]]) -> list[str]:
    """The channels of what was taken, in order."""
    return [taken.name for taken, _ in messages]


def test_newest_replaces_unsent() -> None:
    """Two marks of one channel: one is taken, the newer; one counts as conflated."""
    buffer = Buffer(10)
    newest = mark(2)
    buffer.offer(SOL, mark(1))
    buffer.offer(BTC, mark(5))
    buffer.offer(SOL, newest)
    batch = buffer.take(100)
    assert names(batch.messages) == [SOL.name, BTC.name]
    assert batch.messages[0][1] is newest
    assert buffer.conflated == 1


def test_sent_is_not_conflated() -> None:
    """What was taken is gone; the next message of the channel is no conflation."""
    buffer = Buffer(10)
    buffer.offer(SOL, mark(1))
    buffer.take(100)
    buffer.offer(SOL, mark(2))
    assert buffer.conflated == 0
    assert len(buffer) == 1


def test_others_queue_in_order() -> None:
    """Messages that do not conflate are all kept, oldest first."""
    buffer = Buffer(10)
    offered = [quality(at) for at in range(5)]
    for message in offered:
        buffer.offer(SOL_QUALITY, message)
    assert [message for _, message in buffer.take(100).messages] == offered


def test_full_queue_drops_oldest_and_spends_its_number() -> None:
    """The third of two: the oldest goes, is counted by family, and its channel has a number less to give."""
    buffer = Buffer(2)
    buffer.offer(BTC_QUALITY, quality(1))
    buffer.offer(SOL_QUALITY, quality(2))
    buffer.offer(SOL_QUALITY, quality(3))
    batch = buffer.take(100)
    assert names(batch.messages) == [SOL_QUALITY.name] * 2
    assert buffer.dropped == {"quality": 1}
    assert batch.spent == {BTC_QUALITY: 1}
    assert buffer.take(100).spent == {}


def test_marks_do_not_count_towards_the_bound() -> None:
    """Channels that conflate are bounded by their number, so they push nothing out of the queue."""
    buffer = Buffer(1)
    buffer.offer(SOL_QUALITY, quality(1))
    for number in range(10):
        buffer.offer(channel("mark_price", "okx", str(number)), mark(1))
    assert len(buffer.take(100).messages) == 11


def test_nothing_fits_is_refused() -> None:
    """A bound of 0 could keep no message at all."""
    with pytest.raises(ValueError, match="at least 1"):
        Buffer(0)


def test_limit_leaves_the_rest() -> None:
    """The queue comes first, then the oldest channels; what is left is taken next and still conflates."""
    buffer = Buffer(10)
    buffer.offer(SOL, mark(1))
    buffer.offer(BTC, mark(5))
    buffer.offer(SOL_QUALITY, quality(1))
    assert names(buffer.take(2).messages) == [SOL_QUALITY.name, SOL.name]
    buffer.offer(BTC, mark(6))
    assert buffer.conflated == 1
    assert names(buffer.take(2).messages) == [BTC.name]


def test_removal_after_offer_stands() -> None:
    """The message is still logged and published, but the item leaves the hash."""
    buffer = Buffer(10)
    buffer.offer(SOL, mark(1))
    buffer.remove(SOL.group, [SOL.item])
    batch = buffer.take(100)
    assert names(batch.messages) == [SOL.name]
    assert batch.removed == {SOL.group: {SOL.item}}


def test_offer_after_removal_cancels_it() -> None:
    """A contract that comes back sets its field; another removed item stays removed."""
    buffer = Buffer(10)
    buffer.remove(SOL.group, [SOL.item, BTC.item])
    buffer.offer(SOL, mark(1))
    assert buffer.take(100).removed == {SOL.group: {BTC.item}}


def test_removal_waits_for_the_messages_before_it() -> None:
    """A removal is not taken while a message of the item, offered before it, still waits."""
    buffer = Buffer(10)
    buffer.offer(BTC, mark(5))
    buffer.offer(SOL, mark(1))
    buffer.remove(SOL.group, [SOL.item])
    assert buffer.take(1).removed == {}
    assert buffer.take(1).removed == {SOL.group: {SOL.item}}
    assert not buffer.take(1)


def test_retain_names_what_stays_and_removes_what_waits() -> None:
    """A waiting message of an item that is not retained must not set its field."""
    buffer = Buffer(10)
    buffer.offer(SOL, mark(1))
    buffer.retain(SOL.group, [BTC.item])
    batch = buffer.take(100)
    assert batch.retained == {SOL.group: frozenset({BTC.item})}
    assert batch.removed == {SOL.group: {SOL.item}}


@pytest.mark.parametrize(
    "work",
    [
        lambda buffer: buffer.offer(SOL, mark(1)),
        lambda buffer: buffer.remove(SOL.group, [SOL.item]),
        lambda buffer: buffer.retain(SOL.group, []),
    ],
)
async def test_wait_returns_when_something_is_there(work: Callable[[Buffer], None]) -> None:
    """Each kind of work wakes the writer; a take of everything puts it to sleep again."""
    buffer = Buffer(10)
    for _ in range(2):
        waiting = asyncio.ensure_future(buffer.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        work(buffer)
        async with asyncio.timeout(1):
            await waiting
        assert buffer.take(100)


async def test_wait_returns_while_something_is_left() -> None:
    """A partial take leaves the writer awake."""
    buffer = Buffer(10)
    buffer.offer(SOL, mark(1))
    buffer.offer(BTC, mark(1))
    buffer.take(1)
    async with asyncio.timeout(1):
        await buffer.wait()
