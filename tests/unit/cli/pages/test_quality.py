"""What is wrong now, and how new the values are."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import json

from microstream.cli.order import matching
from microstream.cli.pages import quality as quality_module
from microstream.cli.pages.plain import ordered, page_lines, page_records
from microstream.cli.pages.quality import MISSED, QualityPage
from microstream.cli.pages.runs import EARLIER, Runs
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000


@pytest.fixture
def tally() -> Tally:
    """Nothing has arrived."""
    return Tally()


@pytest.fixture
def runs() -> Runs:
    """Nothing was heard yet."""
    return Runs()


@pytest.fixture
def page(tally: Tally, runs: Runs) -> QualityPage:
    """A page that has seen nothing."""
    return QualityPage(tally, runs)


def condition(kind: str = "stale", about: str | None = "mark_price", **keys: Any) -> dict[str, Any]:
    """Return the keys of a quality message."""
    plain: dict[str, Any] = {"kind": kind, "about": about, "state": "raised", "severity": "warning"}
    return plain | {"since": NOW - 60_000, "detail": f"{kind} it is", "received_at": NOW} | keys


def test_a_condition_is_open_until_it_is_cleared(page: QualityPage, arrive: Arrive) -> None:
    """Kinds and values of one contract are told apart."""
    page.take(arrive("quality:okx:sol-usdt", **condition()))
    page.take(arrive("quality:okx:sol-usdt", **condition(about="oi")))
    page.take(arrive("quality:okx:sol-usdt", **condition("frozen", since=NOW - 10_000)))
    page.take(arrive("quality:okx:sol-usdt", **condition(state="cleared", severity="info")))
    page.take(arrive("quality:okx:sol-usdt", **condition("gap", state="cleared", severity="info")))
    counts, titles, first, second = list(page_lines(page, "", NOW))[1:]
    assert counts == "open: 2 warning (1 stale, 1 frozen)"
    assert titles.split() == ["severity", "since", "UTC", "for", "venue", "symbol", "kind", "about", "detail"]
    assert first.split() == [
        *("warning", "11:59:50", "10s", "okx", "sol-usdt", "frozen", "mark_price", "frozen", "it", "is")
    ]
    assert second.split()[5:7] == ["stale", "oi"]


def test_the_worst_and_newest_come_first(page: QualityPage, arrive: Arrive) -> None:
    """Unknown severities last."""
    for symbol, severity, age in (
        ("a", "info", 1),
        ("b", "warning", 9),
        ("c", "critical", 99),
        ("d", None, 1),
    ):
        page.take(arrive(f"quality:okx:{symbol}", **condition(severity=severity, since=NOW - age)))
    page.take(arrive("quality:bybit:*", **condition("refused", None, severity="warning", since=NOW - 1)))
    assert [row.arrival.item for row in ordered(page, "", NOW)[1]] == ["c", "*", "b", "a", "d"]
    assert page.above(NOW)[0] == "open: 1 critical, 2 warning, 1 info, 1 unknown (4 stale, 1 refused)"


def test_what_may_be_over_is_marked(page: QualityPage, runs: Runs, arrive: Arrive) -> None:
    """Messages about the contract that did not come, or a publisher that was started anew."""
    page.take(arrive("quality:okx:a", run=5, **condition()))
    page.take(arrive("quality:okx:b", run=5, **condition()))
    page.take(arrive("quality:okx:b", run=5, missing=2, **condition("frozen")))
    assert {row.arrival.item + row.kind for row in page.rows() if row.missed} == {"bstale"}
    assert page.above(NOW)[1] == f"1 ?: {MISSED}"
    runs.note(arrive("meta:oi:okx:a", run=6))
    assert page.above(NOW)[1:] == [f"3 ?: {EARLIER}"]
    records = [json.decode(record) for record in page_records(page, "symbol", NOW)]
    assert [(record["earlier_run"], record["missed"]) for record in records] == [
        (True, False),
        (True, False),
        (True, True),
    ]


def test_the_newest_value_of_each_venue_and_family_has_an_age(
    page: QualityPage, tally: Tally, arrive: Arrive
) -> None:
    """And each venue its holes; families that nothing came of have no column, signals a line."""
    tally.count(arrive("funding:okx:a", received_at=NOW - 5_000), NOW)
    tally.count(arrive("funding:okx:b", received_at=NOW - 3_000, missing=2), NOW)
    tally.count(arrive("meta:oi:okx:a", received_at=NOW - 40_000, missing=1), NOW)
    tally.count(arrive("funding:zeta:a", received_at=NOW - 1_000), NOW)
    tally.count(arrive("quality:zeta:a", received_at=NOW, missing=4), NOW)
    tally.count(arrive("signal:squeeze:okx:a", received_at=NOW - 2_000), NOW)
    lines = [line.split() for line in page.above(NOW)]
    assert lines == [
        ["open:", "none"],
        ["newest", "value", "funding", "oi", "contracts", "holes"],
        ["okx", "3s", "40s", "2", "3"],
        ["zeta", "1s", "-", "1", "4"],
        ["newest", "signal", "squeeze", "2s"],
    ]


def test_nothing_wrong_is_said(page: QualityPage) -> None:
    """Which is not the same as nothing known."""
    assert list(page_lines(page, "", NOW))[1:] == ["open: none", "nothing is wrong: no condition is open"]


def test_records_have_conditions_then_ages(page: QualityPage, tally: Tally, arrive: Arrive) -> None:
    """For programs: which kind of row it is stands in `row`."""
    arrival = arrive("quality:okx:sol-usdt", instrument="SOL/USDT:USDT", **condition())
    tally.count(arrival, NOW + 500)
    page.take(arrival)
    first, second = (json.decode(record) for record in page_records(page, "", NOW + 500))
    assert first == {
        "page": "quality",
        "row": "condition",
        "exchange": "okx",
        "symbol": "sol-usdt",
        "instrument": "SOL/USDT:USDT",
        "kind": "stale",
        "about": "mark_price",
        "severity": "warning",
        "since": NOW - 60_000,
        "detail": "stale it is",
        "earlier_run": False,
        "missed": False,
    }
    assert second == {
        "page": "quality",
        "row": "newest",
        "family": "quality",
        "owner": "okx",
        "channels": 1,
        "newest": NOW,
        "age_ms": 500,
        "missing": 0,
    }


def test_keys_that_are_not_there_are_dashes(page: QualityPage, arrive: Arrive) -> None:
    """Another publisher may say less."""
    page.take(arrive("quality:okx:a", state="raised"))
    assert list(page_lines(page, "", NOW))[-1].split() == ["-", "-", "-", "okx", "a", "-", "-", "-"]


def test_conditions_are_found_by_contract_venue_and_kind(page: QualityPage, arrive: Arrive) -> None:
    """As in the other pages."""
    page.take(arrive("quality:okx:sol-usdt", instrument="SOL/USDT:USDT", **condition()))
    page.take(arrive("quality:bybit:*", **condition("refused")))
    for text, expected in (("sol", 1), ("okx stale", 1), ("bybit", 1), ("refused", 1), ("btc", 0)):
        assert len(matching(page.rows(), text)) == expected, text


def test_conditions_are_bounded(page: QualityPage, arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known ones go on and end."""
    monkeypatch.setattr(quality_module, "ROW_LIMIT", 1)
    page.take(arrive("quality:okx:a", **condition()))
    page.take(arrive("quality:okx:b", **condition()))
    assert [row.arrival.item for row in page.rows()] == ["a"]
    page.take(arrive("quality:okx:a", **condition(state="cleared")))
    assert list(page.rows()) == []
