"""Scripted faults of connections and subscriptions, and what the control port tells of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
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


async def test_close_in_the_middle_of_a_frame(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """The connection ends without a close frame, and the half frame is never a message."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="close", count=1)
    clock.now += 100
    assert await line.end() == 1006


@pytest.mark.parametrize(("code", "seen"), [(None, 1006), (1012, 1012)])
async def test_disconnect(dial: Dial, break_it: Break, code: int | None, seen: int) -> None:
    """Open connections end at once, with the code or without a word; new ones are not touched."""
    lines = [await _tickers(dial, BTC), await _tickers(dial, ETH)]
    okx = await dial("okx_ws", "/ws/v5/public")
    await break_it("bybit", kind="disconnect", **({} if code is None else {"code": code}))
    assert [await line.end() for line in lines] == [seen, seen]
    again = await _tickers(dial, BTC)
    assert (await again.after(100, _of(BTC)))[-1]["type"] == "delta"
    assert not okx.socket.closed


async def test_close_on_connect(dial: Dial, break_it: Break) -> None:
    """The handshake succeeds and the connection ends; so often and no more."""
    await break_it("okx", kind="close_on_connect", code=1001, count=2)
    ends = [await (await dial("okx_ws", "/ws/v5/public")).end() for _ in range(2)]
    assert ends == [1001, 1001]
    line = await dial("okx_ws", "/ws/v5/public")
    await line.say("ping")
    assert await line.text() == "pong"


async def test_handshake_is_refused(dial: Dial, break_it: Break, quick_sim: SimServer) -> None:
    """With a ready-made reply; REST goes on."""
    await break_it("binance", kind="status", name="geo_451")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await dial("binance_ws", "/market/ws")
    assert caught.value.status == 451
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{quick_sim.urls['binance']}/fapi/v1/ping") as reply,
    ):
        assert reply.status == 200


async def test_handshake_hangs(dial: Dial, break_it: Break) -> None:
    """The connection is taken and the upgrade never answered."""
    await break_it("okx", kind="hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(dial("okx_ws", "/ws/v5/public"), 0.3)


async def test_port_refuses(dial: Dial, break_it: Break, quick_sim: SimServer, clock: SettableClock) -> None:
    """Streams end with the port, and can be opened again after it."""
    line = await _tickers(dial, BTC)
    await break_it("bybit", kind="refuse")
    assert await line.end() == 1006
    with pytest.raises(aiohttp.ClientConnectionError):
        await dial("bybit_ws", LINEAR)
    quick_sim.clear_faults()
    async with asyncio.timeout(3):
        while True:
            try:
                await _tickers(dial, BTC)
                break
            except aiohttp.ClientConnectionError:
                pass


async def test_refuse_a_topic(dial: Dial, break_it: Break) -> None:
    """Each venue's own way to refuse: a whole batch, an error for one, or silence."""
    await break_it("bybit", kind="refuse_topic", symbol="ETHUSDT")
    await break_it("okx", kind="refuse_topic", topic="mark-price:ETH-*")
    await break_it("binance", kind="refuse_topic", symbol="ETHUSDT")
    line = await dial("bybit_ws", LINEAR)
    await line.say({"op": "subscribe", "args": [BTC, ETH]})
    assert (await line.hear())["ret_msg"] == f"Invalid topic: {ETH}"
    okx = await dial("okx_ws", "/ws/v5/public")
    names = ("ETH-USDT-SWAP", "BTC-USDT-SWAP")
    args = [{"channel": "mark-price", "instId": name} for name in names]
    await okx.say({"op": "subscribe", "args": args})
    assert [(await okx.hear())["event"] for _ in range(2)] == ["error", "subscribe"]
    binance = await dial("binance_ws", "/market/stream?streams=ethusdt@markPrice@1s/btcusdt@markPrice@1s")
    assert len(await binance.after(3_000, lambda body: body["data"]["s"] == "BTCUSDT")) == 1


async def test_refuse_all_that_came_with_a_topic(dial: Dial, break_it: Break) -> None:
    """With `batch` OKX refuses the whole request with one error."""
    await break_it("okx", kind="refuse_topic", symbol="ETH-USDT-SWAP", batch=True)
    line = await dial("okx_ws", "/ws/v5/public")
    names = ("BTC-USDT-SWAP", "ETH-USDT-SWAP")
    args = [{"channel": "mark-price", "instId": name} for name in names]
    await line.say({"op": "subscribe", "args": args})
    assert (await line.hear())["code"] == "60018"
    await line.say("ping")
    assert await line.text() == "pong"


async def test_notice(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """OKX announces, and closes a minute later; Binance's spot streams have another word for it."""
    okx, spot = await dial("okx_ws", "/ws/v5/public"), await dial("binance_spot_ws", "/ws/btcusdt@bookTicker")
    arg = {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}
    await okx.say({"op": "subscribe", "args": [arg]})
    await break_it("okx", kind="notice")
    assert (await okx.hear(event="notice"))["code"] == "64008"
    await break_it("binance", kind="notice", seconds=5)
    assert (await spot.hear(e="serverShutdown"))["E"] == clock.now
    clock.now += 5_000
    assert await spot.end() == 1001
    clock.now += 15_000
    await okx.hear(arg=arg)
    clock.now += 20_000
    await okx.hear(arg=arg)
    clock.now += 20_000
    assert await okx.end() == 1001


async def test_rest_faults_leave_streams_alone(
    dial: Dial, quick_sim: SimServer, http: aiohttp.ClientSession
) -> None:
    """`over: rest` does."""
    fault = [{"kind": "status", "status": 500, "venue": "bybit", "over": "rest"}]
    async with http.post(f"{quick_sim.urls['control']}/faults", json=fault):
        line = await _tickers(dial, BTC)
    async with http.get(f"{quick_sim.urls['bybit']}/v5/market/time") as reply:
        assert reply.status == 500
    assert (await line.after(100, _of(BTC)))[-1]["type"] == "delta"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "flood", "venue": "okx"}, "needs the key rate"),
        ({"kind": "disconnect"}, "needs the key venue"),
        ({"kind": "refuse_topic", "venue": "okx"}, "needs topic or symbol"),
        ({"kind": "mute", "topic": "x", "over": "rest"}, "a topic is of a stream"),
    ],
)
async def test_wrong_scripts(
    quick_sim: SimServer, http: aiohttp.ClientSession, fault: dict[str, Any], reason: str
) -> None:
    """What cannot be done is refused with the reason."""
    async with http.post(f"{quick_sim.urls['control']}/faults", json=[fault]) as reply:
        assert reply.status == 400
        assert reason in (await reply.json())["error"]


async def test_control_lists_connections(
    dial: Dial, quick_sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """Open ones with subscriptions and counts, ended ones with the reason, connects by minute."""
    gone = await dial("okx_ws", "/ws/v5/public")
    await gone.socket.close()
    line = await _tickers(dial, BTC, ETH)
    async with asyncio.timeout(3):
        while True:
            async with http.get(f"{quick_sim.urls['control']}/connections") as reply:
                report = await reply.json()
            if report["ended"]:
                break
    assert not line.socket.closed
    [open_one] = report["open"]
    assert (open_one["venue"], open_one["path"], open_one["subscriptions"]) == ("bybit", LINEAR, [BTC, ETH])
    assert (open_one["received"], open_one["sent"]) == (1, 3)
    assert BTC in open_one["messages"][0]["text"]
    assert [(one["venue"], one["end"]) for one in report["ended"]] == [("okx", "by the client")]
    minute = clock.now - clock.now % 60_000
    made = [row for row in report["minutes"] if row["event"] == "made"]
    assert made == [
        {"minute": minute, "venue": "bybit", "host": "linear", "event": "made", "count": 1},
        {"minute": minute, "venue": "okx", "host": "okx", "event": "made", "count": 1},
    ]


async def test_clients_that_do_not_read_are_dropped(
    dial: Dial, break_it: Break, quick_sim: SimServer, clock: SettableClock
) -> None:
    """What waits for a client is bounded; OKX has a code of its own for the end."""
    line = await dial("okx_ws", "/ws/v5/public")
    await break_it("okx", kind="huge", megabytes=24)
    await line.say({"op": "subscribe", "args": [{"channel": "mark-price", "instId": "BTC-USDT-SWAP"}]})
    async with asyncio.timeout(5):
        while not (ended := quick_sim.board.report()["ended"]):
            clock.now += 200
            await asyncio.sleep(0.01)
    assert ended[0]["end"] == "4005 client too slow"
