"""Configuration -> the stages of a replay that makes bars, signals and alerts anew. Nothing is delivered."""

from collections import defaultdict

from microstream.alerts.engine import Alerts
from microstream.app.alerting import alert_rules
from microstream.app.outlet import Stage
from microstream.app.wiring import enabled_services, make_analytics
from microstream.config import Config
from microstream.model.channels import Channel
from microstream.model.messages import Message

Made = list[tuple[Channel, Message]]


class Recomputation:
    """The stages of the service in the service's order, driven by recorded time; keeps what they make."""

    def __init__(self, config: Config) -> None:
        self._made: Made = []
        self._now = 0
        self._stages: list[Stage] = []
        families = frozenset(service.family for service in enabled_services(config) if not service.of_spot)
        # of any venue that was recorded, be it enabled now or not
        analytics = make_analytics(config, defaultdict(lambda: families), self._offer, lambda *_: None)
        if analytics is not None:
            self._stages.append(analytics)
        if config.alerts.enabled:
            self._stages.append(Alerts(alert_rules(config), self._offer, lambda _: None))

    def take(self, where: Channel, message: Message, now: int) -> None:
        """Take a message that is published now (ms UTC)."""
        self._now = now
        for stage in self._stages:
            stage.take(where, message, now)

    def tick(self, now: int) -> None:
        """Do what time alone must do."""
        self._now = now
        for stage in self._stages:
            for _ in stage.ticking(now):
                pass

    def made(self) -> Made:
        """Return what was made since the last call."""
        made, self._made = self._made, []
        return made

    def _offer(self, channel: Channel, message: Message) -> None:
        self._made.append((channel, message))
        for stage in self._stages:
            stage.take(channel, message, self._now)
