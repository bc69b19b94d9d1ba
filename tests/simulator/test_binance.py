"""Binance's current values and instruments against its documents: fields, types, odd rows, errors."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from microstream_sim.exchange import VenueError

Ask = Callable[..., Any]
NO_EXPIRY = 4_133_404_800_000
_PRICE = re.compile(r"\d+\.\d{8}")
_RATE = re.compile(r"-?\d\.\d{8}")


def _by_symbol(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in rows}


def test_premium_index_row(ask: Ask, noon: int) -> None:
    """All numbers are strings of eight decimals, all times integers."""
    row = ask("binance", "/fapi/v1/premiumIndex", symbol="BTCUSDT")
    assert list(row) == [
        "symbol", "markPrice", "indexPrice", "estimatedSettlePrice", "lastFundingRate", "interestRate",
        "nextFundingTime", "time",
    ]  # fmt: skip
    assert _PRICE.fullmatch(row["markPrice"])
    assert _PRICE.fullmatch(row["indexPrice"])
    assert _RATE.fullmatch(row["lastFundingRate"])
    assert row["interestRate"] == "0.00010000"
    assert row["nextFundingTime"] == noon + 4 * 3_600_000
    assert row["time"] == noon + 5_000


def test_premium_index_of_all(ask: Ask) -> None:
    """The bulk list mixes dated futures, settling and COIN-M rows with the perpetuals."""
    rows = _by_symbol(ask("binance", "/fapi/v1/premiumIndex"))
    dated = [row for symbol, row in rows.items() if "_2" in symbol]
    assert {row["lastFundingRate"] for row in dated} == {"", "0.00000000"}
    assert all(row["nextFundingTime"] == 0 and row["interestRate"] == "" for row in dated)
    assert rows["GONEAUSDT"]["nextFundingTime"] == 0
    assert rows["VOIDINDEXUSDT"]["indexPrice"] == ""
    assert "indexPrice" not in rows["NOINDEXUSDT"]
    assert "BTCUSD_PERP" in rows
    assert "币安人生USDT" in rows
    assert "SOONLISTEDUSDT" not in rows


def test_exchange_info(ask: Ask, noon: int) -> None:
    """The documented fields of every symbol; COIN-M symbols are not listed here."""
    info = ask("binance", "/fapi/v1/exchangeInfo")
    weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
    assert weight in info["rateLimits"]
    rows = _by_symbol(info["symbols"])
    assert "BTCUSD_PERP" not in rows
    assert rows["BTCUSDT"]["deliveryDate"] == NO_EXPIRY
    assert rows["BTCSTUSDT"]["contractType"] == ""
    assert rows["BTCSTUSDT"]["deliveryDate"] == NO_EXPIRY
    assert noon < rows["LEAVERUSDT"]["deliveryDate"] < NO_EXPIRY
    assert rows["LEAVERUSDT"]["status"] == "TRADING"
    assert rows["TSLAUSDT"]["contractType"] == "TRADIFI_PERPETUAL"
    assert rows["1000PEPEUSDT"]["baseAsset"] == "1000PEPE"
    assert rows["BTCUSDC"]["marginAsset"] == "USDC"
    dated = next(row for symbol, row in rows.items() if symbol.startswith("BTCUSDT_"))
    assert dated["pair"] == "BTCUSDT"
    assert {row["contractType"] for row in rows.values()} >= {"PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER"}
    kinds = {one["filterType"] for one in rows["BTCUSDT"]["filters"]}
    assert {"PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL"} <= kinds


def test_funding_info_names_adjusted_symbols_only(ask: Ask) -> None:
    """Every listed row has interval, cap and floor; an unlisted perpetual funds every 8 h."""
    rows = _by_symbol(ask("binance", "/fapi/v1/fundingInfo"))
    premium = _by_symbol(ask("binance", "/fapi/v1/premiumIndex"))
    assert {row["fundingIntervalHours"] for row in rows.values()} == {8, 4, 1}
    assert all(_RATE.fullmatch(row["adjustedFundingRateCap"]) for row in rows.values())
    assert all(row["adjustedFundingRateFloor"].startswith("-") for row in rows.values())
    unlisted = [row for symbol, row in premium.items() if symbol not in rows and row["nextFundingTime"]]
    assert len(unlisted) > 100
    assert {row["nextFundingTime"] % 28_800_000 for row in unlisted} == {0}
    assert "币安人生USDT" in premium


def test_open_interest(ask: Ask, noon: int) -> None:
    """One symbol at a time; the time of a small contract's figure lies in the past."""
    row = ask("binance", "/fapi/v1/openInterest", symbol="BTCUSDT")
    assert list(row) == ["openInterest", "symbol", "time"]
    assert row["time"] == noon + 5_000
    small = ask("binance", "/fapi/v1/openInterest", symbol="VOIDINDEXUSDT")
    assert noon - 30_000 <= small["time"] <= noon + 5_000


def test_time_and_ping(ask: Ask, noon: int) -> None:
    """The clock has no steps."""
    assert ask("binance", "/fapi/v1/time") == {"serverTime": noon + 5_400}
    assert ask("binance", "/fapi/v1/ping") == {}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/fapi/v1/ticker/price", {"symbol", "price", "time"}),
        ("/fapi/v2/ticker/price", {"symbol", "price", "time"}),
        ("/fapi/v1/ticker/bookTicker", {"symbol", "bidPrice", "bidQty", "askPrice", "askQty", "time"}),
        ("/fapi/v1/ticker/24hr", {"symbol", "lastPrice", "volume", "quoteVolume", "highPrice", "closeTime"}),
        ("/api/v3/ticker/bookTicker", {"symbol", "bidPrice", "bidQty", "askPrice", "askQty"}),
        ("/api/v3/ticker/price", {"symbol", "price"}),
    ],
)
def test_tickers(ask: Ask, path: str, fields: set[str]) -> None:
    """One row for a symbol, a list without; spot rows have no time."""
    row = ask("binance", path, symbol="ETHUSDT")
    assert fields <= set(row)
    assert ("time" in row) == ("time" in fields)
    rows = ask("binance", path)
    assert row in rows
    assert len(rows) > 400


def test_spot_has_no_multipliers(ask: Ask) -> None:
    """Spot trades the plain coin where the future has a thousand of them."""
    spot = ask("binance", "/api/v3/ticker/price", symbol="PEPEUSDT")
    future = ask("binance", "/fapi/v1/ticker/price", symbol="1000PEPEUSDT")
    assert float(future["price"]) / float(spot["price"]) == pytest.approx(1000, rel=0.02)
    several = ask("binance", "/api/v3/ticker/bookTicker", symbols='["BTCUSDT","ETHUSDT"]')
    assert [row["symbol"] for row in several] == ["BTCUSDT", "ETHUSDT"]
    assert "PEPEUSDT" in {row["symbol"] for row in ask("binance", "/api/v3/exchangeInfo")["symbols"]}


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/fapi/v1/premiumIndex", {"symbol": "NOPEUSDT"}, -1121),
        ("/fapi/v1/openInterest", {}, -1102),
        ("/fapi/v1/openInterest", {"symbol": "NOPEUSDT"}, -1121),
        ("/fapi/v1/markPriceKlines", {"symbol": "BTCUSDT"}, -1102),
        ("/fapi/v1/markPriceKlines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("/fapi/v1/markPriceKlines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1501}, -1130),
        ("/fapi/v1/indexPriceKlines", {"symbol": "BTCUSDT", "interval": "1m"}, -1102),
        ("/fapi/v1/indexPriceKlines", {"pair": "BTCUSDT_261225", "interval": "1m"}, -1121),
        ("/fapi/v1/fundingRate", {"symbol": "BTCUSDT", "startTime": 2, "endTime": 1}, -1023),
        ("/fapi/v1/fundingRate", {"symbol": "BTCUSDT", "startTime": "x"}, -1100),
        ("/futures/data/openInterestHist", {"symbol": "BTCUSDT", "period": "3m"}, -1130),
        ("/futures/data/openInterestHist", {"symbol": "BTCUSDT", "period": "5m", "startTime": 1}, -1130),
        ("/api/v3/ticker/price", {"symbol": "1000PEPEUSDT"}, -1121),
    ],
)
def test_errors(ask: Ask, path: str, query: dict[str, object], code: int) -> None:
    """Wrong parameters are answered with HTTP 400 and the documented code."""
    with pytest.raises(VenueError) as caught:
        ask("binance", path, **query)
    assert caught.value.status == 400
    assert caught.value.body["code"] == code
    assert isinstance(caught.value.body["msg"], str)
