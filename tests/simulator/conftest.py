"""Fixtures of the simulator's tests: one fixed moment, handlers without HTTP, and a running simulator."""

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
