"""A live table on a terminal, sorted and filtered while it runs."""

from collections.abc import Sequence
from time import monotonic
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Footer, Input, Static

from microstream.cli.column import Column
from microstream.cli.grid import Grid, Heading
from microstream.cli.order import matching, sort_order_of, sorted_rows
from microstream.cli.page import Page
from microstream.cli.status import Meter, status_line
from microstream.cli.watch import Watch
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


class Lines(Static):
    """Some lines of text, none of which takes no room; drawn again only when they differ."""

    _current = ""

    def show(self, text: str) -> None:
        """Replace the text."""
        if text != self._current:
            self._current = text
            self.display = bool(text)
            self.update(Text(text))


class Live(App[None]):
    """Shows a page of what someone else reads.

    The terminal's own colours are used, so that it reads in dark and light ones; NO_COLOR is respected.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; }
    OneLine, Heading { height: 1; }
    #head {
        link-style: none; link-color: ansi_default; link-background: ansi_default;
        link-style-hover: underline; link-color-hover: ansi_default; link-background-hover: ansi_default;
    }
    #notice { height: auto; max-height: 2; padding: 0 1; text-style: bold reverse; }
    Lines {
        display: none; height: auto; max-height: 40%; text-wrap: nowrap; text-overflow: ellipsis;
    }
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

    def __init__(
        self, watch: Watch, page: Page[Any], *, server: str, sort: str, notice: str, clock: Clock
    ) -> None:
        super().__init__(ansi_color=True)
        self._watch = watch
        self._page = page
        self._server = server
        self._notice = notice
        self._clock = clock
        self._meter = Meter()
        self._sort_text = sort
        self._sorted_at_ms = 0
        self._shown = self._known = 0
        # Held, not looked up: while the table closes, the timer may fire after they have left the screen.
        self._head = OneLine(id="head")
        self._status = OneLine(id="status")
        self._lines = Lines()
        self._heading = Heading()
        self._grid = Grid(self._heading)
        self._foot = OneLine(id="foot")
        self._filter = Filter(
            placeholder="sol    sol okx    */usdc:*    (Enter keeps the filter, Esc clears it)"
        )

    def compose(self) -> ComposeResult:
        """Lay out notice, status, table, newest trouble, filter and keys."""
        with Vertical():
            if self._notice:
                yield Static(Text(self._notice), id="notice")
            yield self._status
            yield self._head
            yield self._lines
            yield self._heading
            yield self._grid
            yield self._foot
            yield self._filter
        yield Footer()

    def on_mount(self) -> None:
        """Start to draw."""
        self.theme = "ansi-dark"
        self._head.display = bool(self.head().plain)
        self._grid.focus()
        self.set_interval(REFRESH_S, self.draw)
        self.draw()

    def head(self) -> Text:
        """Return the line below the status; without text it takes no room."""
        return Text()

    def foot(self) -> Text:
        """Return the line below the table."""
        return Text()

    def draw(self) -> None:
        """Bring the screen up to date."""
        now_ms = self._clock.now_ms()
        if abs(now_ms - self._sorted_at_ms) >= SORT_EVERY_MS:
            self._sort(now_ms)
        self._grid.paint(now_ms)
        tally = self._watch.tally
        status = status_line(
            self._watch,
            server=self._server,
            rate=self._meter.rate(tally.messages - tally.last_values, monotonic()),
            rows=self._count(),
            now_ms=now_ms,
            width=self.size.width,
        )
        self._status.show(status)
        self._head.show(self.head())
        self._foot.show(self.foot())

    def action_sort_next(self, step: int) -> None:
        """Sort by the column to the right or left."""
        columns = self._columns()
        place = columns.index(self._order(columns)[0]) + step
        self._sort_by(columns[place % len(columns)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._sort_by(self._order(self._columns())[0])

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
        self.sort_and_draw()

    def on_heading_chosen(self, event: Heading.Chosen) -> None:
        """Sort by the title that was clicked."""
        self._sort_by(event.column)

    def sort_and_draw(self) -> None:
        """Bring the screen up to date, the order of the rows too."""
        self._sort(self._clock.now_ms())
        self.draw()

    def _close_filter(self) -> None:
        self._filter.display = False
        self.screen.set_focus(self._grid)

    def _columns(self) -> Sequence[Column[Any]]:
        return self._page.columns((self._sort_text or self._page.sort).removeprefix("-").lower())

    def _order(self, columns: Sequence[Column[Any]]) -> tuple[Column[Any], bool]:
        """Return the column sorted by and the direction; the page's own while there is no such column."""
        return sort_order_of(columns, self._sort_text, self._page.sort)

    def _sort_by(self, column: Column[Any]) -> None:
        current, descending = self._order(self._columns())
        descending = not descending if column.name == current.name else not column.ascending
        self._sort_text = f"-{column.name}" if descending == column.ascending else column.name
        self.sort_and_draw()

    def _sort(self, now_ms: int) -> None:
        self._sorted_at_ms = now_ms
        columns = self._columns()
        column, descending = self._order(columns)
        self._grid.use(columns)
        self._heading.mark(column, descending=descending)
        text = self._filter.value
        known = list(self._page.rows())
        rows = matching(known, text.lower())
        self._known, self._shown = len(known), len(rows)
        ordered = sorted_rows(rows, column, descending=descending, now_ms=now_ms)
        self._grid.show(ordered, self._hint(text))
        self._lines.show("\n".join(self._page.above(now_ms)))

    def _count(self) -> str:
        text = self._filter.value
        return f"{self._shown} of {self._known} rows: {text}" if text else f"{self._known} rows"

    def _hint(self, text: str) -> str:
        if self._known:
            return f"no row fits {text!r}: Esc shows all {self._known}"
        if self._watch.connected:
            return self._page.nothing()
        reason = self._watch.away or "connecting"
        return f"{self._server}: {reason}"
