"""Faults of values, rows, contracts and clocks, one by one, as a client meets them."""

from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest

from microstream_sim import SettableClock, SimServer

PREMIUM = "/fapi/v1/premiumIndex"
Put = Callable[..., Awaitable[None]]
Get = Callable[[str, str], Awaitable[tuple[int, bytes, Mapping[str, str]]]]
Rows = Callable[[], Awaitable[dict[str, Any]]]


@pytest.mark.parametrize(
    ("venue", "path"),
    [
        ("binance", PREMIUM),
        ("binance", "/fapi/v1/exchangeInfo"),
        ("bybit", "/v5/market/tickers?category=linear"),
        ("okx", "/api/v5/public/funding-rate?instId=ANY"),
    ],
)
async def test_empty_list(put: Put, get: Get, *, venue: str, path: str) -> None:
    """A well-formed reply without rows."""
    await put(kind="empty_list", venue=venue)
    status, body, _ = await get(venue, path)
    assert status == 200
    assert b"BTC" not in body.split(b'"symbols"')[-1]
    assert b"[]" in body


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"raw": "NaN"}, b'"markPrice":NaN'),
        ({"raw": "1e400"}, b'"markPrice":1e400'),
        ({"value": "-5"}, b'"markPrice":"-5"'),
        ({"value": ""}, b'"markPrice":""'),
        ({"value": None}, b'"markPrice":null'),
    ],
)
async def test_set(put: Put, get: Get, premium_rows: Rows, *, how: dict[str, Any], expected: bytes) -> None:
    """One field of one symbol says something else; all other rows are untouched."""
    before = await premium_rows()
    await put(kind="set", venue="binance", symbol="ETHUSDT", field="markPrice", **how)
    _, body, _ = await get("binance", PREMIUM)
    assert body.count(expected) == 1
    assert before["BTCUSDT"]["markPrice"].encode() in body
    assert before["ETHUSDT"]["markPrice"].encode() not in body


async def test_set_reaches_the_envelope(put: Put, get: Get) -> None:
    """Without a symbol a field of the reply itself can be set: Bybit's only time."""
    await put(kind="set", venue="bybit", field="time", value=4_102_444_800_000)
    _, body, _ = await get("bybit", "/v5/market/tickers?category=linear")
    assert msgspec.json.decode(body)["time"] == 4_102_444_800_000


async def test_set_missing(put: Put, premium_rows: Rows) -> None:
    """A field can be left out."""
    await put(kind="set", venue="binance", symbol="ETHUSDT", field="lastFundingRate", missing=True)
    rows = await premium_rows()
    assert "lastFundingRate" not in rows["ETHUSDT"]
    assert "lastFundingRate" in rows["BTCUSDT"]


async def test_set_hits_rows_that_carry_no_symbol(put: Put, get: Get) -> None:
    """Bybit's open interest rows have no symbol: the symbol asked for counts."""
    await put(kind="set", venue="bybit", symbol="BTCUSDT", field="openInterest", value="0")
    path = "/v5/market/open-interest?category=linear&intervalTime=5min&symbol="
    _, body, _ = await get("bybit", path + "BTCUSDT")
    assert {row["openInterest"] for row in msgspec.json.decode(body)["result"]["list"]} == {"0"}
    _, body, _ = await get("bybit", path + "ETHUSDT")
    assert b'"openInterest":"0"' not in body


@pytest.mark.parametrize(("kind", "made"), [("object", dict), ("list", list), ("number", int)])
async def test_wrong_type(put: Put, premium_rows: Rows, *, kind: str, made: type) -> None:
    """A field has another type than documented."""
    await put(kind="wrong_type", venue="binance", symbol="ETHUSDT", field="markPrice", type=kind)
    rows = await premium_rows()
    assert isinstance(rows["ETHUSDT"]["markPrice"], made)
    assert isinstance(rows["BTCUSDT"]["markPrice"], str)


async def test_unknown_symbol_rows(put: Put, premium_rows: Rows) -> None:
    """Rows turn up that no instrument list names."""
    before = set(await premium_rows())
    await put(kind="unknown_symbol_rows", rows=3, path=PREMIUM)
    assert len(set(await premium_rows()) - before) == 3


async def test_drop_symbol(sim: SimServer, put: Put, get: Get, premium_rows: Rows) -> None:
    """A delisted contract vanishes everywhere."""
    await put(kind="drop_symbol", venue="binance", symbol="ETHUSDT")
    assert "ETHUSDT" not in await premium_rows()
    assert "ETHUSDT" not in sim.listed("binance")
    status, body, _ = await get("binance", "/fapi/v1/openInterest?symbol=ETHUSDT")
    assert (status, msgspec.json.decode(body)["code"]) == (400, -1121)
    _, body, _ = await get("binance", "/fapi/v1/exchangeInfo")
    assert b'"symbol":"ETHUSDT"' not in body


@pytest.mark.parametrize(
    ("venue", "symbol", "path"),
    [
        ("binance", "FRESHUSDT", PREMIUM),
        ("bybit", "FRESHPERP", "/v5/market/tickers?category=linear"),
        ("okx", "FRESH-USDT-SWAP", "/api/v5/public/mark-price?instType=SWAP"),
    ],
)
async def test_list_symbol(put: Put, get: Get, *, venue: str, symbol: str, path: str) -> None:
    """A new listing turns up in the bulk replies, and truth knows it."""
    await put(kind="list_symbol", venue=venue, symbol=symbol)
    _, body, _ = await get(venue, path)
    assert symbol.encode() in body
    status, body, _ = await get("control", f"/truth?venue={venue}&symbol={symbol}")
    assert (status, msgspec.json.decode(body)["live"]) == (200, True)


async def test_change(sim: SimServer, put: Put, get: Get, premium_rows: Rows, clock: SettableClock) -> None:
    """An interval goes from 8 h to 1 h: the next settlement moves and fundingInfo says so."""
    before = (await premium_rows())["BTCUSDT"]["nextFundingTime"]
    await put(kind="change", venue="binance", symbol="BTCUSDT", field="interval_h", value=1)
    after = (await premium_rows())["BTCUSDT"]["nextFundingTime"]
    assert before - after == 3 * 3_600_000
    _, body, _ = await get("binance", "/fapi/v1/fundingInfo")
    info = {row["symbol"]: row for row in msgspec.json.decode(body)}
    assert info["BTCUSDT"]["fundingIntervalHours"] == 1
    _, body, _ = await get("control", "/truth?venue=binance&symbol=BTCUSDT")
    assert msgspec.json.decode(body)["interval_hours"] == 1
    sim.clear_faults()
    assert (await premium_rows())["BTCUSDT"]["nextFundingTime"] == before
    assert clock.now == sim.now()


async def test_change_keeps_the_history(put: Put, get: Get, clock: SettableClock) -> None:
    """What was settled before an interval and a cap changed stays as it was, and is continued."""
    path = "/v5/market/funding/history?category=linear&symbol=BTCUSDT&limit=5"

    async def settled() -> dict[int, str]:
        rows = msgspec.json.decode((await get("bybit", path))[1])["result"]["list"]
        return {int(row["fundingRateTimestamp"]): row["fundingRate"] for row in rows}

    before = await settled()
    await put(kind="change", venue="bybit", symbol="BTCUSDT", field="interval_h", value=1)
    await put(kind="change", venue="bybit", symbol="BTCUSDT", field="cap", value="0.00000001")
    assert await settled() == before
    last = max(before)
    clock.now += 2 * 3_600_000
    after = await settled()
    assert sorted(after)[-3:] == [last, last + 5 * 3_600_000, last + 6 * 3_600_000]
    assert after[last] == before[last]
    assert float(after[last + 6 * 3_600_000]) <= 1e-8


async def test_change_of_cap_multiplier_and_status(put: Put, get: Get) -> None:
    """Caps, multipliers and statuses change in the replies of the venue."""
    path = "/v5/market/tickers?category=linear&symbol=ETHUSDT"
    _, body, _ = await get("bybit", path)
    price = float(msgspec.json.decode(body)["result"]["list"][0]["markPrice"])
    await put(kind="change", venue="bybit", symbol="ETHUSDT", field="cap", value="0.00123")
    await put(kind="change", venue="bybit", symbol="ETHUSDT", field="multiplier", value=10)
    await put(kind="change", venue="bybit", symbol="BTCUSDT", field="status", value="Delivering")
    _, body, _ = await get("bybit", path)
    row = msgspec.json.decode(body)["result"]["list"][0]
    assert row["fundingCap"] == "0.00123"
    assert float(row["markPrice"]) == pytest.approx(10 * price)
    _, body, _ = await get("bybit", "/v5/market/instruments-info?category=linear&status=Delivering")
    assert b'"symbol":"BTCUSDT"' in body


@pytest.mark.parametrize("symbol", ["ETHUSDT", None])
async def test_freeze(put: Put, premium_rows: Rows, clock: SettableClock, *, symbol: str | None) -> None:
    """Values stand still while times go on; for one symbol or the whole venue."""
    before = await premium_rows()
    await put(kind="freeze", venue="binance", **({"symbol": symbol} if symbol else {}))
    clock.now += 60_000
    after = await premium_rows()
    assert after["ETHUSDT"]["markPrice"] == before["ETHUSDT"]["markPrice"]
    assert after["ETHUSDT"]["lastFundingRate"] == before["ETHUSDT"]["lastFundingRate"]
    assert after["ETHUSDT"]["time"] == before["ETHUSDT"]["time"] + 60_000
    assert (after["BTCUSDT"]["markPrice"] == before["BTCUSDT"]["markPrice"]) == (symbol is None)


async def test_stale_time(put: Put, premium_rows: Rows, clock: SettableClock) -> None:
    """Times stand still while values go on; the next settlement does not."""
    before = await premium_rows()
    stopped = clock.now
    await put(kind="stale_time", venue="binance")
    clock.now += 5 * 3_600_000
    after = await premium_rows()
    assert after["BTCUSDT"]["time"] == stopped
    assert after["BTCUSDT"]["markPrice"] != before["BTCUSDT"]["markPrice"]
    assert after["BTCUSDT"]["nextFundingTime"] > clock.now


async def test_clock_offset(put: Put, get: Get, clock: SettableClock) -> None:
    """The venue's clock is wrong in bodies and in the Date header."""
    await put(kind="clock_offset", venue="okx", milliseconds=-90_000)
    _, body, headers = await get("okx", "/api/v5/public/time")
    assert int(msgspec.json.decode(body)["data"][0]["ts"]) == clock.now - 90_000
    shown = parsedate_to_datetime(headers["Date"]).timestamp()
    assert abs(shown - (clock.now - 90_000) / 1000) < 1
    _, body, _ = await get("okx", "/api/v5/public/mark-price?instType=SWAP")
    assert int(msgspec.json.decode(body)["data"][0]["ts"]) < clock.now - 90_000


async def test_old_cache(put: Put, get: Get) -> None:
    """Now and then a reply comes from a cache that lags: its times and its values are older."""
    path = "/api/v5/public/mark-price?instType=SWAP&instId=BTC-USDT-SWAP"
    _, fresh, _ = await get("okx", path)
    await put(kind="old_cache", venue="okx", seconds=8, count=1)
    _, old, _ = await get("okx", path)
    _, again, _ = await get("okx", path)
    stamps = [int(msgspec.json.decode(body)["data"][0]["ts"]) for body in (fresh, old, again)]
    assert stamps[1] == stamps[0] - 8_000
    assert stamps[2] == stamps[0]
