"""Analytics: takes every message that goes out, and makes bars and signals of them. Pure."""

from collections.abc import Iterator

from microstream.analytics.bars import Bars
from microstream.analytics.signals.signals import Signals
from microstream.model.channels import Channel
from microstream.model.messages import InstrumentMessage, Message


class Analytics:
    """Bars and signals of everything that is published.

    What they make goes where they were told, and must come back to `take` from there: signals go by bars. Times are
    ms UTC; one that runs backwards stands still here.
    """

    def __init__(self, bars: Bars | None, signals: Signals | None) -> None:
        self.bars = bars
        self.signals = signals
        self._now = 0
        self._ticked_at = 0

    def take(self, channel: Channel, message: Message, now: int) -> None:
        """Take a message that is published now."""
        self._now = now = max(now, self._now, self._ticked_at)
        if isinstance(message, InstrumentMessage):
            self._learn(message)
        elif self.bars is not None:
            self.bars.take(channel, message, now)
        if self.signals is not None:
            self.signals.take(message, now)

    def ticking(self, now: int) -> Iterator[None]:
        """Close the bars whose time is over, in steps.

        Its time may come a little after what was taken behind it; that does not move it.
        """
        self._ticked_at = now = max(now, self._ticked_at)
        if self.bars is not None:
            yield from self.bars.ticking(now)
        if self.signals is not None:
            yield from self.signals.ticking(now)

    def _learn(self, row: InstrumentMessage) -> None:
        if self.bars is None:
            return
        key = f"{row.exchange}:{row.symbol}"
        if row.status == "delisted":
            self.bars.forget(key)
        elif row.kind != "perpetual":
            self.bars.leave_out_funding(key)
