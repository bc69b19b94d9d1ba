"""What a reader writes to the log `microstream.client`, of the standard library's `logging`."""

import logging
from collections.abc import Sequence

from microstream.client.notices import Away, Behind, CaughtUp, Connected, Healed, Lost, Unreadable

COMPLAINT_LIMIT = 1000

logger = logging.getLogger("microstream.client")


class Journal:
    """Writes a line per change of state: of unreadable messages the first of each channel, of losses a sum."""

    def __init__(self) -> None:
        self._complained: set[str] = set()

    def note(self, notice: Connected | Away | Behind | CaughtUp | Unreadable) -> None:
        """Write one notice."""
        match notice:
            case Connected(server):
                logger.info("connected to %s", server)
            case Away(server, reason):
                logger.warning("%s is away, trying again: %s", server, reason)
            case Behind(waiting, conflated, dropped):
                logger.warning(
                    "the consumer is too slow: %d events wait for it, %d were conflated, %d dropped",
                    waiting,
                    conflated,
                    dropped,
                )
            case CaughtUp(conflated, dropped):
                logger.info(
                    "the consumer has caught up: %d events were conflated, %d dropped", conflated, dropped
                )
            case Unreadable(channel, reason):
                if channel not in self._complained and len(self._complained) < COMPLAINT_LIMIT:
                    self._complained.add(channel)
                    logger.warning("%s: a message cannot be read: %s", channel, reason)

    def note_holes(self, told: Sequence[Healed | Lost]) -> None:
        """Write what became of the holes of a stream."""
        healed = [notice for notice in told if isinstance(notice, Healed)]
        lost = [notice for notice in told if isinstance(notice, Lost)]
        if healed:
            logger.info(
                "%d messages of %d channels did not come and were read from the log",
                sum(notice.last - notice.first + 1 for notice in healed),
                len({notice.channel for notice in healed}),
            )
        if lost:
            first = lost[0]
            logger.warning(
                "messages of %d channels are lost, on %s the numbers %d to %s of run %d: %s",
                len({notice.channel for notice in lost}),
                first.channel,
                first.first,
                "an unknown one" if first.last is None else first.last,
                first.run,
                first.reason,
            )
