"""Rules and targets of a configuration, and what the shipped rules make of the messages of the service."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
import structlog
from tests.unit.alerts.hook import listening
from tests.unit.alerts.made import START, Heard, S, Said, instrument, quality, signal

from microstream.alerts.condition import Condition
from microstream.alerts.rule import Rule
from microstream.app.alerting import alert_rule, alert_rules, alert_targets, make_alerts
from microstream.clock import SystemClock
from microstream.config import Config
from microstream.errors import ConfigError
from microstream.model.hours import DailyHours

RULES = {rule.name: rule for rule in alert_rules(Config())}
NAMES = [
    "extreme_funding",
    "interval_change",
    "cap_hit",
    "spread_above_cost",
    "oi_jump",
    "short_squeeze",
    "long_squeeze",
    "venue_outlier",
    "stale_data",
    "venue_refused",
    "clock_skew",
]


def configured(**alerts: Any) -> Config:
    """Return a configuration with a section `alerts`."""
    return Config.model_validate({"alerts": alerts})


def where(key: tuple[str, ...]) -> str:
    """Return a place as `Loaded.where` does."""
    return f"f.yaml:{len(key)}"


def funding(at: int, **values: Any) -> Said:
    """Return a signal funding_anomaly."""
    usual = {"funding_rate_8h": 0.0021, "median": 0.0001, "score": 0.3, "distance_to_cap": 0.2}
    return signal(START + at * S, usual | values, name="funding_anomaly")


def spread(at: int, net: float | None) -> Said:
    """Return a signal funding_spread of a coin."""
    leg = {"exchange": "okx", "symbol": "sol-usdt", "funding_rate": 0.0003}
    values = {
        "short": leg,
        "long": leg | {"exchange": "bybit"},
        "net_return": {"8h": None, "24h": net},
        "break_even_hours": 12.5,
    }
    return signal(START + at * S, values, "sol", "funding_spread")


def regime(at: int, change: float | None) -> Said:
    """Return a signal oi_regime."""
    values = {"5m": {"oi_change": change, "price_change": 0.012, "regime": "long_build_up"}}
    return signal(START + at * S, values, name="oi_regime")


def squeeze(at: int, **scores: float) -> Said:
    """Return a signal squeeze."""
    return signal(START + at * S, {"short_squeeze": 10.0, "long_squeeze": 10.0} | scores)


def condition(at: int, state: str, kind: str, about: str | None, symbol: str = "*") -> Said:
    """Return a quality message."""
    return quality(START + at * S, state, kind, about, symbol)


TRIPS: dict[str, tuple[list[Said], list[Said], str]] = {
    "extreme_funding": (
        [funding(0, score=-4.0), funding(10, score=-4.2)],
        [funding(20, score=-2.6), funding(30, score=-2.4)],
        "okx:sol-usdt: funding is -4.2 robust deviations from its median (beyond 3.5); 0.0021 per 8 h, median 0.0001",
    ),
    "interval_change": (
        [instrument(START, changed={"funding_interval_hours": 8.0})],
        [],
        "okx:sol-usdt: the funding interval is 4 h now, it was 8 h",
    ),
    "cap_hit": (
        [funding(0, distance_to_cap=1.0), funding(10, distance_to_cap=1.0)],
        [funding(20, distance_to_cap=0.94)],
        "okx:sol-usdt: the funding rate is at its limit; 0.0021 per 8 h",
    ),
    "spread_above_cost": (
        [spread(0, 0.0004), spread(30, 0.0003)],
        [spread(40, -0.0001), spread(50, -0.0003)],
        "sol: short okx, long bybit nets 0.0003 of a leg in 24 h, costs paid; break-even after 12.5 h",
    ),
    "oi_jump": (
        [regime(0, -0.06)],
        [regime(10, 0.031), regime(20, 0.029)],
        "okx:sol-usdt: open interest has changed by -0.06 within 5 minutes (long_build_up); price by 0.012",
    ),
    "short_squeeze": (
        [squeeze(0, short_squeeze=61.0), squeeze(30, short_squeeze=66.6)],
        [squeeze(40, short_squeeze=44.0)],
        "okx:sol-usdt: short squeeze score 66.6 of 100",
    ),
    "long_squeeze": (
        [squeeze(0, long_squeeze=61.0), squeeze(30, long_squeeze=66.6)],
        [squeeze(40, long_squeeze=44.0)],
        "okx:sol-usdt: long squeeze score 66.6 of 100",
    ),
    "venue_outlier": (
        [condition(0, "raised", "outlier", "mark", "sol-usdt")],
        [condition(20, "cleared", "outlier", "mark", "sol-usdt")],
        "okx:sol-usdt: mark is raised",
    ),
    "stale_data": (
        [condition(0, "raised", "stale", "oi"), condition(1, "raised", "silent", "funding")],
        [condition(40, "cleared", "stale", "oi"), condition(50, "cleared", "silent", "funding")],
        "okx:*: oi is raised",
    ),
    "venue_refused": (
        [condition(0, "raised", "refused", None)],
        [condition(40, "cleared", "refused", None)],
        "okx:*: None is raised",
    ),
    "clock_skew": (
        [condition(0, "raised", "clock_skew", None)],
        [condition(90, "cleared", "clock_skew", None)],
        "okx:*: None is raised",
    ),
}


def test_every_shipped_rule_is_tried_here() -> None:
    """A new one needs messages that trip it."""
    assert list(RULES) == list(TRIPS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_rule_is_raised_and_cleared(name: str) -> None:
    """By messages as the service makes them, by itself, with a text in which nothing is unknown."""
    raising, clearing, text = TRIPS[name]
    heard = Heard(RULES[name])
    heard.take(*raising)
    heard.tick(60 if not clearing or name == "clock_skew" else 30)
    assert heard.states == ["raised"]
    assert heard.alerts[0].text == text
    heard.take(*clearing)
    heard.tick(700)
    assert heard.states == ["raised", "cleared"]
    assert heard.alerts[1].text.startswith("Over: ")
    assert "unknown" not in heard.alerts[1].text


@pytest.mark.parametrize(
    "said",
    [
        [instrument(START, changed={"status": None})],
        [instrument(START, changed={"funding_interval_hours": None, "tick_size": 0.1})],
        [funding(at, score=3.4, distance_to_cap=0.99) for at in (0, 20)],
        [funding(at, score=None, distance_to_cap=None) for at in (0, 20)],
        [spread(at, None) for at in (0, 40)],
        [spread(at, -0.0001) for at in (0, 40)],
        [regime(0, None), regime(1, 0.04)],
        [squeeze(0, short_squeeze=61.0), squeeze(10)],
        [condition(0, "raised", "outlier", "funding", "sol-usdt")],
        [condition(0, "raised", "refused", None, "sol-usdt")],
        [condition(0, "raised", "refused", "tickers"), condition(0, "raised", "gap", "public")],
        [
            condition(0, "raised", "stale", "oi", "sol-usdt"),
            condition(20, "cleared", "stale", "oi", "sol-usdt"),
        ],
    ],
)
def test_what_raises_no_shipped_rule(said: list[Said]) -> None:
    """New listings, unknown values, values within bounds, short troubles, a single contract that is refused."""
    heard = Heard(*RULES.values())
    heard.take(*said)
    heard.tick(300)
    assert heard.alerts == []


def test_a_rule_has_what_its_keys_say() -> None:
    """Durations in milliseconds, paths taken apart, hours read."""
    config = configured(
        quiet_hours=["12:00-13:00"],
        rules={
            "own": {
                "on": ["quality:*"],
                "where": {"kind": ["stale", "silent"], "about": None},
                "value": "observed",
                "above": 10,
                "clear": 5,
                "for": "1500ms",
                "cool_down": "1m",
                "severity": "critical",
                "group": "2m",
                "quiet_hours": ["22:00-07:00 Europe/Berlin"],
                "distinct": ["kind", "about"],
                "text": "{value}",
            },
            "event": {"on": "quality:*", "value": "state", "present": True, "lasts": "10m"},
            "awake": {"on": "quality:*", "value": "state", "is": "raised", "quiet_hours": []},
            "off": {"on": "quality:*", "value": "state", "is": "raised", "enabled": False},
        },
        shipped=False,
    )
    own, event, awake = alert_rules(config)
    assert own == Rule(
        name="own",
        on=("quality:*",),
        value=("observed",),
        condition=Condition("above", 10.0, 5.0),
        where=((("kind",), ("stale", "silent")), (("about",), (None,))),
        distinct=(("kind",), ("about",)),
        for_ms=1_500,
        lasts_ms=None,
        cool_down_ms=60_000,
        severity="critical",
        group_ms=120_000,
        quiet_hours=(DailyHours.parse("22:00-07:00 Europe/Berlin"),),
        text="{value}",
    )
    assert (event.condition, event.lasts_ms, event.severity) == (Condition("present"), 600_000, "warning")
    assert event.quiet_hours == (DailyHours.parse("12:00-13:00"),)
    assert awake.quiet_hours == ()
    assert alert_rule(config, "off").name == "off"


def test_alerts_that_are_switched_off_have_neither_rules_nor_targets() -> None:
    """The environment is not even looked at."""
    config = configured(enabled=False, deliveries={"phone": {"url_env": "PHONE"}})
    assert alert_rules(config) == []
    assert alert_targets(config, {}, where) == []


def test_targets_have_their_urls_from_the_environment() -> None:
    """Those that are switched off need none."""
    config = configured(
        deliveries={
            "phone": {"url_env": "PHONE"},
            "mail": {"url_env": "MAIL", "severity": "critical"},
            "off": {"url_env": "OFF", "enabled": False},
        }
    )
    environ = {"PHONE": " json://127.0.0.1/ ", "MAIL": "mailtos://user:password@smtp.example.com"}
    targets = alert_targets(config, environ, where)
    assert [(target.name, target.severity) for target in targets] == [
        ("phone", "warning"),
        ("mail", "critical"),
    ]


@pytest.mark.parametrize("environ", [{}, {"PHONE": ""}, {"PHONE": " "}])
def test_a_variable_that_is_missing_is_named_with_its_key(environ: Mapping[str, str]) -> None:
    """All at once, with what would be right; a URL that cannot be read is not shown."""
    config = configured(deliveries={"phone": {"url_env": "PHONE"}, "mail": {"url_env": "MAIL"}})
    with pytest.raises(ConfigError) as caught:
        alert_targets(config, {"MAIL": "tgram://hunter2", **environ}, where)
    missing, unreadable = str(caught.value).splitlines()
    assert missing.startswith(
        "f.yaml:4: alerts.deliveries.phone.url_env: the environment has no variable PHONE;"
    )
    assert unreadable.startswith("f.yaml:4: alerts.deliveries.mail.url_env: the variable MAIL holds no URL")
    assert "hunter2" not in str(caught.value)


async def test_the_parts_work_together() -> None:
    """A message that trips a rule is published and delivered."""
    published: list[str] = []
    with listening() as hook:
        config = configured(deliveries={"hook": {"url_env": "HOOK"}})
        alerts, delivery = make_alerts(
            config,
            lambda channel, _: published.append(channel.name),
            SystemClock(),
            Random(1),
            {"HOOK": hook.url},
            where,
        )
        for channel, message in TRIPS["venue_refused"][0]:
            alerts.take(channel, message, START)
        assert published == ["alert:venue_refused:okx:*"]
        lane = delivery.lanes[0]
        for notification in delivery.gather.take_all():
            assert await lane.deliver(notification) is None
        assert hook.titles == ["venue_refused of okx:*: critical"]


def test_too_many_alerts_are_told_in_the_log() -> None:
    """Once."""
    alerts, _ = make_alerts(Config(), lambda *_: None, SystemClock(), Random(1), {}, where)
    with structlog.testing.capture_logs() as logged:
        for number in range(10_001):
            channel, message = signal(START, {"score": 9.0}, f"okx:c{number}", "funding_anomaly")
            alerts.take(channel, message, START)
    assert [entry["event"] for entry in logged] == ["too many alerts are open, new ones are left out"]
    assert (len(alerts), alerts.refused) == (10_000, 1)
