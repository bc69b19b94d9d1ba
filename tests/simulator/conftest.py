"""Fixtures of the simulator's tests: one fixed moment, handlers without HTTP, and a running simulator."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import pytest

from microstream_sim import Market, SettableClock, SimOptions, SimServer
from microstream_sim.contracts import Contract
from microstream_sim.venues import VENUES
from microstream_sim.view import View

NOON = 1_795_176_000_000  # 2026-11-20 12:00:00 UTC
Reply = tuple[int, bytes, Mapping[str, str]]


@pytest.fixture
def noon() -> int:
    """A fixed moment: noon UTC, four hours before a settlement of every interval."""
    return NOON


@pytest.fixture(scope="session")
def market() -> Market:
    """A market without changes; it has no state, so tests can share it."""
    return Market(seed=7)


@pytest.fixture(scope="session")
def catalogue() -> dict[str, dict[str, Contract]]:
    """All contracts of the three venues at noon, by venue and symbol."""
    return {name: {one.symbol: one for one in venue.contracts(NOON, None)} for name, venue in VENUES.items()}


@pytest.fixture
def ask(market: Market, catalogue: dict[str, dict[str, Contract]]) -> Callable[..., Any]:
    """Return a function that asks a handler directly: ask(venue, path, at=..., **query)."""

    def asking(venue: str, path: str, at: int = NOON + 5_400, **query: object) -> Any:
        view = View(market, catalogue[venue], at, at)
        return VENUES[venue].routes[path](view, {key: str(value) for key, value in query.items()})

    return asking


@pytest.fixture
def clock() -> SettableClock:
    """The clock of the running simulator."""
    return SettableClock(NOON + 5_400)


@pytest.fixture
async def sim(clock: SettableClock) -> AsyncIterator[SimServer]:
    """A running simulator with few ordinary contracts and all odd ones."""
    async with SimServer(SimOptions(contracts=8, seed=7, clock=clock)) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


class Line:
    """A client's end of one stream connection, with the simulator's clock at hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, clock: SettableClock) -> None:
        self.socket = socket
        self._clock = clock

    async def say(self, message: object) -> None:
        """Send a text as it is, anything else as JSON."""
        text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
        await self.socket.send_str(text)

    async def text(self) -> str:
        """Return the next text frame."""
        return await asyncio.wait_for(self.socket.receive_str(), 3)

    async def hear(self, **wanted: object) -> Any:
        """Return the next JSON object that has these fields; frames before it are skipped."""
        async with asyncio.timeout(3):
            while True:
                body = msgspec.json.decode(await self.socket.receive_str())
                if isinstance(body, dict) and wanted.items() <= body.items():
                    return body

    async def bodies(self, until: Callable[[Any], bool]) -> list[Any]:
        """Return all JSON bodies up to the first that `until` accepts."""
        heard = []
        async with asyncio.timeout(3):
            while not heard or not until(heard[-1]):
                heard.append(msgspec.json.decode(await self.socket.receive_str()))
        return heard

    async def after(self, milliseconds: int, until: Callable[[Any], bool]) -> list[Any]:
        """Let time pass, then return what comes up to the body that `until` accepts."""
        self._clock.now += milliseconds
        return await self.bodies(until)

    async def end(self) -> int | None:
        """Wait for the end of the connection; return the close code (1006: without a close frame)."""
        async with asyncio.timeout(3):
            while not self.socket.closed:
                await self.socket.receive()
        return self.socket.close_code


Dial = Callable[[str, str], Awaitable[Line]]


@pytest.fixture
async def quick_sim(clock: SettableClock) -> AsyncIterator[SimServer]:
    """A running simulator whose values move every 100 ms."""
    async with SimServer(SimOptions(contracts=8, seed=7, clock=clock, step_ms=100)) as running:
        yield running


@pytest.fixture
async def dial(
    quick_sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> AsyncIterator[Dial]:
    """Return a function that opens a stream connection: await dial("okx_ws", "/ws/v5/public")."""

    sockets = []
    brief = aiohttp.ClientWSTimeout(ws_close=0.2)

    async def dialling(base: str, path: str) -> Line:
        url = quick_sim.urls[base] + path
        sockets.append(await http.ws_connect(url, max_msg_size=0, autoping=False, timeout=brief))
        return Line(sockets[-1], clock)

    yield dialling
    for socket in sockets:
        await socket.close()


@pytest.fixture
def break_it(quick_sim: SimServer, http: aiohttp.ClientSession) -> Callable[..., Awaitable[None]]:
    """Return a function that posts one fault of streams to the control port."""

    async def breaking(venue: str, **fault: Any) -> None:
        script = [{"venue": venue, "over": "stream", **fault}]
        async with http.post(f"{quick_sim.urls['control']}/faults", json=script) as reply:
            assert reply.status == 200, await reply.text()

    return breaking


@pytest.fixture
def live_symbols(catalogue: dict[str, dict[str, Contract]]) -> dict[str, list[str]]:
    """The symbols of live perpetuals by venue."""
    return {venue: [s for s, one in rows.items() if one.live] for venue, rows in catalogue.items()}


@pytest.fixture
def put(sim: SimServer, http: aiohttp.ClientSession) -> Callable[..., Awaitable[None]]:
    """Return a function that posts one fault to the control port."""

    async def putting(**fault: Any) -> None:
        async with http.post(f"{sim.urls['control']}/faults", json=[fault]) as reply:
            assert reply.status == 200, await reply.text()

    return putting


@pytest.fixture
def get(sim: SimServer, http: aiohttp.ClientSession) -> Callable[[str, str], Awaitable[Reply]]:
    """Return a function that asks one port of the simulator: get("binance", "/fapi/v1/time")."""

    async def getting(port: str, path: str) -> Reply:
        async with http.get(sim.urls[port] + path) as reply:
            return reply.status, await reply.read(), reply.headers

    return getting


@pytest.fixture
def premium_rows(get: Callable[[str, str], Awaitable[Reply]]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return a function that reads Binance's bulk premiumIndex, by symbol."""

    async def reading() -> dict[str, Any]:
        _, body, _ = await get("binance", "/fapi/v1/premiumIndex")
        return {row["symbol"]: row for row in msgspec.json.decode(body)}

    return reading
