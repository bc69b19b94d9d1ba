"""The rows on the screen: only visible lines are drawn, and of these only what changed."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from microstream.cli.column import LATE, PLAIN, TROUBLE, Column, Shown
from microstream.cli.layout import Layout, arrange

HEADING = Style(bold=True, underline=True)

Line = tuple[tuple[str, ...], bool]
"""The texts of a row's cells, and whether the row is late."""


class Heading(Widget):
    """The titles of the columns; the sorted one has an arrow, a click on another sorts by that."""

    class Chosen(Message):
        """A title was clicked."""

        def __init__(self, column: Column[Any]) -> None:
            super().__init__()
            self.column = column

    def __init__(self) -> None:
        super().__init__()
        self._layout = Layout((), 0)
        self._sorted = ""
        self._descending = False

    def show(self, layout: Layout) -> None:
        """Follow the columns of the grid."""
        self._layout = layout
        self.refresh()

    def mark(self, column: Column[Any], *, descending: bool) -> None:
        """Show which column is sorted by, and in which direction."""
        if (column.name, descending) != (self._sorted, self._descending):
            self._sorted, self._descending = column.name, descending
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line of titles."""
        segments: list[Segment] = []
        for column, width in self._layout.columns:
            title = column.title
            if column.name == self._sorted:
                title += "▼" if self._descending else "▲"
            segments += _cell(title, width, HEADING, left=column.left)
            segments.append(Segment(" " * self._layout.gap, PLAIN))
        return Strip(segments).adjust_cell_length(self.size.width)

    def on_click(self, event: Click) -> None:
        """Tell which title was hit."""
        column = self._layout.column_at(event.x)
        if column is not None:
            self.post_message(self.Chosen(column))


class Grid(ScrollView, can_focus=True):
    """The rows in the order given; widths only grow, so that columns do not jump about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.sort_next(-1)", "Sort by", key_display="←→"),
        Binding("right", "app.sort_next(1)", "Sort by", show=False),
    ]

    def __init__(self, heading: Heading) -> None:
        super().__init__()
        self._heading = heading
        self._rows: Sequence[Shown] = ()
        self._columns: Sequence[Column[Any]] = ()
        self._hint = ""
        self._now_ms = 0
        self._widths: dict[str, int] = {}
        self._layout = Layout((), 0)
        self._drawn: dict[int, Line | None] = {}

    def use(self, columns: Sequence[Column[Any]]) -> None:
        """Take the columns, from left to right; those that were there before keep their widths."""
        if columns == self._columns:
            return
        self._columns = columns
        least = {column.name: max(column.floor, len(column.title) + 1) for column in columns}
        self._widths = {name: max(width, self._widths.get(name, 0)) for name, width in least.items()}
        self._arrange()

    def show(self, rows: Sequence[Shown], hint: str) -> None:
        """Take the rows in their order; `hint` is shown where there are none."""
        if len(rows) != len(self._rows):
            self.virtual_size = Size(0, len(rows))
        self._rows = rows
        self._hint = hint

    def paint(self, now_ms: int) -> None:
        """Draw the visible lines that differ from what is on the screen."""
        self._now_ms = now_ms
        top = self.scroll_offset.y
        lines = [self._line(row) for row in self._rows[top : top + self.size.height]]
        if self._grow(lines):
            self._arrange()
            return
        for y in range(self.size.height):
            line = lines[y] if y < len(lines) else None
            if self._drawn.get(y, ()) != line or (y == 0 and not lines):
                self.refresh_line(top + y)

    def on_resize(self, _: Resize) -> None:
        """Choose the columns anew."""
        self._arrange()

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        place = self.scroll_offset.y + y
        if place >= len(self._rows):
            self._drawn[y] = None
            text = self._hint if y == 0 and not self._rows else ""
            return Strip([Segment(text, LATE)]).adjust_cell_length(self.size.width)
        row = self._rows[place]
        self._drawn[y] = line = self._line(row)
        return self._strip(row, line).adjust_cell_length(self.size.width)

    def _line(self, row: Shown) -> Line:
        return tuple(column.text(row, self._now_ms) for column in self._columns), row.late(self._now_ms)

    def _strip(self, row: Shown, line: Line) -> Strip:
        texts, late = line
        by_name = {column.name: text for column, text in zip(self._columns, texts, strict=True)}
        segments: list[Segment] = []
        for column, width in self._layout.columns:
            style = column.style(row, self._now_ms)
            if late and style is not TROUBLE:
                style += LATE
            segments += _cell(by_name[column.name], width, style, left=column.left)
            segments.append(Segment(" " * self._layout.gap, PLAIN))
        return Strip(segments)

    def _grow(self, lines: Sequence[Line]) -> bool:
        """Widen the columns whose texts have outgrown them; return whether any did."""
        grown = False
        for place, column in enumerate(self._columns):
            longest = max((cell_len(texts[place]) for texts, _ in lines), default=0)
            if min(longest, column.ceiling) > self._widths[column.name]:
                self._widths[column.name] = min(longest, column.ceiling)
                grown = True
        return grown

    def _arrange(self) -> None:
        self._layout = arrange(self._columns, self._widths, self.size.width)
        self._heading.show(self._layout)
        self._drawn.clear()
        self.refresh()


def _cell(text: str, width: int, style: Style, *, left: bool) -> tuple[Segment, Segment]:
    """Return a cell: the text, cut with `…` where it is too long, and padding without its colour."""
    length = cell_len(text)
    if length > width:
        text, length = set_cell_size(text, width - 1) + "…", width
    padding = Segment(" " * (width - length), PLAIN)
    return (Segment(text, style), padding) if left else (padding, Segment(text, style))
