"""The section `alerts`: lines of mistakes, shipped rules, secrets, variables."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from microstream.config import Config, Loaded, dump
from microstream.config.alerts import AlertDelivery, AlertRule, shipped_rules

LoadText = Callable[..., Loaded]
Mistakes = Callable[..., list[str]]

SECRET = "tgram://123:hunter2/5"


def test_defaults() -> None:
    """Shipped rules are looked at, and nobody is told."""
    alerts = Config().alerts
    assert (alerts.enabled, alerts.shipped, alerts.rules, alerts.deliveries, alerts.quiet_hours) == (
        True,
        True,
        {},
        {},
        (),
    )
    assert list(alerts.effective()) == [
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


def test_the_shipped_rules_pass_as_rules_of_a_user() -> None:
    """They are written as anyone would write them."""
    rules = {name: rule.model_dump() for name, rule in shipped_rules().items()}
    assert len(rules) == 11
    config = Config.model_validate({"alerts": {"shipped": False, "rules": rules}})
    assert config.alerts.effective() == Config().alerts.effective()
    assert all(rule.text and rule.severity and rule.on for rule in shipped_rules().values())


def test_a_rule_of_the_same_name_replaces_what_it_names(load_text: LoadText) -> None:
    """The rest stays as shipped; another condition takes the place of the shipped one."""
    text = """
alerts:
  rules:
    extreme_funding: {outside: 5, severity: critical, cool_down: null}
    interval_change: {enabled: false}
    cap_hit: {is: 1.0}
    own: {on: [quality:*, 'funding:okx:*'], value: flags.0, is: stale, where: {symbol: [a, null, 1, true]}}
"""
    rules = load_text(text).config.alerts.effective()
    shipped = shipped_rules()
    changed = rules["extreme_funding"]
    assert (changed.outside, changed.clear, changed.severity, changed.cool_down) == (
        5.0,
        2.5,
        "critical",
        None,
    )
    assert (changed.text, changed.for_) == (shipped["extreme_funding"].text, 10.0)
    assert rules["interval_change"].enabled is False
    assert (rules["cap_hit"].conditions, rules["cap_hit"].clear) == ({"is": 1.0}, None)
    assert rules["stale_data"] == shipped["stale_data"]
    assert list(rules)[-1] == "own"
    assert rules["own"].where == {"symbol": ("a", None, 1.0, True)}
    assert rules["own"].on == ("quality:*", "funding:okx:*")


def test_without_the_shipped_rules_only_the_others_are_there(load_text: LoadText) -> None:
    """Under their names too."""
    text = "alerts: {shipped: false, rules: {cap_hit: {on: 'quality:*', value: state, is: raised}}}"
    rules = load_text(text).config.alerts.effective()
    assert list(rules) == ["cap_hit"]
    assert rules["cap_hit"].above is None


def test_a_dump_is_read_again(load_text: LoadText) -> None:
    """Under the names of the file, with what was said and no more."""
    text = """
alerts:
  quiet_hours: 22:00-07:00 Europe/Berlin
  rules:
    cap_hit: {for: 1500ms, cool_down: null, enabled: false}
    own: {on: quality:*, value: state, is: true, where: {about: null}}
  deliveries:
    phone: {url_env: PHONE}
"""
    config = load_text(text).config
    assert load_text(dump(config)).config == config
    assert config.model_dump()["alerts"]["rules"]["cap_hit"] == {
        "enabled": False,
        "for": "1500ms",
        "cool_down": None,
    }
    assert config.model_dump()["alerts"]["rules"]["own"]["where"] == {"about": (None,)}


def test_each_mistake_stands_at_its_line(mistakes: Mistakes) -> None:
    """Those of single keys and those of keys that do not fit together, all at once."""
    text = """alerts:
  rules:
    extreme_funding:
      clear: 9
    own:
      on: funding:*
      value: funding_rat
      above: 1
      below: 2
    other:
      on:
        - quality:*
        - quallity:*
      value: state
      is: raised
      quiet_hours:
        - 22:00-07:00
        - 22:00
      where:
        knd: stale
    half:
      value: state
  deliveries:
    phone:
      severity: loud
      url_env: PHONE
"""
    places = [line.split(": ")[:2] for line in mistakes(text)]
    assert places == [
        ["microstream.yaml:4", "alerts.rules.extreme_funding.clear"],
        ["microstream.yaml:7", "alerts.rules.own.value"],
        ["microstream.yaml:9", "alerts.rules.own.below"],
        ["microstream.yaml:13", "alerts.rules.other.on"],
        ["microstream.yaml:18", "alerts.rules.other.quiet_hours"],
        ["microstream.yaml:21", "alerts.rules.half.on"],
        ["microstream.yaml:21", "alerts.rules.half"],
        ["microstream.yaml:25", "alerts.deliveries.phone.severity"],
    ]


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("alerts:\n  deliveries:\n    phone: {!}", 3, "alerts.deliveries.phone"),
        ("alerts:\n  deliveries:\n    phone:\n      url: {!}", 4, "alerts.deliveries.phone.url"),
        ("alerts:\n  deliveries:\n    phone:\n      url_env: {!}", 4, "alerts.deliveries.phone.url_env"),
        ("alerts:\n  deliveries: {!}", 2, "alerts.deliveries"),
        ("alerts:\n  deliveries: [{!}]", 2, "alerts.deliveries"),
        ("alerts: {!}", 1, "alerts"),
        (
            "alerts:\n  deliveries:\n    phone: {url_env: X, severity: '{!}'}",
            3,
            "alerts.deliveries.phone.severity",
        ),
        ("alerts:\n  deliveries:\n    '{!}': {url_env: X}", 3, "alerts.deliveries.tgram"),
        ("alerts:\n  deliveries:\n    phone: {url_env: X, '{!}': 1}", 3, "alerts.deliveries.phone.tgram"),
        ("'{!}': 1", 1, "tgram"),
        ("log: {level: '{!}'}", 1, "log.level"),
    ],
)
def test_an_url_in_the_file_is_refused_and_not_shown(
    mistakes: Mistakes, text: str, line: int, key: str
) -> None:
    """Wherever it was put."""
    found = mistakes(text.replace("{!}", SECRET))
    assert found[0].startswith(f"microstream.yaml:{line}: {key}")
    assert "hunter2" not in str(found)
    assert "123" not in str(found)


@pytest.mark.parametrize("how", ["phone: {!}", "phone: {url: {!}}", "phone: {url_env: {!}}"])
@pytest.mark.parametrize("url", [SECRET, "https://hooks.slack.com/services/T/B/hunter2"])
def test_an_url_in_the_file_is_told_to_go_into_the_environment(
    mistakes: Mistakes, how: str, url: str
) -> None:
    """With the key that takes the variable's name."""
    (line,) = mistakes(f"alerts:\n  deliveries:\n    {how.replace('{!}', url)}")
    assert "put it into an environment variable" in line
    assert "url_env: TELEGRAM_URL" in line
    assert "hunter2" not in line


def test_every_key_of_a_rule_is_a_variable(load_text: LoadText) -> None:
    """`MICROSTREAM_ALERTS__RULES__NAME__KEY`, over what the file says, and the same of deliveries."""
    prefix = "MICROSTREAM_ALERTS__RULES__MY_RULE"
    environ = {
        f"{prefix}__ON": "quality:*,funding:okx:*",
        f"{prefix}__VALUE": "state",
        f"{prefix}__IS": "raised",
        f"{prefix}__FOR": "10s",
        f"{prefix}__WHERE": '{"kind": ["stale", "silent"], "about": null}',
        f"{prefix}__ENABLED": "0",
        "MICROSTREAM_ALERTS__RULES__CAP_HIT__ABOVE": "0.99",
        "microstream_alerts__deliveries__phone__url_env": "PHONE",
        "MICROSTREAM_ALERTS__DELIVERIES__PHONE__SEVERITY": "info",
    }
    text = "alerts: {rules: {my_rule: {is: cleared, group: 1m}}}"
    loaded = load_text(text, **environ)
    alerts = loaded.config.alerts
    mine = alerts.rules["my_rule"]
    assert (mine.on, mine.value, mine.is_, mine.for_, mine.group) == (
        ("quality:*", "funding:okx:*"),
        "state",
        "raised",
        10.0,
        60.0,
    )
    assert (mine.where, mine.enabled) == ({"kind": ("stale", "silent"), "about": (None,)}, False)
    assert alerts.effective()["cap_hit"].above == 0.99
    assert alerts.deliveries["phone"] == AlertDelivery(url_env="PHONE", severity="info")
    assert loaded.where(("alerts", "rules", "my_rule", "is")) == f"{prefix}__IS"
    assert loaded.where(("alerts", "rules", "my_rule", "group")) == "microstream.yaml:1"


def test_rules_as_json_take_the_place_of_those_in_the_file(load_text: LoadText) -> None:
    """As a list does; single variables are put over them."""
    environ = {
        "MICROSTREAM_ALERTS__RULES__CAP_HIT__SEVERITY": "info",
        "MICROSTREAM_ALERTS__RULES": '{"cap_hit": {"above": 0.9, "clear": 0.8}}',
    }
    alerts = load_text("alerts: {rules: {oi_jump: {enabled: false}}}", **environ).config.alerts
    assert alerts.rules == {"cap_hit": AlertRule(above=0.9, clear=0.8, severity="info")}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ALERTS__RULES", "{", "alerts.rules: '{' is not a JSON object; write for example"),
        ("ALERTS__RULES", "5", "alerts.rules: '5' is not a group of names"),
        (
            "ALERTS__RULES",
            '{"cap_hit": {"clear": 5}}',
            "alerts.rules.cap_hit.clear: is 5, above the threshold",
        ),
        ("ALERTS__RULES", '{"cap_hit": {"above": "x"}}', "alerts.rules.cap_hit.above: 'x' is not a number"),
        ("ALERTS__RULES__CAP_HIT__CLEAR", "5", "alerts.rules.cap_hit.clear: is 5, above the threshold"),
        ("ALERTS__RULES__CAP_HIT__CLEER", "5", "no such setting; write MICROSTREAM_ALERTS__RULES__NAME__KEY"),
        ("ALERTS__RULES__CAP_HIT", "5", "for example MICROSTREAM_ALERTS__RULES__CAP_HIT__ENABLED"),
        ("ALERTS__RULES__", "5", "no such setting"),
        ("ALERTS__DELIVERIES", SECRET, "alerts.deliveries: what is written there is not a JSON object"),
        ("ALERTS__DELIVERIES__PHONE", SECRET, "MICROSTREAM_ALERTS__DELIVERIES__PHONE__ENABLED"),
        ("ALERTS__DELIVERIES__PHONE__URL", SECRET, "MICROSTREAM_ALERTS__DELIVERIES__PHONE__URL_ENV"),
        ("ALERTS__DELIVERIES__PHONE__URL_ENV", SECRET, "is not the name of an environment variable"),
        (
            "ALERTS__DELIVERIES",
            '{"phone": {"url": "tgram://hunter2"}}',
            "put it into an environment variable",
        ),
    ],
)
def test_mistakes_in_variables(mistakes: Mistakes, name: str, text: str, said: str) -> None:
    """The variable is named, and a URL is never shown."""
    (line,) = mistakes("", **{f"MICROSTREAM_{name}": text})
    assert line.startswith(f"MICROSTREAM_{name}: ")
    assert said in line
    assert "hunter2" not in line


def test_a_configuration_that_is_made_in_a_program_is_looked_at_too() -> None:
    """Without a file the same mistakes are refused."""
    with pytest.raises(ValidationError, match=r"alerts\.rules\.cap_hit\.clear"):
        Config.model_validate({"alerts": {"rules": {"cap_hit": {"clear": 5.0}}}})


@pytest.mark.parametrize("section", [AlertRule, AlertDelivery])
def test_every_key_is_described(section: type[AlertRule] | type[AlertDelivery]) -> None:
    """docs/alerts.md says more."""
    assert all(field.description for field in section.model_fields.values())
