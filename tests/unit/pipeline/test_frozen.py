"""Values that are confirmed and do not move while the market does."""

from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, S

CONTRACTS = tuple(contract("bybit", name) for name in ("SOLUSDT", "BTCUSDT", "ETHUSDT"))
SOL, BTC, ETH = CONTRACTS
MARKS = {"mark_price": 10 * S}

Price = Callable[[int], float]


def play(bench: Bench, seconds: Iterable[int], prices: dict[str, Price], every: int = 1) -> None:
    """Let every contract say its mark by a rule of the second, every so many seconds, and time pass."""
    for second in seconds:
        for item in CONTRACTS:
            if item.symbol in prices and second % every == 0:
                bench.hear(item, NOON + second * S, mark=prices[item.symbol](second), period_ms=every * S)
        bench.tick(NOON + second * S)


def moving(second: int) -> float:
    """Return a price that is another one each second."""
    return 100.0 + second / 100


def stops(at: int) -> Price:
    """Return a price that moves until a second."""
    return lambda second: moving(min(second, at))


MOVING: dict[str, Price] = {item.symbol: moving for item in CONTRACTS}


def test_a_value_that_stops_among_movers_is_frozen(bench: Bench) -> None:
    """After half a minute for one that moved each second: told once, flagged, and over with the next move."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(100), {**MOVING, "solusdt": stops(60)})
    assert bench.quality() == [("solusdt", "frozen", "raised", "mark")]
    message = next(payload for _, payload in bench.offered if payload.get("kind") == "frozen")
    assert message["since"] == NOON + 60 * S
    assert 30 * S <= message["received_at"] - NOON - 60 * S <= 31 * S
    assert dict(bench.offered)["meta:mark_price:bybit:solusdt"]["flags"] == ["frozen"]
    play(bench, range(100, 105), MOVING)
    assert bench.quality()[1:] == [("solusdt", "frozen", "cleared", "mark")]
    assert dict(bench.offered)["meta:mark_price:bybit:solusdt"]["flags"] == []


def test_a_value_that_polls_bring_is_given_ten_of_their_pauses(bench: Bench) -> None:
    """It moves every ten seconds at most."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(190), {**MOVING, "solusdt": stops(100)}, every=10)
    assert bench.quality() == []
    play(bench, range(190, 215), {**MOVING, "solusdt": stops(100)}, every=10)
    assert bench.quality() == [("solusdt", "frozen", "raised", "mark")]


def test_a_market_that_rests_is_not_frozen(bench: Bench) -> None:
    """Nobody can tell which of them should have moved."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(400), {item.symbol: stops(60) for item in CONTRACTS})
    assert bench.quality() == []


def test_a_contract_alone_is_not_judged(bench: Bench) -> None:
    """There is no market to compare it with."""
    bench.follow(SOL, intervals=MARKS)
    play(bench, range(400), {"solusdt": stops(60)})
    assert bench.quality() == []


def test_a_value_that_has_never_moved_is_given_more_time(bench: Bench) -> None:
    """Five minutes."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(300), {**MOVING, "solusdt": stops(0)})
    assert bench.quality() == []
    play(bench, range(300, 302), {**MOVING, "solusdt": stops(0)})
    assert bench.quality() == [("solusdt", "frozen", "raised", "mark")]


def test_a_value_that_nobody_confirms_is_stale_and_not_frozen(bench: Bench) -> None:
    """Nor is it frozen when it is back unchanged, with the silence counted as rest."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(60), MOVING)
    others: dict[str, Price] = {"btcusdt": moving, "ethusdt": moving}
    play(bench, range(60, 600), others)
    play(bench, range(600, 610), {**others, "solusdt": stops(59)})
    assert bench.quality("frozen") == []


def test_a_venue_that_is_back_is_not_frozen(bench: Bench) -> None:
    """After ten minutes of nothing most values have moved, and one is the same as before by chance."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(60), MOVING)
    play(bench, range(60, 660), {})
    play(bench, range(660, 670), {**MOVING, "solusdt": stops(59)})
    assert bench.quality("frozen") == []


def test_a_suspension_is_no_rest(bench: Bench) -> None:
    """A contract that is live again with its last price is not frozen at once."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(60), MOVING)
    bench.pipeline.update(replace(SOL, status="suspended"), NOON + 60 * S)
    others: dict[str, Price] = {"btcusdt": moving, "ethusdt": moving}
    play(bench, range(60, 300), others)
    bench.pipeline.update(SOL, NOON + 300 * S)
    play(bench, range(300, 320), {**others, "solusdt": stops(59)})
    assert bench.quality() == []


def test_what_a_stream_vouches_for_is_confirmed(bench: Bench) -> None:
    """The stream leaves out a mark that does not change; its frames go on."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    lines = {item: bench.line(item, topic=item.name) for item in CONTRACTS}
    for second in range(120):
        for item, line in lines.items():
            values = {"index": moving(second)}
            if item is not SOL or second <= 60:
                values["mark"] = moving(second)
            bench.stream(line, item, NOON + second * S, **values)
        bench.tick(NOON + second * S)
    assert bench.quality() == [("solusdt", "frozen", "raised", "mark")]


@pytest.mark.parametrize("away", ["unfollow", "suspend"])
def test_what_is_frozen_ends_with_what_it_is_about(bench: Bench, away: str) -> None:
    """A contract that leaves takes it along; one that is suspended keeps it until it moves."""
    bench.follow(*CONTRACTS, intervals=MARKS)
    play(bench, range(100), {**MOVING, "solusdt": stops(60)})
    if away == "unfollow":
        bench.pipeline.unfollow(SOL.key, NOON + 100 * S)
        bench.follow(SOL, at=NOON + 100 * S, intervals=MARKS)
    else:
        bench.pipeline.update(replace(SOL, status="suspended"), NOON + 100 * S)
        play(bench, range(100, 200), {"btcusdt": moving, "ethusdt": moving})
        bench.pipeline.update(SOL, NOON + 200 * S)
    play(bench, range(200, 210), MOVING)
    assert [state for _, _, state, _ in bench.quality("frozen")] == ["raised", "cleared"]
    assert "frozen" not in dict(bench.offered)["meta:mark_price:bybit:solusdt"]["flags"]
