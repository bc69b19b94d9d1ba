"""Faults of connections and whole replies, and the script that starts and ends them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import pytest

from microstream_sim import SettableClock, SimServer
from microstream_sim.faults import read_script

PREMIUM = "/fapi/v1/premiumIndex"
Put = Callable[..., Awaitable[None]]
Get = Callable[[str, str], Awaitable[tuple[int, bytes, Mapping[str, str]]]]
Rows = Callable[[], Awaitable[dict[str, Any]]]


@pytest.mark.parametrize(
    ("venue", "fault", "status", "part"),
    [
        ("binance", {"name": "rate_limited", "seconds": 7}, 429, b"-1003"),
        ("bybit", {"name": "rate_limited"}, 429, b"10006"),
        ("okx", {"name": "rate_limited"}, 429, b"50011"),
        ("binance", {"name": "banned", "seconds": 30}, 418, b"banned until"),
        ("binance", {"name": "waf_403_html"}, 403, b"<html>"),
        ("bybit", {"name": "waf_403_html"}, 403, b"<html>"),
        ("binance", {"name": "geo_451"}, 451, b"restricted location"),
        ("bybit", {"name": "access_too_frequent"}, 403, b"access too frequent"),
        ("okx", {"name": "okx_50011_200"}, 200, b"50011"),
        ("bybit", {"name": "venue_code", "code": 10016}, 200, b'"retCode":10016'),
        ("okx", {"name": "venue_code", "code": 50026}, 200, b'"code":"50026"'),
        ("binance", {"name": "venue_code", "code": -1000}, 200, b'"code":-1000'),
        ("binance", {"name": "server_error", "code": 503}, 503, b"503"),
        ("okx", {"name": "server_error"}, 502, b"Bad Gateway"),
        ("okx", {"status": 410, "body": {"code": "50005"}, "headers": {"X-Odd": "1"}}, 410, b"50005"),
    ],
)
async def test_status(
    put: Put, get: Get, *, venue: str, fault: dict[str, Any], status: int, part: bytes
) -> None:
    """Every ready-made reply has its status and its words; a free one is as given."""
    await put(kind="status", venue=venue, **fault)
    paths = {"binance": PREMIUM, "bybit": "/v5/market/time", "okx": "/api/v5/public/time"}
    got, body, headers = await get(venue, paths[venue])
    assert got == status
    assert part in body
    for name, value in fault.get("headers", {}).items():
        assert headers[name] == value
    if fault.get("seconds"):
        assert headers["Retry-After"] == str(fault["seconds"])


async def test_path_symbol_and_count_limit_a_fault(sim: SimServer, put: Put, get: Get) -> None:
    """A fault hits its path and its symbol alone, and only so often."""
    await put(kind="status", status=500, venue="binance", path="*/openInterest", symbol="BTCUSDT", count=2)
    path = "/fapi/v1/openInterest?symbol="
    others = [(await get("binance", path + "ETHUSDT"))[0], (await get("binance", PREMIUM))[0]]
    assert others == [200, 200]
    assert [(await get("binance", path + "BTCUSDT"))[0] for _ in range(3)] == [500, 500, 200]
    assert [one.hits for one in sim.book.all()] == [2]


async def test_at_and_for(put: Put, get: Get, clock: SettableClock) -> None:
    """A fault begins `at` and lasts `for` seconds."""
    await put(**{"kind": "status", "status": 500, "venue": "binance", "at": 10, "for": 5})
    seen = []
    for _ in range(4):
        seen.append((await get("binance", PREMIUM))[0])
        clock.now += 5_000
    assert seen == [200, 200, 500, 200]


async def test_probability(put: Put, get: Get) -> None:
    """About so many replies are hit, never all and never none."""
    await put(kind="status", status=500, venue="bybit", probability=0.5)
    seen = [(await get("bybit", "/v5/market/time"))[0] for _ in range(40)]
    assert 5 < seen.count(500) < 35


async def test_delete_clears(
    sim: SimServer, http: aiohttp.ClientSession, put: Put, get: Get, premium_rows: Rows
) -> None:
    """DELETE removes all faults; GET lists what there is with its hits."""
    await put(kind="html", venue="binance")
    await get("binance", PREMIUM)
    _, body, _ = await get("control", "/faults")
    [listed] = msgspec.json.decode(body)
    assert (listed["hits"], listed["acting"], listed["fault"]["kind"]) == (1, True, "html")
    async with http.delete(f"{sim.urls['control']}/faults") as reply:
        assert await reply.json() == []
    assert "BTCUSDT" in await premium_rows()


async def test_delay(put: Put, premium_rows: Rows) -> None:
    """The reply comes, late."""
    await put(kind="delay", seconds=0.2, venue="binance")
    began = time.monotonic()
    await premium_rows()
    assert time.monotonic() - began >= 0.2


async def test_hang(sim: SimServer, put: Put, premium_rows: Rows) -> None:
    """The connection is taken and nothing ever comes."""
    await put(kind="hang", venue="binance")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(premium_rows(), 0.3)
    assert sim.traffic.report(0)["counts"][0]["status"] == 0


async def test_close(put: Put, premium_rows: Rows) -> None:
    """The connection breaks in the middle of the body."""
    await put(kind="close", venue="binance")
    with pytest.raises(aiohttp.ClientPayloadError):
        await premium_rows()


async def test_refuse(sim: SimServer, put: Put, get: Get, premium_rows: Rows) -> None:
    """The port refuses connections until the fault is cleared; other venues go on."""
    await premium_rows()
    await put(kind="refuse", venue="binance")
    deadline = time.monotonic() + 3
    while True:
        try:
            await premium_rows()
        except aiohttp.ClientConnectionError:
            break
        assert time.monotonic() < deadline, "the port still answers"
    assert (await get("bybit", "/v5/market/time"))[0] == 200
    sim.clear_faults()
    while True:
        try:
            assert "BTCUSDT" in await premium_rows()
            break
        except aiohttp.ClientConnectionError:
            assert time.monotonic() < deadline, "the port stays closed"


async def test_cut_and_html_and_empty(put: Put, get: Get) -> None:
    """Half a JSON text, a page instead of JSON, and nothing at all, each with HTTP 200."""
    path = PREMIUM
    await put(kind="cut", count=1)
    status, body, _ = await get("binance", path)
    assert status == 200
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body)
    await put(kind="html", count=1)
    status, body, headers = await get("binance", path)
    assert (status, body[:6], headers["Content-Type"].split(";")[0]) == (200, b"<html>", "text/html")
    await put(kind="empty_body", count=1)
    assert (await get("binance", path))[:2] == (200, b"")


async def test_huge(put: Put, get: Get) -> None:
    """A valid reply of many megabytes."""
    await put(kind="huge", megabytes=3, venue="bybit")
    _, body, _ = await get("bybit", "/v5/market/time")
    assert len(body) > 3 << 20
    assert msgspec.json.decode(body)["retCode"] == 0


async def test_not_gzip(put: Put, premium_rows: Rows) -> None:
    """The header claims gzip, the body is plain."""
    await put(kind="not_gzip", venue="binance")
    with pytest.raises(aiohttp.ClientPayloadError):
        await premium_rows()


async def test_gzip_when_asked_for(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """Large replies are packed for clients that take it, and plain for others."""
    url = sim.urls["binance"] + PREMIUM
    async with http.get(url) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        rows = await packed.json()
    async with http.get(url, headers={"Accept-Encoding": "identity"}) as plain:
        assert "Content-Encoding" not in plain.headers
        assert await plain.json() == rows


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- {kind: nonsense}", "fault 1"),
        ("- {kind: html}\n- {kind: delay}", "fault 2: .*seconds"),
        ("- {kind: html, vnue: okx}", "vnue"),
        ("- {kind: status}", "either name or status"),
        ("- {kind: status, name: no_such}", "no_such"),
        ("- {kind: change, venue: okx, symbol: X, field: colour, value: 1}", "interval_h"),
        ("- {kind: change, venue: okx, symbol: X, field: interval_h, value: 24}", "1, 2, 4, 6, 8"),
        ("- {kind: market, coin: BTC, field: colour, value: 1}", "price_factor, premium, funding_rate"),
        ("- {kind: market, field: premium, value: 1}", "either symbol or coin"),
        ("- {kind: market, symbol: X, field: premium, value: 1}", "needs its venue"),
        ("- {kind: market, coin: BTC, field: premium}", "must be a number"),
        ("- {kind: market, coin: BTC, field: premium, value: true}", "must be a number"),
        ("- {kind: market, coin: BTC, field: premium, value: .inf}", "must be a number"),
        ("- {kind: market, coin: BTC, field: premium, value: -1}", "above -1"),
        ("- {kind: market, coin: BTC, field: open_interest_factor, value: 0}", "above 0"),
        ("- {kind: market, coin: BTC, field: premium, value: 0, ramp: -1}", "ramp"),
        ("- {kind: market, coin: BTC, field: premium, value: 0, ramp: 6, for: 11}", "twice into for"),
        ("- {kind: market, coin: BTC, field: premium, value: 0, over: rest}", "for all who look"),
        ("- {kind: freeze, coin: BTC}", "coin and ramp"),
        ("- [", "not YAML"),
    ],
)
def test_wrong_scripts_are_refused(text: str, reason: str) -> None:
    """The error names source, entry and reason."""
    with pytest.raises(ValueError, match=reason) as caught:
        read_script(text, "script.yaml")
    assert str(caught.value).startswith("script.yaml: ")


async def test_wrong_post_is_refused(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """A wrong script that is posted changes nothing."""
    async with http.post(f"{sim.urls['control']}/faults", data=b'[{"kind":"delay"}]') as reply:
        assert reply.status == 400
        assert "seconds" in (await reply.json())["error"]
    assert sim.book.all() == []


async def test_unknown_paths(get: Get) -> None:
    """Each venue answers an unknown path in its own way."""
    for venue, part in (("binance", b"-5000"), ("bybit", b"10017"), ("okx", b"404")):
        status, body, _ = await get(venue, "/no/such/path")
        assert status == 404
        assert part in body
