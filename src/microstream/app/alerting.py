"""Configuration -> rules and targets of alerts."""

from collections.abc import Callable, Mapping
from random import Random

import structlog

from microstream.alerts.condition import Condition
from microstream.alerts.delivery import Delivery
from microstream.alerts.engine import Alerts, Offer
from microstream.alerts.lane import Target
from microstream.alerts.rule import Rule
from microstream.alerts.services import service
from microstream.clock import Clock
from microstream.config import Config
from microstream.config.alerts import AlertDelivery, AlertRule
from microstream.errors import ConfigError
from microstream.model import paths
from microstream.model.hours import DailyHours

Where = Callable[[tuple[str, ...]], str]
"""Names the place of a configuration key (`Loaded.where`)."""

log = structlog.get_logger()


def make_alerts(
    config: Config, offer: Offer, clock: Clock, random: Random, environ: Mapping[str, str], where: Where
) -> tuple[Alerts, Delivery]:
    """Return the engine, whose `take` is to see every message, and the deliveries that it hands its alerts to.

    Raises `ConfigError` as `alert_targets` does.
    """
    rules = alert_rules(config)
    delivery = Delivery(alert_targets(config, environ, where), rules, clock, random)
    return Alerts(rules, offer, delivery.offer, full=_full), delivery


def alert_rules(config: Config) -> list[Rule]:
    """Return the rules that are looked at: none while alerts are switched off."""
    if not config.alerts.enabled:
        return []
    effective = config.alerts.effective()
    return [alert_rule(config, name) for name, rule in effective.items() if rule.enabled is not False]


def alert_rule(config: Config, name: str) -> Rule:
    """Return one rule of the configuration, switched on or not."""
    settings = config.alerts.effective()[name]
    hours = config.alerts.quiet_hours if settings.quiet_hours is None else settings.quiet_hours
    return Rule(
        name=name,
        on=settings.on or (),
        value=paths.parse(settings.value or ""),
        condition=_condition(settings),
        where=tuple((paths.parse(path), allowed) for path, allowed in (settings.where or {}).items()),
        distinct=tuple(paths.parse(path) for path in settings.distinct or ()),
        for_ms=_ms(settings.for_),
        lasts_ms=None if settings.lasts is None else _ms(settings.lasts),
        cool_down_ms=_ms(settings.cool_down),
        severity=settings.severity or "warning",
        group_ms=_ms(settings.group),
        quiet_hours=tuple(DailyHours.parse(text) for text in hours),
        text=settings.text,
    )


def alert_targets(config: Config, environ: Mapping[str, str], where: Where) -> list[Target]:
    """Return where alerts are sent, with the URLs of the environment.

    Raises `ConfigError` with a line for each variable that is missing or holds no URL of a service, which never shows
    what it holds, and where the notification library is not installed.
    """
    targets, mistakes = [], []
    deliveries = config.alerts.deliveries if config.alerts.enabled else {}
    for name, settings in deliveries.items():
        if not settings.enabled:
            continue
        key = ("alerts", "deliveries", name, "url_env")
        try:
            targets.append(_target(name, settings, environ))
        except ConfigError as error:
            mistakes.append(f"{where(key)}: {'.'.join(key)}: {error}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return targets


def _target(name: str, settings: AlertDelivery, environ: Mapping[str, str]) -> Target:
    url = environ.get(settings.url_env, "").strip()
    if not url:
        raise ConfigError(
            f"the environment has no variable {settings.url_env}; put the service's URL into it, or set"
            f" alerts.deliveries.{name}.enabled: false"
        )
    send = service(url)
    if send is None:
        raise ConfigError(
            f"the variable {settings.url_env} holds no URL of a service that the notification library (apprise) can"
            " read; docs/alerts.md has examples"
        )
    return Target(name, settings.severity, send)


def _condition(settings: AlertRule) -> Condition:
    ((kind, threshold),) = settings.conditions.items()
    return Condition(kind, None if kind == "present" else threshold, settings.clear)  # type: ignore[arg-type]


def _ms(duration_s: float | None) -> int:
    return round((duration_s or 0.0) * 1000)


def _full() -> None:
    log.warning("too many alerts are open, new ones are left out")
