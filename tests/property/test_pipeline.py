"""Any sequence of replies, silences and registry news: what may never be published, and what must be told."""

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, INTERVALS, NEXT, Bench, Payload, S

from microstream.model.instruments import Status

CONTRACTS = (
    contract("bybit", "SOLUSDT", rate_cap=0.01, rate_floor=-0.01),
    contract("bybit", "BTCUSDT"),
    contract("bybit", "BTCUSDT-26MAR27"),
    contract("okx", "BTC-USD-SWAP"),
)
PRICES = st.sampled_from(
    [100.0, 100.5, 99.5, 301.0, 1000.0, 0.01, 0.0, -1.0, 1e13, "NaN", "", "101.25", "-inf", None]
)
TERMS = st.fixed_dictionaries(
    {
        "rate": st.sampled_from([0.0001, -0.0002, 0.005, 0.02, 0.0, 0.3, None]),
        "settles_at": st.sampled_from(
            [None, NOON - HOUR, NEXT, NEXT + 4 * HOUR, NEXT + 8 * HOUR, NEXT + 900 * HOUR]
        ),
        "interval_h": st.sampled_from([None, None, 8.0, 4.0]),
        "cap": st.sampled_from([None, None, 0.015]),
    }
)
AMOUNTS = st.sampled_from([0.0, 5.0, 6.0, -1.0, 1e19])
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "mark": PRICES,
        "index": PRICES,
        "rate": TERMS,
        "settled": st.tuples(st.sampled_from([0.0001, 0.0, -0.4]), st.just(NOON)),
        "oi": AMOUNTS,
    },
)
HEARD = st.tuples(
    st.just("hear"),
    st.sampled_from(CONTRACTS),
    VALUES,
    st.sampled_from([0, 0, 0, -3 * S, -100 * S, 2 * S, 50 * S, 70 * S, HOUR]),
)
NEWS = st.tuples(
    st.just("news"),
    st.sampled_from(CONTRACTS),
    st.sampled_from(["live", "suspended", "settling", "prelaunch"]),
)
GONE = st.tuples(st.just("gone"), st.sampled_from(CONTRACTS))
CLOCK = st.tuples(st.just("clock"), st.sampled_from([0, 500, 1_500, -1_800]))
PAUSES = st.sampled_from([0, 200, S, 5 * S, 10 * S, 31 * S, 100 * S])
STEPS = st.lists(st.tuples(PAUSES, st.one_of(HEARD, HEARD, HEARD, NEWS, GONE, CLOCK)), max_size=40)


class World:
    """A bench, what the venues have said to it, and by what it was followed."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.follow(*CONTRACTS)
        self.now = NOON
        self.said: dict[tuple[str, str], set[Any]] = defaultdict(set)

    def step(self, pause_ms: int, action: tuple[Any, ...]) -> None:
        """Let time pass in seconds, as the service does, then do one thing."""
        for _ in range(pause_ms // S):
            self.now += S
            self.bench.tick(self.now)
        self.now += pause_ms % S
        getattr(self, f"_{action[0]}")(*action[1:])
        self.bench.tick(self.now)

    def _hear(self, item: Any, values: dict[str, Any], ahead_ms: int) -> None:
        for kind, value in values.items():
            self.said[item.key, kind].add(_number(value) if kind in {"mark", "index"} else _plain(value))
        self.bench.hear(item, self.now, time=self.now + ahead_ms, period_ms=10 * S, **values)

    def _news(self, item: Any, status: Status) -> None:
        known = self.bench.state(item).instrument
        self.bench.pipeline.update(replace(known, status=status), self.now)

    def _gone(self, item: Any) -> None:
        self.bench.pipeline.unfollow(item.key, self.now)
        assert not {key for key in self.bench.pipeline.quality.open if key[1] == item.symbol}
        self.bench.follow(item, at=self.now)

    def _clock(self, offset_ms: int) -> None:
        for exchange in ("bybit", "okx"):
            self.bench.pipeline.clock(exchange, offset_ms, 20, self.now)


def _number(value: object) -> object:
    return float(value) if isinstance(value, str) and value else value


def _plain(value: object) -> object:
    return (value["rate"], value["settles_at"]) if isinstance(value, dict) else value


def _key(payload: Payload) -> str:
    return f"{payload['exchange']}:{payload['symbol']}"


def played(steps: list[tuple[int, tuple[Any, ...]]]) -> World:
    """Return the world after these steps."""
    world = World()
    for pause_ms, action in steps:
        world.step(pause_ms, action)
    return world


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_only_what_was_said_is_published(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """Every number comes from the venue, rate and settlement from one and the same row."""
    world = played(steps)
    for channel, payload in world.bench.offered:
        said = {kind: world.said[_key(payload), kind] for kind in ("mark", "index", "rate", "settled", "oi")}
        if channel.startswith("funding:"):
            pair = (payload["funding_rate"], payload["next_funding_time"])
            assert pair in said["rate"] | {(None, None)}
            assert payload["settled_rate"] in {rate for rate, _ in said["settled"]} | {None}
        if channel.startswith("meta:oi:"):
            assert payload["open_interest"] in said["oi"]
        if not channel.startswith(("meta:oi:", "quality:")):
            assert payload["mark_price"] in said["mark"] | {None}
            assert payload["index_price"] in said["index"] | {None}


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_impossible_values_are_never_published(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """Whatever came before or after them; and contracts that do not fund have no funding."""
    world = played(steps)
    for channel, payload in world.bench.offered:
        if channel.startswith("quality:"):
            continue
        for key in ("mark_price", "index_price"):
            price = payload.get(key)
            assert price is None or 0 < price < 1e12
        assert abs(payload.get("funding_rate") or 0.0) <= 0.02
        assert 0 <= payload.get("open_interest", 0) < 1e18
        assert not (channel.startswith("funding:") and "26mar27" in channel)


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_time_never_runs_backwards_on_a_channel(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """The times of a family's own value, as long as the contract is followed and the venue's clock is not set back."""
    world = played([step for step in steps if step[1][0] != "gone"])
    newest: dict[str, int] = {}
    for channel, payload in world.bench.offered:
        own = (
            payload.get("mark_price", 0)
            if channel.startswith("meta:mark")
            else payload.get("next_funding_time", 0)
        )
        if channel.startswith("quality:") or own is None:
            continue
        assert payload["timestamp"] >= newest.get(channel, 0)
        newest[channel] = payload["timestamp"]


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_every_condition_is_raised_and_cleared_in_turn(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """Once each; what is open at the end is what was raised last."""
    world = played(steps)
    open_now: set[tuple[str, str, str | None]] = set()
    for channel, payload in world.bench.offered:
        if channel.startswith("quality:"):
            condition = (channel, payload["kind"], payload["about"])
            raised = payload["state"] == "raised"
            assert raised == (condition not in open_now)
            open_now ^= {condition}
            assert payload["since"] <= payload["received_at"]
    known = world.bench.pipeline.quality.open
    assert open_now == {
        (f"quality:{exchange}:{symbol}", kind, about) for exchange, symbol, kind, about in known
    }


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_the_stale_flag_agrees_with_the_age(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """At every moment: values of live contracts are stale when not heard for three intervals, and say so."""
    world = World()
    for pause_ms, action in steps:
        world.step(pause_ms, action)
        last = dict(world.bench.offered)
        for state in world.bench.pipeline.states.values():
            for family, upkeep in state.upkeep.items():
                item = state.instrument
                prefix = "funding" if family == "funding" else f"meta:{family}"
                shown = last.get(f"{prefix}:{item.key}")
                heard = upkeep.confirmed_at
                if heard is None or shown is None or heard < upkeep.followed_at:
                    continue
                assert ("stale" in shown["flags"]) == (upkeep.stale_since is not None)
                if item.status == "live":
                    assert ("stale" in shown["flags"]) == (world.now - heard > 3 * INTERVALS[family])
                if not item.priced:
                    assert "stale" in shown["flags"]


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_recovered_is_said_once_after_a_gap(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """Never of a stale value, and never without the gap that it ends."""
    world = played([step for step in steps if step[1][0] != "gone"])
    before: dict[str, Payload] = {}
    for channel, payload in world.bench.offered:
        if channel.startswith("quality:"):
            continue
        flags = payload["flags"]
        assert not {"stale", "recovered"} <= set(flags)
        if "recovered" in flags and channel in before:
            assert "stale" in before[channel]["flags"]
        before[channel] = payload
