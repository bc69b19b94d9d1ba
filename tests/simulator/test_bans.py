"""Limits over HTTP: headers, 429, bans, and the counts that prove who kept away."""

import re

import aiohttp

from microstream_sim import SettableClock, SimServer


async def _ask(http: aiohttp.ClientSession, url: str, times: int = 1) -> aiohttp.ClientResponse:
    for _ in range(times):
        async with http.get(url) as reply:
            await reply.read()
    return reply


async def test_weight_is_counted_by_fixed_minutes(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """The bulk form costs 10, one symbol 1; the next minute starts from zero."""
    base = sim.urls["binance"]
    assert (await _ask(http, f"{base}/fapi/v1/premiumIndex")).headers["X-MBX-USED-WEIGHT-1M"] == "10"
    one = await _ask(http, f"{base}/fapi/v1/premiumIndex?symbol=BTCUSDT")
    assert one.headers["X-MBX-USED-WEIGHT-1M"] == "11"
    clock.now += 60_000 - clock.now % 60_000
    assert (await _ask(http, f"{base}/fapi/v1/time")).headers["X-MBX-USED-WEIGHT-1M"] == "1"


async def test_used_weight_is_wrong_on_book_ticker(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """The header cannot be trusted on the two paths that the documents name."""
    base = sim.urls["binance"]
    await _ask(http, f"{base}/fapi/v1/premiumIndex")
    book = await _ask(http, f"{base}/fapi/v1/ticker/bookTicker?symbol=BTCUSDT")
    assert book.headers["X-MBX-USED-WEIGHT-1M"] == "2"
    assert (await _ask(http, f"{base}/fapi/v1/time")).headers["X-MBX-USED-WEIGHT-1M"] == "13"


async def test_spot_has_a_budget_of_its_own(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """Spot weight does not touch that of futures."""
    base = sim.urls["binance"]
    await _ask(http, f"{base}/fapi/v1/premiumIndex")
    spot = await _ask(http, f"{base}/api/v3/ticker/price")
    assert spot.headers["X-MBX-USED-WEIGHT-1M"] == "4"


async def test_binance_limits_then_bans(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """Over 2400 comes 429 with Retry-After; going on brings 418 and a ban that its message dates."""
    url = f"{sim.urls['binance']}/fapi/v1/ticker/24hr"
    await _ask(http, url, 60)
    async with http.get(url) as limited:
        assert limited.status == 429
        assert (await limited.json())["code"] == -1003
        assert int(limited.headers["Retry-After"]) == 60 - clock.now // 1000 % 60
    clock.now += 1_000
    banned = await _ask(http, url, 5)
    assert banned.status == 418
    async with http.get(url) as reply:
        match = re.search(r"banned until (\d+)", (await reply.json())["msg"])
        assert match is not None
        until = int(match[1])
    assert until == clock.now + 120_000
    report = sim.traffic.report(recent=3)
    assert report["early"] == {"binance": 6}
    assert [one["status"] for one in report["recent"]] == [429, 418, 418]
    clock.now = until
    assert (await _ask(http, url)).status == 200
    assert sim.traffic.report(0)["early"] == {"binance": 6}


async def test_a_client_that_waits_is_not_banned(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """After Retry-After all is well and no request counts as early."""
    url = f"{sim.urls['binance']}/fapi/v1/ticker/24hr"
    limited = await _ask(http, url, 61)
    clock.now += 1000 * int(limited.headers["Retry-After"])
    assert (await _ask(http, url)).status == 200
    assert sim.traffic.report(0)["early"] == {}


async def test_statistics_have_a_counter_of_their_own(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """/futures/data costs no weight; its 1000 requests per 5 minutes are counted apart."""
    limiter = sim.limiters["binance"]
    path, query = "/futures/data/openInterestHist", {"symbol": "BTCUSDT"}
    charges = [limiter.charge(path, query, sim.now()) for _ in range(1001)]
    assert all(one.refusal is None and one.weight == 0 for one in charges[:1000])
    assert charges[1000].refusal is not None
    assert charges[1000].refusal.status == 429
    assert (await _ask(http, f"{sim.urls['binance']}/fapi/v1/time")).status == 200


async def test_funding_endpoints_share_a_counter(sim: SimServer) -> None:
    """fundingRate and fundingInfo share 500 requests per 5 minutes."""
    limiter = sim.limiters["binance"]
    for _ in range(250):
        limiter.charge("/fapi/v1/fundingRate", {}, sim.now())
        assert limiter.charge("/fapi/v1/fundingInfo", {}, sim.now()).refusal is None
    assert limiter.charge("/fapi/v1/fundingInfo", {}, sim.now()).refusal is not None


async def test_bybit_bans_for_ten_minutes(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """601 requests in 5 s bring HTTP 403 for ten minutes."""
    url = f"{sim.urls['bybit']}/v5/market/time"
    first = await _ask(http, url)
    assert (first.headers["X-Bapi-Limit"], first.headers["X-Bapi-Limit-Status"]) == ("600", "599")
    assert "X-Bapi-Limit-Reset-Timestamp" in first.headers
    for _ in range(599):
        sim.limiters["bybit"].charge("/v5/market/time", {}, clock.now)
    async with http.get(url) as banned:
        assert banned.status == 403
        assert (await banned.json())["retMsg"] == "access too frequent"
    clock.now += 599_000
    assert (await _ask(http, url)).status == 403
    clock.now += 1_000
    assert (await _ask(http, url)).status == 200


async def test_okx_counts_by_endpoint_and_instrument(
    sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """Ten funding requests per 2 s and instrument; another instrument and another endpoint are free."""
    base = f"{sim.urls['okx']}/api/v5/public"
    assert (await _ask(http, f"{base}/funding-rate?instId=BTC-USDT-SWAP", 10)).status == 200
    async with http.get(f"{base}/funding-rate?instId=BTC-USDT-SWAP") as limited:
        assert limited.status == 429
        assert (await limited.json())["code"] == "50011"
        assert "Retry-After" not in limited.headers
    assert (await _ask(http, f"{base}/funding-rate?instId=ETH-USDT-SWAP")).status == 200
    assert (await _ask(http, f"{base}/mark-price?instType=SWAP&instId=BTC-USDT-SWAP")).status == 200
    clock.now += 2_000
    assert (await _ask(http, f"{base}/funding-rate?instId=BTC-USDT-SWAP")).status == 200
