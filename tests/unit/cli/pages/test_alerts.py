"""Alerts: open and over."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import json

from microstream.cli.order import matching
from microstream.cli.pages import alerts as alerts_module
from microstream.cli.pages.alerts import CLEARED_SHOWN, AlertsPage
from microstream.cli.pages.plain import ordered, page_lines, page_records
from microstream.cli.pages.runs import EARLIER, Runs
from microstream.client.arrival import Arrival

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000


@pytest.fixture
def runs() -> Runs:
    """Nothing was heard yet."""
    return Runs()


@pytest.fixture
def page(runs: Runs) -> AlertsPage:
    """A page that has seen nothing."""
    return AlertsPage(runs)


def alert(state: str = "raised", severity: str = "warning", since: int = NOW, **keys: Any) -> dict[str, Any]:
    """Return the keys of an alert."""
    plain: dict[str, Any] = {"state": state, "severity": severity, "since": since, "received_at": since}
    return plain | {"value": 72.5, "threshold": 60.0, "text": "squeeze of it"} | keys


def subjects(page: AlertsPage, sort: str = "") -> list[str]:
    """Return the subjects in order."""
    return [row.subject for row in ordered(page, sort, NOW)[1]]


def test_open_alerts_come_first_the_worst_and_newest_of_them_at_the_top(
    page: AlertsPage, arrive: Arrive
) -> None:
    """Then what was over last."""
    page.take(arrive("alert:r:a", **alert("cleared", "critical", NOW - 9)))
    page.take(arrive("alert:r:b", **alert("raised", "info", NOW)))
    page.take(arrive("alert:r:c", **alert("raised", "warning", NOW - 5)))
    page.take(arrive("alert:r:d", **alert("raised", "critical", NOW - 9_000)))
    page.take(arrive("alert:r:e", **alert("raised", "warning", NOW - 1)))
    page.take(arrive("alert:r:f", **alert("cleared", "info", NOW - 2)))
    page.take(arrive("alert:r:g", **alert("raised", "novel", NOW)))
    assert subjects(page) == ["d", "e", "c", "b", "g", "f", "a"]
    assert page.above(NOW) == ("open: 1 critical, 2 warning, 1 info, 1 novel",)
    assert [row.late(NOW) for row in ordered(page, "", NOW)[1]] == [False] * 5 + [True] * 2


def test_an_alert_is_one_line_with_rule_subject_and_what_was_compared(
    page: AlertsPage, arrive: Arrive
) -> None:
    """Its end replaces it."""
    page.take(arrive("alert:big:okx:sol-usdt", **alert(severity="critical", since=NOW - 60_000)))
    _, titles, line = list(page_lines(page, "", NOW))[1:]
    assert titles.split() == [
        "state",
        "since",
        "UTC",
        "told",
        "rule",
        "subject",
        "value",
        "threshold",
        "text",
    ]
    assert line.split() == [
        "critical",
        "11:59:00",
        "60s",
        "big",
        "okx:sol-usdt",
        "72.5",
        "60",
        *["squeeze", "of", "it"],
    ]
    page.take(arrive("alert:big:okx:sol-usdt", **alert("cleared", value=None, threshold="few", text=None)))
    opened, _, line = list(page_lines(page, "", NOW))[1:]
    assert opened == "open: none"
    assert line.split() == ["cleared", "12:00:00", "0s", "big", "okx:sol-usdt", "-", "few", "-"]


def test_alerts_of_an_earlier_run_are_doubtful(page: AlertsPage, runs: Runs, arrive: Arrive) -> None:
    """The service was started anew since, and does not end what it did not begin."""
    old = arrive("alert:big:okx:sol-usdt", run=5, **alert())
    page.take(old)
    runs.note(old)
    assert page.above(NOW) == ("open: 1 warning",)
    runs.note(arrive("funding:bybit:solusdt", run=9))
    assert page.above(NOW) == ("open: 1 warning",)
    runs.note(arrive("funding:okx:sol-usdt", run=9))
    assert page.above(NOW) == ("open: 1 warning", f"1 ?: {EARLIER}")
    assert list(page_lines(page, "", NOW))[-1].startswith("warning ?")
    (record,) = page_records(page, "", NOW)
    assert json.decode(record)["earlier_run"] is True


@pytest.mark.parametrize("raw", [b'{"since":"yesterday"}', b'{"text":{}}'])
def test_an_alert_that_cannot_be_read_is_shown_as_such(page: AlertsPage, raw: bytes, arrive: Arrive) -> None:
    """It is not open, as far as anybody can tell."""
    page.take(arrive("alert:big:sol", raw=raw))
    assert list(page_lines(page, "", NOW))[-1].split() == [
        "-",
        "-",
        "-",
        "big",
        "sol",
        "-",
        "-",
        "unreadable",
    ]


def test_the_payload_is_read_when_it_is_looked_at(
    page: AlertsPage, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a message, whatever is asked."""
    read: list[bytes] = []
    real = alerts_module.read_alert
    monkeypatch.setattr(alerts_module, "read_alert", lambda raw: (read.append(raw), real(raw))[1])
    for number in range(100):
        page.take(arrive("alert:big:sol", **alert(value=float(number))))
    assert read == []
    list(page_lines(page, "", NOW))
    list(page_lines(page, "", NOW))
    assert len(read) == 1


def test_only_the_last_that_were_cleared_are_shown(page: AlertsPage, arrive: Arrive) -> None:
    """All that are open are."""
    for number in range(CLEARED_SHOWN + 10):
        page.take(arrive(f"alert:r:over{number:03}", **alert("cleared", since=NOW + number)))
        page.take(arrive(f"alert:r:open{number:03}", **alert(since=NOW + number)))
    names = subjects(page)
    assert len(names) == 2 * CLEARED_SHOWN + 10
    assert names[-1] == "over010"


def test_alerts_are_found_by_rule_coin_and_venue(page: AlertsPage, arrive: Arrive) -> None:
    """Whatever the subject is made of."""
    page.take(arrive("alert:Big:okx:sol-usdt:1m", instrument="SOL/USDT:USDT", **alert()))
    page.take(arrive("alert:small:btc", **alert()))
    for text, expected in (("big", 1), ("sol okx", 1), ("btc", 1), ("small", 1), ("1m", 1), ("eth", 0)):
        assert len(matching(page.rows(), text)) == expected, text


def test_an_empty_page_says_why(page: AlertsPage) -> None:
    """And shows no counts."""
    assert [line[:9] for line in page_lines(page, "", NOW)] == ["alerts: o", "no alert:"]


def test_records_have_what_was_compared(page: AlertsPage, arrive: Arrive) -> None:
    """One JSON object an alert."""
    page.take(arrive("alert:big:sol", instrument=None, **alert(value="long", threshold=None)))
    (record,) = page_records(page, "", NOW)
    assert json.decode(record) == {
        "page": "alerts",
        "rule": "big",
        "subject": "sol",
        "instrument": None,
        "earlier_run": False,
    } | alert(value="long", threshold=None)


def test_rows_are_bounded(page: AlertsPage, arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known ones go on."""
    monkeypatch.setattr(alerts_module, "ROW_LIMIT", 1)
    page.take(arrive("alert:r:a", **alert()))
    page.take(arrive("alert:r:b", **alert()))
    page.take(arrive("alert:r:a", **alert("cleared")))
    assert [(row.subject, row.is_open) for row in page.rows()] == [("a", False)]
