"""What is wrong with the data, told once when it begins and once when it ends."""

from collections.abc import Callable

from microstream.model.channels import Channel, channel
from microstream.model.instruments import Instrument
from microstream.model.messages import VERSION, Message, QualityMessage

SPOT = "spot"
"""What conditions of spot pairs are about: they share symbols with contracts."""
Offer = Callable[[Channel, Message], None]

SKEW_MS = 1_000
"""A venue's clock that is further off than this is flagged (contract, section 3)."""


class Quality:
    """Open conditions by channel, kind and value; bounded by instruments x families x kinds.

    `open` maps each to when it began.
    """

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self.open: dict[tuple[str, str, str, str | None], int] = {}

    def raised(
        self,
        exchange: str,
        instrument: Instrument | None,
        kind: str,
        about: str | None,
        *,
        now: int,
        detail: str,
        since: int | None = None,
        severity: str = "warning",
        expected: str | float | None = None,
        observed: str | float | None = None,
    ) -> None:
        """Publish that a condition began, unless it is open already. `instrument` None means the whole venue."""
        key = (exchange, _symbol(instrument), kind, about)
        if key in self.open:
            return
        began = since if since is not None else now
        self.open[key] = began
        self._publish(key, instrument, "raised", severity, detail, began, now, expected, observed)

    def cleared(
        self,
        exchange: str,
        instrument: Instrument | None,
        kind: str,
        about: str | None,
        *,
        now: int,
        detail: str,
    ) -> None:
        """Publish that a condition ended, if it was open."""
        key = (exchange, _symbol(instrument), kind, about)
        began = self.open.pop(key, None)
        if began is not None:
            self._publish(key, instrument, "cleared", "info", detail, began, now, None, None)

    def is_open(self, exchange: str, symbol: str, kind: str, about: str | None) -> bool:
        """Return whether a condition is open."""
        return (exchange, symbol, kind, about) in self.open

    def forget(self, instrument: Instrument, now: int) -> None:
        """End the open conditions of a contract or spot pair that left; each leaves those of the other's symbol."""
        exchange, detail = instrument.exchange, f"{instrument.symbol} is no longer followed"
        for _, _, kind, about in [key for key in self.open if key[:2] == (exchange, instrument.symbol)]:
            if (about == SPOT) == (instrument.kind == SPOT):
                self.cleared(exchange, instrument, kind, about, now=now, detail=detail)

    def _publish(
        self,
        key: tuple[str, str, str, str | None],
        instrument: Instrument | None,
        state: str,
        severity: str,
        detail: str,
        since: int,
        now: int,
        expected: str | float | None,
        observed: str | float | None,
    ) -> None:
        exchange, symbol, kind, about = key
        message = QualityMessage(
            v=VERSION,
            exchange=exchange,
            symbol=symbol,
            instrument=instrument.instrument if instrument else None,
            timestamp=None,
            received_at=now,
            source="rest",
            run=0,
            seq=0,
            flags=(),
            kind=kind,  # type: ignore[arg-type]
            state=state,  # type: ignore[arg-type]
            severity=severity,  # type: ignore[arg-type]
            detail=detail,
            about=about,
            since=since,
            expected=expected,
            observed=observed,
        )
        self._offer(channel("quality", exchange, symbol), message)


def _symbol(instrument: Instrument | None) -> str:
    return instrument.symbol if instrument else "*"
