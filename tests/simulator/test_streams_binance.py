"""Binance's streams: routes, subscriptions, formats, cadences, pings, limits."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from microstream_sim import SettableClock, SimServer

Dial = Callable[[str, str], Awaitable[Any]]
Break = Callable[..., Awaitable[None]]
MARK = "btcusdt@markPrice@1s"


def _subscribe(number: int, *streams: str) -> dict[str, object]:
    return {"method": "SUBSCRIBE", "params": list(streams), "id": number}


async def _started(line: Any, *streams: str) -> None:
    await line.say(_subscribe(1, *streams))
    assert await line.hear(id=1) == {"result": None, "id": 1}


async def test_mark_price(dial: Dial, clock: SettableClock) -> None:
    """A raw event each second, with the letters of the documentation."""
    line = await dial("binance_ws", "/market/ws")
    await _started(line, MARK)
    [event] = await line.after(1_000, lambda body: body["s"] == "BTCUSDT")
    assert list(event) == ["e", "E", "s", "p", "i", "P", "ap", "r", "T", "st"]
    assert (event["e"], event["E"], event["st"]) == ("markPriceUpdate", clock.now, 1)
    assert isinstance(event["p"], str)
    assert event["T"] > clock.now


async def test_wrapped_and_url_streams(dial: Dial) -> None:
    """Streams in the URL start without an acknowledgement; under /stream each push names its own."""
    line = await dial("binance_ws", f"/market/stream?streams={MARK}/ethusdt@markPrice@1s")
    bodies = await line.after(1_000, lambda body: body["stream"].startswith("eth"))
    assert [(body["stream"], body["data"]["s"]) for body in bodies] == [
        (MARK, "BTCUSDT"), ("ethusdt@markPrice@1s", "ETHUSDT"),
    ]  # fmt: skip
    raw = await dial("binance_ws", f"/market/ws/{MARK}")
    assert (await raw.after(1_000, lambda _: True))[0]["s"] == "BTCUSDT"


async def test_cadences(dial: Dial) -> None:
    """Every second with @1s, every three without."""
    line = await dial("binance_ws", "/market/stream")
    await _started(line, "btcusdt@markPrice", MARK)
    seen = []
    for _ in range(6):
        seen += await line.after(1_000, lambda body: body["stream"] == MARK)
    assert [body["stream"] for body in seen].count(MARK) == 6
    slow = [body["data"]["E"] for body in seen if body["stream"] != MARK]
    assert slow[-1] - slow[0] == 3_000 * (len(slow) - 1) > 0


async def test_array(dial: Dial) -> None:
    """All in one array with COIN-M rows marked, TradFi in a message of its own, odd rows as in REST."""
    line = await dial("binance_ws", "/market/ws")
    await _started(line, "!markPrice@arr@1s")
    rest, tradfi = await line.after(1_000, lambda body: body[0]["s"] == "TSLAUSDT")
    rows = {row["s"]: row for row in rest}
    assert {row["st"] for row in rest} == {1, 2}
    assert rows["BTCUSD_PERP"]["st"] == 2
    assert not rows.keys() & {row["s"] for row in tradfi}
    assert "i" not in rows["NOINDEXUSDT"]
    assert rows["VOIDINDEXUSDT"]["i"] == ""
    assert "币安人生USDT" in rows
    dated = {row["s"][:3]: (row["r"], row["T"]) for row in rest if "USDT_" in row["s"]}
    assert dated == {"BTC": ("", 0), "ETH": ("0.00000000", 0)}


async def test_unrouted_url_acknowledges_and_stays_silent(dial: Dial) -> None:
    """The old URL takes market streams without a word of what is wrong; those of /public it delivers."""
    line = await dial("binance_ws", "/ws")
    await _started(line, MARK, "!markPrice@arr@1s", "btcusdt@bookTicker")
    for _ in range(3):
        bodies = await line.after(1_000, lambda body: body["e"] == "bookTicker")
        assert [body["e"] for body in bodies] == ["bookTicker"]


async def test_streams_of_another_route_and_unknown_ones(dial: Dial) -> None:
    """Each is acknowledged, listed, and silent: other routes', unknown symbols', upper case."""
    line = await dial("binance_ws", "/market/ws")
    silent = ["btcusdt@bookTicker", "nope@markPrice@1s", "BTCUSDT@markPrice@1s", "rubbish", "!rubbish@arr"]
    await _started(line, *silent, MARK)
    await line.say({"method": "LIST_SUBSCRIPTIONS", "id": 3})
    assert await line.hear(id=3) == {"result": [*silent, MARK], "id": 3}
    assert len(await line.after(3_000, lambda body: body["s"] == "BTCUSDT")) == 1


async def test_a_listing_starts_its_stream(dial: Dial, break_it: Break) -> None:
    """A stream that waits for its symbol delivers as soon as the symbol is listed."""
    line = await dial("binance_ws", "/market/ws")
    await _started(line, "newcoinusdt@markPrice@1s", "!contractInfo")
    await break_it("binance", kind="list_symbol", symbol="NEWCOINUSDT")
    bodies = await line.after(1_000, lambda body: body["e"] == "contractInfo")
    if len(bodies) == 1:
        bodies += await line.bodies(lambda body: body["e"] == "markPriceUpdate")
    events = {body["e"]: body for body in bodies}
    assert (events["contractInfo"]["s"], events["contractInfo"]["cs"]) == ("NEWCOINUSDT", "TRADING")
    assert events["markPriceUpdate"]["s"] == "NEWCOINUSDT"


async def test_contract_info(dial: Dial, break_it: Break, clock: SettableClock) -> None:
    """A change of status and a delisting are events; the delivery date comes with them."""
    line = await dial("binance_ws", "/market/ws")
    await _started(line, "!contractInfo")
    await break_it("binance", kind="change", symbol="ETHUSDT", field="status", value="SETTLING")
    [event] = await line.after(1_000, lambda _: True)
    assert (event["s"], event["ps"], event["ct"], event["cs"]) == (
        "ETHUSDT", "ETHUSDT", "PERPETUAL", "SETTLING",
    )  # fmt: skip
    await break_it("binance", kind="drop_symbol", symbol="BTCUSD_PERP")
    [event] = await line.after(1_000, lambda _: True)
    assert (event["s"], event["cs"], event["st"], event["E"]) == ("BTCUSD_PERP", "CLOSE", 2, clock.now)


async def test_unsubscribe(dial: Dial) -> None:
    """An ended stream is silent and no longer listed."""
    line = await dial("binance_ws", "/market/ws")
    await _started(line, MARK, "ethusdt@markPrice@1s")
    await line.say({"method": "UNSUBSCRIBE", "params": [MARK], "id": 2})
    assert await line.hear(id=2) == {"result": None, "id": 2}
    for _ in range(2):
        assert [body["s"] for body in await line.after(1_000, lambda _: True)] == ["ETHUSDT"]


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        ("{", 3),
        ("[1]", 2),
        ('{"method":"SUBSCRIBE","params":["btcusdt@markPrice"],"id":"x"}', 2),
        ('{"method":"SUBSCRIBE","params":["btcusdt@markPrice"],"id":-1}', 2),
        ('{"method":"SUBSCRIBE","params":[],"id":1}', 2),
        ('{"method":"SHOUT","params":["btcusdt@markPrice"],"id":1}', 2),
    ],
)
async def test_errors(dial: Dial, request_text: str, code: int) -> None:
    """Codes 2 and 3; nested behind /stream."""
    line = await dial("binance_ws", "/market/ws")
    await line.say(request_text)
    assert (await line.hear())["code"] == code
    wrapped = await dial("binance_ws", "/market/stream")
    await wrapped.say(request_text)
    assert (await wrapped.hear())["error"]["code"] == code


async def test_limits_of_a_connection(dial: Dial) -> None:
    """1024 streams, and 10 messages a second; with the eleventh the connection ends."""
    line = await dial("binance_ws", "/market/ws")
    await line.say(_subscribe(1, *(f"x{number}@markPrice" for number in range(1_024))))
    await line.hear(id=1)
    await line.say(_subscribe(2, MARK))
    assert "1024" in (await line.hear())["msg"]
    for number in range(3, 12):
        await line.say({"method": "LIST_SUBSCRIPTIONS", "id": number})
    assert await line.end() == 1008


async def test_connects_are_limited(
    quick_sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """300 in 5 minutes, counted for futures and spot apart; the next are refused with 429."""
    url = quick_sim.urls["binance_ws"]
    for _ in range(300):
        async with http.ws_connect(f"{url}/ws"):
            pass
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(f"{url}/market/ws")
    assert caught.value.status == 429
    async with http.ws_connect(f"{url}/spot/ws"):
        pass
    clock.now += 300_000
    async with http.ws_connect(f"{url}/market/ws"):
        pass


async def test_server_pings_and_waits_for_pongs(dial: Dial, clock: SettableClock) -> None:
    """A ping frame every 3 minutes; 10 minutes without a pong end the connection."""
    line = await dial("binance_ws", "/market/ws")
    answered = await dial("binance_ws", "/market/ws")
    for _ in range(5):
        clock.now += 180_000
        assert (await answered.socket.receive(3)).type is WSMsgType.PING
        await answered.socket.pong()
        await answered.say({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        await answered.hear(id=1)
    assert (await line.socket.receive(3)).type is WSMsgType.PING
    assert await line.end() == 1008
    assert not answered.socket.closed


async def test_a_day_is_the_longest_life(dial: Dial, clock: SettableClock) -> None:
    """After 24 hours the venue ends the connection."""
    line = await dial("binance_ws", "/market/ws")
    clock.now += 86_400_000
    assert await line.end() == 1001


async def test_best_quotes(dial: Dial) -> None:
    """Quotes of futures carry times and product; those of spot neither, nor an event type."""
    line = await dial("binance_ws", "/public/ws/btcusdt@bookTicker")
    [event] = await line.after(100, lambda _: True)
    assert list(event) == ["e", "u", "E", "T", "s", "b", "B", "a", "A", "st", "ps"]
    spot = await dial("binance_spot_ws", "/stream?streams=btcusdt@bookTicker/pepeusdt@bookTicker")
    bodies = await spot.after(100, lambda body: body["stream"].startswith("pepe"))
    assert list(bodies[-1]["data"]) == ["u", "s", "b", "B", "a", "A"]
    assert float(bodies[-1]["data"]["a"]) > float(bodies[-1]["data"]["b"]) > 0
    everything = await dial("binance_ws", "/public/ws/!bookTicker")
    bodies = await everything.after(5_000, lambda body: body["s"] == "ETHUSDT")
    assert {"BTCUSDT", "ETHUSDT"} <= {body["s"] for body in bodies}


async def test_a_plain_request_is_no_stream(quick_sim: SimServer, http: aiohttp.ClientSession) -> None:
    """GET without an upgrade is refused."""
    async with http.get(f"{quick_sim.urls['binance']}/market/ws") as reply:
        assert reply.status == 400
