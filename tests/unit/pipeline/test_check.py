"""Which values are believed."""

from typing import Any

import pytest
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, NEXT, Bench, S

SOL = contract("bybit", "SOLUSDT", rate_cap=0.0075, rate_floor=-0.0075)


@pytest.fixture
def sol(bench: Bench) -> Bench:
    """A bench that follows SOL/USDT and has heard good values of all kinds."""
    bench.follow(SOL)
    bench.hear(SOL, NOON, mark=150.0, index=150.0, rate=0.0001, oi=1000.0)
    bench.offered.clear()
    return bench


def _one(kind: str, value: object) -> dict[str, Any]:
    return {kind: value}


@pytest.mark.parametrize("text", ["NaN", "inf", "-Infinity", "abc", "1_5"])
@pytest.mark.parametrize("kind", ["mark", "index"])
def test_text_that_is_no_number_is_told_and_not_published(sol: Bench, kind: str, text: str) -> None:
    """A malformed value keeps the last good one and raises `out_of_range`."""
    assert sol.hear(SOL, NOON + 10 * S, **_one(kind, text)) == []
    assert sol.quality() == [("solusdt", "out_of_range", "raised", kind)]
    assert sol.offered[0][1]["observed"] == text
    assert sol.pipeline.rejects.counts["bybit", "tickers", "not_a_number"] == 1


@pytest.mark.parametrize("price", [0.0, -1.0, -150.0, 1e12, 1e30])
@pytest.mark.parametrize("kind", ["mark", "index"])
def test_impossible_prices_are_kept_out(sol: Bench, kind: str, price: float) -> None:
    """Zero, negative and absurd prices are no prices."""
    sol.hear(SOL, NOON + 10 * S, **_one(kind, price))
    assert sol.quality() == [("solusdt", "out_of_range", "raised", kind)]
    good = sol.state(SOL).mark if kind == "mark" else sol.state(SOL).index
    assert good is not None
    assert good.price == 150.0
    assert sol.pipeline.rejects.counts["bybit", "tickers", "price_out_of_range"] == 1


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        (0.0076, "rate_above_cap"),
        (-0.0076, "rate_below_floor"),
        (0.26, "rate_out_of_range"),
        (-0.26, "rate_out_of_range"),
        (1.8e9, "rate_out_of_range"),
    ],
)
def test_rates_beyond_their_limits_are_kept_out(sol: Bench, rate: float, reason: str) -> None:
    """The registry's cap and floor hold, and nothing passes a quarter of the notional."""
    assert sol.hear(SOL, NOON + 10 * S, rate=rate) == []
    assert sol.pipeline.rejects.counts["bybit", "tickers", reason] == 1
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "funding")]


def test_the_row_s_own_limits_hold_before_the_registry_s(sol: Bench) -> None:
    """A row that states another cap is judged by that."""
    terms = {"rate": 0.009, "cap": 0.01, "floor": -0.01}
    (payload,) = sol.hear(SOL, NOON + 10 * S, rate=terms)
    assert (payload["funding_rate"], payload["rate_cap"]) == (0.009, 0.01)
    assert sol.hear(SOL, NOON + 20 * S, rate={**terms, "rate": 0.011}) == []


@pytest.mark.parametrize("rate", [0.0075, -0.0075, 0.0, 0.25])
def test_rates_at_their_limits_pass(bench: Bench, rate: float) -> None:
    """A capped rate is the most interesting one of all."""
    item = SOL if abs(rate) < 0.01 else contract("bybit", "SOLUSDT")
    bench.follow(item)
    assert bench.one(item, NOON, rate=rate)["funding_rate"] == rate


def test_limits_of_a_contract_without_any_are_the_general_ones(bench: Bench) -> None:
    """Unknown limits refuse nothing sensible."""
    item = contract("okx", "SOL-USDT-SWAP")
    bench.follow(item)
    payload = bench.one(item, NOON, rate=0.2)
    assert (payload["funding_rate"], payload["rate_cap"], payload["rate_floor"]) == (0.2, None, None)


@pytest.mark.parametrize(
    "oi", [-1.0, {"contracts": 1.0, "base": -1.0}, {"contracts": 1.0, "value": 1e18}, 1e18]
)
def test_impossible_open_interest_is_kept_out(sol: Bench, oi: object) -> None:
    """Contracts, coins and value are each looked at."""
    assert sol.hear(SOL, NOON + 10 * S, oi=oi) == []
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "open_interest")]


def test_open_interest_of_zero_is_a_value(sol: Bench) -> None:
    """A contract that nobody holds."""
    assert sol.one(SOL, NOON + 10 * S, oi=0.0)["open_interest"] == 0.0


def test_times_far_in_the_future_are_kept_out(sol: Bench) -> None:
    """A minute ahead is more than any clock error that we know of."""
    at = NOON + 10 * S
    assert sol.hear(SOL, at, time=at + 60_001, mark=151.0) == []
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "mark")]


def test_a_venue_whose_clock_is_known_to_be_ahead_is_believed(sol: Bench) -> None:
    """The measured offset is added to the minute; one that is behind takes nothing from it."""
    sol.pipeline.clock("bybit", 600_000, 50, NOON)
    at = NOON + 10 * S
    assert sol.one(SOL, at, time=at + 600_000, mark=151.0)["mark_price"] == 151.0
    assert sol.hear(SOL, at, time=at + 660_001, mark=152.0) == []


def test_a_venue_whose_clock_is_behind_has_a_minute_too(sol: Bench) -> None:
    """A negative offset does not make a fresh value one of the future."""
    sol.pipeline.clock("bybit", -600_000, 50, NOON)
    at = NOON + 10 * S
    assert sol.one(SOL, at, time=at + 59_000, mark=151.0)["mark_price"] == 151.0


def test_values_older_than_the_known_one_are_not_published(sol: Bench) -> None:
    """A venue that answers from an older cache brings no news; that is no fault of the value."""
    older: dict[str, Any] = {"time": NOON - 1, "mark": 149.0, "index": 149.0, "rate": 0.0002, "oi": 900.0}
    assert sol.hear(SOL, NOON + 10 * S, **older) == []
    assert sol.quality() == []
    assert sol.pipeline.rejects.counts["bybit", "tickers", "older"] == 4
    assert sol.hear(SOL, NOON + 20 * S, mark=151.0)[0]["mark_price"] == 151.0


def test_a_venue_that_sets_its_clock_back_is_heard_again(sol: Bench) -> None:
    """Values stamped ten minutes ahead do not make those of the right clock old for ten minutes."""
    sol.pipeline.clock("bybit", 600_000, 50, NOON)
    sol.hear(SOL, NOON + 10 * S, time=NOON + 610 * S, mark=151.0)
    sol.pipeline.clock("bybit", 0, 50, NOON + 20 * S)
    assert sol.one(SOL, NOON + 20 * S, mark=152.0)["mark_price"] == 152.0


def test_the_newest_of_two_values_in_one_reply_counts(bench: Bench) -> None:
    """Whatever their order is, and an older row beside a newer one is no fault of the value."""
    bench.follow(SOL)
    for first, second in ((0, 5), (5, 0)):
        at = NOON + (first + 2 * second) * S
        frames = [bench.frame(SOL, at, time=NOON + step * S, mark=150.0 + step) for step in (first, second)]
        bench.pipeline.push(frames)
        assert bench.offered[-1][1]["mark_price"] == 155.0
        assert bench.offered[-1][1]["timestamp"] == NOON + 5 * S
    assert bench.quality() == []


def test_a_settlement_that_has_passed_is_no_coming_one(sol: Bench) -> None:
    """Rows that still name it are quietly left out until the venue has rolled on."""
    assert sol.hear(SOL, NEXT + S, rate=0.0002) == []
    assert sol.quality() == []
    rolled = sol.one(SOL, NEXT + 2 * S, rate={"rate": 0.0002, "settles_at": NEXT + 8 * HOUR})
    assert rolled["next_funding_time"] == NEXT + 8 * HOUR


def test_a_settlement_months_away_is_no_settlement(sol: Bench) -> None:
    """A delivery date in the place of a settlement."""
    assert sol.hear(SOL, NOON + S, rate={"rate": 0.0001, "settles_at": NOON + 32 * 24 * HOUR}) == []
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "funding")]


def test_the_mark_that_left_its_last_value_is_the_wrong_one(sol: Bench) -> None:
    """The index goes on as before, so the mark is at fault."""
    sol.hear(SOL, NOON + 10 * S, mark=1500.0, index=150.5)
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "mark")]
    index = sol.state(SOL).index
    assert index is not None
    assert index.price == 150.5


def test_the_index_that_left_its_last_value_is_the_wrong_one(sol: Bench) -> None:
    """The mark is published, flagged, beside the last good index; values so far apart in time make no basis."""
    payload = sol.one(SOL, NOON + 10 * S, mark=150.5, index=1.5)
    assert (payload["mark_price"], payload["index_price"]) == (150.5, 150.0)
    assert (payload["basis"], payload["flags"]) == (None, ["out_of_range"])
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "index")]


def test_when_both_left_both_are_kept_out(sol: Bench) -> None:
    """Two different jumps: neither is believed."""
    assert sol.hear(SOL, NOON + 10 * S, mark=1500.0, index=15.0) == []
    assert {about for _, _, _, about in sol.quality()} == {"mark", "index"}


def test_without_a_past_nobody_can_tell(bench: Bench) -> None:
    """The first mark and index of a contract that do not fit are both kept out."""
    bench.follow(SOL)
    assert bench.hear(SOL, NOON, mark=1500.0, index=150.0) == []
    assert {about for _, _, _, about in bench.quality()} == {"mark", "index"}


def test_a_rebase_moves_both_and_is_no_fault(sol: Bench) -> None:
    """Contracts are re-denominated: mark and index change by the same factor."""
    payload = sol.one(SOL, NOON + 10 * S, mark=0.15, index=0.1501)
    assert (payload["mark_price"], payload["flags"]) == (0.15, [])
    assert sol.quality() == []


def test_a_mark_alone_is_measured_at_the_fresh_index(sol: Bench) -> None:
    """Within 15 s of the index a lone mark must fit; after that nothing is left to compare with."""
    assert sol.hear(SOL, NOON + 15 * S, mark=1500.0) == []
    assert sol.one(SOL, NOON + 16 * S, mark=1500.0)["mark_price"] == 1500.0


def test_settled_rates_are_looked_at_too(sol: Bench) -> None:
    """A rate that was paid obeys no cap of today, but must be possible."""
    assert sol.one(SOL, NOON + 10 * S, settled=(0.02, NOON))["settled_rate"] == 0.02
    assert sol.hear(SOL, NOON + 20 * S, settled=(0.5, NOON)) == []
    assert sol.quality() == [("solusdt", "out_of_range", "raised", "settled")]


def test_a_bad_value_is_told_once_and_its_end_once(sol: Bench) -> None:
    """However often it is repeated; the registry is doubted once."""
    for step in range(1, 4):
        sol.hear(SOL, NOON + step * 10 * S, mark=-1.0)
    sol.hear(SOL, NOON + 40 * S, mark=150.0)
    sol.hear(SOL, NOON + 50 * S, mark=150.0)
    assert sol.quality() == [
        ("solusdt", "out_of_range", "raised", "mark"),
        ("solusdt", "out_of_range", "cleared", "mark"),
    ]
    assert sol.doubts == {"bybit": 1}


def test_a_bad_value_does_not_hold_up_the_others(sol: Bench) -> None:
    """Of one reply the good values are published."""
    heard = sol.hear(SOL, NOON + 10 * S, mark=-1.0, index=150.5, rate=0.0002, oi=1100.0)
    assert {("funding_rate" in payload, "open_interest" in payload) for payload in heard} == {
        (True, False),
        (False, True),
        (False, False),  # the index, beside the mark that was known before
    }
    assert [payload["basis"] for payload in heard if "basis" in payload] == [None]


def test_rejects_of_contracts_that_are_not_followed_are_only_counted(bench: Bench) -> None:
    """No quality channel for what nobody asked for."""
    assert bench.hear(SOL, NOON, mark="NaN") == []
    assert bench.offered == []
    assert bench.pipeline.rejects.counts["bybit", "tickers", "not_a_number"] == 1
    assert bench.pipeline.rejects.samples[-1].symbol == "solusdt"
