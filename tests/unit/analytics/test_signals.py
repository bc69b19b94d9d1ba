"""Signals: what is told of which inputs, what is left out and why, and when it is published."""

from typing import Any

import pytest
from msgspec import json
from tests.unit.analytics.market import HOUR, Market, spot
from tests.unit.analytics.said import NOON, funding, mark_price

from microstream.analytics.signals import NAMES
from microstream.model.messages import SignalMessage

MINUTE = 60_000


def reasons(signal: SignalMessage) -> dict[str, str]:
    """Return the reason of each null."""
    return dict(reason.split(":", 1) for reason in signal.flags)


def excluded(signal: SignalMessage) -> list[tuple[str, str, str]]:
    """Return what was left out."""
    return [(item.exchange, item.symbol, item.reason) for item in signal.excluded]


def nulls(values: dict[str, Any]) -> set[str]:
    """Return the names of the values that are null."""
    return {name for name, value in values.items() if value is None}


def test_the_best_pair_is_short_where_an_hour_pays_most() -> None:
    """The vector of the domain: 0.03 % per 8 h against 0.00125 % per hour makes 21.9 % a year and 84 h."""
    market = Market()
    market.perpetual("binance", rate=0.0003, hours=8.0, settles_at=NOON + 4 * HOUR)
    market.perpetual("bybit", rate=0.0000125, hours=1.0, settles_at=NOON + HOUR)
    market.tick()
    signal = market.newest("funding_spread", "sol")
    values = signal.values
    assert (signal.exchange, signal.symbol, signal.instrument) == ("*", "sol", None)
    assert (values["short"]["exchange"], values["long"]["exchange"]) == ("binance", "bybit")
    assert values["carry_per_hour"] == pytest.approx(2.5e-5)
    assert values["gross_apr"] == pytest.approx(0.219)
    assert values["costs"] == pytest.approx(0.0021)
    assert values["break_even_hours"] == pytest.approx(84.0)
    # eight hours: one payment of 3 bp received, eight of 0.125 bp given, four fills paid
    assert values["net_return"]["8h"] == pytest.approx(0.0003 - 8 * 0.0000125 - 0.0021)
    assert values["net_return"].keys() == {"8h", "24h", "72h", "168h"}
    assert values["pairs"][0].keys() == values.keys() - {"pairs"}
    used = {(item.exchange, item.name): (item.value, item.age_ms) for item in signal.inputs}
    assert used["binance", "funding_rate"] == (0.0003, 0)
    assert used["bybit", "funding_interval_hours"] == (1.0, 0)
    assert used["bybit", "next_funding_time"] == (NOON + HOUR, 0)


def test_all_pairs_are_ranked() -> None:
    """Three venues make three pairs, the widest first."""
    market = Market()
    for exchange, rate in (("binance", 0.0001), ("bybit", 0.0005), ("okx", -0.0002)):
        market.perpetual(exchange, rate=rate)
    market.tick()
    pairs = market.newest("funding_spread", "sol").values["pairs"]
    assert [(item["short"]["exchange"], item["long"]["exchange"]) for item in pairs] == [
        ("bybit", "okx"),
        ("bybit", "binance"),
        ("binance", "okx"),
    ]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"flags": ("stale",)}, "stale"),
        ({"flags": ("frozen",)}, "doubtful_rate"),
        ({"hours": None}, "interval_unknown"),
        ({"rate": None}, "rate_unknown"),
        ({"settles_at": None}, "settlement_time_unknown"),
    ],
)
def test_a_leg_that_cannot_be_used_is_left_out_with_its_reason(keys: dict[str, Any], reason: str) -> None:
    """The other venues still make their pair."""
    market = Market()
    market.perpetual("binance", rate=0.0003)
    market.perpetual("okx", rate=0.0001)
    market.perpetual("bybit", **{"rate": 0.0009} | keys)
    market.tick()
    signal = market.newest("funding_spread", "sol")
    assert excluded(signal) == [("bybit", "solusdt", reason)]
    assert len(signal.values["pairs"]) == 1


@pytest.mark.parametrize(
    ("row", "mark", "reason"),
    [
        ({}, 103.0, "price_outlier"),
        ({}, 100_500.0, "multiplier_mismatch"),
        ({"instrument": "SOL/USDC:USDC"}, 100.0, "quote_mismatch"),
    ],
)
def test_legs_that_do_not_fit_each_other_make_no_pair(row: dict[str, Any], mark: float, reason: str) -> None:
    """Another price, another unit, another quote; nothing is left, and it says why."""
    market = Market()
    market.perpetual("binance", rate=0.0003)
    market.perpetual("bybit", mark=mark, row=row)
    market.tick()
    signal = market.newest("funding_spread", "sol")
    assert excluded(signal) == [("binance/bybit", "solusdt/solusdt", reason)]
    assert signal.values["pairs"] == []
    assert nulls(signal.values) == signal.values.keys() - {"pairs"}
    assert reasons(signal) == {"pairs": "no_two_legs_that_fit"}


def test_multiplier_contracts_are_compared_per_coin() -> None:
    """A contract on 1000 coins beside one on single coins is the same market."""
    market = Market()
    market.perpetual(
        "binance", rate=0.0003, mark=100_000.0, row={"multiplier": 1000.0, "symbol": "1000solusdt"}
    )
    market.perpetual("okx", rate=0.0001, mark=100.0)
    market.tick()
    signal = market.newest("funding_spread", "sol")
    assert signal.excluded == []
    assert signal.values["price_gap_bps"] == pytest.approx(0.0)


def test_a_coin_of_one_venue_has_no_spread() -> None:
    """There is nothing to compare."""
    market = Market()
    market.perpetual("binance")
    market.tick()
    assert market.of("funding_spread", "sol") == []


def test_open_interest_is_shared_out_and_weighs_the_rates() -> None:
    """The vector of the domain: 1e-4 per 8 h, 5e-5 per 4 h, 1.25e-5 per hour make 1e-4."""
    market = Market()
    for exchange, rate, hours, value in (
        ("binance", 1e-4, 8.0, 6e9),
        ("bybit", 5e-5, 4.0, 3e9),
        ("okx", 1.25e-5, 1.0, 1e9),
    ):
        market.perpetual(exchange, rate=rate, hours=hours, value=value)
    market.tick()
    values = market.newest("liquidity", "sol").values
    assert values["shares"] == pytest.approx({"binance": 0.6, "bybit": 0.3, "okx": 0.1})
    assert values["open_value"] == 1e10
    assert values["hhi"] == pytest.approx(0.46)
    assert values["effective_venues"] == pytest.approx(1 / 0.46)
    assert values["oi_weighted_funding_8h"] == pytest.approx(1e-4)


def test_liquidity_names_what_it_leaves_out() -> None:
    """No value in dollars: no share; no interval: no weight, but a share."""
    market = Market()
    market.perpetual("binance", value=None)
    market.perpetual("bybit", hours=None)
    market.tick()
    signal = market.newest("liquidity", "sol")
    assert excluded(signal) == [
        ("binance", "solusdt", "open_value_unknown"),
        ("bybit", "solusdt", "interval_or_rate_unknown"),
    ]
    assert signal.values["shares"] == {"bybit": 1.0}
    assert reasons(signal) == {"oi_weighted_funding_8h": "no_rate_with_a_value"}


def test_the_basis_is_told_against_index_spot_and_venues() -> None:
    """In basis points; a pair in another quote is marked as such."""
    market = Market()
    market.perpetual("bybit", mark=101.0)
    market.perpetual("okx", mark=100.0)
    market.perpetual("binance", mark=100.0, row={"instrument": "SOL/USDC:USDC"})
    market.say(mark_price(NOON, 101.0, 100.0, exchange="bybit"), spot(NOON, "bybit", 100.5))
    market.tick()
    values = market.newest("basis", "bybit:solusdt").values
    assert values["mark_index_bps"] == pytest.approx(100.0)
    assert values["perp_spot_bps"] == pytest.approx((101.0 / 100.5 - 1) * 10_000)
    assert values["carry_apr"] == pytest.approx(0.1095)
    assert [(item["exchange"], item["quote_mismatch"]) for item in values["perp_perp"]] == [
        ("binance", True),
        ("okx", False),
    ]
    assert values["perp_perp"][1]["bps"] == pytest.approx(100.0)
    assert nulls(values) == {
        "z_score",
        "days_to_expiry",
        "annualised_basis",
        "constant_maturity_days",
        "constant_maturity_basis",
    }


def test_what_a_basis_cannot_know_is_null_with_its_reason() -> None:
    """No spot pair, no rate, a short history."""
    market = Market()
    market.perpetual("bybit", rate=None)
    market.tick()
    signal = market.newest("basis", "bybit:solusdt")
    assert reasons(signal) == {
        "perp_spot_bps": "no_spot_pair",
        "carry_apr": "stale_or_interval_unknown",
        "z_score": "too_few_samples",
    }
    assert {"perp_spot_bps", "carry_apr", "z_score"} <= nulls(signal.values)


def test_the_basis_has_a_z_score_after_enough_samples() -> None:
    """Beside its own history, one sample each 360th of the window."""
    market = Market(min_samples=4, basis_window_ms=360 * 5_000)
    market.list_contract("bybit")
    for step, index in enumerate((100.0, 100.1, 99.9, 100.0, 99.0)):
        now = NOON + step * 5_000
        market.say(mark_price(now, 100.0, index))
        market.tick(now)
    signal = market.newest("basis", "bybit:solusdt")
    assert signal.values["samples"] == 5
    assert signal.values["z_score"] > 5


def test_a_dated_contract_has_an_annualised_basis() -> None:
    """The vector of the domain: 50,000 and 50,100 in thirty days are 2.433 % a year; a perpetual has none."""
    market = Market(constant_maturity_days=60.0)
    for days, mark in ((30, 50_100.0), (90, 50_600.0)):
        keys = market.list_contract(
            "bybit",
            kind="future",
            symbol=f"sol-{days}",
            instrument=f"SOL/USDT:USDT-{days}",
            delisted_at=NOON + days * 24 * HOUR,
        )
        market.say(mark_price(NOON, mark, 50_000.0, **keys))
    market.tick()
    near, far = (market.newest("basis", f"bybit:sol-{days}").values for days in (30, 90))
    assert near["annualised_basis"] == pytest.approx(0.02433, abs=5e-6)
    assert near["days_to_expiry"] == 30.0
    middle = (near["annualised_basis"] + far["annualised_basis"]) / 2
    assert near["constant_maturity_basis"] == pytest.approx(middle)
    assert near["constant_maturity_days"] == 60.0
    assert near["carry_apr"] is None


def test_a_rate_beside_its_own_history() -> None:
    """Live rates are scored after enough samples: the vector 1 2 3 4 5, then 100."""
    market = Market(min_samples=5, funding_window_ms=1_440 * 5_000)
    market.list_contract("bybit")
    for step, rate in enumerate((1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 100e-5)):
        now = NOON + step * 5_000
        market.say(funding(now, rate, funding_rate_8h=rate, rate_cap=0.002, rate_floor=-0.002))
        market.tick(now)
    early, signal = (
        market.of("funding_anomaly", "bybit:solusdt")[0],
        market.newest("funding_anomaly", "bybit:solusdt"),
    )
    assert reasons(early)["score"] == "too_few_samples"
    assert early.values["score"] is None
    values = signal.values
    assert values["history"] == "live"
    assert values["samples"] == 5
    assert values["median"] == pytest.approx(3e-5)
    assert values["mad"] == pytest.approx(1e-5)
    assert values["score"] == pytest.approx(0.6745 * 97)
    assert (values["method"], values["anomalous"], values["percentile"]) == ("mad", True, 1.0)
    assert values["distance_to_cap"] == pytest.approx(0.5)
    assert values["settled"]["samples"] == 0


def test_a_flat_history_is_scored_by_its_mean_deviation_or_not_at_all() -> None:
    """Pinned at 0.01 %: no score, and still an anomaly from one basis point on."""
    market = Market(min_samples=5, funding_window_ms=1_440 * 5_000)
    market.list_contract("bybit")
    for step, rate in enumerate([1e-4] * 6 + [3e-4]):
        now = NOON + step * 5_000
        market.say(funding(now, rate, funding_rate_8h=rate))
        market.tick(now)
    signal = market.newest("funding_anomaly", "bybit:solusdt")
    assert (signal.values["score"], signal.values["anomalous"]) == (None, True)
    assert reasons(signal) == {"score": "flat_history", "distance_to_cap": "limit_unknown"}


def test_settled_rates_are_a_history_of_their_own() -> None:
    """Where enough payments are known the rate is compared with them, not with forecasts."""
    market = Market(min_samples=5)
    market.list_contract("okx")
    for step in range(6):
        now = NOON + step * 8 * HOUR
        paid = {"settled_rate": 1e-4 + step * 1e-5, "settled_time": now}
        market.say(funding(now + 1000, 5e-4, funding_rate_8h=5e-4, exchange="okx", symbol="sol-usdt", **paid))
        market.tick(now + 1000)
    values = market.newest("funding_anomaly", "okx:sol-usdt").values
    assert values["history"] == "settled"
    assert values["samples"] == values["settled"]["samples"] == 6
    assert values["live"]["samples"] == 4  # of the last day
    assert values["median"] == pytest.approx(1.25e-4)
    assert values["settled_rate_8h"] == pytest.approx(1.5e-4)


def test_a_negative_rate_is_measured_against_its_floor() -> None:
    """1 at the limit, whichever side."""
    market = Market()
    market.list_contract("bybit")
    market.say(funding(NOON, -0.003, funding_rate_8h=-0.003, rate_cap=0.002, rate_floor=-0.003))
    market.tick()
    assert market.newest("funding_anomaly", "bybit:solusdt").values["distance_to_cap"] == 1.0


@pytest.mark.parametrize(
    ("mark", "interest", "expected"),
    [
        (101.0, 1010.0, "long_build_up"),
        (99.0, 1010.0, "short_build_up"),
        (101.0, 990.0, "short_covering"),
        (99.0, 990.0, "long_unwinding"),
        (100.05, 1010.0, "neutral"),
        (101.0, 1001.0, "neutral"),
    ],
)
def test_the_regime_of_a_bar(mark: float, interest: float, expected: str) -> None:
    """The table of the domain, from the close of the bar before to that of this one."""
    market = Market()
    market.perpetual("bybit")
    market.bar("5m", NOON, 5 * MINUTE, 100.0, 1000.0)
    market.bar("5m", NOON + 5 * MINUTE, 5 * MINUTE, mark, interest)
    market.tick(NOON + 10 * MINUTE)
    told = market.newest("oi_regime", "bybit:solusdt").values["5m"]
    assert told["regime"] == expected
    assert told["price_change"] == pytest.approx(mark / 100 - 1)
    assert told["oi_change"] == pytest.approx(interest / 1000 - 1)
    assert told["divergence"] == pytest.approx(told["oi_change"] - told["price_change"])


@pytest.mark.parametrize(
    ("later", "keys", "reason"),
    [
        (10 * MINUTE, {}, "no_bar_before"),
        (5 * MINUTE, {"coverage": 0.5}, "not_covered"),
        (5 * MINUTE, {"open_interest": None}, "open_interest_unknown"),
        (5 * MINUTE, {"mark": None}, "mark_unknown"),
    ],
)
def test_a_bar_without_both_edges_has_no_regime(later: int, keys: dict[str, Any], reason: str) -> None:
    """Null with a reason, never a guess."""
    market = Market()
    market.perpetual("bybit")
    market.bar("5m", NOON, 5 * MINUTE, 100.0, 1000.0)
    market.bar("5m", NOON + later, 5 * MINUTE, 101.0, 1010.0, **keys)
    market.tick(NOON + later + 5 * MINUTE)
    signal = market.newest("oi_regime", "bybit:solusdt")
    assert signal.values["5m"]["regime"] is None
    assert reasons(signal) == {"5m.regime": reason}


def test_a_squeeze_is_scored_from_three_components_on() -> None:
    """Negative funding and basis, rising price and open interest: shorts are in trouble, longs are not."""
    market = Market(
        min_samples=4, basis_window_ms=360 * 5_000, funding_window_ms=1_440 * 5_000, squeeze_timeframe="5s"
    )
    market.list_contract("bybit")
    for step in range(12):
        now = NOON + step * 5_000
        jump = step == 11
        rate = -0.002 if jump else 1e-4 + 1e-5 * (step % 3)
        mark = 103.0 if jump else 100.0 + 0.1 * (step % 2)
        index = 104.0 if jump else 100.0 + 0.1 * (step % 3)
        market.perpetual("bybit", rate=rate)
        market.say(mark_price(now, mark, index))
        market.bar("5s", now - 5_000, 5_000, mark, 1100.0 if jump else 1000.0 + step % 2)
        market.tick(now)
    values = market.newest("squeeze", "bybit:solusdt").values
    assert values["components_used"] == ["funding", "oi", "basis", "momentum"]
    used = [item for item in values["components"].values() if item]
    assert values["short_squeeze"] == pytest.approx(
        100 * sum(item["short"] * item["weight"] for item in used)
    )
    assert values["short_squeeze"] > 90
    assert values["long_squeeze"] == pytest.approx(100 * values["components"]["oi"]["weight"])
    assert sum(item["weight"] for item in used) == pytest.approx(1.0)
    assert values["components"]["liquidations"] is None


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({}, "fewer_than_three_components"),
        ({"value": 1e6}, "open_interest_too_small"),
        ({"value": None}, "open_value_unknown"),
        ({"flags": ("stale",)}, "stale"),
    ],
)
def test_no_squeeze_is_scored_of_too_little(keys: dict[str, Any], reason: str) -> None:
    """Both scores are null for the same reason."""
    market = Market()
    market.perpetual("bybit", **keys)
    market.tick()
    signal = market.newest("squeeze", "bybit:solusdt")
    assert (signal.values["short_squeeze"], signal.values["long_squeeze"]) == (None, None)
    assert reasons(signal) == {"short_squeeze": reason, "long_squeeze": reason}


def test_a_signal_is_published_when_it_changes_and_once_a_minute() -> None:
    """What says the same again is not news; silence for longer than a minute means trouble."""
    market = Market()
    market.perpetual("bybit")
    times = []
    for now in range(NOON, NOON + 2 * MINUTE + 1, 5_000):
        before = len(market.of("liquidity", "sol"))
        market.tick(now)
        if len(market.of("liquidity", "sol")) > before:
            times.append(now - NOON)
    assert times == [0, MINUTE, 2 * MINUTE]
    market.perpetual("bybit", value=2e9)
    market.tick(NOON + 2 * MINUTE + 5_000)
    assert market.newest("liquidity", "sol").values["open_value"] == 2e9


def test_signals_are_computed_at_their_interval() -> None:
    """Ticks in between compute nothing."""
    market = Market(interval_ms=10_000)
    market.perpetual("bybit")
    market.tick(NOON + 1)
    count = len(market.made)
    market.perpetual("bybit", mark=120.0, value=3e9)
    market.tick(NOON + 9_999)
    assert len(market.made) == count
    market.tick(NOON + 10_000)
    assert len(market.made) > count


def test_a_delisted_contract_takes_its_signals_with_it() -> None:
    """The last values of its signals go; those of its coin when it was the last."""
    market = Market()
    market.perpetual("bybit")
    market.perpetual("okx")
    market.tick()
    market.list_contract("bybit", status="delisted")
    assert set(market.removed) == {
        (f"signal:{name}", "bybit:solusdt") for name in ("basis", "funding_anomaly", "squeeze")
    }
    market.list_contract("okx", status="delisted")
    assert {("signal:liquidity", "sol"), ("signal:funding_spread", "sol")} <= set(market.removed)
    count = len(market.made)
    market.tick(NOON + 5_000)
    assert len(market.made) == count


def test_every_signal_has_a_counter_and_a_formula() -> None:
    """The names of the contract."""
    market = Market()
    assert market.signals.published.keys() == set(NAMES)
    market.perpetual("bybit")
    market.tick()
    assert {message.formula for message in market.made} == {"1"}
    assert market.signals.published["liquidity"] == 1


def test_the_same_input_makes_the_same_signals_byte_by_byte() -> None:
    """What is recorded and played again says the same."""

    def made() -> list[bytes]:
        market = Market(min_samples=4, squeeze_timeframe="5s", basis_window_ms=360 * 5_000)
        for step in range(20):
            market.now = NOON + step * 5_000
            for number, exchange in enumerate(("bybit", "okx", "binance")):
                market.perpetual(
                    exchange, rate=1e-4 * ((step + number) % 5), mark=100.0 + (step * number) % 3
                )
            market.bar("5s", market.now - 5_000, 5_000, 100.0 + step % 4, 1000.0 + step % 7)
            market.tick()
        return [json.encode(message) for message in market.made]

    first = made()
    assert first == made()
    assert len(first) > 100


def test_a_late_tick_goes_by_what_was_published_before_its_time() -> None:
    """What came when the tick was due waits for the next one, however late the tick is; a clock that stands still holds
    nothing back.
    """
    market = Market(interval_ms=1_000)
    market.perpetual("okx", mark=100.0)
    market.tick()
    due = market.now + 1_000
    for at, mark in ((due - 1, 101.0), (due, 102.0), (due + 3, 103.0)):
        market.signals.take(mark_price(at, mark, 100.0, exchange="okx", symbol="sol-usdt"), at)
    marks = []
    for now in (due, due, due + 1_000):
        list(market.signals.ticking(now))
        marks.append(market.newest("basis", "okx:sol-usdt").inputs[0].value)
    assert marks == [101.0, 101.0, 103.0]


def test_who_is_heard_of_first_changes_no_sum() -> None:
    """The last digit of a sum depends on the order of its parts, which is therefore that of their names."""
    totals = set()
    for order in (("okx", "bybit", "binance"), ("binance", "okx", "bybit"), ("bybit", "binance", "okx")):
        market = Market()
        for exchange in order:
            market.perpetual(exchange, value={"okx": 0.1, "bybit": 0.2, "binance": 0.3}[exchange])
        market.tick()
        totals.add(market.newest("liquidity", "sol").values["open_value"])
    assert len(totals) == 1
