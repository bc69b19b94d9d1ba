"""The live table of contracts: one row per contract and venue."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from microstream.cli.board import Board, Row
from microstream.cli.column import Column
from microstream.cli.columns import COLUMNS
from microstream.cli.live import Live
from microstream.cli.page import Page
from microstream.cli.status import quality_line
from microstream.clock import Clock


class Contracts(Page[Row]):
    """The rows of a board."""

    sort = "oi"

    def __init__(self, board: Board) -> None:
        self._board = board

    def columns(self, sort: str) -> Sequence[Column[Row]]:
        """Return the columns."""
        return COLUMNS

    def rows(self) -> Iterable[Row]:
        """Return the rows."""
        return self._board.rows.values()

    def nothing(self) -> str:
        """Return why there are none."""
        return "connected, nothing published yet: is the service (microstream run) running?"


class Table(Live):
    """Shows a board that someone else fills, and the newest quality message below it."""

    def __init__(self, board: Board, *, server: str, sort: str, notice: str, clock: Clock) -> None:
        super().__init__(board, Contracts(board), server=server, sort=sort, notice=notice, clock=clock)
        self._board = board

    def foot(self) -> Text:
        """Return the newest quality message."""
        return quality_line(self._board.quality)
