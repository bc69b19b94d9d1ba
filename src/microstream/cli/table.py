"""The live table: one row per contract and venue, sorted and filtered while it runs."""

from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Footer, Input, Static

from microstream.cli.board import Board
from microstream.cli.columns import COLUMNS, Column
from microstream.cli.grid import Grid, Heading
from microstream.cli.order import matching, sort_order, sorted_rows
from microstream.cli.status import Meter, quality_line, status_line
from microstream.clock import Clock

REFRESH_S = 0.25
SORT_EVERY_MS = 1_000


class Filter(Input):
    """The line to type a filter in."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.clear_filter", "Clear filter")]


class OneLine(Static):
    """A line of text, drawn again only when it differs."""

    _current = Text()

    def show(self, text: Text) -> None:
        """Replace the text."""
        if text != self._current:
            self._current = text
            self.update(text, layout=False)


class Table(App[None]):
    """Shows a board that someone else fills.

    The terminal's own colours are used, so that it reads in dark and light ones; NO_COLOR is respected.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; }
    OneLine, Heading { height: 1; }
    #notice { height: auto; max-height: 2; padding: 0 1; text-style: bold reverse; }
    Grid {
        height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        scrollbar-background: ansi_default; scrollbar-background-hover: ansi_default;
        scrollbar-background-active: ansi_default;
    }
    Filter { display: none; height: 1; border: none; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reverse", "Reverse"),
        # With priority, so that what is typed right behind it reaches the filter.
        Binding("slash", "type_filter", "Filter", key_display="/", priority=True),
        Binding("escape", "clear_filter", "Clear filter", show=False),
        Binding("q,ctrl+c", "quit", "Quit", key_display="q", priority=False),
    ]

    def __init__(self, board: Board, *, server: str, sort: str, notice: str, clock: Clock) -> None:
        super().__init__(ansi_color=True)
        self._board = board
        self._server = server
        self._notice = notice
        self._clock = clock
        self._meter = Meter()
        self._column, self._descending = sort_order(sort)
        self._sorted_at_ms = 0
        self._shown = 0
        # Held, not looked up: while the table closes, the timer may fire after they have left the screen.
        self._status = OneLine(id="status")
        self._heading = Heading()
        self._grid = Grid(self._heading)
        self._quality = OneLine(id="quality")
        self._filter = Filter(
            placeholder="sol    sol okx    */usdc:*    (Enter keeps the filter, Esc clears it)"
        )

    def compose(self) -> ComposeResult:
        """Lay out notice, status, table, newest quality message, filter and keys."""
        with Vertical():
            if self._notice:
                yield Static(Text(self._notice), id="notice")
            yield self._status
            yield self._heading
            yield self._grid
            yield self._quality
            yield self._filter
        yield Footer()

    def on_mount(self) -> None:
        """Start to draw."""
        self.theme = "ansi-dark"
        self._grid.focus()
        self._mark()
        self.set_interval(REFRESH_S, self.draw)
        self.draw()

    def draw(self) -> None:
        """Bring the screen up to date."""
        now_ms = self._clock.now_ms()
        if abs(now_ms - self._sorted_at_ms) >= SORT_EVERY_MS:
            self._sort(now_ms)
        self._grid.paint(now_ms)
        tally = self._board.tally
        status = status_line(
            self._board,
            server=self._server,
            rate=self._meter.rate(tally.messages - tally.last_values, monotonic()),
            rows=self._count(),
            now_ms=now_ms,
            width=self.size.width,
        )
        self._status.show(status)
        self._quality.show(quality_line(self._board.quality))

    def action_sort_next(self, step: int) -> None:
        """Sort by the column to the right or left."""
        place = COLUMNS.index(self._column) + step
        self._sort_by(COLUMNS[place % len(COLUMNS)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._sort_by(self._column)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave `/` to the filter while that is typed in."""
        return action != "type_filter" or not self._filter.has_focus

    def action_type_filter(self) -> None:
        """Open the line to type a filter in."""
        self._filter.display = True
        self.screen.set_focus(self._filter)

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self._filter.value = ""
        self._close_filter()

    def on_input_submitted(self) -> None:
        """Keep the filter and give the keys back to the table."""
        self._close_filter()

    def on_input_changed(self) -> None:
        """Filter as it is typed."""
        self._sort_and_draw()

    def on_heading_chosen(self, event: Heading.Chosen) -> None:
        """Sort by the title that was clicked."""
        self._sort_by(event.column)

    def _close_filter(self) -> None:
        self._filter.display = False
        self.screen.set_focus(self._grid)

    def _sort_by(self, column: Column) -> None:
        self._descending = not self._descending if column is self._column else not column.ascending
        self._column = column
        self._mark()
        self._sort_and_draw()

    def _mark(self) -> None:
        self._heading.mark(self._column, descending=self._descending)

    def _sort_and_draw(self) -> None:
        self._sort(self._clock.now_ms())
        self.draw()

    def _sort(self, now_ms: int) -> None:
        self._sorted_at_ms = now_ms
        text = self._filter.value
        rows = matching(self._board.rows.values(), text.lower())
        self._shown = len(rows)
        ordered = sorted_rows(rows, self._column, descending=self._descending, now_ms=now_ms)
        self._grid.show(ordered, self._hint(text))

    def _count(self) -> str:
        known = len(self._board.rows)
        text = self._filter.value
        return f"{self._shown} of {known} rows: {text}" if text else f"{known} rows"

    def _hint(self, text: str) -> str:
        if self._board.rows:
            return f"no row fits {text!r}: Esc shows all {len(self._board.rows)}"
        if self._board.connected:
            return "connected, nothing published yet: is the service (microstream run) running?"
        reason = self._board.away or "connecting"
        return f"{self._server}: {reason}"
