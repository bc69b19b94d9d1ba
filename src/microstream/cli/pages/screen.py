"""All pages on one screen, one at a time."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType

from microstream.cli.live import Live
from microstream.cli.pages import NAMES, severity
from microstream.cli.pages.alerts import AlertsPage
from microstream.cli.pages.published import PublishedPage
from microstream.cli.pages.quality import QualityPage
from microstream.cli.status import QUIET
from microstream.cli.watch import Watch
from microstream.clock import Clock

CURRENT = Style(reverse=True, bold=True)


class Screen(Live):
    """Shows one of the pages; keys and clicks on their names choose it. Each keeps the order it was given."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            str(number),
            f"page({name!r})",
            "Page",
            key_display=f"1-{len(NAMES)}",
            show=number == 1,
        )
        for number, name in enumerate(NAMES, 1)
    ]

    def __init__(
        self,
        watch: Watch,
        pages: Sequence[PublishedPage[Any]],
        *,
        page: str,
        server: str,
        sort: str,
        clock: Clock,
    ) -> None:
        self._pages = {one.name: one for one in pages}
        self._current = page
        self._sorts: dict[str, str] = {}
        super().__init__(watch, self._pages[page], server=server, sort=sort, notice="", clock=clock)

    def head(self) -> Text:
        """Return the names of the pages, with their keys."""
        text = Text(no_wrap=True)
        for number, name in enumerate(self._pages, 1):
            style = CURRENT if name == self._current else Style()
            text.append(f" {number} {name} ", style + Style.from_meta({"@click": f"app.page({name!r})"}))
        return text

    def foot(self) -> Text:
        """Return how much is open."""
        parts = []
        for page in self._pages.values():
            if isinstance(page, AlertsPage):
                parts.append(f"alerts open: {severity.counted(row.alert.severity for row in page.open())}")
            elif isinstance(page, QualityPage):
                parts.append(f"conditions open: {severity.counted(row.severity for row in page.rows())}")
        return Text("   ".join(parts), QUIET, no_wrap=True)

    def action_page(self, name: str) -> None:
        """Show another page."""
        if name == self._current or name not in self._pages:
            return
        self._sorts[self._current] = self._sort_text
        self._current = name
        self._page = self._pages[name]
        self._sort_text = self._sorts.get(name, "")
        self._grid.scroll_home(animate=False)
        self.sort_and_draw()
