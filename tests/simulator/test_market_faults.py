"""Faults of kind market as clients meet them: streams, REST and truth of one moment agree under each."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import pytest

from microstream_sim import Market, SettableClock, SimServer
from microstream_sim.truth import TrueState, true_state

Dial = Callable[[str, str], Awaitable[Any]]
Put = Callable[..., Awaitable[None]]
Get = Callable[[str, str], Awaitable[tuple[int, bytes, Mapping[str, str]]]]
SYMBOLS = {"binance": "SOLUSDT", "bybit": "SOLUSDT", "okx": "SOL-USDT-SWAP"}
VALUES = {"price_factor": 1.02, "premium": -0.01, "funding_rate": 0.003, "open_interest_factor": 1.5}
PAUSE_MS = {"binance": 2_000, "bybit": 2_000, "okx": 92_000}  # OKX pushes a rate every 30 to 90 s
SHOWN = ("mark_price", "index_price", "funding_rate", "next_funding_time", "open_interest")


class Client:
    """Reads one contract of one venue over both APIs, as texts of the venue named as in truth."""

    def __init__(self, sim: SimServer, http: aiohttp.ClientSession, line: Any, venue: str) -> None:
        self.venue = venue
        self.symbol = SYMBOLS[venue]
        self._sim = sim
        self._http = http
        self._line = line
        self._merged: dict[str, Any] = {}

    async def subscribe(self) -> None:
        """Start the topics."""
        if self.venue == "bybit":
            await self._line.say({"op": "subscribe", "args": [f"tickers.{self.symbol}"]})
            self._merged = (await self._line.hear(type="snapshot"))["data"]
        elif self.venue == "okx":
            channels = {"mark-price", "open-interest", "funding-rate"}
            args = [{"channel": channel, "instId": self.symbol} for channel in channels]
            args.append({"channel": "index-tickers", "instId": "SOL-USDT"})
            await self._line.say({"op": "subscribe", "args": args})
            await self._okx_rows()

    async def streamed(self) -> dict[str, Any]:
        """Return the newest of what streams tell."""
        if self.venue == "binance":
            event = await self._line.hear(e="markPriceUpdate", E=self._sim.now())
            return dict(zip(SHOWN, (event["p"], event["i"], event["r"], event["T"]), strict=False))
        if self.venue == "bybit":
            self._merged |= (await self._line.hear(type="delta", ts=self._sim.now()))["data"]
            return self._bybit(self._merged)
        return self._okx(await self._okx_rows())

    async def asked(self) -> dict[str, Any]:
        """Return what REST tells."""
        if self.venue == "binance":
            row = await self._get(f"/fapi/v1/premiumIndex?symbol={self.symbol}")
            interest = await self._get(f"/fapi/v1/openInterest?symbol={self.symbol}")
            names = ("markPrice", "indexPrice", "lastFundingRate", "nextFundingTime")
            return dict(zip(SHOWN, (*(row[name] for name in names), interest["openInterest"]), strict=True))
        if self.venue == "bybit":
            reply = await self._get(f"/v5/market/tickers?category=linear&symbol={self.symbol}")
            return self._bybit(reply["result"]["list"][0])
        paths = {
            "mark-price": f"public/mark-price?instType=SWAP&instId={self.symbol}",
            "open-interest": f"public/open-interest?instType=SWAP&instId={self.symbol}",
            "funding-rate": f"public/funding-rate?instId={self.symbol}",
            "index-tickers": "market/index-tickers?instId=SOL-USDT",
        }
        rows = {name: await self._get(f"/api/v5/{path}") for name, path in paths.items()}
        return self._okx({name: reply["data"][0] for name, reply in rows.items()})

    async def true(self) -> dict[str, Any]:
        """Return what the control port says is true."""
        url = f"{self._sim.urls['control']}/truth"
        async with self._http.get(url, params={"venue": self.venue, "symbol": self.symbol}) as reply:
            state = await reply.json()
        return {name: state[name] for name in SHOWN}

    def _bybit(self, row: Mapping[str, Any]) -> dict[str, Any]:
        names = ("markPrice", "indexPrice", "fundingRate", "nextFundingTime", "openInterest")
        told = dict(zip(SHOWN, (row[name] for name in names), strict=True))
        return told | {"next_funding_time": int(row["nextFundingTime"])}

    def _okx(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        rate = rows["funding-rate"]
        prices = (rows["mark-price"]["markPx"], rows["index-tickers"]["idxPx"])
        told = (*prices, rate["fundingRate"], int(rate["fundingTime"]), rows["open-interest"]["oi"])
        return dict(zip(SHOWN, told, strict=True))

    async def _okx_rows(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while len(found) < 4:
            push = await self._line.hear()
            if "data" in push:
                found[push["arg"]["channel"]] = push["data"][0]
        return found

    async def _get(self, path: str) -> Any:
        async with self._http.get(self._sim.urls[self.venue] + path) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()


@pytest.fixture
async def client(
    dial: Dial, quick_sim: SimServer, http: aiohttp.ClientSession, request: pytest.FixtureRequest
) -> Client:
    """A client of the venue that the test is about."""
    paths = {
        "binance": "/market/ws/solusdt@markPrice@1s",
        "bybit": "/v5/public/linear",
        "okx": "/ws/v5/public",
    }
    venue = request.param
    made = Client(quick_sim, http, await dial(f"{venue}_ws", paths[venue]), venue)
    await made.subscribe()
    return made


async def _post(sim: SimServer, http: aiohttp.ClientSession, *script: dict[str, Any]) -> None:
    async with http.post(f"{sim.urls['control']}/faults", json=script) as reply:
        assert reply.status == 200, await reply.text()


def _expected(plain: TrueState, field: str, weight: Callable[[int], float]) -> dict[str, float]:
    """Return the values of a contract with a move upon them; `weight` tells how far it is taken on at a time."""
    value, now = VALUES[field], weight(plain.at)
    mark, index = float(plain.mark_price), float(plain.index_price or 0)
    rate, interest = float(plain.funding_rate or 0), float(plain.open_interest)
    if field == "price_factor":
        factor = 1 + now * (value - 1)
        mark, index = mark * factor, index * factor
    elif field == "premium":
        mark = index * (1 + (mark / index - 1) * (1 - now) + now * value)
    elif field == "funding_rate":
        rate += now * (value - rate)
    else:
        interest *= 1 + weight(plain.open_interest_time) * (value - 1)
    return {"mark_price": mark, "index_price": index, "funding_rate": rate, "open_interest": interest}


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("client", SYMBOLS, indirect=True)
async def test_a_move_is_told_everywhere(
    client: Client, quick_sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock, field: str
) -> None:
    """It is approached, stays, is left and gone: each time streams, REST and truth say the same, at once."""
    pause, contract = PAUSE_MS[client.venue], quick_sim.listed(client.venue)[client.symbol]
    plain, start, end = Market(7, step_ms=100), clock.now, clock.now + 6 * pause

    def weight(t: int) -> float:
        return max(0.0, min(1.0, (t - start) / (2 * pause), (end - t) / (2 * pause)))

    script = {"kind": "market", "venue": client.venue, "symbol": client.symbol, "field": field}
    seconds = {"ramp": 2 * pause / 1000, "for": 6 * pause / 1000}
    await _post(quick_sim, http, {**script, "value": VALUES[field], **seconds})
    for now in (0.5, 1.0, 1.0, 1.0, 0.5, 0.0):
        clock.now += pause
        assert weight(clock.now) == now
        streamed = await client.streamed()
        told, true = await client.asked(), await client.true()
        assert told == true
        assert streamed == {name: told[name] for name in streamed}
        expected = _expected(true_state(plain, contract, clock.now), field, weight)
        if field == "premium":  # the rate follows it, which is the market's own test
            del expected["funding_rate"]
        assert {name: float(true[name]) for name in expected} == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("client", SYMBOLS, indirect=True)
async def test_taken_back_it_has_never_been(
    client: Client, quick_sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """DELETE ends all moves: values and what was settled under them are those of a market without."""
    contract = quick_sim.listed(client.venue)[client.symbol]
    script = [
        {"kind": "market", "venue": client.venue, "coin": "SOL", "field": field, "value": value}
        for field, value in VALUES.items()
    ]
    await _post(quick_sim, http, *({**one, "at": -9 * 3600} for one in script))
    plain = Market(7, step_ms=100)
    moved, before = (true_state(market, contract, clock.now) for market in (quick_sim.market, plain))
    assert float(moved.settled_rate or 0) == 0.003 != float(before.settled_rate or 0)
    async with http.delete(f"{quick_sim.urls['control']}/faults") as reply:
        assert reply.status == 200
    clock.now += PAUSE_MS[client.venue]
    streamed, told = await client.streamed(), await client.asked()
    state = true_state(plain, contract, clock.now)
    assert told == {name: getattr(state, name) for name in SHOWN}
    assert streamed == {name: told[name] for name in streamed}
    assert true_state(quick_sim.market, contract, clock.now) == state


@pytest.mark.parametrize(
    ("venue", "path", "key", "price"),
    [
        ("binance", "/fapi/v1/premiumIndex", "symbol", "markPrice"),
        ("binance", "/fapi/v1/ticker/24hr", "symbol", "lastPrice"),
        ("binance", "/api/v3/ticker/bookTicker", "symbol", "bidPrice"),
        ("bybit", "/v5/market/tickers?category=linear", "symbol", "lastPrice"),
        ("bybit", "/v5/market/tickers?category=inverse", "symbol", "markPrice"),
        ("bybit", "/v5/market/tickers?category=spot", "symbol", "lastPrice"),
        ("okx", "/api/v5/market/tickers?instType=SWAP", "instId", "last"),
        ("okx", "/api/v5/market/tickers?instType=SPOT", "instId", "last"),
        ("okx", "/api/v5/public/mark-price?instType=FUTURES", "instId", "markPx"),
    ],
)
async def test_all_contracts_and_pairs_of_a_coin(
    put: Put, get: Get, *, venue: str, path: str, key: str, price: str
) -> None:
    """With `coin` every price on it moves, spot included, and every row of other coins is as before."""

    async def rows() -> dict[str, dict[str, Any]]:
        body = msgspec.json.decode((await get(venue, path))[1])
        if isinstance(body, dict):
            body = body.get("data") or body["result"]["list"]
        return {row[key]: row for row in body}

    before = await rows()
    await put(kind="market", coin="SOL", field="price_factor", value=1.02, at=-60)
    after = await rows()
    moved = {name for name in before if name.startswith("SOL") and not name.startswith("SOLV")}
    assert moved
    for name, row in before.items():
        if name in moved:
            assert float(after[name][price]) == pytest.approx(1.02 * float(row[price]), rel=2e-4), name
        else:
            assert after[name] == row


def _okx_ticker(name: str) -> dict[str, Any]:
    return {"op": "subscribe", "args": [{"channel": "tickers", "instId": name}]}


@pytest.mark.parametrize(
    ("base", "path", "request_", "bid"),
    [
        ("binance_ws", "/public/ws/solusdt@bookTicker", None, lambda body: body.get("b")),
        ("binance_spot_ws", "/ws/solusdt@bookTicker", None, lambda body: body.get("b")),
        (
            "bybit_ws",
            "/v5/public/spot",
            {"op": "subscribe", "args": ["orderbook.1.SOLUSDT"]},
            lambda body: body["data"]["b"][0][0] if "data" in body else None,
        ),
        (
            "bybit_ws",
            "/v5/public/linear",
            {"op": "subscribe", "args": ["orderbook.1.SOLUSDT"]},
            lambda body: body["data"]["b"][0][0] if "data" in body else None,
        ),
        ("okx_ws", "/ws/v5/public", _okx_ticker("SOL-USDT"), lambda body: body["data"][0]["bidPx"]),
        ("okx_ws", "/ws/v5/public", _okx_ticker("SOL-USDT-SWAP"), lambda body: body["data"][0]["bidPx"]),
    ],
)
async def test_quotes_are_pushed_with_the_price(
    dial: Dial,
    quick_sim: SimServer,
    http: aiohttp.ClientSession,
    *,
    base: str,
    path: str,
    request_: dict[str, Any] | None,
    bid: Callable[[Any], str | None],
) -> None:
    """Best quotes of contracts and of spot jump with a price in the next push."""
    line = await dial(base, path)
    if request_ is not None:
        await line.say(request_)
    [*_, before] = await line.after(200, lambda body: "event" not in body and bid(body) is not None)
    await _post(quick_sim, http, {"kind": "market", "coin": "SOL", "field": "price_factor", "value": 1.1})
    [*_, after] = await line.after(200, lambda body: body != before)
    assert float(bid(after) or 0) == pytest.approx(1.1 * float(bid(before) or 0), rel=1e-3)


async def test_prices_by_symbol_are_those_of_the_index(put: Put, get: Get) -> None:
    """OKX shows one index for all contracts upon it, so it and the dated ones move with the swap."""

    async def prices() -> list[float]:
        found = []
        for path, name in (
            ("market/index-tickers?instId=BTC-USDT", "idxPx"),
            ("public/mark-price?instType=FUTURES&uly=BTC-USDT", "markPx"),
            ("market/index-tickers?instId=BTC-USDC", "idxPx"),
        ):
            body = msgspec.json.decode((await get("okx", f"/api/v5/{path}"))[1])
            found.append(float(body["data"][0][name]))
        return found

    index, dated, other = await prices()
    await put(kind="market", venue="okx", symbol="BTC-USDT-SWAP", field="price_factor", value=0.98, at=-60)
    assert await prices() == pytest.approx([0.98 * index, 0.98 * dated, other], rel=1e-5)


async def test_history_tells_of_a_move(sim: SimServer, put: Put, get: Get, clock: SettableClock) -> None:
    """What was settled, and candles and open interest of the time, are those of the moved market."""
    span = {"coin": "BTC", "at": -10 * 3600}
    await put(kind="market", field="funding_rate", value="1e-3", **span)
    await put(kind="market", field="price_factor", value=2, **span)
    await put(kind="market", field="open_interest_factor", value=3, **span)
    plain = Market(7)
    for path, rate in (
        ("binance/fapi/v1/fundingRate?symbol=BTCUSDT&limit=2", "fundingRate"),
        ("bybit/v5/market/funding/history?category=linear&symbol=BTCUSDT&limit=2", "fundingRate"),
        ("okx/api/v5/public/funding-rate-history?instId=BTC-USDT-SWAP&limit=2", "realizedRate"),
    ):
        venue, _, rest = path.partition("/")
        body = msgspec.json.decode((await get(venue, f"/{rest}"))[1])
        rows = body if isinstance(body, list) else body.get("data") or body["result"]["list"]
        assert sorted(float(row[rate]) == 0.001 for row in rows) == [False, True], venue
    end = clock.now - clock.now % 3_600_000
    query = f"category=linear&symbol=BTCUSDT&interval=60&limit=1&end={end - 1}"
    body = msgspec.json.decode((await get("bybit", f"/v5/market/mark-price-kline?{query}"))[1])
    [[start, opened, *_]] = body["result"]["list"]
    contract = sim.listed("bybit")["BTCUSDT"]
    assert float(opened) == pytest.approx(2 * plain.mark(contract, int(start)), rel=1e-5)
    query = f"category=linear&symbol=BTCUSDT&intervalTime=1h&limit=1&endTime={end}"
    body = msgspec.json.decode((await get("bybit", f"/v5/market/open-interest?{query}"))[1])
    [row] = body["result"]["list"]
    interest = 3 * plain.open_interest(contract, int(row["timestamp"]))
    assert float(row["singleOpenInterest"]) == pytest.approx(interest, rel=1e-6)


async def test_a_listed_symbol_can_be_moved(put: Put, get: Get) -> None:
    """A script may move what it lists."""
    await put(kind="list_symbol", venue="bybit", symbol="FRESHUSDT", at=-60)
    path = "/v5/market/tickers?category=linear&symbol=FRESHUSDT"

    async def rate() -> str:
        row = msgspec.json.decode((await get("bybit", path))[1])["result"]["list"][0]
        return str(row["fundingRate"])

    before = await rate()
    target = {"venue": "bybit", "symbol": "FRESHUSDT"}
    await put(kind="market", **target, field="funding_rate", value=0.00321, at=-60)
    assert before != await rate() == "0.00321"


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"venue": "okx", "symbol": "SOLUSDT"}, "okx lists no 'SOLUSDT'; GET /contracts?venue=okx"),
        ({"coin": "NOPE"}, "no contract on the coin 'NOPE' is listed by any venue"),
        ({"coin": "NEX", "venue": "okx"}, "no contract on the coin 'NEX' is listed by okx"),
    ],
)
async def test_what_is_not_there_cannot_move(
    sim: SimServer, http: aiohttp.ClientSession, fault: dict[str, Any], word: str
) -> None:
    """The error says what is missing, and no part of the script has been started."""
    script = [{"kind": "html"}, {"kind": "market", "field": "premium", "value": 0, **fault}]
    async with http.post(f"{sim.urls['control']}/faults", json=script) as reply:
        assert reply.status == 400
        assert word in (await reply.json())["error"]
    assert sim.book.all() == []
