"""Analytics: takes every message that goes out, and makes bars and signals of them. Pure."""

from collections.abc import Callable, Iterable, Iterator

from microstream.analytics.bars import Bars, Offer
from microstream.model.channels import Channel
from microstream.model.messages import InstrumentMessage, Message

Remove = Callable[[str, Iterable[str]], None]
"""Takes items out of the last values of a group."""


class Analytics:
    """Bars and signals of everything that is published.

    What it makes goes to its `Bars`' own offer, and comes back to `take` by that. Times are ms UTC; one that runs
    backwards stands still here.
    """

    def __init__(self, bars: Bars | None) -> None:
        self.bars = bars
        self._now = 0

    def take(self, channel: Channel, message: Message, now: int) -> None:
        """Take a message that is published now."""
        self._now = now = max(now, self._now)
        if isinstance(message, InstrumentMessage):
            self._learn(message)
        elif self.bars is not None:
            self.bars.take(channel, message, now)

    def ticking(self, now: int) -> Iterator[None]:
        """Close the bars whose time is over, in steps."""
        self._now = now = max(now, self._now)
        if self.bars is not None:
            yield from self.bars.ticking(now)

    def _learn(self, row: InstrumentMessage) -> None:
        if self.bars is None:
            return
        key = f"{row.exchange}:{row.symbol}"
        if row.status == "delisted":
            self.bars.forget(key)
        elif row.kind != "perpetual":
            self.bars.leave_out_funding(key)


__all__ = ["Analytics", "Offer", "Remove"]
