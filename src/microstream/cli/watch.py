"""The state of the reading: what arrived, and whether the server is there."""

from abc import ABC, abstractmethod

from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival
from microstream.client.feed import Item
from microstream.client.notices import Away


class Watch(ABC):
    """Counts and state of the connection; filled item by item, read by the view."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.connected = False
        self.away: str | None = None
        self.reconnects = 0

    def take(self, item: Item, now_ms: int) -> None:
        """Take in what the feed yields."""
        if isinstance(item, Arrival):
            self.tally.count(item, now_ms)
            if item.problem is None:
                self.show(item)
        elif isinstance(item, Away):
            self.connected, self.away = False, item.reason
        else:
            if self.away is not None and self.tally.messages:
                self.reconnects += 1
            self.connected, self.away = True, None

    @abstractmethod
    def show(self, arrival: Arrival) -> None:
        """Take in a message that could be read."""
