"""Bybit's streams: one answer a request, refusals of whole batches, snapshot and deltas, books."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from microstream_sim import SettableClock, SimServer

Dial = Callable[[str, str], Awaitable[Any]]
Break = Callable[..., Awaitable[None]]
LINEAR, SPOT = "/v5/public/linear", "/v5/public/spot"
BTC = "tickers.BTCUSDT"


def _subscribe(*topics: str, number: str = "r1") -> dict[str, object]:
    return {"op": "subscribe", "req_id": number, "args": list(topics)}


async def test_snapshot_then_deltas(dial: Dial, clock: SettableClock) -> None:
    """One snapshot, then every 100 ms what has changed; merged they say what REST says at that moment."""
    line = await dial("bybit_ws", LINEAR)
    await line.say(_subscribe(BTC))
    ack = await line.hear()
    assert {key: ack[key] for key in ("success", "ret_msg", "req_id", "op")} == {
        "success": True, "ret_msg": "", "req_id": "r1", "op": "subscribe",
    }  # fmt: skip
    snapshot = await line.hear()
    assert (snapshot["type"], snapshot["ts"]) == ("snapshot", clock.now)
    assert {"markPrice", "singleOpenInterest", "tickDirection"} <= snapshot["data"].keys()
    assert "deliveryTime" not in snapshot["data"]
    merged, sequence = snapshot["data"], snapshot["cs"]
    for _ in range(5):
        [delta] = await line.after(100, lambda _: True)
        assert (delta["topic"], delta["type"], delta["ts"]) == (BTC, "delta", clock.now)
        assert delta["cs"] > sequence
        assert all(merged[key] != value for key, value in delta["data"].items() if key != "symbol")
        assert "fundingIntervalHour" not in delta["data"]
        merged, sequence = merged | delta["data"], delta["cs"]


async def test_nothing_changed_nothing_sent(dial: Dial, break_it: Break) -> None:
    """A contract whose values stand still is silent."""
    line = await dial("bybit_ws", LINEAR)
    await line.say(_subscribe(BTC, "tickers.ETHUSDT"))
    await line.bodies(lambda body: body.get("topic") == "tickers.ETHUSDT")
    await break_it("bybit", kind="freeze", symbol="BTCUSDT")
    bodies = [await line.after(100, lambda body: body["topic"] == "tickers.ETHUSDT") for _ in range(6)]
    assert sum(body["topic"] == BTC for some in bodies[1:] for body in some) == 0


async def test_late_subscriber_gets_a_snapshot_that_fits(dial: Dial) -> None:
    """A second connection's snapshot is the state that the common deltas go on from."""
    first, second = await dial("bybit_ws", LINEAR), await dial("bybit_ws", LINEAR)
    await first.say(_subscribe(BTC))
    merged = (await first.hear(type="snapshot"))["data"]
    [delta] = await first.after(100, lambda _: True)
    merged |= delta["data"]
    await second.say(_subscribe(BTC))
    snapshot = await second.hear(type="snapshot")
    assert snapshot["data"] == merged


async def test_dated_contracts(dial: Dial, quick_sim: SimServer) -> None:
    """The delivery time is ISO text; funding is empty text, or not there."""
    names = [name for name, one in quick_sim.listed("bybit").items() if one.kind == "future"]
    btc = next(name for name in names if name.startswith("BTCUSDT-"))
    eth = next(name for name in names if name.startswith("ETHUSDT-"))
    line = await dial("bybit_ws", LINEAR)
    await line.say(_subscribe(f"tickers.{btc}", f"tickers.{eth}"))
    rows = [(await line.hear(topic=f"tickers.{name}"))["data"] for name in (btc, eth)]
    assert rows[0]["deliveryTime"].endswith("T08:00:00Z")
    assert (rows[0]["fundingRate"], rows[0]["nextFundingTime"]) == ("", "")
    assert not rows[1].keys() & {"fundingRate", "nextFundingTime", "fundingIntervalHour"}


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        (BTC, f"error:already subscribed,topic:{BTC}"),
        ("tickers.FOO", "Invalid topic: tickers.FOO"),
        ("tickers.BTCUSD", "Invalid topic: tickers.BTCUSD"),
        ("trades.BTCUSDT", "error:handler not found,topic:trades.BTCUSDT"),
    ],
)
async def test_one_bad_topic_refuses_the_batch(dial: Dial, topic: str, text: str) -> None:
    """Twice the same, an unknown symbol, another category's, an unknown kind: nothing of it starts."""
    line = await dial("bybit_ws", LINEAR)
    await line.say(_subscribe(BTC))
    await line.hear(success=True)
    await line.say(_subscribe("tickers.ETHUSDT", topic, number="r2"))
    refusal = await line.hear(success=False)
    assert (refusal["ret_msg"], refusal["req_id"], refusal["op"]) == (text, "r2", "subscribe")
    await line.say(_subscribe("tickers.ETHUSDT", number="r3"))
    assert (await line.hear(req_id="r3"))["success"]


async def test_limits_of_arguments(dial: Dial, quick_sim: SimServer) -> None:
    """21,000 characters for a connection; ten arguments for a request on spot."""
    line = await dial("bybit_ws", LINEAR)
    await line.say(_subscribe(BTC, "tickers." + "X" * 21_000))
    assert "21000" in (await line.hear())["ret_msg"]
    spot = await dial("bybit_ws", SPOT)
    await spot.say(_subscribe(*(f"orderbook.1.X{number}" for number in range(11))))
    assert (await spot.hear())["ret_msg"] == "args size >10"
    assert len(quick_sim.streams["bybit"].connections()) == 2


async def test_ping(dial: Dial) -> None:
    """The answer to a ping says `ping` again as its `op`."""
    line = await dial("bybit_ws", LINEAR)
    await line.say({"req_id": "p1", "op": "ping"})
    answer = await line.hear(req_id="p1")
    assert (answer["success"], answer["ret_msg"], answer["op"]) == (True, "pong", "ping")
    await line.say("rubbish")
    assert not (await line.hear())["success"]


async def test_unsubscribe(dial: Dial) -> None:
    """An ended topic is silent; it can be asked for again and starts with a snapshot."""
    line = await dial("bybit_ws", LINEAR)
    await line.say(_subscribe(BTC, "tickers.ETHUSDT"))
    await line.bodies(lambda body: body.get("topic") == "tickers.ETHUSDT")
    await line.say({"op": "unsubscribe", "req_id": "u", "args": [BTC]})
    assert (await line.hear(req_id="u"))["success"]
    bodies = await line.after(100, lambda body: body["topic"] == "tickers.ETHUSDT")
    bodies += await line.after(100, lambda body: body["topic"] == "tickers.ETHUSDT")
    assert {body["topic"] for body in bodies} == {"tickers.ETHUSDT"}
    await line.say(_subscribe(BTC))
    assert (await line.hear(topic=BTC))["type"] == "snapshot"


async def test_spot(dial: Dial, break_it: Break) -> None:
    """Level-1 books are snapshots, sent again after 3 s with the same `u`; spot tickers have no quotes."""
    line = await dial("bybit_ws", SPOT)
    await line.say(_subscribe("orderbook.1.BTCUSDT", "tickers.ETHUSDT"))
    assert (await line.hear())["ret_msg"] == "subscribe"
    book = await line.hear(topic="orderbook.1.BTCUSDT")
    assert (book["type"], len(book["data"]["b"]), len(book["data"]["a"])) == ("snapshot", 1, 1)
    assert float(book["data"]["a"][0][0]) > float(book["data"]["b"][0][0])
    ticker = await line.hear(topic="tickers.ETHUSDT")
    assert not {"bid1Price", "ask1Price"} & ticker["data"].keys()
    bodies = await line.after(100, lambda body: body["topic"] == "orderbook.1.BTCUSDT")
    assert bodies[-1]["data"]["u"] == book["data"]["u"] + 1
    await break_it("bybit", kind="freeze")
    again = await line.after(3_000, lambda body: body["topic"] == "orderbook.1.BTCUSDT")
    assert again[-1]["data"]["u"] == bodies[-1]["data"]["u"]


async def test_idle_connection_ends(dial: Dial, clock: SettableClock) -> None:
    """Ten minutes without heartbeat and data."""
    line = await dial("bybit_ws", LINEAR)
    clock.now += 600_000
    assert await line.end() == 1000
