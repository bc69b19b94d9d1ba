"""Which messages are of a publisher that was started anew since."""

from microstream.client.arrival import Arrival

ACROSS = "*"
"""Stands for the venue where a message is about a coin across venues."""

EARLIER = "told before the service was started anew: it may be over"
"""What is said of what began in an earlier run."""

VENUE_LIMIT = 1_000


def venue_of(arrival: Arrival) -> str:
    """Return the venue that a message is about: of signals and alerts that of their subject."""
    if arrival.family not in {"signal", "alert"}:
        return arrival.exchange
    head, colon, _ = arrival.item.partition(":")
    return head if colon else ACROSS


class Runs:
    """The newest run that was heard of each venue.

    What began in an earlier run may have ended unheard: its publisher has gone, and the new one knows nothing of it.
    """

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}

    def note(self, arrival: Arrival) -> None:
        """Note the run of a message."""
        venue, run = venue_of(arrival), arrival.payload.run
        newest = self._newest.get(venue, 0)
        if run is not None and run > newest and (newest or len(self._newest) < VENUE_LIMIT):
            self._newest[venue] = run

    def is_earlier(self, arrival: Arrival) -> bool:
        """Return whether a message is of a run before the newest of its venue."""
        run = arrival.payload.run
        return run is not None and run < self._newest.get(venue_of(arrival), 0)
