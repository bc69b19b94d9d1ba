"""Hands what arrives to the pages that show it."""

import re
from collections.abc import Iterable
from typing import Any

from microstream.cli.pages.published import PublishedPage
from microstream.cli.pages.runs import Runs
from microstream.cli.tally import Tally
from microstream.cli.watch import Watch
from microstream.client.arrival import Arrival
from microstream.client.selection import any_name, spellings


class Desk(Watch):
    """Pages, and the state of the reading. Of a message only the common keys, or flat values, are read here.

    `coins` leaves only messages about these coins or contracts, and about whole venues; globs in any case.
    """

    def __init__(
        self, tally: Tally, pages: Iterable[PublishedPage[Any]], runs: Runs, coins: Iterable[str] = ()
    ) -> None:
        super().__init__(tally)
        self._routes = {feed: page for page in pages for feed in page.feeds}
        self._runs = runs
        names = tuple(coins)
        self._coins = any_name(names) if names else None

    def show(self, arrival: Arrival) -> None:
        """Take in a message that could be read."""
        self._runs.note(arrival)
        family = arrival.family
        page = self._routes.get(f"signal:{arrival.exchange}" if family == "signal" else family)
        if page is not None and (self._coins is None or _is_about(arrival, self._coins)):
            page.take(arrival)


def _is_about(arrival: Arrival, coins: re.Pattern[str]) -> bool:
    symbol = arrival.item.rpartition(":")[2]
    return symbol == "*" or any(map(coins.fullmatch, spellings(symbol, arrival.payload.instrument)))
