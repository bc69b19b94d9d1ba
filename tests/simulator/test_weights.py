"""Documented weights of Binance's requests, and what the control port counts."""

import aiohttp
import msgspec
import pytest

from microstream_sim import SettableClock, SimServer
from microstream_sim.binance.limits import weight


@pytest.mark.parametrize(
    ("path", "query", "cost"),
    [
        ("/fapi/v1/premiumIndex", {}, 10),
        ("/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/openInterest", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/exchangeInfo", {}, 1),
        ("/fapi/v1/fundingInfo", {}, 0),
        ("/fapi/v1/fundingRate", {}, 0),
        ("/futures/data/openInterestHist", {"symbol": "BTCUSDT"}, 0),
        ("/fapi/v1/ticker/bookTicker", {}, 5),
        ("/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"}, 2),
        ("/fapi/v1/ticker/24hr", {}, 40),
        ("/fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/markPriceKlines", {"limit": "99"}, 1),
        ("/fapi/v1/markPriceKlines", {"limit": "499"}, 2),
        ("/fapi/v1/klines", {}, 5),
        ("/fapi/v1/indexPriceKlines", {"limit": "1000"}, 5),
        ("/fapi/v1/premiumIndexKlines", {"limit": "1500"}, 10),
        ("/api/v3/ticker/bookTicker", {}, 4),
        ("/api/v3/ticker/bookTicker", {"symbol": "BTCUSDT"}, 2),
        ("/api/v3/ticker/bookTicker", {"symbols": '["BTCUSDT"]'}, 4),
        ("/api/v3/exchangeInfo", {}, 20),
    ],
)
def test_weights(path: str, query: dict[str, str], cost: int) -> None:
    """One symbol is cheap, the bulk forms and long pages are not."""
    assert weight(path, query) == cost


async def test_requests_are_counted(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """Counts by path and status, by minute, the weight used, and the last requests with their times."""
    asked = [
        ("binance", "/fapi/v1/premiumIndex?symbol=BTCUSDT"),
        ("binance", "/fapi/v1/premiumIndex?symbol=NOPE"),
        ("binance", "/no/such/path"),
        ("okx", "/api/v5/public/time"),
        ("bybit", "/v5/market/time"),
    ]
    for venue, path in asked:
        async with http.get(sim.urls[venue] + path) as reply:
            await reply.read()
    async with http.get(f"{sim.urls['control']}/requests?recent=2") as reply:
        report = msgspec.json.decode(await reply.read())
    counts = {(row["venue"], row["path"], row["status"]): row["count"] for row in report["counts"]}
    assert report["total"] == len(asked)
    assert counts["binance", "/fapi/v1/premiumIndex", 200] == 1
    assert counts["binance", "/fapi/v1/premiumIndex", 400] == 1
    assert counts["binance", "other", 404] == 1
    minute = clock.now - clock.now % 60_000
    assert {"minute": minute, "venue": "binance", "weight": 3} in report["weights"]
    assert [(row["venue"], row["time"]) for row in report["recent"]] == [
        ("okx", clock.now), ("bybit", clock.now),
    ]  # fmt: skip
    assert report["used"]["binance"]["weight_1m"] == 3
    assert report["used"]["okx"] == {"/api/v5/public/time": 1}
    assert report["used"]["bybit"] == {"requests_5s": 1}
