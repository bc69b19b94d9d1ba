"""Scripted faults of frames: what each does to them, and to nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import aiohttp
import msgspec
import pytest

from microstream_sim import SettableClock, SimServer

Dial = Callable[[str, str], Awaitable[Any]]
Break = Callable[..., Awaitable[None]]
LINEAR = "/v5/public/linear"
BTC, ETH = "tickers.BTCUSDT", "tickers.ETHUSDT"


async def _tickers(dial: Dial, *topics: str) -> Any:
    """Return a Bybit connection that has its snapshots."""
    line = await dial("bybit_ws", LINEAR)
    await line.say({"op": "subscribe", "args": list(topics)})
    for topic in topics:
        await line.hear(topic=topic)
    return line


def _of(topic: str) -> Callable[[Any], bool]:
    return lambda body: body.get("topic") == topic


async def test_mute_one_topic(
    dial: Dial, break_it: Break, quick_sim: SimServer, clock: SettableClock
) -> None:
    """Its frames stop, others, acknowledgements and pongs go on; afterwards nothing is missing."""
    line = await _tickers(dial, BTC, ETH)
    await break_it("bybit", kind="mute", topic=BTC)
    heard = [body for _ in range(3) for body in await line.after(100, _of(ETH))]
    assert {body["topic"] for body in heard} == {ETH}
    await line.say({"op": "ping"})
    await line.say({"op": "subscribe", "args": ["tickers.SOLUSDT"]})
    assert (await line.hear(op="ping"))["ret_msg"] == "pong"
    assert (await line.hear(op="subscribe"))["success"]
    quick_sim.clear_faults()
    changed = (await line.after(100, _of(BTC)))[-1]["data"]
    async with asyncio.timeout(3), aiohttp.ClientSession() as http:
        url = f"{quick_sim.urls['bybit']}/v5/market/tickers?category=linear&symbol=BTCUSDT"
        async with http.get(url) as reply:
            [row] = (await reply.json())["result"]["list"]
    assert changed["markPrice"] == row["markPrice"]


async def test_mute_everything(dial: Dial, break_it: Break) -> None:
    """An acknowledged topic that never delivers, on a connection that answers pings."""
    await break_it("okx", kind="mute")
    line = await dial("okx_ws", "/ws/v5/public")
    await line.say({"op": "subscribe", "args": [{"channel": "mark-price", "instId": "BTC-USDT-SWAP"}]})
    assert (await line.hear())["event"] == "subscribe"
    for _ in range(3):
        await line.say("ping")
        assert await line.text() == "pong"


async def test_mute_one_symbol_of_an_array(dial: Dial, break_it: Break) -> None:
    """Its row is missing in the messages for all."""
    await break_it("binance", kind="mute", symbol="ETHUSDT")
    line = await dial("binance_ws", "/market/ws/!markPrice@arr@1s")
    [rows] = await line.after(1_000, lambda _: True)
    assert "BTCUSDT" in {row["s"] for row in rows}
    assert "ETHUSDT" not in {row["s"] for row in rows}


async def test_freeze_a_field(dial: Dial, break_it: Break) -> None:
    """Frames come, one field of them never moves."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="freeze", symbol="BTCUSDT", field="markPrice")
    frames = [(await line.after(200, _of(BTC)))[-1]["data"] for _ in range(5)]
    assert len({frame["markPrice"] for frame in frames if "markPrice" in frame}) == 1
    assert len({frame["openInterest"] for frame in frames}) == 5


async def test_freeze_a_stream_and_not_rest(
    dial: Dial, break_it: Break, quick_sim: SimServer, http: aiohttp.ClientSession
) -> None:
    """`over: stream` freezes the stream alone; event times go on."""
    line = await dial("binance_ws", "/market/ws/btcusdt@markPrice@1s")
    await break_it("binance", kind="freeze", symbol="BTCUSDT")
    events = [(await line.after(1_000, lambda _: True))[0] for _ in range(3)]
    assert len({event["p"] for event in events}) == 1
    assert events[2]["E"] - events[0]["E"] == 2_000
    async with http.get(f"{quick_sim.urls['binance']}/fapi/v1/premiumIndex?symbol=BTCUSDT") as reply:
        assert (await reply.json())["markPrice"] != events[2]["p"]


async def _ages(line: Any, clock: SettableClock, steps: int) -> list[int]:
    """Return how old BTC's frames were when they came, in so many steps; ETH's tell when a step is over."""
    ages = []
    for _ in range(steps):
        bodies = await line.after(100, lambda body: body.get("topic") == ETH and body["ts"] == clock.now)
        ages += [clock.now - body["ts"] for body in bodies if body["topic"] == BTC]
    return ages


async def test_delay(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """Frames come late and in order, and none of them overtakes another when the fault has ended."""
    line = await _tickers(dial, BTC, ETH)
    await break_it("bybit", kind="delay", seconds=0.5, topic=BTC, **{"for": 0.35})
    ages = await _ages(line, clock, 12)
    assert ages[0] >= 400
    assert max(ages) <= 600
    assert ages[-1] == 0
    assert all(later <= earlier + 100 for earlier, later in pairwise(ages))


async def test_reorder(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """Frames change places two by two: the newer, then the older."""
    line = await _tickers(dial, BTC, ETH)
    await break_it("bybit", kind="reorder", topic=BTC)
    ages = await _ages(line, clock, 9)
    assert ages[:6] == [0, 100, 0, 100, 0, 100]


async def test_repeat(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """Each frame goes out so many times, byte for byte."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="repeat", times=3)
    clock.now += 100
    assert len({await line.text() for _ in range(3)}) == 1
    clock.now += 100
    assert (await line.hear())["ts"] == clock.now


async def test_flood(dial: Dial, break_it: Break, quick_sim: SimServer, clock: SettableClock) -> None:
    """Copies of the last frames at the rate asked for."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="flood", rate=5_000)
    clock.now += 200
    copies = [await line.text() for _ in range(1_000)]
    assert len(set(copies)) <= 2
    quick_sim.clear_faults()
    clock.now += 100
    await line.hear(ts=clock.now)


async def test_clock_offset(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """All times are off by it, values are not."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="clock_offset", milliseconds=-7_000)
    assert (await line.after(100, _of(BTC)))[-1]["ts"] == clock.now - 7_000


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (
            {"kind": "wrong_type", "field": "markPrice", "type": "object"},
            lambda row: isinstance(row["markPrice"], dict),
        ),
        ({"kind": "set", "field": "markPrice", "value": ""}, lambda row: row["markPrice"] == ""),
        ({"kind": "set", "field": "markPrice", "raw": "1e400"}, lambda row: False),
        ({"kind": "set", "field": "markPrice", "missing": True}, lambda row: "markPrice" not in row),
    ],
)
async def test_fields(
    dial: Dial, break_it: Break, fault: dict[str, Any], check: Callable[[Any], bool]
) -> None:
    """Wrong types, values and absent fields, in the rows of one symbol."""
    await break_it("bybit", symbol="BTCUSDT", **fault)
    line = await dial("bybit_ws", LINEAR)
    await line.say({"op": "subscribe", "args": [BTC, ETH]})
    await line.text()
    first, second = await line.text(), await line.text()
    if fault.get("raw"):
        assert '"markPrice":1e400' in first
    else:
        assert check(msgspec.json.decode(first)["data"])
    assert float(msgspec.json.decode(second)["data"]["markPrice"]) > 0


@pytest.mark.parametrize("kind", ["garbage", "html", "cut", "empty_body"])
async def test_text(dial: Dial, break_it: Break, kind: str, clock: SettableClock) -> None:
    """A frame that is no JSON; the next one is whole again."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind=kind, count=1)
    clock.now += 100
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(await line.text())
    assert (await line.after(100, _of(BTC)))[-1]["type"] == "delta"


async def test_huge_frame(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """A frame of megabytes that is JSON all the same."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="huge", megabytes=3, count=1)
    clock.now += 100
    text = await line.text()
    assert len(text) > 3 << 20
    assert msgspec.json.decode(text)["topic"] == BTC
