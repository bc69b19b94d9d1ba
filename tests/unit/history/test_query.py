"""What `History` finds: contracts by any spelling, versions as they were known, and no row of another time."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from arro3.core import Table
from tests.unit.history.kept import (
    BTC,
    DAY,
    HOUR,
    MINUTE,
    SOL,
    SOLB,
    T0,
    candle,
    funding_message,
    mark_message,
    note,
    publish,
    put,
    reading,
    settlement,
)

from microstream.errors import ConfigError
from microstream.history import History
from microstream.history.store import Store
from microstream.model.formulas import funding_apr, funding_rate_8h
from microstream.model.past import Span


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Tables in a folder."""
    return Store(str(tmp_path))


def _closes(frame: pl.DataFrame) -> list[float]:
    return frame["close"].to_list()


@pytest.mark.parametrize(
    ("spelling", "found"),
    [
        ("SOL/USDT:USDT", ["solusdt", "sol-usdt"]),
        ("sol/usdt", ["solusdt", "sol-usdt"]),
        ("SOLUSDT", ["solusdt", "sol-usdt"]),
        ("SOL-USDT-SWAP", ["sol-usdt"]),
        ("okx:SOL", ["sol-usdt"]),
        ("*/USDT:USDT", ["solusdt", "btc-usdt", "sol-usdt"]),
        ("all", ["solusdt", "btc-usdt", "sol-usdt"]),
    ],
)
def test_a_contract_answers_to_every_spelling(store: Store, spelling: str, found: list[str]) -> None:
    """The spellings of the configuration mean the same contracts here."""
    put(store, "mark", [candle(T0, 1, of) for of in (SOL, SOLB, BTC)])
    assert History(store.url).mark(spelling)["symbol"].to_list() == found


def test_an_unknown_name_is_told_with_its_nearest(store: Store) -> None:
    """Of a table with rows; the exchange narrows it down."""
    put(store, "mark", [candle(T0, 1), candle(T0, 1, SOLB)])
    history = History(store.url)
    with pytest.raises(ConfigError, match=r"'SOLL/USDT' is not in venue/mark; nearest: SOL/USDT"):
        history.mark("SOLL/USDT")
    with pytest.raises(ConfigError, match="'kraken' is no exchange; there are binance"):
        history.mark("SOL", exchange="kraken")
    with pytest.raises(ConfigError, match="start 'soon' is no time"):
        history.mark("SOL", start="soon")
    with pytest.raises(ConfigError, match="is not before"):
        history.mark("SOL", start=T0, end=T0)
    assert history.mark("SOL", exchange="OKX")["symbol"].to_list() == ["sol-usdt"]
    assert history.mark("SOL", start=T0 + DAY).height == 0


def test_a_table_that_is_not_there_has_no_rows(store: Store) -> None:
    """Nothing was fetched: that is no mistake of the one who asks."""
    history = History(store.url)
    for frame in (history.funding("SOL"), history.open_interest("SOL"), history.joined("SOL")):
        assert frame.height == 0
    assert history.mark("SOL", every="1h").height == 0
    assert history.recorded("funding", "SOL").height == 0
    assert history.forecasts("SOL").height == 0


@pytest.mark.parametrize("every", ["1s", "7m", "0m", "2d", "m", "1x", "-5m"])
def test_a_length_that_does_not_divide_a_day_is_refused(store: Store, every: str) -> None:
    """Else candles of two days would not lie one on the other."""
    with pytest.raises(ConfigError, match=f"every {every} is no length"):
        History(store.url).mark("SOL", every=every)


def test_times_are_typed_and_the_end_is_open(store: Store) -> None:
    """A naive datetime, ISO text and integers mean the same."""
    put(store, "mark", [candle(T0 + number * MINUTE, number) for number in range(5)])
    start = datetime(2026, 9, 21, 0, 1, tzinfo=UTC)
    history = History(store.url)
    for at in (start, start.replace(tzinfo=None), "2026-09-21T00:01", "2026-09-21T02:01+02:00", T0 + MINUTE):
        found = history.mark("SOL", start=at, end=T0 + 3 * MINUTE)
        assert _closes(found) == [1, 2]
        assert found["timestamp"][0] == start
        assert found.schema["known_at"] == pl.Datetime("ms", "UTC")
    assert Table.from_arrow(history.mark("SOL")).num_rows == 5


def test_a_correction_is_known_since_it_was_fetched(store: Store) -> None:
    """Before that, and for one who asks as of then, the first version stands."""
    put(store, "mark", [candle(T0, 1), candle(T0 + MINUTE, 2)])
    put(store, "mark", [candle(T0, 9)], known_at=T0 + HOUR)
    history = History(store.url)
    assert _closes(history.mark("SOL")) == [9, 2]
    assert _closes(history.mark("SOL", as_of=T0 + HOUR)) == [9, 2]
    assert _closes(history.mark("SOL", as_of=T0 + HOUR - 1)) == [1, 2]
    assert _closes(history.mark("SOL", as_of=T0 + MINUTE)) == [1]
    assert _closes(history.mark("SOL", as_of=T0 + MINUTE - 1)) == []


def test_the_interval_follows_the_settlements(store: Store) -> None:
    """8 h, then 4 h, then 1 h; the first row finds the one before the span; formulas are those of the messages."""
    times = [0, 8, 16, 20, 24, 25, 26]
    put(store, "funding", [settlement(T0 + hours * HOUR) for hours in times])
    note(store, "funding", Span(T0, T0 + DAY))
    note(store, "funding", Span(T0 + DAY, T0 + 2 * DAY))
    found = History(store.url).funding("SOL", start=T0 + HOUR)
    assert found["funding_interval_hours"].to_list() == [8, 8, 4, 4, 1, 1]
    assert found["funding_apr"][2] == funding_apr(0.0001, 4)
    assert found["funding_rate_8h"][5] == funding_rate_8h(0.0001, 1)
    assert History(store.url).funding("SOL")["funding_interval_hours"][0] is None


def test_an_interval_over_a_hole_is_unknown(store: Store) -> None:
    """A settlement may be missing where the venue was not asked; 16 h are no interval; the next one is known again."""
    put(store, "funding", [settlement(T0 + hours * HOUR) for hours in (0, 8, 16, 24, 40, 48)])
    note(store, "funding", Span(T0, T0 + 9 * HOUR))
    note(store, "funding", Span(T0 + 10 * HOUR, T0 + 3 * DAY))
    put(store, "funding", [settlement(T0, of=BTC), settlement(T0 + 8 * HOUR, of=BTC)])
    found = History(store.url).funding("SOL", exchange="okx")
    assert found["funding_interval_hours"].to_list() == [None, 8, None, 8, None, 8]
    assert found["funding_apr"].null_count() == 3
    assert History(store.url).funding("BTC")["funding_interval_hours"].to_list() == [None, None]


def test_longer_candles_are_whole_and_say_what_they_lack(store: Store) -> None:
    """Bounds inside a candle do not cut it; a missing minute is told."""
    prices = {0: 10.0, 1: 14.0, 2: 8.0, 3: 11.0, 4: 12.0, 5: 20.0, 7: 21.0}
    put(store, "mark", [candle(T0 + minute * MINUTE, close) for minute, close in prices.items()])
    found = History(store.url).mark("SOL", every="5m", start=T0, end=T0 + 6 * MINUTE)
    assert found.select("open", "high", "low", "close", "candles", "complete").rows() == [
        (10, 15, 7, 12, 5, True),
        (20, 22, 19, 21, 2, False),
    ]
    assert found["known_at"].dt.timestamp("ms").to_list() == [T0 + 5 * MINUTE, T0 + 8 * MINUTE]


def test_points_have_no_high(store: Store) -> None:
    """Where a minute states its close alone, the longer candle does not invent extremes."""
    rows = [candle(T0, 1, open=None, high=None, low=None), candle(T0 + MINUTE, 3)]
    put(store, "premium", rows)
    [row] = History(store.url).premium("SOL", every="5m").rows(named=True)
    assert (row["open"], row["high"], row["low"], row["close"]) == (None, None, None, 3)


def test_a_join_knows_nothing_of_the_future(store: Store) -> None:
    """A candle is there from its close on, a correction from its fetching on, and old values not at all."""
    put(store, "mark", [candle(T0, 1), candle(T0 + 2 * MINUTE, 2)])
    put(store, "mark", [candle(T0, 7)], known_at=T0 + 90_000)
    put(store, "mark", [candle(T0, 8)], known_at=T0 + 4 * MINUTE)
    put(store, "oi", [reading(T0 + 30_000, 5)])
    put(store, "funding", [settlement(T0 - 8 * HOUR, 0.1), settlement(T0, 0.2)])
    note(store, "funding", Span(T0 - DAY, T0 + DAY))
    found = History(store.url).joined("SOL", start=T0, end=T0 + 8 * MINUTE)
    assert found["mark_price"].to_list() == [None, 1, 7, 2, 2, 2, 2, 2]
    assert found["mark_price_age_ms"].to_list() == [
        None,
        0,
        MINUTE,
        *(number * MINUTE for number in range(5)),
    ]
    assert found["open_interest"].to_list() == [None, 5, 5, 5, 5, 5, 5, 5]
    assert found["open_interest_age_ms"][1] == 30_000
    assert set(found["settled_rate"]) == {0.2}
    assert set(found["funding_interval_hours"]) == {8}
    assert found["index_price"].null_count() == 8
    short = History(store.url).joined("SOL", start=T0, end=T0 + 8 * MINUTE, tolerance_ms={"mark": MINUTE})
    assert short["mark_price"].to_list() == [None, 1, 7, 2, 2, None, None, None]
    then = History(store.url).joined("SOL", start=T0, end=T0 + 4 * MINUTE, as_of=T0 + 90_000)
    assert then["mark_price"].to_list() == [None, 1, 7, 7]
    with pytest.raises(ConfigError, match="tolerance of trades"):
        History(store.url).joined("SOL", tolerance_ms={"trades": 1})


def test_an_open_join_goes_as_far_as_there_is_anything(store: Store) -> None:
    """From the first thing that was known to the tick after the last, at multiples of the step."""
    put(store, "mark", [candle(T0 + MINUTE, 1), candle(T0 + 8 * MINUTE, 2)])
    found = History(store.url).joined("SOL", every="5m")
    assert found["timestamp"].dt.timestamp("ms").to_list() == [T0 + 5 * MINUTE, T0 + 10 * MINUTE]
    assert found["mark_price"].to_list() == [1, 2]


def test_forecast_and_settled_stand_apart(store: Store) -> None:
    """What was said before a settlement, in the order in which it came, beside what was paid."""
    settles = T0 + 8 * HOUR
    said = [funding_message(T0 + hours * HOUR, hours, rate, settles) for hours, rate in ((1, 0.3), (2, 0.4))]
    said.append(funding_message(T0 + 9 * HOUR, 3, 0.5, settles + 8 * HOUR, settled_rate=0.45))
    publish(store, "funding", said)
    put(store, "funding", [settlement(settles, 0.45)])
    history = History(store.url)
    found = history.forecasts("SOL")
    assert found["funding_rate"].to_list() == [0.3, 0.4, 0.5]
    assert found["settled_rate"].to_list() == [0.45, 0.45, None]
    assert found["lead_ms"].to_list() == [7 * HOUR, 6 * HOUR, 7 * HOUR]
    assert history.forecasts("SOL", end=settles + 1).height == 2
    assert history.forecasts("SOL", as_of=T0 + 90 * MINUTE).select("funding_rate", "settled_rate").rows() == [
        (0.3, None)
    ]


def test_recorded_messages_keep_their_order(store: Store) -> None:
    """By the place in the log; times are about the writing."""
    publish(store, "mark_price", [mark_message(T0 + number * 1000, number, number) for number in (1, 2, 3)])
    history = History(store.url)
    assert history.recorded("mark_price", "SOL")["seq"].to_list() == [1, 2, 3]
    assert history.recorded("mark_price", symbol="sol-usdt", end=T0 + 2005)["seq"].to_list() == [1]
    assert history.recorded("mark_price", as_of=T0 + 2005)["seq"].to_list() == [1, 2]
    with pytest.raises(ConfigError, match="'marks' is no family"):
        history.recorded("marks")
    with pytest.raises(ConfigError, match="mark_price have no timeframe"):
        history.recorded("mark_price", timeframe="1m")


def test_without_its_libraries_the_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package itself can be imported; `History` cannot."""
    import sys

    import microstream.history as package

    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.delitem(sys.modules, "microstream.history.query")
    with pytest.raises(ImportError, match=r"pip install 'p9-microstream\[history\]'"):
        _ = package.History
    with pytest.raises(AttributeError):
        _ = package.Nothing
