"""Changes at once, confirmations once an interval."""

import itertools
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, NEXT, Bench, S

from microstream.model.instruments import Status

SOL = contract("bybit", "SOLUSDT")
VALUES: dict[str, Any] = {"mark": 150.0, "index": 150.0, "rate": 0.0001, "oi": 1000.0}


def families(bench: Bench, at: int, period_ms: int = 0, **values: Any) -> set[str]:
    """Hear a round of a poll that comes again after `period_ms`; return the families that were published."""
    before = len(bench.offered)
    bench.hear(SOL, at, period_ms=period_ms, **values)
    return {channel.rpartition("bybit")[0] for channel, _ in bench.offered[before:]}


@pytest.mark.parametrize("late_ms", [(0, 0), (300, -300), (-200, 900)])
def test_one_poll_serves_three_intervals(bench: Bench, late_ms: tuple[int, int]) -> None:
    """A 10 s poll repeats unchanged values of 10, 15 and 30 s services at least once in each of their intervals."""
    bench.follow(SOL)
    sent: dict[str, list[int]] = {"funding:": [], "meta:mark_price:": [], "meta:oi:": []}
    for step in range(31):
        at = NOON + step * 10 * S + late_ms[step % 2] * (step > 0)
        for family in families(bench, at, 10 * S, **VALUES):
            sent[family].append(at)
    gaps = {family: [b - a for a, b in itertools.pairwise(at)] for family, at in sent.items()}
    slack = max(late_ms) - min(late_ms)
    assert max(gaps["meta:mark_price:"]) <= 10 * S + slack
    assert max(gaps["meta:oi:"]) <= 15 * S + slack
    assert max(gaps["funding:"]) <= 30 * S + slack
    assert min(gaps["funding:"]) >= 20 * S - slack, "more often than needed"
    assert bench.quality() == []


def test_changes_are_published_at_once(bench: Bench) -> None:
    """The interval is the longest wait, not the shortest."""
    bench.follow(SOL)
    assert families(bench, NOON, **VALUES) == {"funding:", "meta:mark_price:", "meta:oi:"}
    assert families(bench, NOON + S, **VALUES) == set()
    assert families(bench, NOON + 2 * S, **{**VALUES, "rate": 0.0002}) == {"funding:"}
    assert families(bench, NOON + 3 * S, **{**VALUES, "rate": 0.0002, "oi": 1001.0}) == {"meta:oi:"}
    assert families(bench, NOON + 4 * S, index=150.1) == {"meta:mark_price:"}
    assert families(bench, NOON + 5 * S, settled=(0.0001, NOON)) == {"funding:"}


def test_one_frame_makes_one_message_of_a_family(bench: Bench) -> None:
    """Mark and index of one round belong together."""
    bench.follow(SOL)
    frames = [bench.frame(SOL, NOON, mark=150.3), bench.frame(SOL, NOON + 200, index=150.0)]
    bench.pipeline.push(frames)
    ((channel, payload),) = bench.offered
    assert channel == "meta:mark_price:bybit:solusdt"
    assert payload["basis_bps"] == pytest.approx(20.0)


def test_accepted_values_are_counted(bench: Bench) -> None:
    """By venue and kind."""
    bench.follow(SOL)
    bench.hear(SOL, NOON, **VALUES, settled=(0.0001, NOON))
    bench.hear(SOL, NOON + S, mark=151.0)
    assert bench.pipeline.events == {
        ("bybit", "mark"): 2,
        ("bybit", "index"): 1,
        ("bybit", "funding"): 1,
        ("bybit", "settled"): 1,
        ("bybit", "open_interest"): 1,
    }


def test_contracts_that_are_not_followed_say_nothing(bench: Bench) -> None:
    """Rows of other contracts of the same reply."""
    bench.follow(SOL)
    assert bench.hear(contract("bybit", "BTCUSDT"), NOON, mark=1.0) == []
    bench.pipeline.unfollow(SOL.key, NOON)
    assert bench.hear(SOL, NOON, mark=150.0) == []


@pytest.mark.parametrize("status", ["suspended", "settling"])
def test_a_contract_that_is_no_longer_live_keeps_its_last_values_flagged(
    bench: Bench, status: Status
) -> None:
    """Published once more as stale; what the venue says of it after that is no value."""
    bench.follow(SOL)
    bench.hear(SOL, NOON, **VALUES)
    bench.offered.clear()
    bench.pipeline.update(replace(SOL, status=status), NOON + 5 * S)
    published = dict(bench.offered)
    assert published.keys() == {
        "funding:bybit:solusdt",
        "meta:mark_price:bybit:solusdt",
        "meta:oi:bybit:solusdt",
    }
    assert all(payload["flags"] == ["stale"] for payload in published.values())
    assert published["funding:bybit:solusdt"]["funding_rate"] == 0.0001
    assert published["meta:mark_price:bybit:solusdt"]["mark_price"] == 150.0
    assert published["meta:oi:bybit:solusdt"]["open_interest"] == 1000.0
    bench.offered.clear()
    assert bench.hear(SOL, NOON + 10 * S, mark=1.0, index=1.0, rate=0.0, oi=0.0) == []
    assert bench.hear(SOL, NOON + 20 * S, mark="NaN", rate=9.0) == []
    assert bench.tick(NOON + HOUR) == []
    assert bench.offered == []


def test_a_contract_that_is_live_again_is_not_late_before_it_can_speak(bench: Bench) -> None:
    """After a suspension of an hour the first value is `recovered`, and nothing was reported stale."""
    bench.follow(SOL)
    bench.hear(SOL, NOON, **VALUES)
    bench.pipeline.update(replace(SOL, status="suspended"), NOON + 5 * S)
    bench.pipeline.update(SOL, NOON + HOUR)
    assert bench.tick(NOON + HOUR + S) == []
    assert bench.quality() == []
    payload = bench.one(SOL, NOON + HOUR + 5 * S, mark=150.0)
    assert payload["flags"] == ["recovered"]
    assert bench.quality() == []


def test_before_its_launch_a_contract_has_prices_and_no_funding(bench: Bench) -> None:
    """Whatever the row says; from the launch on the rate counts, and it is awaited from then."""
    early = replace(SOL, status="prelaunch")
    bench.follow(early)
    heard = bench.hear(early, NOON, **VALUES, settled=(0.0001, NOON))
    assert [("funding_rate" in payload) for payload in heard] == [False, False]
    assert bench.hear(early, NOON + S, rate="NaN") == []
    assert bench.quality() == []
    bench.hear(early, NOON + HOUR, mark=150.0, index=150.0, oi=1000.0)
    bench.pipeline.update(SOL, NOON + HOUR)
    bench.tick(NOON + HOUR + S)
    assert bench.quality() == []
    assert bench.one(SOL, NOON + HOUR + 5 * S, rate=0.0002)["flags"] == []


def test_dated_contracts_have_no_funding(bench: Bench) -> None:
    """Though their rows have a rate of 0 or a settlement."""
    dated = contract("binance", "BTCUSDT_270326")
    bench.follow(dated)
    heard = bench.hear(
        dated, NOON, rate={"rate": 0.0, "settles_at": NEXT}, settled=(0.0, NOON), mark=90_000.0
    )
    assert [payload["mark_price"] for payload in heard] == [90_000.0]
    assert bench.tick(NOON + HOUR)[0]["flags"] == ["stale"]
    assert [about for *_, about in bench.quality()] == ["mark_price", "oi"]


def test_x_perps_fund(bench: Bench) -> None:
    """They have an end far away, and a rate."""
    item = contract("okx", "BTC-USD_UM_XPERP-310404")
    bench.follow(item)
    assert bench.one(item, NOON, rate=-0.0004)["instrument"] == "BTC/USD:USD-310404"
