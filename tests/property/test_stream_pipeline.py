"""Any interleaving of frames, polls, losses, refusals and silence: what may never be published, and what must end."""

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract
from tests.unit.pipeline.bench import Bench, Payload, S

CONTRACTS = tuple(contract("bybit", name) for name in ("SOLUSDT", "BTCUSDT", "ETHUSDT"))
MARKS = {"mark_price": 5 * S}
LIVELY_S, POLL_S, CALM_S = 5, 5, 150
PRICES = st.sampled_from([100.0, 100.1, 100.2, 103.0, "NaN", None])
NUMBERS = st.sampled_from([0, 1, 2])
DELAYS = st.sampled_from([0, 0, 0, 200, 1_500, 8_000])
"""How long a frame has been under way, in ms."""
ACTION = st.sampled_from(
    [st.tuples(st.just("frame"), NUMBERS, PRICES, DELAYS)] * 6
    + [st.tuples(st.just("poll"), NUMBERS, PRICES, DELAYS)] * 3
    + [
        st.tuples(st.just("lose"), NUMBERS),
        st.tuples(st.just("refuse"), NUMBERS),
        st.tuples(st.just("confirm"), NUMBERS),
        st.tuples(st.just("unwant"), NUMBERS),
        st.tuples(st.just("clock"), st.sampled_from([0, 1_500, -1_800])),
    ]
).flatmap(lambda action: action)
PAUSES = st.sampled_from([0, 100, 100, S, S, 4 * S, 12 * S, 40 * S])
STEPS = st.lists(st.tuples(PAUSES, ACTION), min_size=5, max_size=40)


class World:
    """Three contracts with a line each, what was said of each, and who may write."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.follow(*CONTRACTS, intervals=MARKS)
        self.lines = [self._line(number) for number in range(len(CONTRACTS))]
        self.now = NOON
        self.said: dict[str, set[Any]] = defaultdict(set)
        self.polled: dict[int, int] = defaultdict(int)
        """Polls since a stream brought the last good value of a contract."""

    def play(self, steps: list[tuple[int, tuple[Any, ...]]]) -> "World":
        """Do one step after the other, and look after each."""
        for pause_ms, action in steps:
            self.wait(pause_ms)
            getattr(self, f"_{action[0]}")(*action[1:])
            self.bench.tick(self.now)
        return self

    def wait(self, pause_ms: int) -> None:
        """Let time pass second by second, as the service does."""
        for _ in range(pause_ms // S):
            self.now += S
            self.bench.tick(self.now)
        self.now += pause_ms % S

    def calm(self) -> None:
        """Let everything be sound for a while: frames each second, polls that agree, clocks that do."""
        self.bench.pipeline.clock("bybit", 0, 20, self.now)
        for second in range(CALM_S):
            self.now += S
            for number in range(len(CONTRACTS)):
                self._frame(number, 100.0 + second / 1000, 0)
                if second % POLL_S == 0:
                    self._poll(number, 100.0 + second / 1000, 0)
            self.bench.tick(self.now)

    def _line(self, number: int) -> Any:
        item = CONTRACTS[number]
        return self.bench.line(item, topic=item.name, kinds=["mark", "index"], quiet_ms=LIVELY_S * S)

    def _frame(self, number: int, price: Any, delay_ms: int) -> None:
        item = CONTRACTS[number]
        self.said[item.key].add(price)
        self.bench.stream(
            self.lines[number], item, self.now, time=self.now - delay_ms, mark=price, index=100.0
        )

    def _poll(self, number: int, price: Any, delay_ms: int) -> None:
        item = CONTRACTS[number]
        self.said[item.key].add(price)
        self.bench.hear(
            item, self.now, time=self.now - delay_ms, mark=price, index=100.0, period_ms=POLL_S * S
        )

    def _lose(self, number: int) -> None:
        self.bench.pipeline.lines.lost("bybit", [self.lines[number].topic])

    def _refuse(self, number: int) -> None:
        self.bench.pipeline.lines.refused("bybit", self.lines[number].topic, "no", "1", self.now)

    def _confirm(self, number: int) -> None:
        self.bench.pipeline.lines.confirmed("bybit", self.lines[number].topic, self.now)

    def _unwant(self, number: int) -> None:
        self.bench.pipeline.lines.remove(self.lines[number], self.now)
        self.lines[number] = self._line(number)

    def _clock(self, offset_ms: int) -> None:
        self.bench.pipeline.clock("bybit", offset_ms, 20, self.now)


def values(world: World) -> list[tuple[str, Payload]]:
    """Return what was published, quality apart."""
    return [
        (channel, payload) for channel, payload in world.bench.offered if not channel.startswith("quality:")
    ]


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_nobody_publishes_what_nobody_said(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """Not a mark of another contract or of no venue, nor one whose time runs back."""
    world = World().play(steps)
    newest: dict[str, int] = defaultdict(int)
    for channel, payload in values(world):
        key = channel.removeprefix("meta:mark_price:")
        if payload["mark_price"] is not None:
            assert payload["mark_price"] in world.said[key]
            assert payload["timestamp"] >= newest[channel]
            newest[channel] = payload["timestamp"]


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_polls_do_not_write_what_a_sound_stream_has_just_said(
    steps: list[tuple[int, tuple[Any, ...]]],
) -> None:
    """A mark that came by a stream in time is not taken over while that stream goes on speaking and moving."""
    world = World()
    for count, (pause_ms, action) in enumerate(steps):
        world.play([(pause_ms, action)])
        world.now += S
        for number, item in enumerate(CONTRACTS):
            world._frame(number, 100.0 + count / 1000, 0)
            if world.bench.state(item).mark.source != "ws":  # type: ignore[union-attr]
                continue  # stamped before what is known: the venue's clock is ahead
            before = len(world.bench.offered)
            world._poll(number, 100.1, 0)
            assert len(world.bench.offered) == before


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_what_is_old_is_flagged(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """At every moment: what was received longer ago than any deadline allows says so."""
    world = World()
    for pause_ms, action in steps:
        world.play([(pause_ms, action)])
        for channel, payload in dict(values(world)).items():
            upkeep = world.bench.state(next(c for c in CONTRACTS if c.symbol in channel)).upkeep["mark_price"]
            heard = upkeep.confirmed_at or upkeep.followed_at
            if payload["mark_price"] is not None and world.now - heard > 3 * MARKS["mark_price"] + S:
                assert "stale" in payload["flags"]
            assert ("stale" in payload["flags"]) == (upkeep.stale_since is not None)


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_conditions_come_and_go_in_turn_and_all_of_them_go(steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    """None is raised twice or cleared unraised; when all has been sound for long enough none is open, nor any flag."""
    world = World().play(steps)
    world.calm()
    open_now: set[tuple[str, str, str | None]] = set()
    for channel, payload in world.bench.offered:
        if channel.startswith("quality:"):
            condition = (channel, payload["kind"], payload["about"])
            assert (payload["state"] == "raised") == (condition not in open_now)
            open_now ^= {condition}
            assert payload["since"] <= payload["received_at"]
    assert open_now == set()
    assert world.bench.pipeline.quality.open == {}
    last = dict(values(world))
    assert {(payload["source"], tuple(payload["flags"])) for payload in last.values()} == {("ws", ())}


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from([1, 2, 3]), min_size=40, max_size=120),
    st.integers(min_value=31, max_value=40),
)
def test_what_moves_is_never_frozen_and_what_stops_always_is(pauses: list[int], still_s: int) -> None:
    """Pauses of a tenth of the shortest window at most; then one that stops while the others go on."""
    bench = Bench()
    bench.follow(*CONTRACTS, intervals=MARKS)
    moves: set[int] = set()
    end = 0
    for pause in pauses:
        end += pause
        moves.add(end)
    price = 100.0
    for second in range(end + still_s + 1):
        price += second in moves
        for item, mark in zip(CONTRACTS, (price, 200.0 + second, 300.0 + second), strict=True):
            bench.hear(item, NOON + second * S, mark=mark)
        bench.tick(NOON + second * S)
        if second <= end:
            assert bench.quality("frozen") == []
    assert bench.quality("frozen") == [("solusdt", "frozen", "raised", "mark")]


@settings(deadline=None, max_examples=50)
@given(
    st.integers(min_value=0, max_value=2),
    st.sampled_from([-0.02, 0.02]),
    st.sampled_from([0.0001, 1.0, 90_000.0]),
    st.booleans(),
    st.integers(min_value=3, max_value=20),
)
def test_one_of_three_that_leaves_is_told_once_and_one_of_two_is_not(
    number: int, part: float, price: float, three: bool, seconds: int
) -> None:
    """Per single coin, whatever the contract's unit; over when it is back."""
    items = [
        contract("binance", "1000PEPEUSDT"),
        contract("okx", "PEPE-USDT-SWAP"),
        replace(contract("bybit", "SOLUSDT"), base="PEPE", symbol="pepeusdt", name="PEPEUSDT"),
    ][: 3 if three else 2]
    bench = Bench()
    bench.follow(*items, intervals=MARKS)
    for second in range(3 * seconds):
        is_off = seconds <= second < 2 * seconds
        for place, item in enumerate(items):
            unit = price * item.multiplier * (1 + part if is_off and place == number else 1)
            bench.hear(item, NOON + second * S, mark=unit * (1 + second / 1e9))
        bench.tick(NOON + second * S)
    states = [payload["state"] for _, payload in bench.offered if payload.get("kind") == "outlier"]
    assert states == (["raised", "cleared"] if three else [])
    told = {channel for channel, payload in bench.offered if payload.get("kind") == "outlier"}
    assert told == ({f"quality:{items[number].key}"} if three else set())
