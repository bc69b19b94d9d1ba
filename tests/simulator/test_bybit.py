"""Bybit's replies against its documents: envelope, fields, pages, order, errors."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from microstream_sim.exchange import VenueError

Ask = Callable[..., Any]
HOUR = 3_600_000


def _rows(reply: dict[str, Any]) -> list[Any]:
    assert reply["retCode"] == 0
    assert isinstance(reply["time"], int)
    rows = reply["result"]["list"]
    assert isinstance(rows, list)
    return rows


def _tickers(ask: Ask, **query: object) -> dict[str, dict[str, Any]]:
    reply = ask("bybit", "/v5/market/tickers", **{"category": "linear", **query})
    return {row["symbol"]: row for row in _rows(reply)}


def test_ticker_row(ask: Ask, noon: int) -> None:
    """Every value of a perpetual is a string; the envelope has the only time."""
    reply = ask("bybit", "/v5/market/tickers", category="linear", symbol="BTCUSDT")
    assert list(reply) == ["retCode", "retMsg", "result", "retExtInfo", "time"]
    assert reply["time"] == noon + 5_400
    [row] = _rows(reply)
    assert all(isinstance(value, str) for value in row.values())
    assert row["nextFundingTime"] == str(noon + 4 * HOUR)
    assert row["fundingIntervalHour"] == "8"
    assert row["fundingCap"] == "0.005"
    assert row["deliveryTime"] == "0"
    assert row["basis"] == ""
    assert float(row["openInterest"]) == pytest.approx(2 * float(row["singleOpenInterest"]))
    value = float(row["singleOpenInterest"]) * float(row["markPrice"])
    assert float(row["singleOpenInterestValue"]) == pytest.approx(value)


def test_bulk_tickers(ask: Ask) -> None:
    """One list holds USDT and USDC perpetuals, dated futures, pre-market and leaving contracts."""
    rows = _tickers(ask)
    dated = [row for symbol, row in rows.items() if "-" in symbol]
    assert dated
    assert all(row["fundingRate"] == "" and row["nextFundingTime"] == "0" for row in dated)
    assert all(row["deliveryTime"] != "0" and row["basisRate"] for row in dated)
    assert rows["PREMARKETAUSDT"]["markPrice"] == ""
    assert rows["PREMARKETAUSDT"]["curPreListingPhase"] == "NotStarted"
    assert rows["LEAVERUSDT"]["deliveryTime"] != "0"
    assert "BTCPERP" in rows
    assert "BTCUSD" not in rows
    assert "GONEAUSDT" not in rows
    assert {row["fundingIntervalHour"] for row in rows.values()} == {"8", "4", "2", "1", ""}


def test_inverse_tickers(ask: Ask) -> None:
    """Inverse open interest is in dollars and its value in coins."""
    row = _tickers(ask, category="inverse")["BTCUSD"]
    value = float(row["openInterest"]) / float(row["markPrice"])
    assert float(row["openInterestValue"]) == pytest.approx(value, rel=1e-6)


def test_spot_tickers(ask: Ask) -> None:
    """Spot shares its names with the perpetuals and has other fields."""
    spot = _tickers(ask, category="spot")
    assert {"bid1Price", "ask1Price", "lastPrice", "usdIndexPrice"} <= set(spot["BTCUSDT"])
    assert "markPrice" not in spot["BTCUSDT"]
    assert "PEPEUSDT" in spot
    assert "" in {row["usdIndexPrice"] for row in spot.values()}


def test_instrument_row(ask: Ask) -> None:
    """The interval is an integer of minutes here."""
    reply = ask("bybit", "/v5/market/instruments-info", category="linear", symbol="1000PEPEUSDT")
    [row] = _rows(reply)
    assert row["baseCoin"] == "1000PEPE"
    assert isinstance(row["fundingInterval"], int)
    assert row["contractType"] == "LinearPerpetual"
    assert row["deliveryTime"] == "0"
    assert row["upperFundingRate"] == row["lowerFundingRate"].removeprefix("-")
    [usdc] = _rows(ask("bybit", "/v5/market/instruments-info", category="linear", symbol="BTCPERP"))
    assert (usdc["quoteCoin"], usdc["settleCoin"]) == ("USDC", "USDC")
    [inverse] = _rows(ask("bybit", "/v5/market/instruments-info", category="inverse", symbol="BTCUSD"))
    assert (inverse["contractType"], inverse["settleCoin"]) == ("InversePerpetual", "BTC")


def test_instruments_are_paged(ask: Ask) -> None:
    """The default page of 500 hides the tail; the cursor is percent-encoded and leads to it."""
    path = "/v5/market/instruments-info"
    first = ask("bybit", path, category="linear")
    cursor = first["result"]["nextPageCursor"]
    assert len(_rows(first)) == 500
    assert "%3D" in cursor
    second = ask("bybit", path, category="linear", cursor=unquote(cursor))
    assert second["result"]["nextPageCursor"] == ""
    whole = ask("bybit", path, category="linear", limit=1000)
    assert whole["result"]["nextPageCursor"] == ""
    assert _rows(first) + _rows(second) == _rows(whole)
    with pytest.raises(VenueError) as caught:
        ask("bybit", path, category="linear", cursor=cursor)
    assert caught.value.body["retCode"] == 10001
    with pytest.raises(VenueError) as caught:
        ask("bybit", path, category="linear", limit="9" * 5000)
    assert caught.value.body["retCode"] == 10001


@pytest.mark.parametrize("status", ["PreLaunch", "Delivering", "Closed"])
def test_other_statuses_come_on_request_only(ask: Ask, status: str) -> None:
    """Without `status` only Trading contracts are listed."""
    path = "/v5/market/instruments-info"
    asked = _rows(ask("bybit", path, category="linear", status=status))
    assert asked
    assert {row["status"] for row in asked} == {status}
    assert {row["status"] for row in _rows(ask("bybit", path, category="linear"))} == {"Trading"}


def test_symbol_types_and_prelisting(ask: Ask) -> None:
    """Stocks, commodities and currencies are marked; pre-market contracts carry their phases."""
    rows = _rows(ask("bybit", "/v5/market/instruments-info", category="linear", limit=1000))
    assert {row["symbolType"] for row in rows} == {"", "stock", "commodity", "forex", "innovation"}
    [soon, _] = _rows(ask("bybit", "/v5/market/instruments-info", category="linear", status="PreLaunch"))
    assert soon["isPreListing"] is True
    assert soon["preListingInfo"]["curAuctionPhase"] == "NotStarted"


def test_funding_history(ask: Ask, noon: int) -> None:
    """Newest first, 200 rows by default, pages continue backwards."""
    path = "/v5/market/funding/history"
    rows = _rows(ask("bybit", path, category="linear", symbol="BTCUSDT"))
    assert len(rows) == 200
    assert [int(row["fundingRateTimestamp"]) for row in rows[:2]] == [noon - 4 * HOUR, noon - 12 * HOUR]
    assert set(rows[0]) == {"symbol", "fundingRate", "fundingRateTimestamp"}
    page = ask("bybit", path, category="linear", symbol="BTCUSDT", endTime=noon - 4 * HOUR - 1, limit=2)
    assert _rows(page) == rows[1:3]


def test_open_interest_history(ask: Ask, noon: int) -> None:
    """Both sides and one side; the cursor continues where the page ended."""
    path, query = (
        "/v5/market/open-interest",
        {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "5min"},
    )
    reply = ask("bybit", path, **query)
    rows = _rows(reply)
    assert len(rows) == 50
    assert rows[0]["timestamp"] == str(noon)
    assert float(rows[0]["openInterest"]) == pytest.approx(2 * float(rows[0]["singleOpenInterest"]))
    following = _rows(ask("bybit", path, **query, cursor=unquote(reply["result"]["nextPageCursor"])))
    assert int(following[0]["timestamp"]) == int(rows[-1]["timestamp"]) - 300_000


@pytest.mark.parametrize("name", ["mark-price-kline", "index-price-kline", "premium-index-price-kline"])
def test_price_klines(ask: Ask, noon: int, name: str) -> None:
    """Five strings a row, newest first, the running bar on top, the bar that contains `start` included."""
    query = {"category": "linear", "symbol": "BTCUSDT", "interval": "60"}
    rows = _rows(ask("bybit", f"/v5/market/{name}", **query))
    assert len(rows) == 200
    assert rows[0][0] == str(noon)
    assert all(len(row) == 5 and all(isinstance(cell, str) for cell in row) for row in rows)
    window = ask("bybit", f"/v5/market/{name}", **query, start=noon - HOUR - 1, end=noon - 1)
    assert [int(row[0]) for row in _rows(window)] == [noon - HOUR, noon - 2 * HOUR]
    forward = ask("bybit", f"/v5/market/{name}", **query, start=noon - 9 * HOUR, limit=2)
    assert [int(row[0]) for row in _rows(forward)] == [noon - 8 * HOUR, noon - 9 * HOUR]


def test_trade_klines(ask: Ask) -> None:
    """Seven strings: volume and turnover too."""
    rows = _rows(ask("bybit", "/v5/market/kline", category="linear", symbol="ETHUSDT", interval="D", limit=3))
    assert [len(row) for row in rows] == [7, 7, 7]


def test_time(ask: Ask, noon: int) -> None:
    """Seconds and nanoseconds are strings."""
    result = ask("bybit", "/v5/market/time")["result"]
    assert result == {"timeSecond": str((noon + 5_400) // 1000), "timeNano": f"{noon + 5_400}000000"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("tickers", {}),
        ("tickers", {"category": "linear", "symbol": "NOPEUSDT"}),
        ("tickers", {"category": "linear", "symbol": "BTCUSD"}),
        ("instruments-info", {"category": "linear", "limit": 1001}),
        ("instruments-info", {"category": "linear", "status": "Gone"}),
        ("funding/history", {"category": "linear", "symbol": "BTCUSDT", "startTime": 1}),
        ("funding/history", {"category": "linear", "symbol": "BTCUSDT", "limit": 201}),
        ("funding/history", {"category": "spot", "symbol": "BTCUSDT"}),
        ("open-interest", {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "2min"}),
        ("mark-price-kline", {"category": "linear", "symbol": "BTCUSDT", "interval": "7"}),
        ("mark-price-kline", {"category": "linear", "symbol": "BTCUSDT", "interval": "1", "limit": 0}),
        ("premium-index-price-kline", {"category": "inverse", "symbol": "BTCUSD", "interval": "1"}),
    ],
)
def test_errors(ask: Ask, path: str, query: dict[str, object]) -> None:
    """Wrong parameters are answered with HTTP 200 and code 10001."""
    with pytest.raises(VenueError) as caught:
        ask("bybit", f"/v5/market/{path}", **query)
    assert caught.value.status == 200
    assert caught.value.body["retCode"] == 10001
    assert caught.value.body["result"] == {}
