"""Streams, REST and truth of one moment agree, character by character, for every live contract."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from microstream_sim import SettableClock, SimServer
from microstream_sim.contracts import Contract
from microstream_sim.truth import TrueState, true_state

Dial = Callable[[str, str], Awaitable[Any]]
MOVE_MS = 1_100  # past the whole second, and past every phase


def _live(sim: SimServer, venue: str) -> dict[str, Contract]:
    return {name: one for name, one in sim.listed(venue).items() if one.live}


def _truth(sim: SimServer, contract: Contract, at: int) -> TrueState:
    return true_state(sim.market, contract, at)


async def test_binance(dial: Dial, quick_sim: SimServer, http: aiohttp.ClientSession) -> None:
    """The array says what premiumIndex and truth say at its event time."""
    line = await dial("binance_ws", "/market/ws/!markPrice@arr@1s")
    bodies = await line.after(MOVE_MS, lambda body: body[0]["s"] == "TSLAUSDT")
    rows = {row["s"]: row for body in bodies for row in body}
    async with http.get(f"{quick_sim.urls['binance']}/fapi/v1/premiumIndex") as reply:
        rest = {row["symbol"]: row for row in await reply.json()}
    assert rows.keys() == rest.keys()
    for symbol, contract in _live(quick_sim, "binance").items():
        row, true = rows[symbol], _truth(quick_sim, contract, rows[symbol]["E"])
        assert (row["p"], row.get("i") or None) == (true.mark_price, true.index_price)
        assert (row["r"], row["T"]) == (true.funding_rate, true.next_funding_time)
        assert row["p"] == rest[symbol]["markPrice"]


async def test_bybit(dial: Dial, quick_sim: SimServer, clock: SettableClock) -> None:
    """A snapshot with its deltas is the truth at the last `ts`."""
    live = {name: one for name, one in _live(quick_sim, "bybit").items() if not one.inverse}
    line = await dial("bybit_ws", "/v5/public/linear")
    await line.say({"op": "subscribe", "args": [f"tickers.{name}" for name in live]})
    merged = {name: (await line.hear(topic=f"tickers.{name}"))["data"] for name in live}
    waiting = set(live)
    clock.now += MOVE_MS
    while waiting:
        delta = await line.hear(type="delta")
        assert delta["ts"] == clock.now
        merged[delta["data"]["symbol"]] |= delta["data"]
        waiting.discard(delta["data"]["symbol"])
    for symbol, row in merged.items():
        true = _truth(quick_sim, live[symbol], clock.now)
        assert (row["markPrice"], row["indexPrice"]) == (true.mark_price, true.index_price)
        assert (row["fundingRate"], row["nextFundingTime"]) == (
            true.funding_rate,
            str(true.next_funding_time),
        )
        assert row["openInterest"] == true.open_interest
        assert row["singleOpenInterest"] == true.open_interest_single


async def test_okx(dial: Dial, quick_sim: SimServer) -> None:
    """Mark, index, funding and open interest are the truth at each row's `ts`."""
    live = _live(quick_sim, "okx")
    line = await dial("okx_ws", "/ws/v5/public")
    channels = ("mark-price", "open-interest", "funding-rate")
    args = [{"channel": channel, "instId": name} for channel in channels for name in live]
    await line.say({"op": "subscribe", "args": args})
    for push in await _pushes(line, len(args)):
        [row] = push["data"]
        true = _truth(quick_sim, live[row["instId"]], int(row["ts"]))
        match push["arg"]["channel"]:
            case "mark-price":
                assert row["markPx"] == true.mark_price
            case "open-interest":
                assert (row["oi"], row["oiUsd"]) == (true.open_interest, true.open_interest_usd)
            case _:
                assert (row["fundingRate"], row["fundingTime"]) == (
                    true.funding_rate, str(true.next_funding_time),
                )  # fmt: skip
    true_indices = {}
    for one in live.values():
        true = _truth(quick_sim, one, int(row["ts"]))
        true_indices[true.index_symbol] = true.index_price
    args = [{"channel": "index-tickers", "instId": name} for name in true_indices]
    await line.say({"op": "subscribe", "args": args})
    for push in await _pushes(line, len(args)):
        [row] = push["data"]
        assert row["idxPx"] == true_indices[row["instId"]]


async def _pushes(line: Any, wanted: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < wanted:
        body = await line.hear()
        found += [body] if "data" in body else []
    return found
