"""Binance's history: oldest first, inclusive bounds, page sizes, what a page holds."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from microstream_sim.exchange import VenueError

Ask = Callable[..., Any]
HOUR = 3_600_000
DAY = 24 * HOUR


def test_funding_rate_rows(ask: Ask, noon: int) -> None:
    """Settlements oldest first, stamped a few ms late, with mark price and rate type."""
    rows = ask("binance", "/fapi/v1/fundingRate", symbol="BTCUSDT")
    assert len(rows) == 200
    times = [row["fundingTime"] for row in rows]
    assert times == sorted(times)
    assert times[-1] - times[-1] % HOUR == noon - 4 * HOUR
    assert all(time % HOUR < 16 for time in times)
    assert set(rows[0]) == {"symbol", "fundingTime", "fundingRate", "markPrice", "rateType"}
    assert {row["rateType"] for row in rows} == {"Regular"}


def test_funding_rate_pages_forward(ask: Ask, noon: int) -> None:
    """With more rows than `limit` the first ones come; last.fundingTime + 1 continues without a hole."""
    whole = ask("binance", "/fapi/v1/fundingRate", symbol="ETHUSDT", startTime=noon - 30 * DAY, limit=1000)
    paged: list[dict[str, Any]] = []
    start = noon - 30 * DAY
    while page := ask("binance", "/fapi/v1/fundingRate", symbol="ETHUSDT", startTime=start, limit=7):
        paged += page
        start = page[-1]["fundingTime"] + 1
    assert paged == whole
    assert len(whole) == 90


def test_a_long_history_begins_at_the_start(ask: Ask) -> None:
    """Of an hourly contract with tens of thousands of settlements the first page holds the first ones."""
    [hourly, *_] = [
        row["symbol"]
        for row in ask("binance", "/fapi/v1/fundingInfo")
        if row["fundingIntervalHours"] == 1 and row["updateTime"] < 1_650_000_000_000
    ]
    rows = ask("binance", "/fapi/v1/fundingRate", symbol=hourly, startTime=0, limit=1000)
    assert len(rows) == 1000
    [listed] = [
        row["onboardDate"]
        for row in ask("binance", "/fapi/v1/exchangeInfo")["symbols"]
        if row["symbol"] == hourly
    ]
    assert listed <= rows[0]["fundingTime"] < listed + HOUR + 16
    assert rows[-1]["fundingTime"] - rows[0]["fundingTime"] == pytest.approx(999 * HOUR, abs=16)


def test_funding_rate_defaults(ask: Ask, noon: int) -> None:
    """With a bound the default page is 100 rows; old rows have no mark price."""
    rows = ask("binance", "/fapi/v1/fundingRate", symbol="BTCUSDT", endTime=noon)
    assert len(rows) == 100
    old = ask("binance", "/fapi/v1/fundingRate", symbol="BTCUSDT", endTime=1_690_000_000_000, limit=3)
    assert [row["markPrice"] for row in old] == ["", "", ""]


def test_funding_rate_of_all_symbols(ask: Ask) -> None:
    """Without a symbol the latest rows of all symbols come mixed."""
    rows = ask("binance", "/fapi/v1/fundingRate")
    assert len(rows) == 200
    assert len({row["symbol"] for row in rows}) > 50


def test_special_charge_shares_its_time(ask: Ask) -> None:
    """A stock perpetual has settlements with a second row of type Special."""
    rows = ask("binance", "/fapi/v1/fundingRate", symbol="TSLAUSDT", limit=1000)
    special = [row for row in rows if row["rateType"] == "Special"]
    assert special
    regular = {row["fundingTime"] for row in rows if row["rateType"] == "Regular"}
    assert all(row["fundingTime"] in regular for row in special)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/fapi/v1/markPriceKlines", "symbol"),
        ("/fapi/v1/indexPriceKlines", "pair"),
        ("/fapi/v1/premiumIndexKlines", "symbol"),
        ("/fapi/v1/klines", "symbol"),
    ],
)
def test_klines(ask: Ask, noon: int, path: str, name: str) -> None:
    """Twelve elements, ascending, both bounds inclusive, the running bar last."""
    rows = ask("binance", path, interval="1m", limit=10, **{name: "BTCUSDT"})
    assert [len(row) for row in rows] == [12] * 10
    assert [row[0] for row in rows] == [noon - (9 - i) * 60_000 for i in range(10)]
    assert all(row[6] == row[0] + 59_999 for row in rows)
    assert all(isinstance(price, str) for row in rows for price in row[1:6])
    window = {"startTime": noon - 600_000, "endTime": noon - 480_000, name: "BTCUSDT"}
    assert [row[0] for row in ask("binance", path, interval="1m", **window)] == [
        noon - 600_000, noon - 540_000, noon - 480_000,
    ]  # fmt: skip
    assert len(ask("binance", path, interval="1h", **{name: "BTCUSDT"})) == 500


def test_klines_agree_with_the_present(ask: Ask, noon: int) -> None:
    """A minute's open is the mark that was shown then; the running close is the mark shown now."""
    [row] = ask("binance", "/fapi/v1/markPriceKlines", symbol="SOLUSDT", interval="1m", limit=1)
    then = ask("binance", "/fapi/v1/premiumIndex", at=noon, symbol="SOLUSDT")
    now = ask("binance", "/fapi/v1/premiumIndex", symbol="SOLUSDT")
    assert (row[1], row[4]) == (then["markPrice"], now["markPrice"])


def test_volume_of_mark_klines_is_junk(ask: Ask) -> None:
    """Only trade klines have volumes."""
    [mark] = ask("binance", "/fapi/v1/markPriceKlines", symbol="SOLUSDT", interval="1h", limit=1)
    [trade] = ask("binance", "/fapi/v1/klines", symbol="SOLUSDT", interval="1h", limit=1)
    assert (mark[5], mark[7], mark[9:]) == ("0", "0", ["0", "0", "0"])
    assert float(trade[5]) > 0


def test_open_interest_history(ask: Ask, noon: int) -> None:
    """Thirty rows by default, stamped with the end of the period, at most 30 days old."""
    rows = ask("binance", "/futures/data/openInterestHist", symbol="BTCUSDT", period="5m")
    assert [row["timestamp"] for row in rows] == [noon - (29 - i) * 300_000 for i in range(30)]
    assert set(rows[0]) == {
        "symbol", "sumOpenInterest", "sumOpenInterestValue", "CMCCirculatingSupply", "timestamp",
    }  # fmt: skip
    day = {"symbol": "BTCUSDT", "period": "1d", "limit": 500}
    assert len(ask("binance", "/futures/data/openInterestHist", **day)) == 30


def test_open_interest_history_from_the_start(ask: Ask, noon: int) -> None:
    """With both bounds the earliest rows of the window come."""
    window = {"startTime": noon - DAY, "endTime": noon, "limit": 3}
    rows = ask("binance", "/futures/data/openInterestHist", symbol="BTCUSDT", period="1h", **window)
    assert [row["timestamp"] for row in rows] == [noon - DAY, noon - DAY + HOUR, noon - DAY + 2 * HOUR]


def test_open_interest_history_refuses_what_is_not_kept(ask: Ask, noon: int) -> None:
    """Thirty days back can be asked for, a millisecond more cannot."""
    path, query = "/futures/data/openInterestHist", {"symbol": "BTCUSDT", "period": "5m"}
    oldest = noon + 5_400 - 30 * DAY
    [row] = ask("binance", path, **query, startTime=oldest, endTime=oldest + 300_000)
    assert row["timestamp"] == noon - 30 * DAY + 300_000
    with pytest.raises(VenueError) as caught:
        ask("binance", path, **query, startTime=oldest - 1, endTime=oldest + 300_000)
    assert caught.value.body["code"] == -1130


def test_open_interest_history_has_holes(ask: Ask) -> None:
    """A period without a trade has no row."""
    rows = ask("binance", "/futures/data/openInterestHist", symbol="VOIDINDEXUSDT", period="5m", limit=200)
    gaps = {b["timestamp"] - a["timestamp"] for a, b in pairwise(rows)}
    assert gaps > {300_000}
