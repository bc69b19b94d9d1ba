"""Scenarios: each from its first to its last second, as truth and replies tell it, and how one is started."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest

from microstream_sim import Market, SettableClock, SimServer
from microstream_sim.scenarios import SCENARIOS, read_scenario
from microstream_sim.truth import TrueState, true_state

NOON = 1_795_176_000_000
BEGAN = NOON + 5_000  # at the start of a step, so that a second later is a second of the scenario
HOUR_MS = 3_600_000
SYMBOLS = {"binance": "SOLUSDT", "bybit": "SOLUSDT", "okx": "SOL-USDT-SWAP"}
Start = Callable[..., Awaitable[list[dict[str, Any]]]]
See = Callable[[float], dict[str, TrueState]]


@pytest.fixture
def start(sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock) -> Start:
    """Return a function that starts a scenario over the control port and returns what was added."""
    clock.now = BEGAN

    async def starting(**scenario: Any) -> list[dict[str, Any]]:
        async with http.post(f"{sim.urls['control']}/scenarios", json=scenario) as reply:
            assert reply.status == 200, await reply.text()
            rows: list[dict[str, Any]] = await reply.json()
            return rows

    return starting


def _seeing(sim: SimServer, market: Market) -> See:
    def seeing(seconds: float) -> dict[str, TrueState]:
        at = BEGAN + round(1000 * seconds)
        return {name: true_state(market, sim.listed(name)[symbol], at) for name, symbol in SYMBOLS.items()}

    return seeing


@pytest.fixture
def see(sim: SimServer) -> See:
    """Return a function that returns the true states of SOL by venue so many seconds after the start."""
    return _seeing(sim, sim.market)


@pytest.fixture
def course(sim: SimServer) -> See:
    """Return a function like `see` of a market in which nothing is scripted."""
    return _seeing(sim, Market(sim.options.seed))


def _rates(states: Mapping[str, TrueState]) -> dict[str, float]:
    return {venue: float(state.funding_rate or 0) for venue, state in states.items()}


def _premium(state: TrueState) -> float:
    return float(state.mark_price) / float(state.index_price or 0) - 1


def _ratio(states: Mapping[str, TrueState], plain: Mapping[str, TrueState], name: str) -> list[float]:
    pairs = [(getattr(states[venue], name), getattr(plain[venue], name)) for venue in SYMBOLS]
    return [float(moved) / float(course) for moved, course in pairs]


async def test_cap_hit(start: Start, see: See, course: See, sim: SimServer) -> None:
    """The rate reaches the cap and stays; then the next full hour settles it, and at the end all is as before."""
    await start(name="cap_hit", hourly_s=5_400)
    states = [see(seconds)["bybit"] for seconds in (10, 20, 59, 60, 3_600, 5_459, 5_480)]
    rates = [float(state.funding_rate or 0) for state in states]
    assert rates[0] == pytest.approx(0.00255, rel=0.02)
    assert rates[1:6] == [0.005] * 5
    assert {state.cap for state in states} == {"0.005"}
    assert [state.interval_hours for state in states] == [8, 8, 8, 1, 1, 1, 8]
    settles = [((state.next_funding_time or 0) - NOON) // HOUR_MS for state in states]
    assert settles == [4, 4, 4, 1, 2, 2, 4]
    settled = [(float(state.settled_rate or 0), (state.settled_time or 0) - NOON) for state in states]
    assert settled[3] == (float(course(60)["bybit"].settled_rate or 0), -4 * HOUR_MS)
    assert settled[4] == (0.005, HOUR_MS)
    for venue in ("binance", "okx"):
        assert see(60)[venue] == course(60)[venue]
    sim.clear_faults()
    assert see(3_600) == course(3_600)


async def test_spread(start: Start, see: See, course: See) -> None:
    """One venue's rate rises far above the others', which stay, and returns."""
    await start(name="spread", venue="okx", rate=0.002, rise_s=10, hold_s=30)
    for seconds, expected in ((10, 0.002), (39, 0.002), (45, 0.00105)):
        rates, plain = _rates(see(seconds)), _rates(course(seconds))
        assert rates.pop("okx") == pytest.approx(expected, rel=0.02)
        assert rates == {"binance": plain["binance"], "bybit": plain["bybit"]}
    assert see(50) == course(50)


async def test_squeeze(start: Start, see: See, course: See) -> None:
    """On all venues shorts pay, the mark is below the index, open interest and price have climbed; then not."""
    added = await start(name="squeeze")
    assert [row["fault"]["field"] for row in added] == [
        "funding_rate", "premium", "open_interest_factor", "price_factor",
    ]  # fmt: skip
    for seconds, part in ((9, 0.2), (45, 1.0), (165, 1.0), (201, 0.2)):
        states, plain = see(seconds), course(seconds)
        assert _ratio(states, plain, "index_price") == pytest.approx([1 + 0.04 * part] * 3, abs=1e-4)
        # Open interest is up to 3 s old.
        assert _ratio(states, plain, "open_interest") == pytest.approx([1 + 0.4 * part] * 3, abs=0.03)
        for venue, state in states.items():
            premium = (1 - part) * _premium(plain[venue]) - part * 0.004
            assert _premium(state) == pytest.approx(premium, abs=2e-5)
        for venue, rate in _rates(states).items():
            assert rate == pytest.approx((1 - part) * _rates(plain)[venue] - part * 0.002, abs=1e-6)
    assert _ratio(see(214), course(214), "mark_price") == [1.0] * 3
    assert _ratio(see(214), course(214), "open_interest") == [1.0] * 3


async def test_venue_off(start: Start, see: See, course: See) -> None:
    """Mark and index of one venue are off by the factor at once, and back at once."""
    await start(name="venue_off", venue="bybit", factor=0.97, hold_s=30)
    for seconds, factor in ((0, 0.97), (29, 0.97), (30, 1.0)):
        for name in ("mark_price", "index_price"):
            ratio = _ratio(see(seconds), course(seconds), name)
            assert ratio == pytest.approx([1.0, factor, 1.0], abs=1e-4)


async def test_flat(start: Start, see: See, sim: SimServer, http: aiohttp.ClientSession) -> None:
    """All settlements of thirty days are one rate, so is the estimate, until it jumps and returns."""
    await start(name="flat", rate=0.0002)
    urls = {
        f"{sim.urls['binance']}/fapi/v1/fundingRate?symbol=SOLUSDT&limit=89": "fundingRate",
        f"{sim.urls['bybit']}/v5/market/funding/history?category=linear&symbol=SOLUSDT&limit=89": "fundingRate",
        f"{sim.urls['okx']}/api/v5/public/funding-rate-history?instId=SOL-USDT-SWAP&limit=89": "realizedRate",
    }
    for url, name in urls.items():
        async with http.get(url) as reply:
            body = await reply.json()
        rows = body if isinstance(body, list) else body.get("data") or body["result"]["list"]
        assert [float(row[name]) for row in rows] == [0.0002] * 89
    rates = [set(_rates(see(seconds)).values()) for seconds in (0, 59, 60, 179, 180, 3_600)]
    assert rates == [{0.0002}, {0.0002}, {0.001}, {0.001}, {0.0002}, {0.0002}]


async def test_a_scenario_reaches_the_replies_and_goes(
    start: Start, sim: SimServer, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """It starts `at` seconds from the request, stands among the faults and is removed with them."""
    url = f"{sim.urls['binance']}/fapi/v1/premiumIndex?symbol=ETHUSDT"

    async def mark() -> float:
        async with http.get(url) as reply:
            return float((await reply.json())["markPrice"])

    added = await start(name="venue_off", coin="eth", at=10, factor=2)
    assert [(row["start"], row["end"]) for row in added] == [(clock.now + 10_000, clock.now + 70_000)]
    before = await mark()
    clock.now += 11_000
    during = await mark()
    async with http.get(f"{sim.urls['control']}/faults") as reply:
        assert [(row["acting"], row["fault"]["coin"]) for row in await reply.json()] == [(True, "ETH")]
    async with http.delete(f"{sim.urls['control']}/faults") as reply:
        assert await reply.json() == []
    after = await mark()
    assert (during / after, before / after) == pytest.approx((2, 1), rel=1e-3)


async def test_all_are_listed(sim: SimServer, http: aiohttp.ClientSession) -> None:
    """GET tells names, meanings and parameters, and each can be started with these."""
    async with http.get(f"{sim.urls['control']}/scenarios") as reply:
        rows = await reply.json()
    assert [row["name"] for row in rows] == ["cap_hit", "spread", "squeeze", "venue_off", "flat"]
    for row in rows:
        assert row["meaning"].endswith(".")
        assert row["parameters"]["coin"] == "SOL"
        added = sim.start_scenario(read_scenario({"name": row["name"], **row["parameters"]}))
        assert added
    assert len(sim.book.all()) == 10


@pytest.mark.parametrize(
    ("scenario", "word"),
    [
        ({"name": "panic"}, "no scenario 'panic'; there are cap_hit, spread, squeeze, venue_off, flat"),
        ({}, "no scenario None; there are cap_hit"),
        ([1], "there are cap_hit"),
        ({"name": "flat", "colour": 1}, "colour`; it has coin, at, rate, days, quiet_s, jump, jump_s"),
        ({"name": "spread", "venue": "kraken"}, "kraken"),
        ({"name": "spread", "rise_s": -1}, ">= 0.0 - at `$.rise_s`"),
        ({"name": "squeeze", "price": 0}, "price_factor must be above 0"),
        ({"name": "squeeze", "coin": "nope"}, "'NOPE'"),
        ({"name": "cap_hit", "coin": "币安人生"}, "bybit lists no live perpetual on '币安人生'"),
    ],
)
async def test_wrong_scenarios_are_refused(
    sim: SimServer, http: aiohttp.ClientSession, scenario: Any, word: str
) -> None:
    """The error says what would be right, and nothing has been started."""
    async with http.post(f"{sim.urls['control']}/scenarios", json=scenario) as reply:
        assert reply.status == 400
        assert word in (await reply.json())["error"]
    assert sim.book.all() == []


async def test_an_hourly_contract_cannot_become_hourly(sim: SimServer) -> None:
    """The interval would not change."""
    hourly = next(one for one in sim.listed("bybit").values() if one.interval_h == 1 and one.settle == "USDT")
    scenario = read_scenario({"name": "cap_hit", "coin": hourly.coin.name})
    with pytest.raises(ValueError, match="settles every hour already"):
        sim.start_scenario(scenario)


def test_every_scenario_says_what_it_is() -> None:
    """A name, a sentence of its own, and parameters that are documented by their names and defaults."""
    for name, kind in SCENARIOS.items():
        assert kind.name == name
        assert kind.__doc__ not in {None, SCENARIOS["flat"].__base__.__doc__}
