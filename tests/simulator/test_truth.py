"""Truth equals replies: every live contract of every venue, character by character, over HTTP."""

from typing import Any

import aiohttp
import msgspec
import pytest

from microstream_sim import SettableClock, SimServer
from microstream_sim.truth import true_state


async def _json(http: aiohttp.ClientSession, url: str, **query: str) -> Any:
    async with http.get(url, params=query) as reply:
        assert reply.status == 200, await reply.text()
        return msgspec.json.decode(await reply.read())


async def _truth(http: aiohttp.ClientSession, sim: SimServer, venue: str, symbol: str, at: int) -> Any:
    return await _json(http, f"{sim.urls['control']}/truth", venue=venue, symbol=symbol, at=str(at))


async def _live(http: aiohttp.ClientSession, sim: SimServer, venue: str) -> list[str]:
    rows = await _json(http, f"{sim.urls['control']}/contracts", venue=venue)
    return [row["symbol"] for row in rows if row["live"]]


async def test_binance(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """premiumIndex, fundingInfo and openInterest say what truth says."""
    base = sim.urls["binance"]
    rows = {row["symbol"]: row for row in await _json(http, f"{base}/fapi/v1/premiumIndex")}
    caps = {row["symbol"]: row for row in await _json(http, f"{base}/fapi/v1/fundingInfo")}
    live = await _live(http, sim, "binance")
    assert len(live) > 40
    for symbol in live:
        row = rows[symbol]
        true = await _truth(http, sim, "binance", symbol, row["time"])
        assert row["markPrice"] == true["mark_price"]
        assert (row.get("indexPrice") or None) == true["index_price"]
        assert row["lastFundingRate"] == true["funding_rate"]
        assert row["nextFundingTime"] == true["next_funding_time"]
        info = caps.get(symbol)
        assert (info and info["adjustedFundingRateCap"]) == true["cap"]
        assert (8 if info is None else info["fundingIntervalHours"]) == true["interval_hours"]
        interest = await _json(http, f"{base}/fapi/v1/openInterest", symbol=symbol)
        true = await _truth(http, sim, "binance", symbol, interest["time"])
        assert interest["openInterest"] == true["open_interest"]


async def test_bybit(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """One tickers reply says all that truth says, at the envelope's time."""
    for category in ("linear", "inverse"):
        reply = await _json(http, f"{sim.urls['bybit']}/v5/market/tickers", category=category)
        for row in reply["result"]["list"]:
            true = await _truth(http, sim, "bybit", row["symbol"], reply["time"])
            if not true["live"]:
                continue
            assert row["markPrice"] == true["mark_price"]
            assert row["indexPrice"] == true["index_price"]
            assert row["fundingRate"] == true["funding_rate"]
            assert int(row["nextFundingTime"]) == true["next_funding_time"]
            assert int(row["fundingIntervalHour"]) == true["interval_hours"]
            assert row["fundingCap"] == true["cap"]
            assert row["openInterest"] == true["open_interest"]
            assert row["singleOpenInterest"] == true["open_interest_single"]
            if category == "linear":
                assert row["singleOpenInterestValue"] == true["open_interest_usd"]


@pytest.mark.parametrize("after_settlement", [False, True])
async def test_okx(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock, *, after_settlement: bool
) -> None:
    """The four bulk replies say what truth says, also while a settlement is being processed."""
    if after_settlement:
        clock.now += 4 * 3_600_000
    base = f"{sim.urls['okx']}/api/v5"
    funding = await _json(http, f"{base}/public/funding-rate", instId="ANY")
    live = await _live(http, sim, "okx")
    assert {row["instId"] for row in funding["data"]} == set(live)
    indices = {}
    for quote in ("USDT", "USDC", "USD"):
        reply = await _json(http, f"{base}/market/index-tickers", quoteCcy=quote)
        indices.update({row["instId"]: row["idxPx"] for row in reply["data"]})
    for row in funding["data"]:
        true = await _truth(http, sim, "okx", row["instId"], int(row["ts"]))
        assert row["fundingRate"] == true["funding_rate"]
        assert int(row["fundingTime"]) == true["next_funding_time"]
        assert row["settFundingRate"] == true["settled_rate"]
        assert row["maxFundingRate"] == true["cap"]
        hours = (int(row["nextFundingTime"]) - int(row["fundingTime"])) / 3_600_000
        assert hours == true["interval_hours"]
        assert (row["settState"] == "processing") == true["settling"]
        assert indices[true["index_symbol"]] == true["index_price"]
    for kind in ("SWAP", "FUTURES"):
        marks = await _json(http, f"{base}/public/mark-price", instType=kind)
        for row in marks["data"]:
            true = await _truth(http, sim, "okx", row["instId"], int(row["ts"]))
            assert row["markPx"] == true["mark_price"]
        for row in (await _json(http, f"{base}/public/open-interest", instType=kind))["data"]:
            true = await _truth(http, sim, "okx", row["instId"], int(row["ts"]))
            assert row["oi"] == true["open_interest"]
            assert row["oiCcy"] == true["open_interest_coins"]
            assert row["oiUsd"] == true["open_interest_usd"]


async def test_settled_rates_are_in_the_history(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """A minute after the settlement each venue's history has it, with the rate that truth says was paid."""
    clock.now += 4 * 3_600_000 + 60_000
    binance = await _json(http, f"{sim.urls['binance']}/fapi/v1/fundingRate", symbol="BTCUSDT", limit="1")
    true = await _truth(http, sim, "binance", "BTCUSDT", clock.now)
    assert binance[0]["fundingRate"] == true["settled_rate"]
    assert 0 <= binance[0]["fundingTime"] - true["settled_time"] < 16
    path = f"{sim.urls['bybit']}/v5/market/funding/history"
    bybit = await _json(http, path, category="linear", symbol="BTCUSDT")
    true = await _truth(http, sim, "bybit", "BTCUSDT", clock.now)
    assert bybit["result"]["list"][0]["fundingRate"] == true["settled_rate"]
    assert int(bybit["result"]["list"][0]["fundingRateTimestamp"]) == true["settled_time"]


def test_truth_is_the_same_without_a_server(sim: SimServer) -> None:
    """A market of the same seed gives the same state as the running simulator."""
    contract = sim.listed("okx")["BTC-USDT-SWAP"]
    other = type(sim.market)(sim.options.seed)
    assert true_state(sim.market, contract, sim.now()) == true_state(other, contract, sim.now())


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("truth?venue=kraken&symbol=X", 400, "binance, bybit, okx"),
        ("truth?venue=okx&symbol=NOPE", 404, "GET /contracts"),
        ("truth?venue=okx&symbol=BTC-USDT-SWAP&at=yesterday", 400, "milliseconds"),
        ("nothing", 404, "GET /truth"),
        ("requests?recent=all", 400, "number"),
    ],
)
async def test_control_errors_say_what_to_do(
    sim: SimServer, http: aiohttp.ClientSession, path: str, status: int, word: str
) -> None:
    """A wrong question to the control port is answered with what would be right."""
    async with http.get(f"{sim.urls['control']}/{path}") as reply:
        assert reply.status == status
        assert word in (await reply.json())["error"]
