"""`microstream alerts`: what the rules are, what is wrong with them, and whether an alert arrives."""

import asyncio
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from microstream.alerts.lane import Lane, Persistence, Target
from microstream.alerts.notification import Entry, Notification
from microstream.alerts.rule import Rule, at_least
from microstream.alerts.wording import sample
from microstream.app.alerting import alert_rule, alert_targets
from microstream.cli.run import run_async
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.config.alerts import shipped_rules
from microstream.config.units import duration_text
from microstream.errors import ConfigError
from microstream.telemetry import logs

FAILED = 1
PLAIN_WIDTH = 160
"""Columns of the tables where they go to a file or a pipe."""
ONCE_MORE = Persistence(attempts=2, timeout_s=15.0, first_pause_s=1.0)

cli = typer.Typer(help="Rules that watch what is published, and who is told.", no_args_is_help=True)


@cli.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(help="Configuration file; default: microstream.yaml, if there.")
    ] = None,
) -> int:
    """Print the rules and deliveries that are in force, or what is wrong with them.

    Exit codes: 0 all is well, 2 bad configuration.
    """
    loaded = load(file, os.environ)
    targets = alert_targets(loaded.config, os.environ, loaded.where)
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    if not loaded.config.alerts.enabled:
        print("alerts are switched off (alerts.enabled: false)")
    console.print(_rules_table(loaded.config))
    print()
    _print_deliveries(console, loaded.config, targets)
    return 0


@cli.command("test")
def send_test(
    rule: Annotated[str, typer.Argument(help="Name of a rule.")],
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Configuration file; default: microstream.yaml, if there."),
    ] = None,
) -> int:
    """Send an alert of a rule, marked as a test, to every delivery that gets its alerts. Redis is not written to.

    Quiet hours and groups do not hold it back. Exit codes: 0 all sent, 1 a delivery failed, 2 bad configuration.
    """
    loaded = load(config, os.environ)
    logs.set_up("error", loaded.config.log.format)
    known = loaded.config.alerts.effective()
    if rule not in known:
        near = get_close_matches(rule.lower(), known, n=3, cutoff=0.4) or list(known)
        raise ConfigError(f"there is no rule {rule!r}; there is {', '.join(near) or 'none'}")
    targets = alert_targets(loaded.config, os.environ, loaded.where)
    alert = sample(alert_rule(loaded.config, rule), SystemClock().now_ms())
    notification = Notification((Entry(alert.received_at, alert),), is_test=True)
    if known[rule].enabled is False or not loaded.config.alerts.enabled:
        print(f"{rule} is switched off; this is a test all the same")
    if not targets:
        print("no delivery is configured, so nothing is sent; name one in the configuration, as")
        print("  alerts: {deliveries: {phone: {url_env: TELEGRAM_URL}}}")
        print("and put its URL into the variable (docs/alerts.md). This would have gone out:")
        print(f"\n{notification.title}\n{notification.text}\n")
        print(msgspec.json.encode(alert).decode())
        return 0
    outcomes: list[bool] = []
    run_async(_send(targets, notification, outcomes))
    return 0 if all(outcomes) else FAILED


async def _send(targets: list[Target], notification: Notification, outcomes: list[bool]) -> None:
    """Send to all at the same time; print what happened, in the order of the configuration."""
    severity = notification.entries[0].alert.severity
    wanted = [target for target in targets if at_least(severity, target.severity)]
    lanes = [Lane(target, ONCE_MORE, Random()) for target in wanted]
    reasons = await asyncio.gather(*(lane.deliver(notification) for lane in lanes))
    told = {target.name: why for target, why in zip(wanted, reasons, strict=True)}
    for target in targets:
        if target.name not in told:
            print(f"{target.name:<16} not sent   it gets {target.severity} and above, this is {severity}")
            continue
        why = told[target.name]
        outcomes.append(why is None)
        print(f"{target.name:<16} {'sent' if why is None else f'FAILED     {why}'}", file=sys.stdout)


def _rules_table(config: Config) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "rule",
        "from",
        "looks at",
        "holds where",
        "for",
        "ends",
        "cool-down",
        "severity",
        "sent",
    ):
        table.add_column(heading, overflow="fold")
    shipped = shipped_rules() if config.alerts.shipped else {}
    for name, settings in config.alerts.effective().items():
        origin = "shipped" if name not in config.alerts.rules else "changed" if name in shipped else "own"
        rule = alert_rule(config, name)
        severity = "off" if settings.enabled is False else rule.severity
        table.add_row(
            name,
            origin,
            ", ".join(rule.on),
            _holds(rule),
            _duration(rule.for_ms),
            _ends(rule),
            _duration(rule.cool_down_ms),
            severity,
            _sent(rule),
        )
    return table


def _holds(rule: Rule) -> str:
    condition = rule.condition
    path = ".".join(rule.value)
    said = (
        f"{path} is known"
        if condition.kind == "present"
        else f"{path} {condition.kind} {_said(condition.threshold)}"
    )
    filters = [f"{'.'.join(where)} = {' | '.join(map(_said, allowed))}" for where, allowed in rule.where]
    return "; ".join([said, *filters])


def _ends(rule: Rule) -> str:
    if rule.lasts_ms is not None:
        return f"after {_duration(rule.lasts_ms)}"
    clear = rule.condition.clear
    return "" if clear is None else f"at {_said(clear)}"


def _sent(rule: Rule) -> str:
    parts = [f"grouped {_duration(rule.group_ms)}"] if rule.group_ms else ["at once"]
    return ", ".join([*parts, *(f"not {hours}" for hours in rule.quiet_hours)])


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _duration(duration_ms: int) -> str:
    return duration_text(duration_ms / 1000) if duration_ms else ""


def _print_deliveries(console: Console, config: Config, targets: list[Target]) -> None:
    deliveries = config.alerts.deliveries
    if not deliveries:
        print("no deliveries: alerts are published on alert:* alone (docs/alerts.md says how to be told)")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("delivery", "gets", "URL in", "state"):
        table.add_column(heading, overflow="fold")
    ready = {target.name for target in targets}
    for name, settings in deliveries.items():
        state = "ready" if name in ready else "off"
        table.add_row(name, f"{settings.severity} and above", settings.url_env, state)
    console.print(table)
