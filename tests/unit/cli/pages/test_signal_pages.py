"""The pages of signals: spreads, open interest, squeezes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from microstream.cli.board import LATE_AFTER_MS
from microstream.cli.order import matching
from microstream.cli.pages import signal_page
from microstream.cli.pages.oi import OiPage, seconds_of
from microstream.cli.pages.plain import ordered, page_lines, page_records
from microstream.cli.pages.published import PublishedPage
from microstream.cli.pages.signal_page import SignalPage
from microstream.cli.pages.spreads import SpreadsPage
from microstream.cli.pages.squeeze import SqueezePage
from microstream.client.arrival import Arrival, Payload

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000

PAIR: dict[str, Any] = {
    "short": {"exchange": "okx", "symbol": "sol-usdt", "fee": 0.0005},
    "long": {"exchange": "bybit", "symbol": "solusdt", "fee": 0.00055},
    "carry_per_hour": 2.5e-5,
    "gross_apr": 0.219,
    "costs": 0.0021,
    "break_even_hours": 84.0,
    "break_even_time": NOW + 88 * 3_600_000,
    "net_return": {"8h": -0.0019, "24h": -0.0015, "72h": -0.0003, "168h": 0.0021},
}


def cells(page: PublishedPage[Any], sort: str = "", now_ms: int = NOW) -> list[list[str]]:
    """Return the cells of the printed page, without its title."""
    return [line.split() for line in list(page_lines(page, sort, now_ms))[1:]]


def test_a_spread_has_both_legs_costs_break_even_and_what_is_left_out(arrive: Arrive) -> None:
    """The best pair of a coin on one line; legs before pairs."""
    page = SpreadsPage()
    excluded = [
        {"exchange": "binance/okx", "symbol": "solusdt/sol-usd", "reason": "quote_mismatch"},
        {"exchange": "binance", "symbol": "solusdt", "reason": "stale"},
    ]
    page.take(arrive("signal:funding_spread:sol", received_at=NOW, values=PAIR, excluded=excluded))
    _, sol = list(page_lines(page, "", NOW))[1:]
    assert sol.split() == [
        *("SOL", "okx", "sol-usdt", "bybit", "solusdt", "+21.90%", "0.2100%", "84.0h", "10-13", "04:00"),
        *("-0.1500%", "+0.2100%", "stale:", "binance", "solusdt;", "quote", "mismatch:", "binance/okx"),
        "solusdt/sol-usd",
    ]


def test_a_coin_without_a_pair_says_why_and_comes_last(arrive: Arrive) -> None:
    """All values null: dashes and the reason; the others by gross APR."""
    page = SpreadsPage()
    empty = dict.fromkeys(PAIR) | {"pairs": []}
    page.take(
        arrive(
            "signal:funding_spread:aaa",
            received_at=NOW,
            values=empty,
            flags=["pairs:no_two_legs_that_fit"],
        )
    )
    page.take(arrive("signal:funding_spread:bbb", received_at=NOW, values=PAIR | {"gross_apr": 0.1}))
    page.take(arrive("signal:funding_spread:ccc", received_at=NOW, values=PAIR))
    why, _, *lines = list(page_lines(page, "", NOW))[1:]
    assert why == "unknown values: no two legs that fit (1 rows)"
    assert [line.split()[0] for line in lines] == ["CCC", "BBB", "AAA"]
    assert lines[-1].split()[:9] == ["AAA", *"--------"]
    assert lines[-1].endswith("no two legs that fit: pairs")


def regime(oi: float | None, price: float | None, name: str | None) -> dict[str, Any]:
    """Return what is told of one timeframe."""
    return {"oi_change": oi, "price_change": price, "regime": name, "samples": 40}


def test_open_interest_is_sorted_by_the_size_of_the_change_of_a_timeframe(arrive: Arrive) -> None:
    """Of 5m at first, of another that is named; falls count as much as rises, unknown ones last."""
    page = OiPage()
    for symbol, short, long in (("a", 0.01, None), ("b", -0.05, 0.02), ("c", None, -0.03)):
        values = {"5m": regime(short, 0.001, "neutral"), "1h": regime(long, -0.2, "long_unwinding")}
        page.take(arrive(f"signal:oi_regime:okx:{symbol}", received_at=NOW, values=values))
    assert [row.symbol for row in ordered(page, "", NOW)[1]] == ["b", "a", "c"]
    assert [row.symbol for row in ordered(page, "oi_1h", NOW)[1]] == ["c", "b", "a"]
    assert [row.symbol for row in ordered(page, "-oi_1h", NOW)[1]] == ["b", "c", "a"]
    titles, first, *_ = cells(page)
    assert " ".join(titles).startswith("instrument venue OI 5m mark 5m 5m regime OI 1h mark 1h 1h regime")
    assert first == ["b", "okx", "-5.00%", "+0.10%", "neutral", "+2.00%", "-20.00%", "long", "unwinding"]


def test_timeframes_are_ordered_by_length_and_the_one_sorted_by_stays_longest(arrive: Arrive) -> None:
    """Names that are no timeframe come last."""
    page = OiPage()
    frames = ("1d", "odd", "15m", "30s", "4h")
    values: dict[str, Any] = {frame: regime(0.1, 0.1, "neutral") for frame in frames} | {"note": "text"}
    page.take(arrive("signal:oi_regime:okx:a", received_at=NOW, values=values))
    ranks = {column.name: column.rank for column in page.columns("oi_4h") if column.name.startswith("oi_")}
    assert list(ranks) == ["oi_30s", "oi_15m", "oi_4h", "oi_1d", "oi_odd"]
    assert max(ranks, key=lambda name: ranks[name]) == "oi_4h"
    assert page.sort == "oi_30s"
    assert page.columns("oi_4h") is page.columns("oi_4h")


@pytest.mark.parametrize(
    ("known", "sort"),
    [
        ({}, "oi_5m"),
        ({"1m": None, "5m": None}, "oi_5m"),
        ({"15s": 0.1, "1m": 0.1, "5m": None, "1h": 0.1}, "oi_1m"),
        ({"15s": 0.1, "5m": 0.1, "1h": 0.1}, "oi_5m"),
        ({"5m": None, "1h": 0.1, "4h": 0.1}, "oi_1h"),
    ],
)
def test_it_begins_with_a_timeframe_whose_changes_are_known(
    known: dict[str, float | None], sort: str, arrive: Arrive
) -> None:
    """The usual one as soon as there is one: after a start the first bars are short."""
    page = OiPage()
    values = {name: regime(change, None, None) for name, change in known.items()}
    page.take(arrive("signal:oi_regime:okx:a", received_at=NOW, values=values))
    page.columns("")
    assert page.sort == sort


@pytest.mark.parametrize(
    ("name", "seconds"), [("1s", 1), ("15m", 900), ("4h", 14_400), ("1d", 86_400), ("odd", float("inf"))]
)
def test_a_timeframe_has_a_length(name: str, seconds: float) -> None:
    """Infinite for what is none."""
    assert seconds_of(name) == seconds


def test_a_regime_is_late_when_two_of_its_shortest_bars_have_passed(arrive: Arrive) -> None:
    """Regimes of hours are told once an hour."""
    page = OiPage()
    page.take(arrive("signal:oi_regime:okx:a", received_at=NOW, values={"1h": regime(0.1, 0.1, None)}))
    page.take(arrive("signal:oi_regime:okx:b", received_at=NOW, values={"1s": regime(0.1, 0.1, None)}))
    hourly, fast = page.rows()
    assert not hourly.late(NOW + 7_200_000)
    assert hourly.late(NOW + 7_200_001)
    assert not fast.late(NOW + LATE_AFTER_MS)
    assert fast.late(NOW + LATE_AFTER_MS + 1)


def component(value: float, short: float, long: float) -> dict[str, float]:
    """Return one component of a squeeze score."""
    return {"value": value, "short": short, "long": long, "weight": 0.3}


def test_a_squeeze_has_both_scores_and_every_component_with_its_side(arrive: Arrive) -> None:
    """The higher score first, whichever side it is of."""
    page = SqueezePage()
    for symbol, short, long in (("a", 10.0, 0.0), ("b", 0.0, 55.51), ("c", None, None), ("d", 0.0, 0.0)):
        values = {
            "short_squeeze": short,
            "long_squeeze": long,
            "components": {"funding": component(-2.3, 0.58, 0.0), "oi": None, "basis": component(0.0, 0, 0)},
        }
        page.take(arrive(f"signal:squeeze:okx:{symbol}", received_at=NOW, values=values))
    titles, *rows = cells(page)
    assert titles[:9] == ["instrument", "venue", "higher", "short", "long", "funding", "oi", "basis", "left"]
    assert rows == [
        ["b", "okx", "long", "0.0", "55.5", "-2.30", "S0.58", "-", "0.00"],
        ["a", "okx", "short", "10.0", "0.0", "-2.30", "S0.58", "-", "0.00"],
        ["d", "okx", "none", "0.0", "0.0", "-2.30", "S0.58", "-", "0.00"],
        ["c", "okx", "-", "-", "-", "-2.30", "S0.58", "-", "0.00"],
    ]


def test_reasons_are_counted_by_rows(arrive: Arrive) -> None:
    """What most rows lack comes first."""
    page = SqueezePage()
    for number, reason in enumerate(["stale", "few", "few"]):
        flags = [f"short_squeeze:{reason}", f"long_squeeze:{reason}"]
        page.take(arrive(f"signal:squeeze:okx:c{number}", received_at=NOW, values={}, flags=flags))
    assert page.above(NOW) == ("unknown values: few (2 rows), stale (1 rows)",)


PAGES = [SpreadsPage, OiPage, SqueezePage]


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_without_signals_says_why(kind: type[SignalPage]) -> None:
    """Switched off where that is known; else what it takes, and that it may be switched off."""
    page = kind()
    (text,) = list(page_lines(page, "", NOW))[1:]
    assert text.startswith(f"no {page.signal} published yet: ")
    assert text.endswith("none comes while signals.enabled is false")
    page.off = "my.yaml"
    assert page.nothing() == "signals are switched off: signals.enabled is false in my.yaml"


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"gross_apr": "x", "short": [1], "net_return": 5, "break_even_time": 1e300},
        {"5m": 3, "1h": {"oi_change": True, "regime": 4}, "components": [], "short_squeeze": {}},
        {"components": {"oi": "x", "novel": {"value": None, "short": "y"}}, "short_squeeze": -1},
    ],
)
def test_values_of_other_types_are_unknown(
    kind: type[SignalPage], values: dict[str, Any], arrive: Arrive
) -> None:
    """Whatever a publisher puts into `values`, the page is drawn and sorted by every column."""
    page = kind()
    page.take(arrive(f"{page.channels[0].removesuffix('*')}okx:a", received_at=NOW, values=values))
    page.take(arrive(f"{page.channels[0].removesuffix('*')}okx:b", received_at=NOW, values=PAIR))
    for column in page.columns(page.sort):
        assert len(ordered(page, column.name, NOW)[1]) == 2
        assert all(isinstance(column.text(row, NOW), str) for row in page.rows())
        assert all(column.style(row, NOW) is not None for row in page.rows())


KEYS = st.sampled_from(
    [
        *PAIR,
        *("24h", "168h", "exchange", "symbol", "5m", "1h", "oi_change", "price_change", "regime"),
        *("short_squeeze", "long_squeeze", "components", "funding", "oi", "value", "novel"),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(st.sampled_from(PAGES), st.lists(st.dictionaries(KEYS, ANYTHING, max_size=6), min_size=1, max_size=3))
def test_no_values_stop_a_page(kind: type[SignalPage], values: list[dict[str, Any]]) -> None:
    """Whatever JSON is published, every row has its line and its record."""
    page = kind()
    for number, each in enumerate(values):
        raw = json.encode({"received_at": NOW, "values": each})
        place = {"channel": "c", "family": "signal", "exchange": page.signal, "item": f"okx:c{number}"}
        page.take(Arrival(**place, raw=raw, payload=Payload(received_at=NOW), live=True))
    assert len(list(page_lines(page, "", NOW))) >= 2 + len(values)
    assert len(list(page_records(page, "", NOW))) == len(values)


@pytest.mark.parametrize("raw", [b'{"values":null}', b'{"values":{},"excluded":7}'])
def test_a_signal_that_cannot_be_read_is_shown_as_such(raw: bytes, arrive: Arrive) -> None:
    """Its row has dashes and the reason."""
    page = SqueezePage()
    page.take(arrive("signal:squeeze:okx:a", raw=raw))
    assert page.above(NOW) == ("unknown values: unreadable (1 rows)",)


def test_a_payload_is_read_when_it_is_looked_at_and_once(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand messages that nobody looks at cost no reading."""
    read: list[bytes] = []
    real = signal_page.read_signal

    def counting(raw: bytes) -> Any:
        read.append(raw)
        return real(raw)

    monkeypatch.setattr(signal_page, "read_signal", counting)
    page = SpreadsPage()
    for number in range(1000):
        page.take(arrive("signal:funding_spread:sol", values=PAIR | {"gross_apr": float(number)}))
    assert read == []
    (row,) = page.rows()
    assert (row.signal.values["gross_apr"], row.signal.values["costs"]) == (999.0, 0.0021)
    assert len(read) == 1
    page.take(arrive("signal:funding_spread:sol", values={"gross_apr": 5.0}))
    assert len(read) == 1
    assert next(iter(page.rows())) is row
    assert row.signal.values == {"gross_apr": 5.0}
    assert len(read) == 2


def test_records_have_everything_that_a_signal_says(arrive: Arrive) -> None:
    """Values as they were published, nulls too."""
    page, spreads = SqueezePage(), SpreadsPage()
    left = {"exchange": "okx", "symbol": "x", "reason": "stale"}
    common = {"received_at": NOW, "values": {"novel": [None, 1.5]}, "flags": ["a:b"], "excluded": [left]}
    page.take(arrive("signal:squeeze:okx:sol-usdt", instrument="SOL/USDT:USDT", **common))
    spreads.take(arrive("signal:funding_spread:sol", **common))
    expected = {"received_at": NOW, "late": False} | common
    (record,) = page_records(page, "", NOW)
    subject = {"exchange": "okx", "symbol": "sol-usdt", "instrument": "SOL/USDT:USDT"}
    assert json.decode(record) == {"page": "squeeze"} | subject | expected
    (record,) = page_records(spreads, "", NOW)
    assert json.decode(record) == {"page": "spreads", "coin": "sol"} | expected


def test_rows_go_by_contract_coin_and_venue(arrive: Arrive) -> None:
    """As in the table of monitor."""
    page = SqueezePage()
    for venue, symbol in (("okx", "sol-usdt"), ("bybit", "btcusdt")):
        name = f"{symbol[:3].upper()}/USDT:USDT"
        page.take(arrive(f"signal:squeeze:{venue}:{symbol}", instrument=name, values={}))
    assert [row.exchange for row in matching(page.rows(), "sol")] == ["okx"]
    assert [row.exchange for row in matching(page.rows(), "btc/ bybit")] == ["bybit"]


def test_rows_are_bounded(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    """One subject too many is left out; the known ones go on."""
    monkeypatch.setattr(signal_page, "ROW_LIMIT", 1)
    page = SpreadsPage()
    for coin in ("aaa", "bbb", "aaa"):
        page.take(arrive(f"signal:funding_spread:{coin}", values={"gross_apr": 1.0}))
    assert [row.symbol for row in page.rows()] == ["aaa"]
