"""Recordings for tests: entries of streams, written to tables as a recorder does."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl
from tests.unit.analytics.said import funding, instrument, mark_price, open_interest

from microstream.history.published import COLUMNS, PLACE
from microstream.history.store import Store
from microstream.model.messages import Message

NOON = 1_795_608_000_000
"""2026-11-25T12:00:00Z."""


class Written(NamedTuple):
    """One entry of a stream: its id, and the messages in it."""

    written_at: int
    entry: int
    messages: Sequence[Message]


def record(store: Store, entries: Iterable[Written]) -> None:
    """Put entries into the tables of their families, in no order to rely on."""
    rows: dict[str, list[tuple[int, int, int, Message]]] = {}
    for written_at, entry, messages in entries:
        for place, message in enumerate(messages):
            rows.setdefault(message.family, []).append((written_at, entry, place, message))
    for family, found in rows.items():
        *places, messages = zip(*found, strict=True)
        keys = [pl.Series(name, values) for name, values in zip(PLACE, places, strict=True)]
        store.published[family].append(pl.DataFrame([*keys, *COLUMNS[family].series(messages)]))


def minutes(count: int, *, start: int = NOON) -> list[Written]:
    """Return what a publisher of two contracts writes in so many minutes: marks each second, the rest more seldom.

    Prices rise to the middle of it and fall again, so that rules and regimes have something to tell.
    """
    entries = [Written(start, 0, [_row(symbol) for symbol in SYMBOLS])]
    for second in range(1, count * 60):
        at = start + second * 1000 + 20
        swing = abs(count * 30 - second) / (count * 30)
        marks = [mark_price(at - 3, 110 - 10 * swing, 100.0, symbol=symbol) for symbol in SYMBOLS]
        entries.append(Written(at, 0, marks))
        if second % 15 == 1:
            rate = 0.004 - 0.004 * swing
            entries.append(Written(at, 0, [funding(at - 5, rate, symbol=symbol) for symbol in SYMBOLS]))
            interest = [open_interest(at - 5, 1e6 + second, 1e8, symbol=symbol) for symbol in SYMBOLS]
            entries.append(Written(at, 1, interest))
    for number, entry in enumerate(entries, 1):
        for message in entry.messages:
            message.run, message.seq = start, number
    return entries


SYMBOLS = ("solusdt", "btcusdt")


def _row(symbol: str) -> Message:
    return instrument(symbol=symbol)
