"""Whole replies that are wrong: nothing false comes out, nothing else stops, everything is told, and all recovers."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from tests.integration.followed import FEEDS, Stage, logged_at, now_ms
from tests.integration.oracle import FAMILIES

from microstream.telemetry.metrics import METRICS

STREAMED = ("stream_", "tap_", "transport_")
"""Metrics of streams, of which there are none here."""
ANALYSED = ("bars_", "signals", "alerts", "notifications", "recorder_")
"""Those of what is made of values, which test_alerts.py looks at."""
FAULT_S = 1.7
"""Longer than a round with all its retries."""


@dataclass(frozen=True)
class Case:
    """A whole reply that is wrong; `reason` is how it is counted, `kind` the quality message, if there is one."""

    venue: str
    feed: str
    fault: dict[str, Any]
    reason: str
    kind: str | None = None
    lasts_s: float = FAULT_S


def status(code: int, body: object = None, **headers: str) -> dict[str, Any]:
    """Return a fault that answers so."""
    return {"kind": "status", "status": code, "body": body, "headers": headers}


def named(name: str, **more: object) -> dict[str, Any]:
    """Return a fault that answers in the venue's own words."""
    return {"kind": "status", "name": name, **more}


CASES = {
    "400": Case("binance", "premiumIndex", status(400, {"code": -1130, "msg": "bad"}), "refused", "refused"),
    "404": Case("okx", "mark-price", status(404, {"code": "50000", "msg": "no"}), "refused", "refused"),
    "408": Case("binance", "premiumIndex", status(408), "http_408"),
    "500": Case("okx", "funding-rate", status(500), "http_500"),
    "502 html": Case("bybit", "tickers", named("server_error", code=502), "http_502"),
    "503 html": Case("binance", "openInterest", named("server_error", code=503), "http_503"),
    "50011 with 200": Case("okx", "open-interest", named("okx_50011_200"), "rate_limited"),
    "10006 with 200": Case("bybit", "tickers", named("venue_code", code=10006), "rate_limited"),
    "10000 with 200": Case("bybit", "tickers", named("venue_code", code=10000), "code_10000"),
    "empty body": Case("okx", "mark-price", {"kind": "empty_body"}, "mismatch"),
    "empty list": Case("bybit", "tickers", {"kind": "empty_list"}, "mismatch"),
    "half JSON": Case("binance", "premiumIndex", {"kind": "cut"}, "mismatch"),
    "HTML with 200": Case("okx", "funding-rate", {"kind": "html"}, "mismatch"),
    "not gzip": Case("binance", "premiumIndex", {"kind": "not_gzip"}, "bad_encoding"),
    "huge": Case("bybit", "tickers", {"kind": "huge", "megabytes": 3}, "wire_mismatch"),
    "hangs": Case("okx", "open-interest", {"kind": "hang"}, "timeout"),
    "closes": Case("binance", "premiumIndex", {"kind": "close"}, "closed"),
    "refuses": Case("bybit", "tickers", {"kind": "refuse"}, "connect"),
}


ROUNDS = (
    ("400", "502 html", "500"),
    ("408", "empty list", "404"),
    ("503 html", "10006 with 200", "50011 with 200"),
    ("half JSON", "10000 with 200", "empty body"),
    ("not gzip", "huge", "hangs"),
    ("closes", "refuses", "HTML with 200"),
)
"""A case for each venue at a time; OKX's other replies are the witnesses that all else goes on."""


@pytest.mark.parametrize("names", ROUNDS, ids=", ".join)
def test_a_wrong_reply_stops_nothing_but_itself(stage: Stage, names: tuple[str, ...]) -> None:
    """Its own values wait, all others go on; it is counted, logged once, and over when the venue is well again."""
    cases = [CASES[name] for name in names]
    before, began = stage.failures(), now_ms()
    stage.sim.put(
        *({**one.fault, "venue": one.venue, "path": f"*{one.feed}", "for": FAULT_S} for one in cases)
    )
    stage.recorder.during(FAULT_S)
    ended = now_ms()
    hit = {(case.venue, family) for case in cases for family in FEEDS[case.venue][case.feed]}
    if any(case.venue == "binance" for case in cases):
        hit |= {("binance", family) for family in FAMILIES}  # its weight is one budget
    for venue in FEEDS:
        untouched = tuple(family for family in FAMILIES if (venue, family) not in hit)
        assert stage.fresh(venue, untouched, since=began + 100)
    stage.recorder.until(lambda: all(stage.fresh(case.venue, since=ended) for case in cases), 8)
    grown = {key for key, value in stage.failures().items() if value > before.get(key, 0)}
    for case in cases:
        counted = {key[1:] for key in grown if key[0] == case.venue}
        expected = (case.feed,) if case.reason == "mismatch" else (case.feed, case.reason)
        assert expected in counted
        assert {key[0] for key in counted} == {case.feed}
        lines = [
            line for line in stage.service.log(venue=case.venue, feed=case.feed) if logged_at(line) > began
        ]
        assert [line["event"] for line in lines] in ([], ["feed is failing", "feed works again"])
        told = stage.recorder.quality(case.venue, since=began, kind="refused")
        assert [one["state"] for one in told] == (["raised", "cleared"] if case.kind else [])
    assert {key[0] for key in grown} == {case.venue for case in cases}
    assert stage.check_all_true(began) > 50


ASKED_TO_WAIT = {
    "binance 429": Case("binance", "*", named("rate_limited", seconds=1), "rate_limited", None, 1.0),
    "binance 418": Case("binance", "*", named("banned", seconds=2), "banned", "refused", 2.0),
    "okx 429": Case("okx", "funding-rate", named("rate_limited"), "rate_limited", None, 2.0),
    "bybit 429": Case(
        "bybit", "tickers", status(429, None, **{"Retry-After": "2"}), "rate_limited", None, 2.0
    ),
}


def test_nobody_asks_before_the_time_that_the_venue_has_named(stage: Stage) -> None:
    """Retry-After, the end of a ban, and OKX's window; meanwhile the other quotas and venues go on."""
    before = stage.failures()
    for names in (("binance 429", "okx 429", "bybit 429"), ("binance 418",)):
        cases, began = [ASKED_TO_WAIT[name] for name in names], now_ms()
        faults = [{**one.fault, "venue": one.venue, "path": f"*{one.feed}", "count": 1} for one in cases]
        stage.sim.put(*faults)
        for case in cases:
            stage.recorder.until(partial(stage.fresh, case.venue, since=began + 2000), 10)
        for case in cases:
            feed = "" if case.feed == "*" else case.feed
            asked = stage.sim.requests(case.venue, feed, since=began)
            stop = next(one["time"] for one in asked if one["status"] in {418, 429})
            later = [one["time"] - stop for one in asked if one["time"] > stop + 100]
            assert min(later) >= case.lasts_s * 1000
            assert min(later) < case.lasts_s * 1000 + 1500
    grown = {key for key, value in stage.failures().items() if value > before.get(key, 0)}
    assert {(case.venue, case.reason) for case in ASKED_TO_WAIT.values()} <= {
        (key[0], key[-1]) for key in grown
    }
    told = stage.recorder.quality("binance", since=began, kind="refused")
    assert [one["state"] for one in told] == ["raised", "cleared"]
    assert told[0]["symbol"] == "*"
    assert stage.sim.control("/requests")["early"] == {}


def test_a_slow_venue_is_no_fault(stage: Stage) -> None:
    """Answers that take half an interval are as good as others."""
    before, began = stage.failures(), now_ms()
    with stage.sim.fault({"kind": "delay", "seconds": 0.4}):
        stage.recorder.until(lambda: all(stage.fresh(venue, since=began + 1000) for venue in FEEDS))
    assert stage.failures() == before
    assert stage.check_all_true(began) > 50


def test_every_metric_of_polls_is_there_and_has_moved(stage: Stage) -> None:
    """After all these faults only Redis, which was well, has had nothing to count."""
    seen = {key[0] for key, value in stage.service.metrics().items() if value}
    ends = ("", "_total", "_count", "_bucket")
    own = {name for name in METRICS if not name.startswith((*STREAMED, *ANALYSED))}
    still = {name for name in own if not any(name + end in seen for end in ends)}
    well = {"quality_open", "quota_closed_seconds", "sink_waiting", "loop_lag_worst_seconds", "rejects"}
    assert still - well <= {"dropped", "conflated", "poll_skipped", "sink_errors", "sink_reconnects"}
