"""The pager against the simulated venues over HTTP: rows of all kinds are what the market was."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from microstream import venues
from microstream.model.instruments import Instrument
from microstream.model.past import AnyPast, PastCandle, PastFunding, PastKind, PastOpenInterest, Span
from microstream.spec.history import History
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.http import HttpClient, HttpSettings
from microstream.transport.pager import Pager, newest_window
from microstream_sim import Market, SimOptions, SimServer
from microstream_sim.candles import Bar, candle
from microstream_sim.contracts import Contract
from microstream_sim.spelling import price_text, rate_text
from microstream_sim.venues import VENUES
from microstream_sim.view import View

NOON = 1_795_176_000_000  # 2026-11-20 12:00:00 UTC
MINUTE, PERIOD, DAY = 60_000, 300_000, 86_400_000
SEED = 7
PRICES: tuple[PastKind, ...] = ("mark", "index", "premium")


class NoonClock:
    """The time that passes, from noon on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now_ms(self) -> int:
        """Return the time since the start, added to noon."""
        return NOON + round((time.monotonic() - self._began) * 1000)

    def monotonic(self) -> float:
        """Return the machine's."""
        return time.monotonic()


@dataclass
class Stage:
    """A simulator, and what is needed to ask one of its venues for its past."""

    sim: SimServer
    venue: Venue
    client: HttpClient
    pager: Pager
    clock: NoonClock
    asked: int = 0

    def contract(self, name: str) -> Contract:
        """Return the simulator's contract."""
        return self.sim.listed(self.venue.name)[name]

    def history(self, kind: PastKind) -> History:
        """Return how the venue tells a kind of the past."""
        [found] = [each for each in self.venue.histories if each.kind == kind]
        return found

    async def listed(self) -> dict[str, Instrument]:
        """Return the contracts that the venue lists, by its names."""
        source = self.venue.instruments
        replies = {one.feed: [(await self.client.get(one)).body] for one in source.requests}
        return {item.name: item for item in source.build(replies).instruments}

    async def walk(self, kind: PastKind, instrument: Instrument, span: Span) -> list[AnyPast]:
        """Return the rows of a span, newest windows first, and count the requests; no row may be refused."""
        history, end, found = self.history(kind), span.end, list[AnyPast]()
        self.asked = 0
        while end > span.start:
            window = newest_window(history, Span(span.start, end))
            end, left = window.start, window
            while left:
                answer = await self.pager.ask(history, instrument, left)
                assert answer is not None
                assert answer.rejects == []
                self.asked += 1
                found += answer.rows
                left = answer.rest
        return sorted(found, key=lambda row: row.timestamp)


@pytest.fixture(params=list(venues.REGISTRY))
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """One venue of a running simulator, asked within its limits."""
    venue, clock = venues.load(request.param), NoonClock()
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(
            SimServer(SimOptions(contracts=8, seed=SEED, clock=clock.now_ms))
        )
        budget = Budget(venue.quotas, clock, 1.0)
        client = HttpClient(
            venue.name, sim.urls[venue.name], venue.verdict, budget, HttpSettings(retries=0), clock, Random(0)
        )
        await stack.enter_async_context(client)
        yield Stage(sim, venue, client, Pager(client, clock), clock)


def close_to(history: History, pages: float, step_ms: int) -> Span:
    """Return a span of so many pages of rows of that distance which ends as late as it may."""
    end = NOON - NOON % step_ms - history.lag_ms
    return Span(end - round(pages * history.page) * step_ms, end)


def bars(kind: PastKind, market: Market, contract: Contract, span: Span) -> list[tuple[float, ...]]:
    """Return the true candles of a span as the venue spells them."""

    def value(t: int) -> float:
        return {"mark": market.mark, "index": market.index, "premium": market.premium}[kind](contract, t)

    def text(price: float) -> str:
        if kind != "premium":
            return price_text(contract, price)
        return f"{price:.6f}" if contract.venue == "bybit" else rate_text(contract.venue, price)

    made = [candle(value, Bar(1), at, NOON) for at in range(span.start, span.end, MINUTE)]
    return [
        (one.open_at, *(float(text(price)) for price in (one.open, one.high, one.low, one.close)))
        for one in made
    ]


def replies(
    stage: Stage, path: str, name: str, bounds: Sequence[tuple[str, int, str, int]], **query: str
) -> list[Any]:
    """Return what a handler of the simulator says of many small spans, asked without HTTP and without a pager."""
    listed = stage.sim.listed(stage.venue.name)
    view = View(stage.sim.market, listed, NOON, NOON)
    handler = VENUES[stage.venue.name].routes[path]
    found: list[Any] = []
    for low, start, high, end in bounds:
        reply = handler(view, {"limit": "50", **query, low: str(start), high: str(end)})
        found += reply if isinstance(reply, list) else reply["data"]
    return found


NAMES = {
    "binance": ["BTCUSDT", "1000PEPEUSDT"],
    "bybit": ["BTCUSDT", "10000SATSUSDT"],
    "okx": ["BTC-USDT-SWAP", "BTC-USD-SWAP", "BTC-USD_UM_XPERP-310404"],
}


async def test_candles(stage: Stage) -> None:
    """Mark, index and premium by the minute, over more than a page, in as many requests as pages."""
    listed = await stage.listed()
    for name in NAMES[stage.venue.name]:
        for kind in PRICES:
            if (stage.venue.name, kind) == ("okx", "premium"):
                continue
            span = close_to(stage.history(kind), 1.1, MINUTE)
            rows = await stage.walk(kind, listed[name], span)
            found = [
                (row.timestamp, row.open, row.high, row.low, row.close)
                for row in rows
                if isinstance(row, PastCandle)
            ]
            assert found == bars(kind, stage.sim.market, stage.contract(name), span), (name, kind)
            assert stage.asked == 2


async def test_settled_funding(stage: Stage) -> None:
    """Of a contract that settles often: what was charged, over more than a page, as often as pages are full."""
    listed = await stage.listed()
    often = min(
        (item for item in listed.values() if item.kind == "perpetual" and item.status == "live"),
        key=lambda item: (item.funding_interval_hours or 99, item.name),
    )
    hours = round(often.funding_interval_hours or 8)
    history = stage.history("funding")
    length = max(history.window_ms or 0, history.page * hours * 60 * MINUTE)
    span = Span(NOON - min(round(1.2 * length), history.keeps_ms or 10**12), NOON)
    market, contract = stage.sim.market, stage.contract(often.name)
    true = sorted(market.settlements(contract, span.start, span.end - 1))
    rows = [row for row in await stage.walk("funding", often, span) if isinstance(row, PastFunding)]
    assert [row.timestamp for row in rows] == true
    assert all(0 <= row.settled_time - row.timestamp < 16 for row in rows)
    rates = [float(rate_text(contract.venue, market.settled(contract, at).rate)) for at in true]
    assert [row.settled_rate for row in rows] == rates
    assert len(true) > history.page or history.window_ms
    assert stage.asked == (1 if stage.venue.name == "okx" else 2)  # OKX gives more than is counted upon
    marks = [float(price_text(contract, market.mark(contract, at))) for at in true]
    assert [row.mark_price for row in rows] == (marks if contract.venue == "binance" else [None] * len(true))


async def test_open_interest(stage: Stage) -> None:
    """One side in the venue's unit and in coins, every five minutes, over more than a page."""
    listed = await stage.listed()
    for name in NAMES[stage.venue.name]:
        span = close_to(stage.history("oi"), 1.2, PERIOD)
        rows = [
            row for row in await stage.walk("oi", listed[name], span) if isinstance(row, PastOpenInterest)
        ]
        assert [row.timestamp for row in rows] == list(range(span.start, span.end, PERIOD))
        assert stage.asked == 2
        contract = stage.contract(name)
        for row in rows:
            mark = stage.sim.market.mark(contract, row.timestamp)
            coins = stage.sim.market.open_interest(contract, row.timestamp) * contract.multiplier
            assert row.open_interest_base == pytest.approx(coins, rel=1e-2 if contract.inverse else 1e-4)
            if row.open_value is not None:
                assert row.open_value == pytest.approx(coins / contract.multiplier * mark, rel=1e-2)
        assert {row.open_value_ccy for row in rows} == {
            {"binance": "USDT", "bybit": None, "okx": "USD"}[contract.venue]
        }


async def test_dated_contracts(stage: Stage) -> None:
    """They have marks, indexes and open interest, but no funding and no premium."""
    listed = await stage.listed()
    dated = next(item for item in listed.values() if item.kind == "future")
    for history in stage.venue.histories:
        span = Span(NOON - history.lag_ms - 2 * PERIOD, NOON - history.lag_ms)
        answer = await stage.pager.ask(history, dated, span)
        if history.kind in {"funding", "premium"}:
            assert answer is None
        else:
            assert answer is not None
            assert (answer.covered, len(answer.rows)) == (span, 2 if history.kind == "oi" else 10)


@pytest.mark.parametrize("stage", ["binance"], indirect=True)
async def test_binance_periods_without_a_trade_have_no_row(stage: Stage) -> None:
    """The holes are where many small requests find them."""
    listed = await stage.listed()
    span = close_to(stage.history("oi"), 1.2, PERIOD)
    rows = await stage.walk("oi", listed["VOIDINDEXUSDT"], span)
    bounds = [
        ("startTime", at, "endTime", min(at + 20 * PERIOD, span.end) - 1)
        for at in range(span.start, span.end, 20 * PERIOD)
    ]
    true = replies(
        stage, "/futures/data/openInterestHist", "VOIDINDEXUSDT", bounds, symbol="VOIDINDEXUSDT", period="5m"
    )
    assert [row.timestamp for row in rows] == [row["timestamp"] for row in true]
    assert 500 < len(rows) < 600
    assert stage.asked == 2


@pytest.mark.parametrize("stage", ["binance"], indirect=True)
async def test_binance_open_interest_as_far_as_it_goes(stage: Stage) -> None:
    """All that is kept can be asked for; a day before it the oldest that is there is no row of the span."""
    listed = await stage.listed()
    history = stage.history("oi")
    assert history.keeps_ms is not None
    oldest = NOON - history.keeps_ms
    rows = await stage.walk("oi", listed["BTCUSDT"], Span(oldest, oldest + 100 * PERIOD))
    assert len(rows) == 100
    assert await stage.walk("oi", listed["BTCUSDT"], Span(oldest - 2 * DAY, oldest - 2 * DAY + PERIOD)) == []


@pytest.mark.parametrize("stage", ["okx"], indirect=True)
async def test_okx_premiums(stage: Stage) -> None:
    """Irregular points, over more than a page, are those that many small requests find, and true."""
    name = "BTC-USDT-SWAP"
    listed = await stage.listed()
    end = NOON - stage.history("premium").lag_ms
    span = Span(end - 250 * MINUTE, end)
    rows = [row for row in await stage.walk("premium", listed[name], span) if isinstance(row, PastCandle)]
    bounds = [("before", at - 1, "after", at + 10 * MINUTE) for at in range(*span, 10 * MINUTE)]
    true = replies(stage, "/api/v5/public/premium-history", name, bounds, instId=name)
    assert [row.timestamp for row in rows] == sorted(int(row["ts"]) for row in true)
    contract = stage.contract(name)
    for row in rows:
        assert row.close == float(rate_text("okx", stage.sim.market.premium(contract, row.timestamp)))
        assert (row.open, row.high, row.low) == (None, None, None)
    assert stage.asked == len(true) // 100 + 1 == 3


@pytest.mark.parametrize("stage", ["okx"], indirect=True)
async def test_okx_candles_where_the_recent_ones_end(stage: Stage) -> None:
    """Rows follow each other across the border between recent and old candles."""
    listed = await stage.listed()
    border = NOON - 1_380 * MINUTE
    span = Span(border - 50 * MINUTE, border + 130 * MINUTE)
    for kind in PRICES[:2]:
        rows = await stage.walk(kind, listed["BTC-USDT-SWAP"], span)
        assert [row.timestamp for row in rows] == list(range(*span, MINUTE))
    feeds = {feed for feed, _ in stage.client.traffic.requests}
    assert {
        "mark-price-candles",
        "history-mark-price-candles",
        "index-candles",
        "history-index-candles",
    } <= feeds
