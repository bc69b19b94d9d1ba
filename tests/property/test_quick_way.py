"""The quick way of a stream's value publishes what the close look would: the same payloads in the same order."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import HOUR, NEXT, Bench, S

from microstream.pipeline.freshness import TICK_MS

CONTRACTS = (contract("bybit", "SOLUSDT", rate_cap=0.01, rate_floor=-0.01), contract("bybit", "BTCUSDT"))
INTERVALS = {"funding": 5 * S, "mark_price": 4 * S, "oi": 3 * S}
PRICES = st.sampled_from([100.0, 100.1, 100.2, 120.0, 149.0, 151.0, 222.0, 330.0, 1000.0, 0.0, "NaN", ""])
TERMS = st.fixed_dictionaries(
    {"rate": st.sampled_from([0.0001, 0.0001, 0.0002, 0.0, 0.009, 0.011, 0.3, None])},
    optional={
        "settles_at": st.sampled_from([NEXT, NEXT + 4 * HOUR, NOON - S, None]),
        "interval_h": st.sampled_from([8.0, 4.0]),
        "cap": st.sampled_from([0.02, 0.005]),
    },
)
AMOUNTS = st.one_of(
    st.sampled_from([0.0, 5.0, 6.0, 9.0, 1e6, 2e8, -1.0, 1e19]),
    st.fixed_dictionaries(
        {"contracts": st.sampled_from([5.0, None]), "base": st.sampled_from([5.0, 5.1, None])}
    ),
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "mark": PRICES,
        "index": PRICES,
        "rate": TERMS,
        "settled": st.tuples(st.sampled_from([0.0001, 0.0002, -0.4]), st.just(NOON)),
        "oi": AMOUNTS,
    },
)
USUAL = st.fixed_dictionaries(
    {
        "mark": st.sampled_from([100.0, 100.1]),
        "index": st.sampled_from([100.0, 100.1]),
        "rate": st.fixed_dictionaries({"rate": st.sampled_from([0.0001, 0.009])}),
        "oi": st.sampled_from([5.0, 6.0]),
    }
)
STAMPS = st.sampled_from([0, 0, 0, 0, -300, -1_900, -2_500, -8_000, 800, 1_200, 50_000, 70_000, None])
ALONE = st.sampled_from([{"mark": 100.0}, {"index": 100.0}, {"index": 100.1}])
NUMBERS = st.sampled_from([0, 0, 0, 1])
USUAL_ROW = st.tuples(NUMBERS, USUAL, st.just(0))
ROW = st.sampled_from(
    [USUAL_ROW] * 5
    + [
        st.tuples(NUMBERS, USUAL, STAMPS),
        st.tuples(NUMBERS, USUAL, st.sampled_from([1_200, -300, 800])),
        st.tuples(NUMBERS, VALUES, STAMPS),
        st.tuples(st.just(0), st.fixed_dictionaries({"mark": PRICES}), st.just(0)),
        st.tuples(st.just(0), ALONE, st.sampled_from([0, 1_200])),
    ]
).flatmap(lambda row: row)
ROWS = st.lists(ROW, min_size=1, max_size=2, unique_by=lambda row: row[0])
FRAME = st.tuples(st.just("frame"), ROWS)
POLL = st.tuples(st.just("poll"), NUMBERS, VALUES)
NEWS = st.tuples(
    st.just("news"),
    NUMBERS,
    st.sampled_from(["live", "live", "suspended"]),
    st.sampled_from([0.01, 0.005, None]),
)
CLOCK = st.tuples(st.just("clock"), st.sampled_from([0, 0, 1_500, -1_800]))
LOSS = st.tuples(st.just("loss"))
PAUSES = st.sampled_from([100, 100, 100, 100, 0, 10, 900, S, 3 * S, 8 * S])
ACTION = st.sampled_from([FRAME] * 16 + [POLL, NEWS, CLOCK, LOSS]).flatmap(lambda action: action)
STEPS = st.lists(st.tuples(PAUSES, ACTION), min_size=5, max_size=30)


class World:
    """A bench that takes the frames of streams the quick way, or each with a close look."""

    def __init__(self, *, quick: bool) -> None:
        self.bench = Bench()
        self.bench.follow(*CONTRACTS, intervals=INTERVALS)
        self.line = self.bench.line(*CONTRACTS, lively_ms=5 * S, quiet_ms=5 * S)
        self.quick = quick
        self.now = NOON

    def play(self, steps: list[tuple[int, tuple[Any, ...]]]) -> list[tuple[str, dict[str, Any]]]:
        """Return what is published by these steps."""
        for pause_ms, action in steps:
            for _ in range(pause_ms // S):
                self.now += S
                self.bench.tick(self.now)
            self.now += pause_ms % S
            getattr(self, f"_{action[0]}")(*action[1:])
        self.bench.tick(self.now)
        return self.bench.offered

    def _frame(self, rows: list[tuple[int, dict[str, Any], int | None]]) -> None:
        frame = self.bench.frame(CONTRACTS[0], self.now, source="ws")
        for number, values, ahead_ms in sorted(rows, key=lambda row: row[0]):
            stamp = None if ahead_ms is None else self.now + ahead_ms
            said = self.bench.frame(CONTRACTS[number], self.now, stamp, "ws", **values)
            frame.events += said.events
            frame.rejects += said.rejects
        if self.line.since is None:
            self.bench.pipeline.lines.heard(self.line, self.now, self.now)
        self.line.heard_at = self.line.stamp = self.now
        self.bench.pipeline.reject("bybit", [frame])
        if self.quick:
            self.bench.pipeline.push_frame(frame)
        else:
            self.bench.pipeline.push([frame], TICK_MS)

    def _poll(self, number: int, values: dict[str, Any]) -> None:
        self.bench.hear(CONTRACTS[number], self.now, period_ms=5 * S, **values)

    def _news(self, number: int, status: Any, cap: float | None) -> None:
        known = self.bench.state(CONTRACTS[number]).instrument
        self.bench.pipeline.update(replace(known, status=status, rate_cap=cap), self.now)

    def _clock(self, offset_ms: int) -> None:
        self.bench.pipeline.clock("bybit", offset_ms, 20, self.now)

    def _loss(self) -> None:
        self.bench.pipeline.lines.lost("bybit", [self.line.topic])


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_the_quick_way_publishes_what_the_close_look_does(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """Channel by channel, value by value, flag by flag."""
    quick, close = World(quick=True), World(quick=False)
    assert quick.play(steps) == close.play(steps)
    assert quick.bench.pipeline.events == close.bench.pipeline.events
    assert quick.bench.pipeline.quality.open == close.bench.pipeline.quality.open
