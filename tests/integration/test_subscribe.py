"""`subscribe` over a real server: late joiners, outages, holes, new runs, slow consumers."""

import asyncio
import gc
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.published import Writer

from microstream.client import (
    Away,
    Behind,
    CaughtUp,
    ConfigError,
    Connected,
    Event,
    FundingMessage,
    Healed,
    Lost,
    MarkPriceMessage,
    Notice,
    Subscription,
    Unreadable,
    connection,
    reading,
    subscribe,
)
from microstream.model.channels import channel

Eventually = Callable[..., Awaitable[None]]
SOL = "funding:okx:sol-usdt"


@pytest.fixture
async def writer(valkey: str) -> AsyncIterator[Writer]:
    """A publisher to the empty server."""
    async with Redis.from_url(valkey) as client:
        yield Writer(client)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnecting waits for 10 ms."""

    class Impatient:
        def compute(self, failures: int) -> float:
            return 0.01

    monkeypatch.setattr(reading, "_BACKOFF", Impatient())


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    """Return the next events; fail where they do not come."""
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(count)]


def seen(event: Event) -> tuple[str, int, int, bool, int]:
    """Return symbol, run, number, whether live, and what is lost before it."""
    return event.symbol, event.run, event.seq, event.live, event.missing


def numbers(events: list[Event]) -> list[int]:
    """Return the numbers."""
    return [event.seq for event in events]


async def test_a_late_joiner_gets_last_values_then_live(valkey: str, writer: Writer) -> None:
    """What was published before comes once, what comes then follows without a repeat or a hole."""
    writer.rate = 0.0001
    await writer.send("btc-usdt", 3, 4)
    await writer.send("sol-usdt", 7)
    await writer.send("sol-usdt", 1, family="oi")
    async with subscribe(valkey, "funding:*:*") as events:
        first = await take(events, 2)
        await writer.send("sol-usdt", 7, 8)
        (live,) = await take(events, 1)
    assert sorted(map(seen, first)) == [("btc-usdt", 1, 4, False, 0), ("sol-usdt", 1, 7, False, 0)]
    assert seen(live) == ("sol-usdt", 1, 8, True, 0)
    assert isinstance(live, FundingMessage)
    assert (live.channel, live.family, live.funding_rate) == (SOL, "funding", 0.0001)


async def test_names_choose_contracts(valkey: str, writer: Writer) -> None:
    """A pattern that is no channel names contracts within the channels."""
    await writer.send("btc-usdt", 1)
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, "sol-usdt") as events:
        first = await take(events, 1)
        await writer.send("btc-usdt", 2)
        await writer.send("sol-usdt", 2)
        first += await take(events, 1)
    assert [event.symbol for event in first] == ["sol-usdt", "sol-usdt"]


async def test_a_hole_is_healed_from_the_log(valkey: str, writer: Writer) -> None:
    """Numbers that never came are read from the stream and come before the newer one; others do not wait."""
    notices: list[Notice] = []
    await writer.send("sol-usdt", 1)
    await writer.send("btc-usdt", 1)
    async with subscribe(valkey, on_notice=notices.append) as events:
        await take(events, 2)
        await writer.send("sol-usdt", 2, 3, publish=False)
        await writer.send("btc-usdt", 2, publish=False)
        await writer.send("sol-usdt", 4)
        await writer.send("btc-usdt", 3)
        got = await take(events, 5)
    assert [seen(event)[2:] for event in got if event.symbol == "sol-usdt"] == [
        (2, False, 0),
        (3, False, 0),
        (4, True, 0),
    ]
    assert numbers([event for event in got if event.symbol == "btc-usdt"]) == [2, 3]
    assert Healed(SOL, 1, 2, 3) in notices
    assert not [notice for notice in notices if isinstance(notice, Lost)]


async def test_a_hole_that_the_log_has_no_more_is_told(
    valkey: str, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    """The newer message comes, says how many are lost, and so do notice and log."""
    notices: list[Notice] = []
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, on_notice=notices.append) as events:
        await take(events, 1)
        await writer.send("sol-usdt", 2, 3, 4, publish=False)
        await writer.client.xtrim("stream:funding:okx", maxlen=1, approximate=False)
        with caplog.at_level(logging.WARNING, "microstream.client"):
            await writer.send("sol-usdt", 5)
            got = await take(events, 2)
    assert [seen(event)[2:] for event in got] == [(4, False, 2), (5, True, 0)]
    (lost,) = (notice for notice in notices if isinstance(notice, Lost))
    assert (lost.channel, lost.run, lost.first, lost.last) == (SOL, 1, 2, 3)
    assert "stream:funding:okx does not go back so far" in lost.reason
    assert f"{SOL} the numbers 2 to 3" in caplog.text


async def test_a_log_that_cannot_be_read_is_told(valkey: str, writer: Writer) -> None:
    """A key of another kind in the place of the stream costs the healing, not the reading."""
    notices: list[Notice] = []
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, on_notice=notices.append) as events:
        await take(events, 1)
        await writer.client.delete("stream:funding:okx")
        await writer.client.set("stream:funding:okx", "no stream")
        await writer.client.publish(SOL, writer.payload("sol-usdt", 3))
        (event,) = await take(events, 1)
    assert seen(event) == ("sol-usdt", 1, 3, True, 1)
    assert "refuses" in next(notice for notice in notices if isinstance(notice, Lost)).reason


@pytest.mark.usefixtures("impatient")
async def test_an_outage_is_healed(valkey: str, writer: Writer) -> None:
    """After a killed connection everything published meanwhile comes, in order, also of new and gone channels."""
    notices: list[Notice] = []
    for symbol in ("btc-usdt", "gone-usdt", "sol-usdt"):
        await writer.send(symbol, 1)
    async with subscribe(valkey, on_notice=notices.append) as events:
        await take(events, 3)
        await writer.kill_subscribers()
        await writer.send("sol-usdt", 2, 3, 4)
        await writer.send("gone-usdt", 2)
        await writer.client.hdel("last:funding:okx", "gone-usdt")
        await writer.send("new-usdt", 1, 2)
        got = await take(events, 6)
        await writer.send("sol-usdt", 5)
        await writer.send("new-usdt", 3)
        got += await take(events, 2)
    by_symbol = {symbol: [e.seq for e in got if e.symbol == symbol] for symbol in {e.symbol for e in got}}
    assert by_symbol == {"sol-usdt": [2, 3, 4, 5], "gone-usdt": [2], "new-usdt": [1, 2, 3]}
    kinds = [type(notice) for notice in notices]
    assert kinds[:3] == [Connected, Away, Connected]
    assert Lost not in kinds


@pytest.mark.usefixtures("impatient")
async def test_a_long_outage_tells_what_the_log_has_lost(valkey: str, writer: Writer) -> None:
    """What was trimmed meanwhile is lost, the rest comes."""
    notices: list[Notice] = []
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, on_notice=notices.append) as events:
        await take(events, 1)
        await writer.send("sol-usdt", *range(2, 300), publish=False)
        await writer.client.xtrim("stream:funding:okx", maxlen=200, approximate=False)
        await writer.kill_subscribers()
        got = await take(events, 200)
    assert numbers(got) == list(range(100, 300))
    assert got[0].missing == 98
    assert [(n.first, n.last) for n in notices if isinstance(n, Lost)] == [(2, 99)]


async def test_a_new_run_is_read_from_its_first_number(valkey: str, writer: Writer) -> None:
    """A restarted publisher is no hole; its first messages are healed, and so is what the old one only logged."""
    await writer.send("sol-usdt", 5)
    async with subscribe(valkey) as events:
        await take(events, 1)
        await writer.send("sol-usdt", 6, publish=False)
        writer.run = 2
        await writer.send("sol-usdt", 1, 2, publish=False)
        await writer.send("sol-usdt", 3)
        got = await take(events, 4)
    assert [seen(event)[1:] for event in got] == [
        (1, 6, False, 0),
        (2, 1, False, 0),
        (2, 2, False, 0),
        (2, 3, True, 0),
    ]


@pytest.mark.usefixtures("impatient")
async def test_many_holes_of_a_stream_are_healed_at_once(valkey: str, writer: Writer) -> None:
    """Two hundred channels that all missed something get it, each in order."""
    symbols = [f"s{number}" for number in range(200)]
    place = channel("funding", "okx", "s0")

    async def write(seq: int) -> None:
        payloads = {symbol: writer.payload(symbol, seq) for symbol in symbols}
        await writer.client.xadd(place.stream_key, dict(payloads))
        await writer.client.hset(place.last_key, mapping=dict(payloads))

    await write(1)
    async with subscribe(valkey) as events:
        await take(events, 200)
        await writer.kill_subscribers()
        for seq in range(2, 12):
            await write(seq)
        for symbol in symbols:  # where the reader was there again before the last of them was written
            await writer.client.publish(f"funding:okx:{symbol}", writer.payload(symbol, 11))
        got = await take(events, 2000)
    assert {symbol: [e.seq for e in got if e.symbol == symbol] for symbol in symbols} == {
        symbol: list(range(2, 12)) for symbol in symbols
    }


@pytest.mark.usefixtures("impatient")
async def test_the_writer_of_the_service_is_followed_through_outages(
    valkey: str, writer: Writer, publish_to: Callable[..., Any], eventually: Eventually
) -> None:
    """While subscribers are disconnected again and again, and the writer is started anew, every number comes."""
    places = [channel("mark_price", "okx", f"s{number}") for number in range(50)]
    notices: list[Notice] = []
    got: dict[str, list[tuple[int, int]]] = defaultdict(list)

    async def consume(events: Subscription) -> None:
        async for event in events:
            got[event.channel].append((event.run, event.seq))

    async def publish(run: int, rounds: int) -> None:
        publisher = publish_to(valkey, run=run)
        for number in range(rounds):
            for place in places:
                publisher.buffer.offer(place, price(place.item, number))
            await eventually(lambda: not publisher.bus.unwritten)
            if not number % 10:
                await writer.kill_subscribers()
        await publisher.stop()

    async with subscribe(valkey, on_notice=notices.append) as events:
        consuming = asyncio.create_task(consume(events))
        await publish(1, 60)
        await publish(2, 60)
        await eventually(lambda: all(got[place.name][-1:] == [(2, 60)] for place in places))
        consuming.cancel()
        await asyncio.wait([consuming])
    assert sum(isinstance(notice, Away) for notice in notices) > 2
    assert not [notice for notice in notices if isinstance(notice, Lost)]
    everything = [(run, seq) for run in (1, 2) for seq in range(1, 61)]
    for place in places:
        numbers = got[place.name]
        assert numbers == everything[everything.index(numbers[0]) :]


def price(symbol: str, mark: float) -> MarkPriceMessage:
    """Return a message of a contract."""
    return MarkPriceMessage(
        exchange="okx",
        symbol=symbol,
        instrument=None,
        timestamp=None,
        received_at=5,
        source="ws",
        v=1,
        run=0,
        seq=0,
        flags=(),
        mark_price=mark,
        index_price=None,
        basis=None,
        basis_bps=None,
        index_timestamp=None,
    )


async def test_a_slow_consumer_gets_the_newest_and_is_told(
    valkey: str, writer: Writer, eventually: Eventually
) -> None:
    """Values conflate and say so, nothing counts as lost, and the end of it is told, too."""
    notices: list[Notice] = []
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, buffer=10, on_notice=notices.append) as events:
        await take(events, 1)
        await writer.send("sol-usdt", *range(2, 51))
        await writer.client.publish(SOL, b"the end")
        await eventually(lambda: any(isinstance(notice, Unreadable) for notice in notices))
        got = await take(events, 1)
        await writer.send("sol-usdt", 51)
        got += await take(events, 1)
    assert [(event.seq, event.skipped, event.missing) for event in got] == [(50, 48, 0), (51, 0, 0)]
    assert [type(n) for n in notices] == [Connected, Behind, Unreadable, CaughtUp]
    assert notices[-1] == CaughtUp(conflated=48, dropped=0)


async def test_what_cannot_be_read_is_told_and_left_out(valkey: str, writer: Writer) -> None:
    """A stranger's text on one of our channels does not stop the iteration."""
    notices: list[Notice] = []
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, on_notice=notices.append) as events:
        await take(events, 1)
        await writer.client.publish(SOL, b"hello")
        await writer.send("sol-usdt", 2)
        assert numbers(await take(events, 1)) == [2]
    assert [notice.channel for notice in notices if isinstance(notice, Unreadable)] == [SOL]


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_answers_no_more_is_left(
    valkey: str, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that stands but is silent, even when asked, counts as an outage."""
    monkeypatch.setattr(connection, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(connection, "SILENT_AFTER_S", 0.2)
    told: asyncio.Queue[Notice] = asyncio.Queue()
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey, on_notice=told.put_nowait) as events:
        await take(events, 1)
        assert isinstance(await told.get(), Connected)
        await writer.client.client_pause(800)
        async with asyncio.timeout(5):
            away = await told.get()
        await writer.client.client_unpause()
    assert isinstance(away, Away)
    assert "no answer" in away.reason


async def test_leaving_the_loop_disconnects(valkey: str, writer: Writer, eventually: Eventually) -> None:
    """`break` is enough: nothing is left behind."""
    await writer.send("sol-usdt", 1)
    async for event in subscribe(valkey):
        assert event.seq == 1
        break
    gc.collect()

    async def gone() -> bool:
        return not await writer.listeners()

    await eventually(gone)


async def test_closing_ends_the_iteration(valkey: str, writer: Writer) -> None:
    """A closed subscription yields nothing more and can be closed again."""
    await writer.send("sol-usdt", 1)
    events = subscribe(valkey)
    await take(events, 1)
    await events.aclose()
    await events.aclose()
    assert [event async for event in events] == []


async def test_closing_ends_a_wait(valkey: str, writer: Writer) -> None:
    """One who waits for the next event while another task closes the subscription is told that it has ended."""
    await writer.send("sol-usdt", 1)
    events = subscribe(valkey)
    await take(events, 1)
    waiting = asyncio.ensure_future(anext(events, None))
    await asyncio.sleep(0)
    await events.aclose()
    assert await waiting is None


async def test_a_cancelled_wait_leaves_the_subscription_usable(valkey: str, writer: Writer) -> None:
    """A time limit around one step does not end the subscription."""
    await writer.send("sol-usdt", 1)
    async with subscribe(valkey) as events:
        await take(events, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(events)
        await writer.send("sol-usdt", 2)
        assert numbers(await take(events, 1)) == [2]


async def test_what_the_hook_raises_reaches_the_consumer(valkey: str) -> None:
    """An error of the consumer's own is not lost in the background."""

    def fail(notice: Notice) -> None:
        raise LookupError(type(notice).__name__)

    with pytest.raises(LookupError, match="Connected"):
        await take(subscribe(valkey, on_notice=fail), 1)


async def test_a_refused_login_is_no_outage(valkey: str) -> None:
    """Trying again would not help, so it is an error, which does not show the password."""
    with pytest.raises(ConfigError, match="refuses") as raised:
        await take(subscribe(valkey.replace("redis://", "redis://:secret@")), 1)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    """The error comes at once, not after a time-out."""
    with pytest.raises(ConfigError, match="address"):
        await take(subscribe(url), 1)


def test_arguments_that_cannot_be_used_are_refused() -> None:
    """A pattern or a buffer that makes no sense fails where it is written."""
    with pytest.raises(ConfigError, match=r"\[z-a\]"):
        subscribe("redis://localhost", "funding:[z-a]")
    with pytest.raises(ConfigError, match="buffer"):
        subscribe("redis://localhost", buffer=0)
