"""Situations of the simulated market, and the alerts that each of them raises: exactly those, once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from tests.integration.stage import Recorder, Service, Simulator

NewService = Callable[..., Service]
Payload = dict[str, Any]
Alert = tuple[str, str]
"""Rule and subject."""

CALM = 0.0001
ALL_RULES = (
    "extreme_funding",
    "interval_change",
    "cap_hit",
    "spread_above_cost",
    "oi_jump",
    "short_squeeze",
    "long_squeeze",
    "venue_outlier",
)
SETTINGS: dict[str, Any] = {
    "symbols": ["SOL/USDT", "XRP/USDT", "DOGE/USDT", "BNB/USDT", "ADA/USDT"],
    "bars": {"enabled": True, "timeframes": ["1s", "5s"]},
    "signals": {
        "enabled": True,
        "interval": "1s",
        "min_samples": 10,
        "basis_window": "6m",
        "funding_window": "24m",
        "regime_timeframes": ["5s"],
        "squeeze_timeframe": "1s",
    },
    "alerts": {
        "deliveries": {"hook": {"url_env": "HOOK_OF_TEST", "severity": "info"}},
        "rules": {
            # the shipped ones, sooner
            "extreme_funding": {"for": "1s"},
            "cap_hit": {"for": "1s"},
            "spread_above_cost": {"for": "2s"},
            # a price that jumps back and forth, as that of a venue that is off, is a squeeze for a second
            "short_squeeze": {"for": "0s", "on": "signal:squeeze:*sol*"},
            "long_squeeze": {"for": "0s", "on": "signal:squeeze:*sol*"},
            "venue_outlier": {"for": "1s"},
            "interval_change": {"lasts": "12s"},
            "oi_jump": {"value": "values.5s.oi_change", "outside": 0.04, "clear": 0.02},
        },
    },
}
SCENARIOS: dict[str, Payload] = {
    "cap_hit": {"coin": "XRP", "venue": "bybit", "rise_s": 3, "hold_s": 6, "hourly_s": 5},
    "spread": {"coin": "DOGE", "venue": "bybit", "rate": 0.0025, "rise_s": 3, "hold_s": 8},
    "squeeze": {"coin": "SOL", "rise_s": 8, "hold_s": 4},
    "venue_off": {"coin": "BNB", "venue": "binance", "factor": 1.02, "hold_s": 8},
    "flat": {"coin": "ADA", "quiet_s": 0, "jump": 0.001, "jump_s": 8},
}
VENUES = {"binance": "{}usdt", "bybit": "{}usdt", "okx": "{}-usdt"}


def everywhere(rule: str, coin: str) -> set[Alert]:
    """Return the alerts of a rule on a coin's contract at every venue."""
    return {(rule, f"{venue}:{symbol.format(coin)}") for venue, symbol in VENUES.items()}


EXPECTED: dict[str, set[Alert]] = {
    "cap_hit": {
        ("cap_hit", "bybit:xrpusdt"),
        ("extreme_funding", "bybit:xrpusdt"),
        ("interval_change", "bybit:xrpusdt"),
        ("spread_above_cost", "xrp"),
    },
    "spread": {("extreme_funding", "bybit:dogeusdt"), ("spread_above_cost", "doge")},
    "squeeze": everywhere("extreme_funding", "sol")
    | everywhere("short_squeeze", "sol")
    | everywhere("oi_jump", "sol"),
    "venue_off": {("venue_outlier", "binance:bnbusdt")},
    "flat": everywhere("extreme_funding", "ada"),
}


@dataclass
class Told:
    """What a subscriber heard of alerts while all situations came and went."""

    recorder: Recorder
    service: Service

    def alerts(self, state: str) -> list[Alert]:
        """Return the alerts that were raised, or cleared, as they came."""
        payloads = [one.payload for one in self.recorder.all if one.channel.startswith("alert:")]
        return [(item["rule"], item["subject"]) for item in payloads if item["state"] == state]


@pytest.fixture(scope="module")
def hook() -> Iterator[list[str]]:
    """A web hook that keeps what is posted; its address is in the environment."""
    posted: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            posted.append(body.decode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_OF_TEST", f"json://127.0.0.1:{server.server_port}/")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield posted
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def told(new_service: NewService, valkey_server: str, hook: list[str]) -> Iterator[Told]:
    """Every situation with a coin of its own, all at once, after a time of calm; until every alert is cleared."""
    assert hook == []
    for rule in ALL_RULES:
        SETTINGS["alerts"]["rules"].setdefault(rule, {})["group"] = "1s"
    with (
        Simulator(16) as sim,
        Recorder(valkey_server) as recorder,
        new_service(sim.urls, valkey_server, **SETTINGS) as service,
    ):
        coins = [name.partition("/")[0] for name in SETTINGS["symbols"]]
        calm = {"kind": "market", "field": "funding_rate", "value": CALM, "at": -86_400}
        sim.put(*({**calm, "coin": coin} for coin in coins))
        recorder.until(
            lambda: len(scored(recorder)) == len(coins) * len(VENUES), 45, lambda: scored(recorder)
        )
        told = Told(recorder, service)
        assert told.alerts("raised") == []
        for name, parameters in SCENARIOS.items():
            sim.control("/scenarios", method="POST", body={"name": name, **parameters})
        expected = set().union(*EXPECTED.values())
        recorder.until(
            lambda: expected <= set(told.alerts("raised")),
            40,
            lambda: expected - set(told.alerts("raised")),
        )
        recorder.until(
            lambda: set(told.alerts("cleared")) == set(told.alerts("raised")),
            40,
            lambda: set(told.alerts("raised")) - set(told.alerts("cleared")),
        )
        yield told


def scored(recorder: Recorder) -> set[str]:
    """Return the contracts whose histories are long enough for every signal."""
    found = set()
    for name, heard in recorder.channels.items():
        newest = heard[-1].payload
        if name.startswith("signal:squeeze:") and len(newest["values"]["components_used"]) >= 2:
            found.add(newest["subject"])
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_situation_raises_exactly_its_alerts_once(told: Told, scenario: str) -> None:
    """Nothing else of its coin is raised, and nothing twice; everything is cleared when it is over."""
    coin = SCENARIOS[scenario]["coin"].lower()
    for state in ("raised", "cleared"):
        found = Counter(alert for alert in told.alerts(state) if coin in alert[1])
        assert set(found) == EXPECTED[scenario]
        assert set(found.values()) == {1}


def test_alerts_name_what_tripped_them(told: Told) -> None:
    """Evidence is the message, with the value that the rule looks at, and the text says it."""
    for one in told.recorder.all:
        if not one.channel.startswith("alert:extreme_funding:"):
            continue
        payload = one.payload
        assert payload["evidence"]["name"] == "funding_anomaly"
        assert payload["evidence"]["subject"] == payload["subject"]
        if payload["state"] == "raised":
            assert abs(payload["value"]) >= payload["threshold"] == 3.5
            assert payload["evidence"]["values"]["score"] == payload["value"]
            assert payload["subject"] in payload["text"]


def test_people_are_told_by_web_hook(told: Told, hook: list[str]) -> None:
    """Every alert that was raised is in a notification; none failed, and none was sent in vain."""

    def missing() -> list[Alert]:
        return [(rule, subject) for rule, subject in told.alerts("raised") if not is_told(rule, subject)]

    def is_told(rule: str, subject: str) -> bool:
        return any(rule.replace("_", " ") in body.replace("_", " ") and subject in body for body in hook)

    told.recorder.until(lambda: not missing(), 10, lambda: (len(hook), hook[:3], told.service.text[-1500:]))
    metrics = told.service.metrics()
    assert metrics["notifications_total", "hook", "sent"] == len(hook)
    assert metrics["notifications_total", "hook", "failed"] == 0


def test_last_values_and_metrics_say_what_is_open(told: Told) -> None:
    """All are cleared: the hashes say so, the gauges are 0, the counters count."""
    raised = Counter(rule for rule, _ in told.alerts("raised"))
    metrics = told.service.metrics()
    for rule, count in raised.items():
        last = told.recorder.client.hgetall(f"last:alert:{rule}")
        assert len(last) == count
        assert {json.loads(value)["state"] for value in last.values()} == {"cleared"}
        assert metrics["alerts_total", rule, "raised"] == metrics["alerts_total", rule, "cleared"] == count
    assert all(value == 0 for name, value in metrics.items() if name[0] == "alerts_open")
    assert metrics["alerts_refused_total",] == 0
    assert ("bars_late_total",) in metrics
