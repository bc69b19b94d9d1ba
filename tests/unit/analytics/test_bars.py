"""Bars: half-open, aligned, final once, late samples counted, quiet markets closed, lost time marked."""

from collections.abc import Iterable

import pytest
from tests.unit.analytics.said import NOON, funding, instrument, mark_price, open_interest

from microstream.analytics.analytics import Analytics
from microstream.analytics.bars import Bars, BarSettings
from microstream.analytics.timeframes import FOLDED_FROM, TIMEFRAMES
from microstream.model.channels import Channel, channel
from microstream.model.messages import BarMessage, Message, Range

SECOND = 1_000
ALL = {"bybit": frozenset({"mark_price", "funding", "oi", "spot"})}
PRICES = {"bybit": frozenset({"mark_price"})}


class Desk:
    """Bars with what they publish, and a clock."""

    def __init__(
        self, settings: BarSettings | None = None, families: dict[str, frozenset[str]] = PRICES
    ) -> None:
        self.made: list[BarMessage] = []
        self.names: list[str] = []
        self.bars = Bars(settings or BarSettings(), families, self._offer)
        self.analytics = Analytics(self.bars, None)

    def _offer(self, where: Channel, message: Message) -> None:
        assert isinstance(message, BarMessage)
        assert where == channel("bars", f"{message.exchange}:{message.timeframe}", message.symbol)
        self.names.append(where.name)
        self.made.append(message)

    def take(self, *messages: Message, at: int | None = None) -> None:
        """Publish messages at a time, or when each was received."""
        for message in messages:
            now = message.received_at if at is None else at
            self.analytics.take(channel(message.family, "bybit", "solusdt"), message, now)

    def tick(self, now: int) -> None:
        """Let the time pass."""
        for _ in self.analytics.ticking(now):
            pass

    def ticks(self, begin: int, end: int) -> None:
        """Let the seconds pass one by one."""
        for now in range(begin, end + 1, SECOND):
            self.tick(now)

    def of(self, timeframe: str) -> list[BarMessage]:
        """Return the published bars of a timeframe."""
        return [bar for bar in self.made if bar.timeframe == timeframe]

    def at(self, timeframe: str, open_time: int) -> BarMessage:
        """Return the one bar that begins then."""
        (bar,) = [bar for bar in self.of(timeframe) if bar.open_time == open_time]
        return bar


def ohlc(value: Range | None) -> tuple[float, ...] | None:
    """Return open, high, low, close and the number of samples."""
    return None if value is None else (value.open, value.high, value.low, value.close, value.samples)


def test_the_fifteen_timeframes_fold_one_another() -> None:
    """Lengths in seconds; each longer one is made of whole shorter ones."""
    lengths = [length // SECOND for length in TIMEFRAMES.values()]
    assert lengths == [1, 5, 15, 30, 60, 180, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]
    assert FOLDED_FROM.keys() == TIMEFRAMES.keys() - {"1s"}
    assert all(TIMEFRAMES[longer] % TIMEFRAMES[shorter] == 0 for longer, shorter in FOLDED_FROM.items())
    assert FOLDED_FROM["3m"] == "1m"
    assert FOLDED_FROM["6h"] == "2h"


def test_a_sample_on_the_border_belongs_to_the_next_bar() -> None:
    """Half-open: the end of a bar is the begin of the next."""
    desk = Desk()
    desk.take(mark_price(NOON, 10.0), mark_price(NOON + 999, 12.0), mark_price(NOON + 1000, 11.0))
    desk.tick(NOON + 4000)
    assert ohlc(desk.at("1s", NOON).mark) == (10.0, 12.0, 10.0, 12.0, 2)
    assert ohlc(desk.at("1s", NOON + 1000).mark) == (11.0, 11.0, 11.0, 11.0, 1)
    bar = desk.at("1s", NOON)
    assert (bar.open_time, bar.close_time, bar.timestamp) == (NOON, NOON + 1000, NOON + 1000)


def test_a_bar_is_published_when_its_lateness_is_over_and_once() -> None:
    """Not a millisecond before, and never again."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0))
    desk.tick(NOON + 2999)
    assert desk.made == []
    desk.tick(NOON + 3000)
    assert desk.names == ["bars:bybit:solusdt:1s"]
    desk.tick(NOON + 3000)
    desk.tick(NOON + 3999)
    assert len(desk.of("1s")) == 1


def test_a_sample_within_the_lateness_is_counted_in_the_order_of_its_time() -> None:
    """Out of order by arrival, in order in the bar."""
    desk = Desk()
    desk.take(mark_price(NOON + 800, 12.0), at=NOON + 850)
    desk.take(mark_price(NOON + 300, 10.0), at=NOON + 2900)
    desk.tick(NOON + 3000)
    bar = desk.at("1s", NOON)
    assert ohlc(bar.mark) == (10.0, 12.0, 10.0, 12.0, 2)
    assert bar.late == 0
    assert bar.mark is not None
    assert bar.mark.age_ms == 200


def test_a_late_sample_is_counted_and_in_no_bar() -> None:
    """It came when its bar was over: the next bar tells it, and its price moves no high."""
    desk = Desk()
    desk.take(mark_price(NOON + 500, 10.0))
    desk.take(mark_price(NOON + 1500, 11.0))
    desk.take(mark_price(NOON + 600, 99.0), at=NOON + 3000)
    desk.ticks(NOON + 3000, NOON + 5000)
    assert ohlc(desk.at("1s", NOON).mark) == (10.0, 10.0, 10.0, 10.0, 1)
    assert ohlc(desk.at("1s", NOON + 1000).mark) == (11.0, 11.0, 11.0, 11.0, 1)
    assert [bar.late for bar in desk.of("1s")] == [0, 1, 0]
    assert desk.bars.late == 1


def test_what_a_late_sample_says_holds_from_then_on() -> None:
    """Open interest that a venue stamps long ago is known now, though no bar counts it."""
    desk = Desk(families=ALL)
    desk.take(open_interest(NOON - 60_000, 5.0, received_at=NOON + 100), at=NOON + 100)
    desk.ticks(NOON + 1000, NOON + 3000)
    bar = desk.at("1s", NOON)
    assert ohlc(bar.open_interest) == (5.0, 5.0, 5.0, 5.0, 0)
    assert bar.open_interest is not None
    assert bar.open_interest.age_ms == 61_000


def test_a_quiet_market_closes_on_time() -> None:
    """Bars go on at the last value without a sample; their age grows."""
    desk = Desk()
    desk.take(mark_price(NOON + 400, 10.0))
    desk.ticks(NOON + 1000, NOON + 12_000)
    bars = desk.of("1s")
    assert [bar.open_time for bar in bars] == [NOON + SECOND * i for i in range(10)]
    assert [ohlc(bar.mark) for bar in bars[1:]] == [(10.0, 10.0, 10.0, 10.0, 0)] * 9
    assert [bar.mark.age_ms for bar in bars if bar.mark] == [600 + SECOND * i for i in range(10)]
    assert [bar.coverage for bar in bars] == [1.0] * 10
    assert ohlc(desk.at("5s", NOON + 5000).mark) == (10.0, 10.0, 10.0, 10.0, 0)


def test_longer_bars_are_folds_of_the_shorter_ones() -> None:
    """Open of the first, close of the last, the extremes, the sum of the samples."""
    desk = Desk()
    for second, price in enumerate([10.0, 14.0, 9.0, 12.0, 11.0]):
        desk.take(mark_price(NOON + 1000 * second + 10, price, 10.0))
    desk.ticks(NOON + 5000, NOON + 7000)
    bar = desk.at("5s", NOON)
    assert ohlc(bar.mark) == (10.0, 14.0, 9.0, 11.0, 5)
    assert ohlc(bar.index) == (10.0, 10.0, 10.0, 10.0, 5)
    assert ohlc(bar.basis_bps) == (0.0, 4000.0, -1000.0, 1000.0, 5)
    assert bar.mark is not None
    assert bar.mark.age_ms == 990


def test_all_values_of_a_contract_are_in_its_bars() -> None:
    """Marks, index, basis, rate, coins and dollars; live when all families have spoken."""
    desk = Desk(families=ALL)
    desk.take(mark_price(NOON + 10, 101.0, 100.0), at=NOON + 20)
    desk.tick(NOON + 1000)
    desk.take(funding(NOON + 1100, 0.0001), open_interest(NOON + 1200, 5.0, 500.0))
    desk.ticks(NOON + 2000, NOON + 4000)
    first, second = desk.at("1s", NOON), desk.at("1s", NOON + 1000)
    assert (first.funding_rate, first.open_interest, first.coverage) == (None, None, 0.0)
    assert ohlc(second.funding_rate) == (0.0001,) * 4 + (1,)
    assert (ohlc(second.open_interest), ohlc(second.open_value)) == ((5.0,) * 4 + (1,), (500.0,) * 4 + (1,))
    assert second.coverage == 1.0


def test_a_dated_contract_does_not_wait_for_a_funding_rate() -> None:
    """It has none, so its coverage is whole without."""
    desk = Desk(families={"bybit": frozenset({"mark_price", "funding"})})
    desk.take(instrument(kind="future"), mark_price(NOON + 10, 100.0))
    desk.ticks(NOON + 1000, NOON + 3000)
    assert desk.at("1s", NOON).coverage == 1.0


def test_a_stale_value_is_null_and_not_covered() -> None:
    """From the moment that it is flagged; a longer bar has what was live."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0))
    desk.ticks(NOON + 1000, NOON + 2000)
    desk.take(mark_price(NOON + 100, 10.0, flags=("stale",)), at=NOON + 2500)
    desk.ticks(NOON + 3000, NOON + 4000)
    desk.take(mark_price(NOON + 4100, 11.0, flags=("recovered",)), at=NOON + 4100)
    desk.ticks(NOON + 5000, NOON + 7000)
    bars = desk.of("1s")
    assert [bar.mark and bar.mark.close for bar in bars] == [10.0, 10.0, None, None, 11.0]
    assert [bar.coverage for bar in bars] == [1.0, 1.0, 0.0, 0.0, 1.0]
    whole = desk.at("5s", NOON)
    assert ohlc(whole.mark) == (10.0, 11.0, 10.0, 11.0, 2)
    assert whole.coverage == pytest.approx(0.6)


def test_a_restart_in_the_middle_marks_what_is_lost() -> None:
    """The minute of a start at its half is published once, half covered."""
    desk = Desk()
    for second in range(30, 60):
        desk.take(mark_price(NOON + 1000 * second + 10, 10.0 + second))
        desk.tick(NOON + 1000 * (second + 1))
    desk.ticks(NOON + 61_000, NOON + 62_000)
    bar = desk.at("1m", NOON)
    assert bar.coverage == 0.5
    assert ohlc(bar.mark) == (40.0, 69.0, 40.0, 69.0, 30)
    assert desk.of("1s")[0].open_time == NOON + 30_000


def test_while_the_service_itself_sleeps_nothing_is_live() -> None:
    """Suspended for twenty seconds: the bars of that time are null, and a minute is covered for the rest."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0))
    desk.ticks(NOON + 1000, NOON + 20_000)
    desk.tick(NOON + 40_000)
    desk.take(mark_price(NOON + 40_100, 11.0))
    desk.ticks(NOON + 41_000, NOON + 62_000)
    dark = [bar.open_time for bar in desk.of("1s") if bar.mark is None]
    assert dark == list(range(NOON + 20_000, NOON + 39_000, SECOND))
    assert desk.at("1m", NOON).coverage == pytest.approx((60 - 19) / 60)


def test_after_a_long_sleep_the_bars_of_that_time_are_missing_and_none_comes_twice() -> None:
    """An hour is passed over: what had begun is published once, with what it has."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0))
    desk.ticks(NOON + 1000, NOON + 10_000)
    begin = NOON + 3_600_000
    desk.take(mark_price(begin + 100, 11.0), at=begin + 100)
    desk.ticks(begin + 1000, begin + 10_000)
    for timeframe in ("1s", "5s", "15s", "1m", "5m", "1h"):
        times = [bar.open_time for bar in desk.of(timeframe)]
        assert times == sorted(set(times))
    assert len(desk.of("1s")) < 100
    assert desk.at("1h", NOON).coverage == pytest.approx(8 / 3600)
    assert ohlc(desk.at("1m", NOON).mark) == (10.0, 10.0, 10.0, 10.0, 1)


def test_a_value_that_is_not_known_any_more_is_null() -> None:
    """An index that has grown too old to be shown leaves the bars."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0, 9.0), mark_price(NOON + 1100, 10.0))
    desk.ticks(NOON + 3000, NOON + 4000)
    assert ohlc(desk.at("1s", NOON).index) == (9.0, 9.0, 9.0, 9.0, 1)
    second = desk.at("1s", NOON + 1000)
    assert (second.index, second.basis_bps) == (None, None)


def test_index_and_mark_have_their_own_times() -> None:
    """OKX pushes them apart: an old mark beside a new index makes no second sample of the mark."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0, 9.0))
    desk.take(mark_price(NOON + 100, 10.0, 9.5, index_timestamp=NOON + 1400), at=NOON + 1420)
    desk.ticks(NOON + 3000, NOON + 4000)
    second = desk.at("1s", NOON + 1000)
    assert ohlc(second.mark) == (10.0, 10.0, 10.0, 10.0, 0)
    assert ohlc(second.index) == (9.5, 9.5, 9.5, 9.5, 1)
    assert second.basis_bps is not None
    assert second.basis_bps.samples == 1


def test_a_repeated_message_is_one_sample() -> None:
    """What a stream vouches for is said again with its old time."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0))
    desk.take(mark_price(NOON + 100, 10.0), at=NOON + 900)
    desk.tick(NOON + 3000)
    assert ohlc(desk.at("1s", NOON).mark) == (10.0, 10.0, 10.0, 10.0, 1)


@pytest.mark.parametrize(
    "keys", [{"timestamp": None}, {"timestamp": NOON - 90_000, "flags": ("clock_skew",)}]
)
def test_without_a_time_of_the_venue_ours_counts(keys: dict[str, object]) -> None:
    """No stamp, or that of a clock that is wrong."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0, received_at=NOON + 100, **keys))
    desk.tick(NOON + 3000)
    bar = desk.at("1s", NOON)
    assert ohlc(bar.mark) == (10.0, 10.0, 10.0, 10.0, 1)
    assert bar.late == 0


def test_a_stamp_in_the_future_does_not_wait_for_its_time() -> None:
    """It counts when it came."""
    desk = Desk()
    desk.take(mark_price(NOON + 3_600_000, 10.0, received_at=NOON + 100), at=NOON + 100)
    desk.tick(NOON + 3000)
    assert ohlc(desk.at("1s", NOON).mark) == (10.0, 10.0, 10.0, 10.0, 1)


def test_timeframes_and_fields_are_switched() -> None:
    """Those that are not wanted are not published, or null; longer ones do not need them."""
    desk = Desk(BarSettings(frozenset({"5s"}), frozenset({"index"})))
    desk.take(mark_price(NOON + 100, 10.0, 9.0))
    desk.ticks(NOON + 1000, NOON + 7000)
    assert {bar.timeframe for bar in desk.made} == {"5s"}
    bar = desk.at("5s", NOON)
    assert (bar.mark, bar.basis_bps) == (None, None)
    assert ohlc(bar.index) == (9.0, 9.0, 9.0, 9.0, 1)


def test_a_delisted_contract_makes_no_further_bars() -> None:
    """Nothing is said of what does not exist."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 10.0))
    desk.tick(NOON + 3000)
    desk.take(instrument(status="delisted"))
    desk.ticks(NOON + 4000, NOON + 6000)
    assert len(desk.made) == 1


def test_the_longest_bar_ends_with_the_day() -> None:
    """1d: from midnight to midnight UTC, as it stands in the calendar."""
    midnight = NOON + 12 * 3_600_000
    desk = Desk(BarSettings(timeframes=frozenset({"1d", "12h"})))
    begin = midnight - 5_000
    desk.take(mark_price(begin, 10.0), at=begin)
    for now in range(begin + SECOND, midnight + 2 * SECOND + 1, SECOND):
        desk.take(mark_price(now - 10, 10.0 + (now - begin) / SECOND), at=now - 10)
        desk.tick(now)
    day = desk.at("1d", NOON - 12 * 3_600_000)
    assert day.close_time == midnight
    assert ohlc(day.mark) == (10.0, 15.0, 10.0, 15.0, 6)
    assert day.coverage == pytest.approx(5 / 86_400)
    assert ohlc(desk.at("12h", NOON).mark) == ohlc(day.mark)


def test_what_is_caught_up_is_published_second_by_second() -> None:
    """Bars of one time stand together, whichever contracts they are of: a write takes them in one entry."""
    desk = Desk()
    for symbol in ("solusdt", "btcusdt"):
        message = mark_price(NOON + 100, 10.0, symbol=symbol)
        desk.analytics.take(channel("mark_price", "bybit", symbol), message, NOON + 100)
    desk.tick(NOON + 5000)
    times = [bar.close_time for bar in desk.made]
    assert len(times) == 6
    assert times == sorted(times)


def test_the_same_input_makes_the_same_bars() -> None:
    """Twice the same messages, twice the same bars, at whatever moments the ticks come."""

    def made(ticks: Iterable[int]) -> list[BarMessage]:
        desk = Desk()
        due = sorted(ticks)
        for second in range(20):
            for offset, price in ((10, 10.0 + second % 7), (510, 9.0 - second % 3)):
                at = NOON + second * SECOND + offset
                while due and due[0] <= at:
                    desk.tick(due.pop(0))
                desk.take(mark_price(at - 400 * (second % 5), price), at=at)
        for now in due:
            desk.tick(now)
        return sorted(desk.made, key=lambda bar: (bar.close_time, bar.timeframe))

    end = NOON + 25 * SECOND
    first = made(range(NOON + 1000, end + 1, SECOND))
    assert first == made(range(NOON + 1000, end + 1, SECOND))
    assert first == made([*range(NOON + 1370, end, SECOND), end])
    assert len(first) > 25


def test_the_source_of_a_bar_is_that_of_the_newest_message_in_it() -> None:
    """What came after its end by another way, before it was closed, is none of it."""
    desk = Desk()
    desk.take(mark_price(NOON + 100, 1.0, source="rest"))
    desk.take(mark_price(NOON + SECOND + 100, 2.0, source="ws"))
    desk.tick(NOON + 4 * SECOND)
    first, second = desk.of("1s")
    assert (first.source, second.source) == ("rest", "ws")
