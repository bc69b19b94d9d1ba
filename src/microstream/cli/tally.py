"""How many messages came on which channel, and what did not come."""

from time import monotonic

from microstream.client.arrival import Arrival

OTHERS = "(other channels)"


class ChannelTally:
    """Counts of one channel; `newest_ms` is when its newest message was received by the service, ms UTC."""

    __slots__ = ("channel", "exchange", "family", "last_values", "messages", "missing", "newest_ms")

    def __init__(self, channel: str, family: str, exchange: str) -> None:
        self.channel = channel
        self.family = family
        self.exchange = exchange
        self.messages = 0
        self.last_values = 0
        self.missing = 0
        self.newest_ms = 0


class Tally:
    """Counts of everything that arrived since the start.

    At most `limit` channels are counted one by one; further ones are added up under one name.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._started = monotonic()
        self.channels: dict[str, ChannelTally] = {}
        self.messages = 0
        self.last_values = 0
        self.missing = 0
        self.unreadable = 0

    def count(self, arrival: Arrival, now_ms: int) -> None:
        """Add one message."""
        channel = self.channels.get(arrival.channel) or self._new(arrival)
        channel.messages += 1
        channel.last_values += not arrival.live
        channel.missing += arrival.missing
        channel.newest_ms = max(channel.newest_ms, arrival.payload.received_at or now_ms)
        self.messages += 1
        self.last_values += not arrival.live
        self.missing += arrival.missing
        self.unreadable += arrival.problem is not None

    def seconds(self) -> float:
        """Return the time since the start."""
        return monotonic() - self._started

    def _new(self, arrival: Arrival) -> ChannelTally:
        if len(self.channels) < self._limit:
            tally = ChannelTally(arrival.channel, arrival.family, arrival.exchange)
        else:
            tally = self.channels.get(OTHERS) or ChannelTally(OTHERS, "", "")
        self.channels[tally.channel] = tally
        return tally
