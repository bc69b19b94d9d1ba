"""OKX's streams: an answer for each argument, bare pings, idle time, cadences, limits."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from microstream_sim import SettableClock, SimServer

Dial = Callable[[str, str], Awaitable[Any]]
Break = Callable[..., Awaitable[None]]
PUBLIC = "/ws/v5/public"
SWAP = "BTC-USDT-SWAP"


def _arg(channel: str, inst_id: str = SWAP) -> dict[str, str]:
    return {"channel": channel, "instId": inst_id}


def _subscribe(*args: dict[str, str], number: str = "1512") -> dict[str, object]:
    return {"id": number, "op": "subscribe", "args": list(args)}


def _channel(name: str) -> Callable[[Any], bool]:
    return lambda body: body.get("arg", {}).get("channel") == name and "data" in body


async def test_acknowledgements_and_rows(dial: Dial) -> None:
    """Each argument has its answer, and its first row right after; fields are those of REST."""
    line = await dial("okx_ws", PUBLIC)
    args = [_arg("funding-rate"), _arg("mark-price"), _arg("index-tickers", "BTC-USDT")]
    args += [_arg("open-interest"), _arg("tickers", "BTC-USDT")]
    await line.say(_subscribe(*args))
    fields = {
        "funding-rate": {"fundingRate", "fundingTime", "nextFundingTime", "minFundingRate", "settState"},
        "mark-price": {"instType", "instId", "markPx", "ts"},
        "index-tickers": {"instId", "idxPx", "ts"},
        "open-interest": {"oi", "oiCcy", "oiUsd", "ts"},
        "tickers": {"last", "bidPx", "askPx"},
    }
    for arg in args:
        ack, push = await line.hear(event="subscribe"), await line.hear(arg=arg)
        assert (ack["id"], ack["arg"]) == ("1512", arg)
        assert ack["connId"]
        assert fields[arg["channel"]] <= push["data"][0].keys()
    assert push["data"][0]["instType"] == "SPOT"


async def test_cadences(dial: Dial, clock: SettableClock) -> None:
    """The index every 100 ms, the mark every 200, open interest every 3 s, each when it changes."""
    line = await dial("okx_ws", PUBLIC)
    coins = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE")
    indices = [_arg("index-tickers", f"{coin}-USDT") for coin in coins]
    await line.say(_subscribe(*indices, _arg("mark-price"), _arg("open-interest")))
    await line.bodies(_channel("open-interest"))
    seen: list[Any] = []

    def _of_now(body: Any) -> bool:
        return _channel("index-tickers")(body) and int(body["data"][0]["ts"]) == clock.now

    for _ in range(60):
        # One of them moves in every step, though each may stand still now and then.
        seen += await line.after(100, _of_now)
    times = {
        name: [int(one["data"][0]["ts"]) for one in seen if _channel(name)(one)]
        for name in ("index-tickers", "mark-price", "open-interest")
    }
    assert set(times["index-tickers"]) == set(range(clock.now - 5_900, clock.now + 1, 100))
    assert 25 <= len(times["mark-price"]) <= 30
    assert all(later - earlier >= 200 for earlier, later in pairwise(times["mark-price"]))
    assert len(times["open-interest"]) == 2


async def test_unchanged_values_are_repeated(dial: Dial, break_it: Break) -> None:
    """A mark that stands still comes every 10 s, an index every minute, open interest never."""
    await break_it("okx", kind="freeze")
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe(_arg("index-tickers", "BTC-USDT"), _arg("open-interest"), _arg("mark-price")))
    await line.bodies(_channel("mark-price"))
    seen: list[Any] = []
    for _ in range(7):
        seen += await line.after(10_200, _channel("mark-price"))
    assert sum(map(_channel("mark-price"), seen)) == 7
    assert sum(map(_channel("index-tickers"), seen)) == 1
    assert not any(map(_channel("open-interest"), seen))
    assert len({body["data"][0]["markPx"] for body in seen if _channel("mark-price")(body)}) == 1


async def test_funding_every_30_to_90_seconds(dial: Dial) -> None:
    """The spans between pushes lie within the documented ones."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe(_arg("funding-rate"), _arg("mark-price")))
    await line.bodies(_channel("mark-price"))
    times = []
    for second in range(0, 200, 5):
        bodies = await line.after(5_000, _channel("mark-price"))
        times += [second for body in bodies if _channel("funding-rate")(body)]
    spans = [later - earlier for earlier, later in pairwise(times)]
    assert spans
    assert all(30 <= span <= 95 for span in spans)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "60012"),
        ({"op": "subscribe"}, "60012"),
        ({"op": "subscribe", "args": [{"instId": SWAP}]}, "60012"),
        ({"op": "shout", "args": [_arg("mark-price")]}, "60019"),
        (_subscribe(_arg("mark-price", "NOPE-USDT-SWAP")), "60018"),
        (_subscribe(_arg("mark-price", "PREOPENA-USDT-SWAP")), "60018"),
        (_subscribe(_arg("nonsense")), "60018"),
        (_subscribe({"channel": "mark-price"}), "60018"),
        (_subscribe(_arg("index-tickers")), "60018"),
        (_subscribe(_arg("candle1m")), "64001"),
    ],
)
async def test_errors(dial: Dial, message: object, code: str) -> None:
    """Each has its code, the id of the request and the connection's."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(message)
    error = await line.hear()
    assert (error["event"], error["code"]) == ("error", code)
    assert error["connId"]
    if isinstance(message, dict) and "id" in message:
        assert error["id"] == message["id"]


async def test_one_unknown_argument_spares_the_others(dial: Dial) -> None:
    """The known ones of a request start."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe(_arg("mark-price", "NOPE-USDT-SWAP"), _arg("mark-price")))
    assert (await line.hear())["code"] == "60018"
    assert (await line.hear())["event"] == "subscribe"


async def test_the_business_path_has_no_prices(dial: Dial) -> None:
    """Channels of /public are refused there."""
    line = await dial("okx_ws", "/ws/v5/business")
    await line.say(_subscribe(_arg("mark-price")))
    assert (await line.hear())["code"] == "64002"


async def test_unsubscribe(dial: Dial) -> None:
    """The answer names the argument, and the topic is silent."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe(_arg("mark-price"), _arg("mark-price", "ETH-USDT-SWAP")))
    await line.bodies(lambda body: "data" in body and body["arg"]["instId"].startswith("ETH"))
    await line.say({"op": "unsubscribe", "args": [_arg("mark-price")]})
    assert (await line.hear(event="unsubscribe"))["arg"] == _arg("mark-price")
    for _ in range(2):
        bodies = await line.after(200, lambda _: True)
        assert [body["arg"]["instId"] for body in bodies] == ["ETH-USDT-SWAP"]


async def test_instruments(dial: Dial, break_it: Break) -> None:
    """Listings, changes and delistings of a type."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe({"channel": "instruments", "instType": "SWAP"}))
    await line.hear(event="subscribe")
    await break_it("okx", kind="list_symbol", symbol="NEWCOIN-USDT-SWAP")
    await break_it("okx", kind="drop_symbol", symbol="ETH-USDT-SWAP")
    await break_it("okx", kind="change", symbol=SWAP, field="status", value="suspend")
    [push] = await line.after(1_000, lambda _: True)
    states = {row["instId"]: row["state"] for row in push["data"]}
    assert states == {"NEWCOIN-USDT-SWAP": "live", "ETH-USDT-SWAP": "expired", SWAP: "suspend"}


async def test_text_ping_keeps_a_connection(dial: Dial, clock: SettableClock) -> None:
    """`ping` is answered with `pong`, neither JSON; without data for 30 s the connection ends."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe({"channel": "instruments", "instType": "FUTURES"}))
    await line.hear(event="subscribe")
    for _ in range(3):
        clock.now += 29_000
        await line.say("ping")
        assert await line.text() == "pong"
    clock.now += 30_000
    assert await line.end() == 4004


async def test_without_subscription_for_30_seconds(dial: Dial, clock: SettableClock) -> None:
    """Pings do not keep a connection that wants nothing."""
    line = await dial("okx_ws", PUBLIC)
    clock.now += 29_000
    await line.say("ping")
    assert await line.text() == "pong"
    clock.now += 1_000
    assert await line.end() == 4004


async def test_limits(dial: Dial, quick_sim: SimServer, http: aiohttp.ClientSession) -> None:
    """480 requests an hour, 64 KB a request, three connections a second."""
    line = await dial("okx_ws", PUBLIC)
    await line.say(_subscribe(*[_arg("mark-price", "X" * 1_000)] * 70))
    assert await line.end() == 1009
    line = await dial("okx_ws", PUBLIC)
    for _ in range(481):
        await line.say({"op": "unsubscribe", "args": [_arg("mark-price")]})
    assert (await line.hear(event="error"))["code"] == "60014"
    await dial("okx_ws", PUBLIC)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(quick_sim.urls["okx_ws"] + PUBLIC)
    assert caught.value.status == 429


async def test_unsubscribing_everything_leaves_the_connection(dial: Dial, clock: SettableClock) -> None:
    """A connection that has had a subscription lives on with pings alone, unlike one that never had."""
    line, unused = await dial("okx_ws", PUBLIC), await dial("okx_ws", PUBLIC)
    for operation in ("subscribe", "unsubscribe"):
        await line.say({"op": operation, "args": [_arg("mark-price")]})
        await line.hear(event=operation)
    for _ in range(2):
        clock.now += 25_000
        await line.say("ping")
        while await line.text() != "pong":
            pass
    assert await unused.end() == 4004
    await line.say("ping")
    assert await line.text() == "pong"
