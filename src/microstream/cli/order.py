"""Which rows of the live table are shown, and in which order."""

import re
from collections.abc import Iterable

from microstream.cli.board import Row
from microstream.cli.columns import COLUMNS, Column
from microstream.client.selection import any_name, spellings


def sort_order(text: str) -> tuple[Column, bool]:
    """Return the column that `apr` names and whether it is sorted downwards; `-apr` is the other way round.

    Raises `ValueError` for a name that no column has.
    """
    name = text.removeprefix("-").lower()
    for column in COLUMNS:
        if column.name == name:
            return column, column.ascending == text.startswith("-")
    names = ", ".join(column.name for column in COLUMNS)
    raise ValueError(f"there is no column {name!r}; choose of {names}, with - in front to reverse")


def sorted_rows(rows: Iterable[Row], column: Column, *, descending: bool, now_ms: int) -> list[Row]:
    """Return the rows by one column, equal ones by name; rows without the value come last either way."""
    by_name = sorted(rows, key=lambda row: (row.instrument, row.exchange))
    keyed = [(column.order(row, now_ms), row) for row in by_name]
    known = [(order, row) for order, row in keyed if order is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + [row for order, row in keyed if order is None]


def matching(rows: Iterable[Row], text: str) -> list[Row]:
    """Return the rows that every word of a filter fits.

    A word is the beginning of a name of the contract or of its venue, or a glob over the whole of it.
    """
    words = [any_name([word if set(word) & set("*?[") else f"{word}*"]) for word in text.split()]
    if not words:
        return list(rows)
    return [row for row in rows if _fits(words, {*spellings(row.symbol, row.instrument), row.exchange})]


def _fits(words: Iterable[re.Pattern[str]], names: set[str]) -> bool:
    return all(any(map(word.fullmatch, names)) for word in words)
