"""Which rows of a live table are shown, and in which order."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from microstream.cli.column import Column, R
from microstream.client.selection import any_name


def sort_order(columns: Sequence[Column[R]], text: str) -> tuple[Column[R], bool]:
    """Return the column that `apr` names and whether it is sorted downwards; `-apr` is the other way round.

    Raises `ValueError` for a name that no column has.
    """
    name = text.removeprefix("-").lower()
    for column in columns:
        if column.name == name:
            return column, column.ascending == text.startswith("-")
    names = ", ".join(column.name for column in columns)
    raise ValueError(f"there is no column {name!r}; choose of {names}, with - in front to reverse")


def sort_order_of(columns: Sequence[Column[R]], *wishes: str) -> tuple[Column[R], bool]:
    """Return column and direction of the first wish that names a column, of the first column where none does."""
    for text in wishes:
        try:
            return sort_order(columns, text)
        except ValueError:
            continue
    return columns[0], not columns[0].ascending


def sorted_rows(rows: Iterable[R], column: Column[R], *, descending: bool, now_ms: int) -> list[R]:
    """Return the rows by one column, equal ones by name; rows without the value come last either way."""
    by_name = sorted(rows, key=lambda row: row.key)
    keyed = [(column.order(row, now_ms), row) for row in by_name]
    known: list[tuple[Any, R]] = [(order, row) for order, row in keyed if order is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + [row for order, row in keyed if order is None]


def matching(rows: Iterable[R], text: str) -> list[R]:
    """Return the rows that every word of a filter fits.

    A word is the beginning of a name of the contract or of its venue, or a glob over the whole of it.
    """
    words = [any_name([word if set(word) & set("*?[") else f"{word}*"]) for word in text.split()]
    if not words:
        return list(rows)
    return [row for row in rows if _fits(words, row.names)]


def _fits(words: Iterable[re.Pattern[str]], names: set[str]) -> bool:
    return all(any(map(word.fullmatch, names)) for word in words)
