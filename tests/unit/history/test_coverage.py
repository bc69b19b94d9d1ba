"""Coverage: every state of a piece of time, shares that add up, and their picture."""

from pathlib import Path

import pytest
from tests.unit.history.kept import BTC, DAY, HOUR, SOL, SOLB, T0, candle, note, put, settlement

from microstream.history.absence import why_no_past, why_nothing_recorded
from microstream.history.coverage import Coverage, coverage
from microstream.history.picture import picture
from microstream.history.store import Store
from microstream.model.past import Span

SPAN = Span(T0, T0 + 10 * HOUR)
NOW = T0 + 11 * HOUR


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Tables in a folder."""
    return Store(str(tmp_path))


def _coverage(store: Store, **other: object) -> Coverage:
    return coverage(store, SPAN, 10, now=NOW, **other)  # type: ignore[arg-type]


def test_every_state_has_its_letter(store: Store) -> None:
    """Gone, asked with rows and without, in part, and never asked."""
    put(store, "mark", [candle(T0 + hours * HOUR, 1) for hours in (2, 3, 5)])
    note(store, "mark", Span(T0 - DAY, T0 + 2 * HOUR), "gone")
    note(store, "mark", Span(T0 + 2 * HOUR, T0 + 5 * HOUR + HOUR // 2))
    [line] = _coverage(store).lines
    assert line.states == ["gone"] * 2 + ["rows", "rows", "nothing", "part"] + ["missing"] * 4
    assert (line.there, line.gone, line.missing, line.lost) == (0.35, 0.2, pytest.approx(0.45), 0)
    lines = list(picture(_coverage(store)))
    assert lines[0].split() == [
        "2026-09-21",
        "00:00",
        "2026-09-21",
        "10:00",
        "there",
        "missing",
        "gone",
        "lost",
    ]
    assert lines[1].split() == ["okx", "SOL/USDT:USDT", "mark", "xx##o+....", "35%", "45%", "20%"]
    assert lines[1].index("45%") + 3 == lines[0].index("missing") + len("missing")
    assert lines[-1].startswith("# there   o asked, nothing happened")


def test_recorded_families_have_states_of_their_own(store: Store) -> None:
    """Recorded, lost, not there; of the venue as a whole."""
    okx = {"exchange": "okx", "symbol": "*"}
    note(store, "funding", Span(T0, T0 + 4 * HOUR), "recorded", of=okx)
    note(store, "funding", Span(T0 + 4 * HOUR, T0 + 5 * HOUR), "lost", of=okx)
    note(store, "funding", SPAN)
    past, recorded = _coverage(store).lines
    assert past.states == ["nothing"] * 10
    assert recorded.states == ["recorded"] * 4 + ["lost"] + ["missing"] * 5
    assert (recorded.there, recorded.lost, recorded.missing) == (0.4, 0.1, pytest.approx(0.5))
    assert [line.symbol for line in _coverage(store, summed=True).lines] == ["sol-usdt", "*"]


def test_what_a_venue_keeps_no_more_is_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older than it keeps and never fetched; what was fetched in time stays."""
    monkeypatch.setattr("microstream.history.absence.kept_from", lambda _subject, _now: T0 + 3 * HOUR)
    note(store, "oi", Span(T0 + HOUR, T0 + 2 * HOUR))
    [line] = _coverage(store).lines
    assert line.states[:4] == ["gone", "nothing", "gone", "missing"]


def test_contracts_are_summed_by_venue(store: Store) -> None:
    """Tenths where contracts differ; one line of each venue and kind."""
    put(store, "mark", [candle(T0, 1), candle(T0, 1, BTC)])
    note(store, "mark", Span(T0, T0 + 5 * HOUR))
    note(store, "mark", Span(T0, T0 + 2 * HOUR), of=BTC)
    note(store, "mark", Span(T0, T0 + HOUR), of=SOLB)
    lines = _coverage(store, summed=True).lines
    assert [(line.exchange, line.contracts) for line in lines] == [("binance", 1), ("okx", 2)]
    assert list(picture(_coverage(store, summed=True)))[2].startswith("okx mark (2)")
    assert "#o555....." in list(picture(_coverage(store, summed=True)))[2]
    assert lines[1].there == 0.35


def test_coverage_can_be_narrowed_down(store: Store) -> None:
    """By kind, instrument and venue."""
    note(store, "mark", SPAN)
    note(store, "oi", SPAN, of=SOLB)
    note(store, "funding", SPAN, of=BTC)
    note(store, "mark_price", SPAN, "recorded", of={"exchange": "okx", "symbol": "*"})
    assert [line.kind for line in _coverage(store, kinds=("oi",)).lines] == ["oi"]
    assert [line.kind for line in _coverage(store, instrument="SOL").lines] == ["oi", "mark", "mark_price"]
    assert [line.kind for line in _coverage(store, exchange="binance").lines] == ["oi"]
    assert _coverage(store, instrument="DOGE").lines == []


def test_nothing_is_explained_by_the_ledger(store: Store) -> None:
    """Nothing happened, never fetched, no longer there: three answers to an empty result."""
    note(store, "funding", SPAN)
    note(store, "oi", SPAN, "gone")
    note(store, "mark", Span(T0, T0 + 5 * HOUR))
    put(store, "index", [candle(T0 - DAY, 1)])

    def why(kind: str, of: str = "SOL") -> str:
        return why_no_past(store, kind, of, None, SPAN, NOW)  # type: ignore[arg-type]

    assert why("funding").endswith("nothing happened")
    assert "no longer has this time" in why("oi")
    assert "50% of this time was never fetched, from 2026-09-21 05:00" in why("mark")
    assert "100% of this time was never fetched" in why("index")
    assert why("premium") == "no premium of SOL was ever fetched; microstream backfill does"
    note(store, "oi", Span(T0, T0 + 2 * DAY), of=SOLB)
    assert "binance solusdt: the venue was asked for all of this time" in why("oi")


def test_nothing_recorded_is_explained_too(store: Store) -> None:
    """The recorder was there, was away, or never was."""
    assert why_nothing_recorded(store, "bars", None, SPAN).startswith("bars was never recorded")
    for symbol, answer, hours in (("okx", "recorded", 10), ("bybit", "lost", 5), ("binance", "recorded", 1)):
        note(store, "bars", Span(T0, T0 + hours * HOUR), answer, of={"exchange": symbol, "symbol": "*"})
    assert why_nothing_recorded(store, "bars", "okx", SPAN).endswith("nothing was published")
    assert "lost for 50% of this time" in why_nothing_recorded(store, "bars", "bybit", SPAN)
    assert "recorded for 10% of this time" in why_nothing_recorded(store, "bars", None, SPAN)
    later = Span(T0 + DAY, T0 + 2 * DAY)
    assert why_nothing_recorded(store, "bars", "okx", later).endswith("nothing was recorded in this time")


def test_settlements_count_where_they_are(store: Store) -> None:
    """An answered hour without a settlement is no hole."""
    put(store, "funding", [settlement(T0 + 8 * HOUR, of=SOL)])
    note(store, "funding", SPAN)
    [line] = _coverage(store).lines
    assert line.states == ["nothing"] * 8 + ["rows", "nothing"]
    assert line.there == 1.0
