"""A page of what is published: which channels it reads, what it keeps of them, and its rows as records."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from microstream.cli.column import R
from microstream.cli.page import Page
from microstream.client.arrival import Arrival

Record = Mapping[str, Any]


class PublishedPage(Page[R]):
    """A page filled with messages.

    `feeds` are the families that it takes, of signals `signal:{name}`; `channels` are the globs of everything that it
    needs to be read.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    feeds: ClassVar[tuple[str, ...]]
    channels: ClassVar[tuple[str, ...]]

    @abstractmethod
    def take(self, arrival: Arrival) -> None:
        """Take in a message of one of the feeds."""

    @abstractmethod
    def record(self, row: R, now_ms: int) -> Record:
        """Return a row for programs: numbers as they were published."""

    def records(self, rows: Iterable[R], now_ms: int) -> Iterator[Record]:
        """Yield the rows, and what else the page has, for programs."""
        for row in rows:
            yield {"page": self.name, **self.record(row, now_ms)}
