"""A page as plain text, and as JSON: for pipes, files and terminals that cannot be drawn on."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import json
from rich.cells import cell_len

from microstream.cli.column import Column
from microstream.cli.order import sort_order_of, sorted_rows
from microstream.cli.page import Page
from microstream.cli.pages.published import PublishedPage

GAP = "  "


def page_lines(page: PublishedPage[Any], sort: str, now_ms: int) -> Iterator[str]:
    """Yield title, what stands above the table, and the table with all columns; or why there are no rows."""
    column, rows = ordered(page, sort, now_ms)
    yield f"{page.name}: {page.about}"
    yield from page.above(now_ms)
    if not rows:
        yield page.nothing()
        return
    columns = page.columns(column.name)
    titles = [column.title for column in columns]
    cells = [[column.text(row, now_ms) for column in columns] for row in rows]
    yield from aligned([titles, *cells], left={at for at, column in enumerate(columns) if column.left})


def page_records(page: PublishedPage[Any], sort: str, now_ms: int) -> Iterator[bytes]:
    """Yield the rows as JSON objects, one a line."""
    _, rows = ordered(page, sort, now_ms)
    for record in page.records(rows, now_ms):
        yield json.encode(record) + b"\n"


def ordered(page: Page[Any], sort: str, now_ms: int) -> tuple[Column[Any], list[Any]]:
    """Return the column that the rows are sorted by, and the rows in order; by the page's own where there is none."""
    columns = page.columns(sort.removeprefix("-").lower())
    column, descending = sort_order_of(columns, sort, page.sort)
    return column, sorted_rows(page.rows(), column, descending=descending, now_ms=now_ms)


def aligned(rows: Sequence[Sequence[str]], left: Collection[int]) -> Iterator[str]:
    """Yield lines with the cells of each column below one another, to the left in the columns `left`."""
    widths = [max(map(cell_len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            _padded(cell, width, left=at in left)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield GAP.join(cells).rstrip()


def _padded(cell: str, width: int, *, left: bool) -> str:
    padding = " " * (width - cell_len(cell))
    return f"{cell}{padding}" if left else f"{padding}{cell}"
