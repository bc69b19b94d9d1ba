"""What a definition makes of what is known, before it is published."""

from dataclasses import dataclass, field
from typing import Any

from microstream.analytics.known import Contract
from microstream.model.messages import Excluded, Input, Message


@dataclass(slots=True)
class Result:
    """The values of a signal, the numbers that went in, what was left out, and why what is null is null."""

    values: dict[str, Any]
    inputs: list[Input] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    newest: Message | None = None
    """The newest of the messages that went in."""

    def use(self, name: str, contract: Contract, message: Message, value: float | None, now: int) -> None:
        """Note a number that goes in."""
        age_ms = max(0, now - message.received_at)
        number = None if value is None else float(value)  # times are whole numbers
        self.inputs.append(Input(name, contract.exchange, contract.symbol, number, age_ms))
        if self.newest is None or message.received_at > self.newest.received_at:
            self.newest = message

    def leave_out(self, exchange: str, symbol: str, reason: str) -> None:
        """Note what is left out."""
        self.excluded.append(Excluded(exchange, symbol, reason))

    def lacks(self, value: str, reason: str) -> None:
        """Note why a value is null."""
        self.reasons.append(f"{value}:{reason}")
