"""The registry of a venue: what is followed, what is told, what is learnt, and when lists are not believed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace
from tests.unit.app.shelf import FAMILIES, Reader, Shelf
from tests.unit.model.contracts import NOON, contract

from microstream.errors import RateLimited, TransportError
from microstream.model.events import FundingRate
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument

SOL, BTC, ETH = (contract("bybit", name) for name in ("SOLUSDT", "BTCUSDT", "ETHUSDT"))
DATED = contract("bybit", "BTCUSDT-26MAR27")
DOWN = TransportError("no connection")
Eventually = Callable[..., Awaitable[None]]


def row(item: Instrument, rate: float = 0.0001, **terms: float) -> FundingRate:
    """Return a funding row of a contract."""
    return FundingRate(
        key=item.key,
        timestamp=NOON,
        received_at=NOON,
        source="rest",
        rate=rate,
        settles_at=NOON + 4 * 3_600_000,
        **terms,
    )


async def test_the_first_reading_follows_what_is_wanted_and_tells_every_contract() -> None:
    """One instrument message each, without changes; the parsers see the followed ones by name and index."""
    shelf = Shelf("SOL", reader=Reader([SOL, BTC, DATED]))
    assert await shelf.read() == 600.0
    assert shelf.followed() == {"solusdt"}
    told = shelf.told()
    assert told.keys() == {"solusdt", "btcusdt", "btcusdt-26mar27"}
    assert all(payload["changed"] == {} for payload in told.values())
    assert shelf.book.ready.is_set()
    assert shelf.book.first_try.is_set()


async def test_contracts_of_one_index_are_found_by_it() -> None:
    """OKX states index prices once for several contracts."""
    names = ("BTC-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USDT-SWAP")
    items = [contract("okx", name) for name in names]
    shelf = Shelf("BTC/USD", venue="okx", reader=Reader(items))
    await shelf.read()
    assert {
        index: [item.name for item in behind] for index, behind in shelf.book.context.indexes.items()
    } == {"BTC-USD": ["BTC-USD-SWAP", "BTC-USD_UM-SWAP"]}


async def test_leftovers_of_an_earlier_run_leave_the_hashes() -> None:
    """Followed values, known contracts and open conditions stay."""
    shelf = Shelf("SOL", reader=Reader([SOL, BTC]))
    shelf.pipeline.clock("bybit", 60_000, 10, NOON)
    await shelf.read()
    retained = shelf.taken().retained
    assert {group: set(items) for group, items in retained.items()} == {
        **{f"{family}:bybit": {"solusdt"} for family in FAMILIES},
        "instrument:bybit": {"solusdt", "btcusdt"},
        "quality:bybit": {"*"},
    }


async def test_a_second_reading_without_news_tells_nothing() -> None:
    """Turnover alone is no news."""
    shelf = Shelf("all", reader=Reader([SOL, BTC], [replace(SOL, turnover=1.0), BTC]))
    await shelf.read()
    shelf.taken()
    await shelf.read()
    assert not shelf.taken()


async def test_changes_are_told_with_their_old_values_and_reach_the_pipeline() -> None:
    """An interval and a cap."""
    new = replace(SOL, funding_interval_hours=4.0, rate_cap=0.01)
    shelf = Shelf("SOL", reader=Reader([SOL], [new]))
    await shelf.read()
    shelf.taken()
    await shelf.read()
    (payload,) = shelf.told().values()
    assert payload["changed"] == {"funding_interval_hours": 8.0, "rate_cap": None}
    assert (payload["funding_interval_hours"], payload["rate_cap"]) == (4.0, 0.01)
    assert shelf.pipeline.states[SOL.key].interval_h == 4.0


async def test_a_new_listing_is_told_and_followed() -> None:
    """`all` takes it; it had no status before."""
    shelf = Shelf("all", reader=Reader([SOL], [SOL, ETH]))
    await shelf.read()
    shelf.taken()
    await shelf.read()
    assert shelf.followed() == {"solusdt", "ethusdt"}
    assert {symbol: payload["changed"] for symbol, payload in shelf.told().items()} == {
        "ethusdt": {"status": None}
    }


async def test_a_delisted_contract_is_told_and_leaves_everything() -> None:
    """Its last values, its row and its conditions; nothing more is accepted of it."""
    shelf = Shelf("all", reader=Reader([SOL, BTC, ETH], [BTC, ETH]))
    await shelf.read()
    shelf.taken()
    shelf.pipeline.quality.raised("bybit", SOL, "stale", "oi", now=NOON, detail="old")
    shelf.clock.now = NOON + 5
    await shelf.read()
    assert shelf.followed() == {"btcusdt", "ethusdt"}
    batch = shelf.taken()
    gone = [message for channel, message in batch.messages if channel.name == "meta:instrument:bybit:solusdt"]
    assert [getattr(message, "status", None) for message in gone] == ["delisted"]
    assert [getattr(message, "changed", None) for message in gone] == [
        {"status": "live", "delisted_at": None}
    ]
    assert getattr(gone[0], "delisted_at", None) == NOON + 5
    removed = {group for group, items in batch.removed.items() if items == {"solusdt"}}
    assert removed == {f"{family}:bybit" for family in (*FAMILIES, "instrument", "quality")}
    assert shelf.pipeline.quality.open == {}


async def test_a_relisted_contract_is_followed_afresh() -> None:
    """With nothing of its former life."""
    shelf = Shelf("all", reader=Reader([SOL, BTC, ETH], [BTC, ETH], [SOL, BTC, ETH]))
    await shelf.read()
    shelf.pipeline.push([_frame(SOL, 150.0)])
    for _ in range(2):
        await shelf.read()
    assert shelf.pipeline.states[SOL.key].mark is None


@pytest.mark.parametrize("status", ["suspended", "settling"])
async def test_a_contract_that_is_no_longer_live_stays_followed(status: str) -> None:
    """It keeps its last value, flagged; a group does not take it up at a start."""
    halted = replace(SOL, status=status)
    shelf = Shelf("all", reader=Reader([SOL, BTC], [halted, BTC]))
    await shelf.read()
    await shelf.read()
    assert shelf.followed() == {"solusdt", "btcusdt"}
    late = Shelf("all", reader=Reader([halted, BTC]))
    await late.read()
    assert late.followed() == {"btcusdt"}


async def test_terms_of_rows_are_learnt_and_told_once() -> None:
    """A funding row that states another cap and interval than the list."""
    shelf = Shelf("SOL", reader=Reader([SOL]))
    await shelf.read()
    shelf.taken()
    for _ in range(2):
        shelf.pipeline.push(
            [Frame("tickers", NOON, "rest", [row(SOL, interval_h=4.0, cap=0.01, floor=-0.01)])]
        )
    (payload,) = shelf.told().values()
    assert payload["changed"] == {"funding_interval_hours": 8.0, "rate_cap": None, "rate_floor": None}
    assert shelf.book.known["SOLUSDT"].funding_interval_hours == 4.0


async def test_a_list_that_lags_does_not_undo_what_was_learnt() -> None:
    """A row that repeats itself is no news; one that says something new is."""
    lists = [SOL], [SOL], [replace(SOL, funding_interval_hours=2.0)], [SOL]
    shelf = Shelf("SOL", reader=Reader(*map(list, lists)))
    await shelf.read()
    shelf.book.learn(row(SOL, cap=0.01), SOL, 4.0)
    seen = []
    for _ in range(3):
        await shelf.read()
        known = shelf.book.known["SOLUSDT"]
        seen.append((known.funding_interval_hours, known.rate_cap))
    assert seen == [(4.0, 0.01), (2.0, 0.01), (8.0, 0.01)]


async def test_reading_again_ends_an_unknown_interval() -> None:
    """Though the list says what it said before."""
    shelf = Shelf("SOL", reader=Reader([SOL]))
    await shelf.read()
    shelf.pipeline.states[SOL.key].interval_h = None
    await shelf.read()
    assert shelf.pipeline.states[SOL.key].interval_h == 8.0


@pytest.mark.parametrize("listed", [[], [SOL]])
async def test_a_list_that_has_shrunk_is_not_believed(listed: list[Instrument]) -> None:
    """Nothing is delisted; the book says that it fails, once, until it works again."""
    reader = Reader([SOL, BTC, ETH], listed, listed, [SOL, BTC, ETH])
    shelf = Shelf("all", reader=reader)
    await shelf.read()
    shelf.taken()
    for _ in range(2):
        assert await shelf.read() < 30.0
    assert shelf.followed() == {"solusdt", "btcusdt", "ethusdt"}
    assert shelf.book.failing is not None
    assert "not believed" in shelf.book.failing
    await shelf.read()
    assert shelf.book.failing is None
    states = [getattr(message, "state", None) for _, message in shelf.taken().messages]
    assert states == ["raised", "cleared"]


async def test_lists_that_cannot_be_read_are_asked_for_again_with_a_growing_delay() -> None:
    """The names of a venue that is away are not known, and that is told."""
    shelf = Shelf("SOL", reader=Reader(DOWN))
    delays = [await shelf.read() for _ in range(12)]
    assert max(delays[:1]) <= 1.0
    assert max(delays) > 2.0
    assert max(delays) <= 30.0
    assert shelf.book.first_try.is_set()
    assert not shelf.book.ready.is_set()
    assert shelf.book.failing == "no connection"
    assert len(shelf.taken().messages) == 1


async def test_a_venue_that_asks_to_wait_is_waited_for() -> None:
    """Not before `retry_after_s`."""
    shelf = Shelf("SOL", reader=Reader(RateLimited("wait", retry_after_s=77.0)))
    assert await shelf.read() == 77.0


async def test_limits_of_the_list_reach_the_budget() -> None:
    """Binance states its live weight limit with the contracts."""
    reader = Reader([SOL])
    reader.limits = {"weight": 1200.0}
    shelf = Shelf("SOL", reader=reader)
    limits: dict[str, float] = {}
    shelf.book.limits = limits.__setitem__
    await shelf.read()
    assert limits == {"weight": 1200.0}


async def test_a_doubt_brings_the_next_reading_forward(
    monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """Also one that comes while the lists are being read: their answer may be older than the doubt."""
    monkeypatch.setattr("microstream.app.book.SOONEST_S", 0.02)
    asked, answer = asyncio.Event(), asyncio.Event()

    class Slow(Reader):
        async def read(self):  # type: ignore[no-untyped-def]
            asked.set()
            await answer.wait()
            return await super().read()

    reader = Slow([SOL])
    shelf = Shelf("SOL", reader=reader)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(shelf.book.run())
        await asked.wait()
        shelf.book.doubt()
        answer.set()
        await eventually(lambda: reader.reads == 2)
        shelf.book.doubt()
        await eventually(lambda: reader.reads == 3)
        running.cancel()


def _frame(item: Instrument, mark: float) -> Frame:
    frame = Frame("tickers", NOON, "rest")
    frame.mark(item, NOON, mark)
    return frame
