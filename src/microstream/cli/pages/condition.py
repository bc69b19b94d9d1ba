"""One thing that is wrong with the values of a contract, or of a venue."""

from microstream.cli import figures
from microstream.client.arrival import Arrival
from microstream.client.selection import spellings


class Condition:
    """A quality message that says that something began. `missed`: later ones of the contract did not come."""

    __slots__ = ("arrival", "missed")

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival
        self.missed = False

    @property
    def kind(self) -> str:
        """What is wrong."""
        return self.arrival.payload.kind or figures.UNKNOWN

    @property
    def severity(self) -> str | None:
        """How bad it is."""
        return self.arrival.payload.severity

    @property
    def since(self) -> int | None:
        """When it began, ms UTC."""
        return self.arrival.payload.since

    @property
    def key(self) -> tuple[str, ...]:
        """What orders rows that are equal in the column sorted by."""
        return (self.arrival.exchange, self.arrival.item, self.kind, self.arrival.payload.about or "")

    @property
    def names(self) -> set[str]:
        """Every way to name the contract, its venue and the kind, in lower case."""
        return {
            *spellings(self.arrival.item, self.arrival.payload.instrument),
            self.arrival.exchange,
            self.kind,
        }

    def late(self, now_ms: int) -> bool:
        """Return whether it is doubtful."""
        return self.missed
