"""OKX's replies against its documents: envelope, fields, bulk forms, paging words, errors."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from microstream_sim.contracts import Contract
from microstream_sim.exchange import VenueError

Ask = Callable[..., Any]
HOUR = 3_600_000
PUBLIC, MARKET = "/api/v5/public", "/api/v5/market"


def _data(reply: dict[str, Any]) -> list[Any]:
    assert list(reply) == ["code", "msg", "data"]
    assert reply["code"] == "0"
    rows = reply["data"]
    assert isinstance(rows, list)
    return rows


def _by_id(reply: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["instId"]: row for row in _data(reply)}


def test_funding_row(ask: Ask, noon: int) -> None:
    """Rates have sixteen decimals; `nextFundingTime` is the settlement after the next."""
    [row] = _data(ask("okx", f"{PUBLIC}/funding-rate", instId="BTC-USDT-SWAP"))
    assert all(isinstance(value, str) for value in row.values())
    assert re.fullmatch(r"-?\d\.\d{16}", row["fundingRate"])
    assert int(row["fundingTime"]) == noon + 4 * HOUR
    assert int(row["nextFundingTime"]) == noon + 12 * HOUR
    assert row["nextFundingRate"] == ""
    assert row["settState"] == "settled"
    assert row["minFundingRate"] == f"-{row['maxFundingRate']}"
    assert row["ts"] == str(noon + 5_000)


def test_funding_of_any(ask: Ask) -> None:
    """`ANY` answers for all swaps and X-Perps that fund, and for no dated future."""
    rows = _by_id(ask("okx", f"{PUBLIC}/funding-rate", instId="ANY"))
    assert rows["BTC-USD_UM_XPERP-310404"]["instType"] == "FUTURES"
    assert {"BTC-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USDC-SWAP"} <= set(rows)
    assert not [name for name in rows if re.search(r"-\d{6}$", name) and "XPERP" not in name]
    hours = {(int(row["nextFundingTime"]) - int(row["fundingTime"])) // HOUR for row in rows.values()}
    assert hours == {8, 6, 4, 2, 1}
    assert {row["formulaType"] for row in rows.values()} == {"noRate", "withRate"}
    assert "" in {row["interestRate"] for row in rows.values()}


def test_settlement_is_processed_for_a_while(ask: Ask, noon: int) -> None:
    """Right after a settlement the row still shows it, with the rate that is being charged."""
    at = noon + 4 * HOUR
    [during] = _data(ask("okx", f"{PUBLIC}/funding-rate", at=at + 2_000, instId="BTC-USDT-SWAP"))
    assert (during["settState"], int(during["fundingTime"])) == ("processing", at)
    assert during["fundingRate"] == during["settFundingRate"]
    assert int(during["nextFundingTime"]) == at + 8 * HOUR
    [after] = _data(ask("okx", f"{PUBLIC}/funding-rate", at=at + 60_000, instId="BTC-USDT-SWAP"))
    assert (after["settState"], int(after["fundingTime"])) == ("settled", at + 8 * HOUR)
    assert after["settFundingRate"] == during["settFundingRate"]
    history = _data(ask("okx", f"{PUBLIC}/funding-rate-history", at=at + 60_000, instId="BTC-USDT-SWAP"))
    assert history[0]["realizedRate"] == after["settFundingRate"]


def test_mark_price(ask: Ask) -> None:
    """One bulk reply for each instrument type; preopen rows are not in it."""
    swaps = _by_id(ask("okx", f"{PUBLIC}/mark-price", instType="SWAP"))
    assert list(swaps["BTC-USDT-SWAP"]) == ["instType", "instId", "markPx", "ts"]
    assert "PREOPENA-USDT-SWAP" not in swaps
    futures = _by_id(ask("okx", f"{PUBLIC}/mark-price", instType="FUTURES"))
    assert "BTC-USD_UM_XPERP-310404" in futures
    family = _by_id(ask("okx", f"{PUBLIC}/mark-price", instType="SWAP", instFamily="BTC-USD_UM"))
    assert list(family) == ["BTC-USD_UM-SWAP"]


def test_index_tickers(ask: Ask) -> None:
    """The index goes by the underlying, one bulk reply for each quote currency."""
    usdt = _by_id(ask("okx", f"{MARKET}/index-tickers", quoteCcy="USDT"))
    assert "BTC-USDT" in usdt
    assert all(name.endswith("-USDT") for name in usdt)
    assert "BTC-USD" in _by_id(ask("okx", f"{MARKET}/index-tickers", quoteCcy="USD"))
    ratio = _by_id(ask("okx", f"{MARKET}/index-tickers", quoteCcy="BTC"))["ETH-BTC"]
    assert 0.01 < float(ratio["idxPx"]) < 0.1
    [one] = _data(ask("okx", f"{MARKET}/index-tickers", instId="BTC-USDT"))
    assert one == usdt["BTC-USDT"]


def test_open_interest_units(ask: Ask) -> None:
    """Coins are contracts times contract value, exactly; dollars are coins times mark."""
    rows = _by_id(ask("okx", f"{PUBLIC}/open-interest", instType="SWAP"))
    instruments = _by_id(ask("okx", f"{PUBLIC}/instruments", instType="SWAP"))
    linear = [name for name in rows if instruments[name]["ctType"] == "linear"]
    for name in linear:
        size = Decimal(instruments[name]["ctVal"])
        assert Decimal(rows[name]["oiCcy"]) == Decimal(rows[name]["oi"]) * size
    assert any(len(rows[name]["oi"].partition(".")[2]) > 8 for name in linear)
    inverse = rows["BTC-USD-SWAP"]
    assert Decimal(inverse["oiUsd"]) == Decimal(inverse["oi"]) * 100
    assert float(inverse["oiCcy"]) < float(inverse["oi"])


def test_instruments(ask: Ask) -> None:
    """Derivatives have empty base and quote; preopen rows are empty; a delisting fills expTime."""
    rows = _by_id(ask("okx", f"{PUBLIC}/instruments", instType="SWAP"))
    btc = rows["BTC-USDT-SWAP"]
    assert (btc["baseCcy"], btc["quoteCcy"], btc["uly"], btc["settleCcy"]) == ("", "", "BTC-USDT", "USDT")
    assert (btc["ctVal"], btc["ctType"], btc["ctValCcy"], btc["expTime"]) == ("0.01", "linear", "BTC", "")
    assert rows["BTC-USD_UM-SWAP"]["settleCcy"] == "USDⓈ"
    assert rows["BTC-USD_UM-SWAP"]["instFamily"] == "BTC-USD_UM"
    assert rows["LEAVER-USDT-SWAP"]["expTime"] != ""
    soon = rows["PREOPENA-USDT-SWAP"]
    assert {key for key, value in soon.items() if isinstance(value, str) and value} == {
        "instType", "instId", "listTime", "state",
    }  # fmt: skip
    assert {row["instCategory"] for row in rows.values()} == {"1", "3", "4", "5", ""}
    assert {row["state"] for row in rows.values()} == {
        "live", "suspend", "preopen", "rebase", "post_only", "test",
    }  # fmt: skip
    futures = _by_id(ask("okx", f"{PUBLIC}/instruments", instType="FUTURES"))
    assert futures["BTC-USD_UM_XPERP-310404"]["ruleType"] == "xperp"
    spot = _by_id(ask("okx", f"{PUBLIC}/instruments", instType="SPOT"))
    assert spot["BTC-USDT"]["baseCcy"] == "BTC"


def test_tickers(ask: Ask) -> None:
    """Derivative volumes count contracts and coins, spot volumes coins and quote."""
    swap = _by_id(ask("okx", f"{MARKET}/tickers", instType="SWAP"))["BTC-USDT-SWAP"]
    assert float(swap["vol24h"]) * 0.01 == pytest.approx(float(swap["volCcy24h"]), rel=1e-6)
    spot = _by_id(ask("okx", f"{MARKET}/tickers", instType="SPOT"))["BTC-USDT"]
    assert float(spot["volCcy24h"]) / float(spot["vol24h"]) == pytest.approx(float(spot["last"]), rel=1e-3)
    [one] = _data(ask("okx", f"{MARKET}/ticker", instId="BTC-USDT-SWAP"))
    assert one == swap


def test_funding_history_paging(ask: Ask, noon: int) -> None:
    """`after` is older, `before` newer, both exclusive; about three months are kept."""
    path, query = f"{PUBLIC}/funding-rate-history", {"instId": "BTC-USDT-SWAP"}
    rows = _data(ask("okx", path, **query))
    times = [int(row["fundingTime"]) for row in rows]
    assert times[:2] == [noon - 4 * HOUR, noon - 12 * HOUR]
    assert 270 <= len(rows) <= 280
    assert {"fundingRate", "realizedRate", "method", "formulaType"} <= set(rows[0])
    older = _data(ask("okx", path, **query, after=times[1], limit=2))
    assert [int(row["fundingTime"]) for row in older] == times[2:4]
    newer = _data(ask("okx", path, **query, before=times[5], limit=2))
    assert [int(row["fundingTime"]) for row in newer] == times[:2]


@pytest.mark.parametrize(
    ("name", "inst_id"), [("mark-price-candles", "ETH-USDT-SWAP"), ("index-candles", "ETH-USDT")]
)
def test_candles(ask: Ask, noon: int, name: str, inst_id: str) -> None:
    """Six strings a row, newest first, the running bar unconfirmed; only the last 1440 bars are recent."""
    rows = _data(ask("okx", f"{MARKET}/{name}", instId=inst_id))
    assert len(rows) == 100
    assert all(len(row) == 6 for row in rows)
    assert (rows[0][0], rows[0][-1], rows[1][-1]) == (str(noon), "0", "1")
    oldest = noon - 1439 * 60_000
    tail = _data(ask("okx", f"{MARKET}/{name}", instId=inst_id, after=oldest + 120_000))
    assert [int(row[0]) for row in tail] == [oldest + 60_000, oldest]
    old = _data(ask("okx", f"{MARKET}/history-{name}", instId=inst_id, after=oldest, limit=5))
    assert [int(row[0]) for row in old] == [oldest - (i + 1) * 60_000 for i in range(5)]
    closed = _data(ask("okx", f"{MARKET}/history-{name}", instId=inst_id, limit=1))
    assert (closed[0][0], closed[0][-1]) == (str(noon - 60_000), "1")


def test_long_bars_are_aligned_to_utc8(ask: Ask) -> None:
    """A plain day opens at 16:00 UTC, a utc day at midnight; so do the periods of open interest."""
    query = {"instId": "BTC-USDT-SWAP", "limit": 1}
    [[plain, *_]] = _data(ask("okx", f"{MARKET}/mark-price-candles", **query, bar="1D"))
    [[utc, *_]] = _data(ask("okx", f"{MARKET}/mark-price-candles", **query, bar="1Dutc"))
    assert (int(plain) % (24 * HOUR), int(utc) % (24 * HOUR)) == (16 * HOUR, 0)
    path = "/api/v5/rubik/stat/contracts/open-interest-history"
    [[period, *_]] = _data(ask("okx", path, **query, period="1D"))
    assert int(period) % (24 * HOUR) == 16 * HOUR


def test_trade_candles(ask: Ask) -> None:
    """Nine strings: volume in contracts, in coins and in quote."""
    rows = _data(ask("okx", f"{MARKET}/candles", instId="BTC-USDT-SWAP", bar="1H", limit=300))
    assert len(rows) == 300
    assert all(len(row) == 9 for row in rows)


def test_open_interest_history(ask: Ask, noon: int) -> None:
    """Rows [ts, contracts, coins, dollars]; nothing beyond 1440 points."""
    path, query = "/api/v5/rubik/stat/contracts/open-interest-history", {"instId": "BTC-USDT-SWAP"}
    rows = _data(ask("okx", path, **query, period="5m"))
    assert len(rows) == 100
    assert (rows[0][0], len(rows[0])) == (str(noon), 4)
    oldest = noon - 1439 * 300_000
    tail = _data(ask("okx", path, **query, period="5m", begin=0, end=oldest + 300_000))
    assert [int(row[0]) for row in tail] == [oldest + 300_000, oldest]


def test_nothing_before_the_listing(
    ask: Ask, catalogue: dict[str, dict[str, Contract]], monkeypatch: pytest.MonkeyPatch, noon: int
) -> None:
    """A contract that was listed five minutes ago has a past of five minutes, its index a longer one."""
    young = replace(catalogue["okx"]["ETH-USDT-SWAP"], listed_at=noon - 300_000)
    monkeypatch.setitem(catalogue["okx"], "ETH-USDT-SWAP", young)
    query = {"instId": "ETH-USDT-SWAP"}
    for name in ("mark-price-candles", "candles"):
        assert len(_data(ask("okx", f"{MARKET}/{name}", **query))) == 6
        assert len(_data(ask("okx", f"{MARKET}/history-{name}", **query))) == 5
    assert len(_data(ask("okx", f"{MARKET}/index-candles", instId="ETH-USDT"))) == 100
    assert len(_data(ask("okx", "/api/v5/rubik/stat/contracts/open-interest-history", **query))) == 2
    assert 4 <= len(_data(ask("okx", f"{PUBLIC}/premium-history", **query))) <= 6


def test_premium_history(ask: Ask, noon: int) -> None:
    """Irregular stamps, newest first, paged backwards."""
    path, query = f"{PUBLIC}/premium-history", {"instId": "BTC-USDT-SWAP"}
    rows = _data(ask("okx", path, **query))
    times = [int(row["ts"]) for row in rows]
    assert len(times) == 100
    assert times == sorted(times, reverse=True)
    assert len({time % 60_000 for time in times}) > 50
    following = _data(ask("okx", path, **query, after=times[-1], limit=1))
    assert int(following[0]["ts"]) < times[-1]


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        (f"{PUBLIC}/funding-rate", {}, "50014"),
        (f"{PUBLIC}/funding-rate", {"instId": "NOPE-USDT-SWAP"}, "51001"),
        (f"{PUBLIC}/funding-rate", {"instId": "PREOPENA-USDT-SWAP"}, "51001"),
        (f"{PUBLIC}/mark-price", {}, "50014"),
        (f"{PUBLIC}/mark-price", {"instType": "PERP"}, "51000"),
        (f"{PUBLIC}/open-interest", {"instType": "SWAP", "instId": "NOPE-USDT-SWAP"}, "51001"),
        (f"{PUBLIC}/instruments", {}, "50014"),
        (f"{MARKET}/index-tickers", {}, "50015"),
        (f"{MARKET}/index-tickers", {"quoteCcy": "EUR"}, "51000"),
        (f"{MARKET}/index-tickers", {"instId": "NOPE-USDT"}, "51014"),
        (f"{MARKET}/index-candles", {"instId": "BTC-USDT-SWAP"}, "51014"),
        (f"{MARKET}/mark-price-candles", {"instId": "BTC-USDT-SWAP", "bar": "7m"}, "51000"),
        (f"{MARKET}/mark-price-candles", {"instId": "BTC-USDT-SWAP", "limit": "101"}, "51000"),
        (f"{PUBLIC}/funding-rate-history", {"instId": "BTC-USDT-SWAP", "after": "x"}, "51000"),
    ],
)
def test_errors(ask: Ask, path: str, query: dict[str, object], code: str) -> None:
    """Codes are strings; an unknown instrument comes with HTTP 200."""
    with pytest.raises(VenueError) as caught:
        ask("okx", path, **query)
    assert caught.value.body["code"] == code
    assert caught.value.body["data"] == []
    assert caught.value.status == (200 if code == "51001" else 400)
