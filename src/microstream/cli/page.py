"""What a live table shows: columns, rows, and what to say where there are none."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic

from microstream.cli.column import Column, R


class Page(ABC, Generic[R]):
    """One table. It is asked about once a second; what its rows show is asked whenever a line is drawn."""

    @property
    @abstractmethod
    def sort(self) -> str:
        """What it is sorted by until another column is chosen; `-` in front reverses."""

    @abstractmethod
    def columns(self, sort: str) -> Sequence[Column[R]]:
        """Return the columns, the same objects as long as nothing has changed.

        `sort` names the column that is sorted by: what belongs to it may be ranked higher.
        """

    @abstractmethod
    def rows(self) -> Iterable[R]:
        """Return the rows, in any order."""

    @abstractmethod
    def nothing(self) -> str:
        """Return why there are no rows, though the server is there."""

    def above(self, now_ms: int) -> Sequence[str]:
        """Return the lines above the table."""
        return ()
