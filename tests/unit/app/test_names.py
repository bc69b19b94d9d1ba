"""Names of the configuration that no venue lists."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from structlog.testing import capture_logs
from tests.unit.app.shelf import Reader, Shelf
from tests.unit.model.contracts import contract

from microstream.app.book import InstrumentBook
from microstream.app.names import check_names
from microstream.errors import ConfigError, TransportError
from microstream.model.symbols import Selection

SOL = contract("bybit", "SOLUSDT")
OKX_SOL, OKX_BTC = contract("okx", "SOL-USDT-SWAP"), contract("okx", "BTC-USDT-SWAP")
Eventually = Callable[..., Awaitable[None]]


def shelves(*names: str) -> tuple[Shelf, Shelf]:
    """Return the books of Bybit with SOL and of OKX with SOL and BTC, not yet read."""
    bybit = Shelf(*names, reader=Reader([SOL]))
    return bybit, Shelf(*names, venue="okx", reader=Reader([OKX_SOL, OKX_BTC]))


async def check(
    names: Sequence[str], books: Sequence[InstrumentBook], gate: asyncio.Event, *, strict: bool = True
) -> None:
    """Check names with a short patience."""
    where = "microstream.yaml:3"
    await check_names(Selection(names), books, strict=strict, where=where, gate=gate, longest_s=0.1)


async def test_known_names_open_the_gate() -> None:
    """Every name is on some venue; it need not be on all."""
    bybit, okx = shelves("SOL", "BTC/USDT")
    for shelf in (bybit, okx):
        await shelf.read()
    gate = asyncio.Event()
    await check(["SOL", "BTC/USDT"], [bybit.book, okx.book], gate)
    assert gate.is_set()


async def test_known_names_do_not_wait_for_a_slow_venue(eventually: Eventually) -> None:
    """As soon as all are found polling may begin."""
    bybit, okx = shelves("SOL")
    gate = asyncio.Event()
    where = "microstream.yaml:3"
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            check_names(Selection(["SOL"]), [bybit.book, okx.book], strict=True, where=where, gate=gate)
        )
        await bybit.read()
        await eventually(gate.is_set)
        await okx.read()
        await task


async def test_an_unknown_name_stops_the_start() -> None:
    """With the place, the venues that were asked and the nearest names, one line a name."""
    bybit, okx = shelves("SOLL/USDT", "BTCUSTD", "SOL")
    for shelf in (bybit, okx):
        await shelf.read()
    gate = asyncio.Event()
    with pytest.raises(ConfigError) as caught:
        await check(["SOLL/USDT", "BTCUSTD", "SOL"], [bybit.book, okx.book], gate)
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "microstream.yaml:3: symbols: 'SOLL/USDT' is listed by none of bybit, okx; nearest: "
    )
    assert "SOL/USDT" in first
    assert "'BTCUSTD'" in second
    assert "BTC/USDT" in second
    assert not gate.is_set()


async def test_without_strict_the_rest_runs() -> None:
    """A warning that says the same."""
    bybit, okx = shelves("SOLL/USDT", "SOL")
    for shelf in (bybit, okx):
        await shelf.read()
    gate = asyncio.Event()
    with capture_logs() as logs:
        await check(["SOLL/USDT", "SOL"], [bybit.book, okx.book], gate, strict=False)
    assert gate.is_set()
    ((level, names),) = [(entry["log_level"], entry["names"]) for entry in logs]
    assert (level, names) == ("warning", ["SOLL/USDT"])


async def test_a_venue_that_is_away_may_know_the_name(eventually: Eventually) -> None:
    """Nobody is kept waiting; when it comes back and does not know it either, that is an error in the log."""
    bybit, okx = shelves("BTC/USDT", "SOLL")
    okx.reader.answers.insert(0, TransportError("no connection"))
    for shelf in (bybit, okx):
        await shelf.read()
    gate = asyncio.Event()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(check(["BTC/USDT", "SOLL"], [bybit.book, okx.book], gate))
            await eventually(gate.is_set)
            assert not task.done()
            await okx.read()
            await task
    errors = [entry["why"] for entry in logs if entry["log_level"] == "error"]
    assert len(errors) == 1
    assert "'SOLL'" in errors[0]


async def test_nobody_waits_longer_than_patience_for_lists_that_hang() -> None:
    """The gate opens though a venue has not answered at all."""
    bybit, okx = shelves("BTC/USDT")
    await bybit.read()
    gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(check(["BTC/USDT"], [bybit.book, okx.book], gate))
        await gate.wait()
        await okx.read()
        await task
