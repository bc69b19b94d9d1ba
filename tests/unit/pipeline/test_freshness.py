"""Stale, silent, recovered, and clocks: told when they begin and when they end."""

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, MINUTE, Bench, S

SOL, BTC = contract("bybit", "SOLUSDT"), contract("bybit", "BTCUSDT")
MARKS = {"mark_price": 10 * S}


def test_a_value_is_stale_after_three_intervals_and_not_before(bench: Bench) -> None:
    """Published once more with its flag, told once."""
    bench.follow(SOL, intervals=MARKS)
    bench.hear(SOL, NOON, mark=150.0)
    assert bench.tick(NOON + 30 * S) == []
    (payload,) = bench.tick(NOON + 30 * S + 1)
    assert (payload["mark_price"], payload["flags"]) == (150.0, ["stale"])
    assert (payload["timestamp"], payload["received_at"]) == (NOON, NOON)
    assert bench.tick(NOON + 31 * S) == []
    assert bench.quality() == [("solusdt", "stale", "raised", "mark_price")]
    message = bench.offered[-2][1]
    assert (message["since"], message["expected"], message["observed"]) == (NOON, 30.0, 30.001)
    assert "solusdt" in message["detail"]


def test_the_first_value_after_a_gap_is_recovered(bench: Bench) -> None:
    """Though it is the same as before, and only the first."""
    bench.follow(SOL, intervals=MARKS)
    bench.hear(SOL, NOON, mark=150.0)
    bench.tick(NOON + 40 * S)
    assert bench.one(SOL, NOON + 41 * S, mark=150.0, period_ms=S)["flags"] == ["recovered"]
    assert bench.one(SOL, NOON + 42 * S, mark=151.0)["flags"] == []
    assert bench.quality("stale") == [
        ("solusdt", "stale", "raised", "mark_price"),
        ("solusdt", "stale", "cleared", "mark_price"),
    ]


def test_a_gap_that_no_tick_saw_is_one_too(bench: Bench) -> None:
    """A machine that was asleep hears the venue before its own clock."""
    bench.follow(SOL, intervals=MARKS)
    bench.hear(SOL, NOON, mark=150.0)
    assert bench.one(SOL, NOON + HOUR, mark=150.0)["flags"] == ["recovered"]


def test_what_was_never_heard_is_silent(bench: Bench) -> None:
    """Nothing is published for it; its first value ends that."""
    bench.follow(SOL, intervals=MARKS)
    assert bench.tick(NOON + 31 * S) == []
    assert bench.quality() == [("solusdt", "silent", "raised", "mark_price")]
    assert bench.one(SOL, NOON + 40 * S, mark=150.0)["flags"] == ["recovered"]
    assert bench.quality()[1:] == [("solusdt", "silent", "cleared", "mark_price")]


def test_one_silent_contract_is_told_alone(bench: Bench) -> None:
    """The others go on."""
    bench.follow(SOL, BTC, intervals=MARKS)
    for step in range(6):
        bench.hear(BTC, NOON + step * 10 * S, mark=90_000.0)
        bench.tick(NOON + step * 10 * S + 1)
    assert bench.quality() == [("solusdt", "silent", "raised", "mark_price")]


def test_a_silent_venue_is_told_once(bench: Bench) -> None:
    """Under `*`, not per contract; every value is flagged all the same, and each recovers."""
    bench.follow(SOL, BTC, intervals=MARKS)
    for item in (SOL, BTC):
        bench.hear(item, NOON, mark=150.0)
    for second in range(25, 60):
        bench.tick(NOON + second * S)
    stale = [payload for channel, payload in bench.offered if "stale" in payload["flags"]]
    assert {payload["symbol"] for payload in stale} == {"solusdt", "btcusdt"}
    assert bench.quality() == [("*", "stale", "raised", "mark_price")]
    assert [p["severity"] for c, p in bench.offered if c == "quality:bybit:*"] == ["critical"]
    for item in (SOL, BTC):
        assert bench.one(item, NOON + 60 * S, mark=150.0)["flags"] == ["recovered"]
    bench.tick(NOON + 61 * S)
    assert bench.quality()[1:] == [("*", "stale", "cleared", "mark_price")]


def test_a_silent_venue_is_told_once_though_its_contracts_are_heard_one_by_one(bench: Bench) -> None:
    """Contracts that are asked for in turn grow stale in turn, and all for the same reason."""
    bench.follow(SOL, BTC, intervals=MARKS)
    bench.hear(SOL, NOON, mark=150.0)
    bench.hear(BTC, NOON + 9 * S, mark=90_000.0)
    for second in range(10, 80):
        bench.tick(NOON + second * S)
    assert bench.quality() == [("*", "stale", "raised", "mark_price")]


def test_what_stays_away_after_the_venue_is_back_is_told(bench: Bench) -> None:
    """The end of the venue's silence is not the end of a contract's."""
    bench.follow(SOL, BTC, intervals=MARKS)
    for item in (SOL, BTC):
        bench.hear(item, NOON, mark=150.0)
    bench.tick(NOON + 40 * S)
    bench.hear(BTC, NOON + 50 * S, mark=90_000.0)
    bench.tick(NOON + 51 * S)
    assert bench.quality()[1:] == [
        ("*", "stale", "cleared", "mark_price"),
        ("solusdt", "stale", "raised", "mark_price"),
    ]


def test_a_venue_that_never_spoke_is_silent(bench: Bench) -> None:
    """Not stale: there is nothing old."""
    bench.follow(SOL, BTC, intervals=MARKS)
    bench.tick(NOON + 31 * S)
    assert bench.quality() == [("*", "silent", "raised", "mark_price")]
    bench.hear(SOL, NOON + 40 * S, mark=150.0)
    bench.hear(BTC, NOON + 40 * S, mark=150.0)
    bench.tick(NOON + 41 * S)
    assert bench.quality()[1:] == [("*", "silent", "cleared", "mark_price")]


def test_venues_are_judged_apart(bench: Bench) -> None:
    """One that is away does not make another stale."""
    other = contract("okx", "SOL-USDT-SWAP")
    bench.follow(SOL, BTC, other, intervals=MARKS)
    bench.hear(other, NOON + 25 * S, mark=150.0)
    bench.tick(NOON + 31 * S)
    assert [(c, p["kind"]) for c, p in bench.offered if c.startswith("quality")] == [
        ("quality:bybit:*", "silent")
    ]


def test_families_are_judged_by_their_own_intervals(bench: Bench) -> None:
    """Marks are stale after 30 s, open interest after 45 s, funding after 90 s."""
    bench.follow(SOL)
    bench.hear(SOL, NOON, mark=150.0, rate=0.0001, oi=1000.0)
    stale = {}
    for second in range(1, 100):
        for payload in bench.tick(NOON + second * S):
            stale["rate" if "funding_rate" in payload else "oi" if "open_interest" in payload else "mark"] = (
                second
            )
    assert stale == {"mark": 31, "oi": 46, "rate": 91}


def test_a_contract_with_a_longer_interval_is_judged_by_that(bench: Bench) -> None:
    """Where a venue's limits do not allow the service's interval."""
    bench.follow(SOL, intervals={"oi": 120 * S})
    bench.hear(SOL, NOON, oi=1.0)
    assert bench.tick(NOON + 360 * S) == []
    assert bench.tick(NOON + 361 * S)[0]["flags"] == ["stale"]


def test_before_its_launch_a_contract_may_be_silent_but_not_fall_silent(bench: Bench) -> None:
    """What it has begun to say must go on."""
    early = replace(SOL, status="prelaunch")
    bench.follow(early, intervals=MARKS)
    assert bench.tick(NOON + HOUR) == []
    assert bench.quality() == []
    bench.hear(early, NOON + HOUR, mark=150.0)
    assert bench.tick(NOON + HOUR + 31 * S)[0]["flags"] == ["stale"]


def test_a_value_that_the_venue_itself_calls_old_is_stale(bench: Bench) -> None:
    """However often it is repeated: its own time lies further back than the venue's pace explains."""
    bench.follow(SOL, intervals=MARKS, lag_ms=10 * S)
    for second in range(0, 41, 10):
        assert bench.one(SOL, NOON + second * S, time=NOON, mark=150.0, period_ms=10 * S)["flags"] == []
    assert bench.one(SOL, NOON + 50 * S, time=NOON, mark=150.0)["flags"] == ["stale"]
    assert bench.tick(NOON + 51 * S) == []
    assert bench.one(SOL, NOON + 60 * S, time=NOON + 55 * S, mark=150.0)["flags"] == ["recovered"]
    assert bench.quality("stale") == [
        ("solusdt", "stale", "raised", "mark_price"),
        ("solusdt", "stale", "cleared", "mark_price"),
    ]


def test_the_age_of_a_value_is_measured_by_the_venue_s_clock(bench: Bench) -> None:
    """A venue whose clock is a minute behind has no old values."""
    bench.follow(SOL, intervals=MARKS, lag_ms=10 * S)
    bench.pipeline.clock("bybit", -MINUTE, 20, NOON)
    assert bench.one(SOL, NOON, time=NOON - MINUTE, mark=150.0)["flags"] == ["clock_skew"]


def test_a_value_without_a_time_has_the_age_of_its_receipt(bench: Bench) -> None:
    """Where the venue gives no time, `timestamp` is null and nothing is stale for that."""
    bench.follow(SOL, intervals=MARKS, lag_ms=10 * S)
    payload = bench.one(SOL, NOON, time=None, mark=150.0)
    assert (payload["timestamp"], payload["flags"]) == (None, [])


@pytest.mark.parametrize("offset_ms", [1_200, -1_200, 600_000])
def test_a_clock_that_is_off_is_told_and_flagged(bench: Bench, offset_ms: int) -> None:
    """Once, for the whole venue; all its messages are flagged until it ends."""
    bench.follow(SOL)
    for _ in range(2):
        bench.pipeline.clock("bybit", offset_ms, 50, NOON)
    assert bench.one(SOL, NOON, time=NOON + offset_ms, mark=150.0)["flags"] == ["clock_skew"]
    bench.pipeline.clock("bybit", 10, 50, NOON + S)
    at = NOON + 2 * S
    assert bench.one(SOL, at, mark=151.0)["flags"] == []
    assert bench.quality() == [("*", "clock_skew", "raised", None), ("*", "clock_skew", "cleared", None)]
    raised = next(payload for channel, payload in bench.offered if channel.startswith("quality:"))
    assert raised["observed"] == offset_ms / 1000


def test_a_slow_answer_proves_no_skew(bench: Bench) -> None:
    """A difference within the error of the measurement is none; it does not end one either."""
    bench.pipeline.clock("bybit", 1_500, 800, NOON)
    assert bench.quality() == []
    bench.pipeline.clock("bybit", 1_500, 100, NOON)
    bench.pipeline.clock("bybit", 900, 800, NOON)
    assert bench.quality() == [("*", "clock_skew", "raised", None)]
    bench.pipeline.clock("bybit", 900, 50, NOON)
    assert bench.quality()[1:] == [("*", "clock_skew", "cleared", None)]


def test_a_value_from_the_near_future_is_flagged(bench: Bench) -> None:
    """More than a second ahead of our clock, though nothing was measured yet."""
    bench.follow(SOL)
    assert bench.one(SOL, NOON, time=NOON + 1_001, mark=150.0)["flags"] == ["clock_skew"]
    assert bench.one(SOL, NOON + S, time=NOON + 1_500, mark=151.0)["flags"] == []


def test_a_contract_that_leaves_takes_its_conditions_along(bench: Bench) -> None:
    """What was raised is cleared, so that nobody waits for the end."""
    bench.follow(SOL, intervals=MARKS)
    bench.hear(SOL, NOON, mark=150.0)
    bench.tick(NOON + 31 * S)
    bench.pipeline.unfollow(SOL.key, NOON + 40 * S)
    assert bench.quality()[1:] == [("solusdt", "stale", "cleared", "mark_price")]
    assert bench.pipeline.quality.open == {}
    bench.pipeline.unfollow(SOL.key, NOON + 41 * S)
