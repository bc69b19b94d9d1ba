"""A stranger's client reads the simulator: ccxt, pointed at it, meets no error and finds the truth.

Runs where ccxt is installed; it is no dependency of the project.
"""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from microstream_sim import SimOptions, SimServer
from microstream_sim.truth import TrueState, true_state

ccxt = pytest.importorskip("ccxt.async_support", reason="ccxt is not installed")
pytestmark = pytest.mark.ccxt

_TYPES = {
    "binance": ["spot", "linear"],
    "bybit": ["spot", "linear", "inverse"],
    "okx": ["spot", "future", "swap"],
}
_MINUTE = 60_000


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    """A running simulator at the true time, with few ordinary contracts and all odd ones."""
    async with SimServer(SimOptions(contracts=25)) as running:
        yield running


@pytest.fixture(params=list(_TYPES))
async def client(request: pytest.FixtureRequest, sim: SimServer) -> AsyncIterator[Any]:
    """A ccxt client of each venue whose requests go to the simulator."""
    name = request.param
    options = {"defaultType": "swap", "fetchMarkets": {"types": _TYPES[name]}, "fetchCurrencies": False}
    exchange = getattr(ccxt, name)({"options": options, "enableRateLimit": False})
    if name == "okx":
        exchange.urls["api"] = {"rest": sim.urls[name]}
    elif name == "bybit":
        exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], sim.urls[name])
    else:
        for key, url in exchange.urls["api"].items():
            if isinstance(url, str):
                exchange.urls["api"][key] = f"{sim.urls[name]}/{url.split('/', 3)[3]}"
    await exchange.load_markets()
    yield exchange
    await exchange.close()


def _true(sim: SimServer, client: Any, symbol: str, at: int) -> TrueState:
    contract = sim.listed(client.id)[client.market(symbol)["id"]]
    return true_state(sim.market, contract, at)


def _number(value: str | None) -> float | None:
    return None if value is None else float(value)


def _time_of(row: dict[str, Any]) -> int:
    """Return the venue's time of a row; ccxt leaves OKX's in the raw row."""
    return int(row["timestamp"] or row["info"]["ts"])


async def test_markets(sim: SimServer, client: Any) -> None:
    """Every live crypto perpetual is an active swap market, with its base, quote and settlement."""
    for contract in sim.listed(client.id).values():
        if not contract.live or contract.kind != "perpetual":
            continue
        market = client.markets_by_id[contract.symbol]
        market = next(one for one in market if one["swap"])
        assert market["active"], contract.symbol
        assert market["inverse"] == contract.inverse


async def test_funding_rates(sim: SimServer, client: Any) -> None:
    """The bulk rates have the true rate and next settlement of every perpetual."""
    rates = await client.fetch_funding_rates()
    live = 0
    for symbol, row in rates.items():
        if symbol not in client.markets:  # rows of other products, which the instrument list does not name
            continue
        true = _true(sim, client, symbol, _time_of(row))
        if true.live:
            live += 1
            assert row["fundingRate"] == _number(true.funding_rate)
            assert row["fundingTimestamp"] == true.next_funding_time
    assert live > 40


async def test_one_funding_rate(sim: SimServer, client: Any) -> None:
    """One rate by symbol, equal to truth at the reply's time."""
    row = await client.fetch_funding_rate("ETH/USDT:USDT")
    true = _true(sim, client, "ETH/USDT:USDT", _time_of(row))
    assert row["fundingRate"] == _number(true.funding_rate)
    assert row["fundingTimestamp"] == true.next_funding_time
    assert row["interval"] in {None, f"{true.interval_hours}h"}


async def test_funding_history(sim: SimServer, client: Any) -> None:
    """Settled rates as truth has them, on the grid."""
    rows = await client.fetch_funding_rate_history("ETH/USDT:USDT", limit=10)
    assert len(rows) == 10
    contract = sim.listed(client.id)[client.market("ETH/USDT:USDT")["id"]]
    for row in rows:
        at = row["timestamp"] - row["timestamp"] % (8 * 60 * _MINUTE)
        assert row["timestamp"] - at < 16
        assert row["fundingRate"] == pytest.approx(sim.market.settled(contract, at).rate, abs=1e-8)


async def test_mark_prices(sim: SimServer, client: Any) -> None:
    """Mark prices, one and all, where ccxt offers them."""
    if client.id == "bybit":
        pytest.skip("ccxt has no mark price of Bybit")
    parameters = {"instType": "SWAP"} if client.id == "okx" else {}
    one = await client.fetch_mark_price("BTC/USDT:USDT", parameters)
    assert one["markPrice"] == _number(_true(sim, client, "BTC/USDT:USDT", one["timestamp"]).mark_price)
    rows = await client.fetch_mark_prices()
    assert len(rows) > 40
    for symbol in rows.keys() & client.markets.keys():
        row = rows[symbol]
        assert row["markPrice"] == _number(_true(sim, client, symbol, row["timestamp"]).mark_price)


async def test_mark_candles(sim: SimServer, client: Any) -> None:
    """Mark candles open with the mark of their first second."""
    rows = await client.fetch_mark_ohlcv("BTC/USDT:USDT", "1m", limit=30)
    assert len(rows) == 30
    assert [b[0] - a[0] for a, b in itertools.pairwise(rows)] == [_MINUTE] * 29
    for opened, first, high, low, last, *_ in rows:
        assert first == _number(_true(sim, client, "BTC/USDT:USDT", opened).mark_price)
        assert low <= min(first, last) <= max(first, last) <= high
    since = rows[5][0]
    again = await client.fetch_mark_ohlcv("BTC/USDT:USDT", "1m", since=since, limit=5)
    assert [row[:4] for row in again] == [row[:4] for row in rows[5:10]]


async def test_other_candles(client: Any) -> None:
    """Index, premium and trade candles come in order."""
    kinds = ["fetch_index_ohlcv", "fetch_ohlcv"]
    if client.id != "okx":
        kinds.append("fetch_premium_index_ohlcv")
    for kind in kinds:
        rows = await getattr(client, kind)("BTC/USDT:USDT", "1h", limit=5)
        assert [b[0] - a[0] for a, b in itertools.pairwise(rows)] == [60 * _MINUTE] * 4


async def test_open_interest(sim: SimServer, client: Any) -> None:
    """Open interest in the venue's unit."""
    row = await client.fetch_open_interest("BTC/USDT:USDT")
    true = _true(sim, client, "BTC/USDT:USDT", row["timestamp"])
    assert row["openInterestAmount"] == _number(true.open_interest)
    if client.id == "okx":
        assert row["openInterestValue"] == _number(true.open_interest_usd)


async def test_open_interest_history(sim: SimServer, client: Any) -> None:
    """The history of open interest agrees with truth at each stamp."""
    rows = await client.fetch_open_interest_history("BTC/USDT:USDT", "1h", limit=5)
    assert len(rows) == 5
    for row in rows:
        true = _true(sim, client, "BTC/USDT:USDT", row["timestamp"])
        assert row["openInterestAmount"] == pytest.approx(_number(true.open_interest), rel=1e-6)


async def test_tickers_and_spot(client: Any) -> None:
    """Tickers of swaps and of a spot pair."""
    assert len(await client.fetch_tickers()) > 40
    spot = await client.fetch_ticker("BTC/USDT")
    swap = await client.fetch_ticker("BTC/USDT:USDT")
    assert swap["last"] == pytest.approx(spot["last"], rel=0.02)
