"""Bars are folds of the shorter ones, and what they say is what the samples say."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analytics.said import NOON, mark_price

from microstream.analytics.bars import Bars, BarSettings
from microstream.analytics.timeframes import FOLDED_FROM, TIMEFRAMES
from microstream.model.channels import Channel, channel
from microstream.model.messages import BarMessage, Message, Range

LATENESS_MS = 2_000
SPAN_S = 400
WHERE = channel("mark_price", "bybit", "solusdt")

Sample = tuple[int, int, float]
"""Time of the venue, time of receipt, price."""

samples = st.lists(
    st.tuples(
        st.integers(0, SPAN_S * 1000 - 1),
        st.one_of(st.integers(0, 900), st.integers(0, 8_000)),
        st.floats(0.001, 1e6, allow_nan=False),
    ).map(lambda made: (NOON + made[0], NOON + made[0] + made[1], made[2])),
    max_size=80,
    unique_by=lambda sample: sample[0],
)


def bars_of(said: list[Sample], *, ticks: int = 1000) -> list[BarMessage]:
    """Return the bars that samples make, with a tick every so many ms."""
    made: list[BarMessage] = []

    def offer(_where: Channel, message: Message) -> None:
        assert isinstance(message, BarMessage)
        made.append(message)

    bars = Bars(BarSettings(lateness_ms=LATENESS_MS), {"bybit": frozenset({"mark_price"})}, offer)
    due = NOON
    for at, received_at, price in sorted(said, key=lambda sample: sample[1]):
        while due <= received_at:
            bars.tick(due)
            due += ticks
        bars.take(WHERE, mark_price(at, price, received_at=received_at), received_at)
    end = NOON + (SPAN_S + 10) * 1000
    for now in (*range(due, end, ticks), end):
        bars.tick(now)
    return made


def prices(value: Range | None) -> tuple[float, float, float, float] | None:
    """Return open, high, low and close."""
    return None if value is None else (value.open, value.high, value.low, value.close)


@given(samples)
def test_a_longer_bar_is_the_fold_of_its_closed_shorter_ones(said: list[Sample]) -> None:
    """Open of the first that knows one, close of the last, extremes, sums; coverage is the mean."""
    bars = bars_of(said)
    by_place = {(bar.timeframe, bar.open_time): bar for bar in bars}
    assert len(by_place) == len(bars)
    for bar in bars:
        if bar.timeframe == "1s":
            continue
        shorter = FOLDED_FROM[bar.timeframe]
        step = TIMEFRAMES[shorter]
        within = [by_place.get((shorter, at)) for at in range(bar.open_time, bar.close_time, step)]
        parts = [part.mark for part in within if part is not None and part.mark is not None]
        known = [part for part in within if part is not None]
        assert prices(bar.mark) == (
            (parts[0].open, max(p.high for p in parts), min(p.low for p in parts), parts[-1].close)
            if parts
            else None
        )
        assert (bar.mark.samples if bar.mark else 0) == sum(part.samples for part in parts)
        assert bar.late == sum(part.late for part in known)
        assert abs(bar.coverage - sum(part.coverage for part in known) / len(within)) < 1e-12


@given(samples)
def test_a_second_says_what_its_samples_say(said: list[Sample]) -> None:
    """Each sample is in the second of its own time, or counted as late: none twice, none forgotten."""
    seconds = {bar.open_time: bar for bar in bars_of(said) if bar.timeframe == "1s"}
    late = 0
    for begin in range(NOON, NOON + SPAN_S * 1000, 1000):
        own = sorted(sample for sample in said if begin <= sample[0] < begin + 1000)
        timely = [price for _, received_at, price in own if received_at < begin + 1000 + LATENESS_MS]
        late += len(own) - len(timely)
        if timely:
            value = seconds[begin].mark
            assert value is not None
            assert value.samples == len(timely)
            assert prices(value) == (timely[0], max(timely), min(timely), timely[-1])
    assert late == sum(bar.late for bar in seconds.values())


@given(samples, st.sampled_from([250, 1000, 1700]))
def test_bars_do_not_depend_on_when_the_ticks_come(said: list[Sample], ticks: int) -> None:
    """The same messages make the same bars."""

    def key(bar: BarMessage) -> tuple[int, int]:
        return bar.open_time, TIMEFRAMES[bar.timeframe]

    assert sorted(bars_of(said), key=key) == sorted(bars_of(said, ticks=ticks), key=key)
