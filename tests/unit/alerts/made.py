"""Messages and rules for tests of alerts."""

from typing import Any

import msgspec

from microstream.alerts.condition import Condition
from microstream.alerts.engine import Alerts
from microstream.alerts.rule import Rule
from microstream.model.channels import Channel, channel
from microstream.model.messages import (
    AlertMessage,
    BarMessage,
    InstrumentMessage,
    Message,
    QualityMessage,
    Range,
    SignalMessage,
)

START = 1_795_394_310_000
"""2026-11-23 00:38:30 UTC."""
S = 1_000

Said = tuple[Channel, Message]


def _common(exchange: str, symbol: str, at: int) -> dict[str, Any]:
    return {
        "v": 1,
        "exchange": exchange,
        "symbol": symbol,
        "instrument": None if symbol == "*" else "SOL/USDT:USDT",
        "timestamp": None,
        "received_at": at,
        "source": "ws",
        "run": 0,
        "seq": 0,
        "flags": (),
    }


def signal(at: int, values: dict[str, Any], subject: str = "okx:sol-usdt", name: str = "squeeze") -> Said:
    """Return a signal with these values, received at a time."""
    exchange, _, symbol = subject.partition(":")
    message = SignalMessage(
        **_common(exchange if symbol else "*", symbol or subject, at),
        name=name,
        subject=subject,
        formula="1",
        values=values,
        inputs=[],
        excluded=[],
    )
    return channel("signal", name, subject), message


def quality(
    at: int, state: str, kind: str = "stale", about: str | None = "oi", symbol: str = "sol-usdt"
) -> Said:
    """Return a quality message of OKX."""
    message = QualityMessage(
        **_common("okx", symbol, at),
        kind=kind,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        severity="warning" if state == "raised" else "info",
        detail=f"{about} is {state}",
        about=about,
        since=at - 45_000,
        expected=45.0,
        observed=60.0,
    )
    return channel("quality", "okx", symbol), message


def instrument(
    at: int, *, changed: dict[str, Any] | None = None, status: str = "live", hours: float = 4.0
) -> Said:
    """Return a row of the registry of OKX."""
    message = InstrumentMessage(
        **_common("okx", "sol-usdt", at),
        base="SOL",
        quote="USDT",
        settle="USDT",
        kind="perpetual",
        multiplier=1.0,
        contract_size=1.0,
        tick_size=0.01,
        funding_interval_hours=hours,
        rate_cap=None,
        rate_floor=None,
        status=status,  # type: ignore[arg-type]
        listed_at=None,
        delisted_at=None,
        changed=changed or {},
    )
    return channel("instrument", "okx", "sol-usdt"), message


def bar(at: int, close: float) -> Said:
    """Return a minute of OKX whose mark closed at a price."""
    message = BarMessage(
        **_common("okx", "sol-usdt", at),
        timeframe="1m",
        open_time=at - 60_000,
        close_time=at,
        mark=Range(close, close, close, close, 1, 0),
        index=None,
        basis_bps=None,
        funding_rate=None,
        open_interest=None,
        open_value=None,
        coverage=1.0,
        late=0,
    )
    return channel("bars", "okx:1m", "sol-usdt"), message


def rule(condition: Condition | None = None, **keys: Any) -> Rule:
    """Return a rule over `values.short_squeeze` of the signal squeeze, above 60 and clear at 45 by default."""
    given = {
        "name": "squeeze",
        "on": ("signal:squeeze:*",),
        "value": ("values", "short_squeeze"),
        "condition": condition or Condition("above", 60.0, 45.0),
    }
    return Rule(**(given | keys))


class Heard:
    """An engine, the alerts that it has published, and the time of the last message or tick."""

    def __init__(self, *rules: Rule, **options: Any) -> None:
        self.alerts: list[AlertMessage] = []
        self.channels: list[str] = []
        self.notified: list[AlertMessage] = []
        self.engine = Alerts(rules, self._offer, self.notified.append, **options)

    def _offer(self, where: Channel, message: Message) -> None:
        assert isinstance(message, AlertMessage)
        self.channels.append(where.name)
        self.alerts.append(message)

    def take(self, *said: Said, delay: int = 0) -> None:
        """Take messages, each `delay` ms after its receipt."""
        for where, message in said:
            self.engine.take(where, message, message.received_at + delay)

    def score(self, at: int, value: float | None, subject: str = "okx:sol-usdt") -> None:
        """Take a squeeze signal, `at` seconds after the start."""
        self.take(signal(START + at * S, {"short_squeeze": value}, subject))

    def tick(self, at: int) -> None:
        """Let the time be `at` seconds after the start."""
        self.engine.tick(START + at * S)

    @property
    def states(self) -> list[str]:
        """What was published, as states."""
        return [alert.state for alert in self.alerts]

    def bytes(self) -> list[bytes]:
        """What was published, as it is written."""
        return [msgspec.json.encode(alert) for alert in self.alerts]
