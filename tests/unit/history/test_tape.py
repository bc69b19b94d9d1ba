"""Tape: the original order, entry by entry, whatever lies where in the tables, and however small the pieces."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analytics.said import funding, instrument, mark_price
from tests.unit.history.recorded import NOON, Written, minutes, record

from microstream.history import tape as tapes
from microstream.history.store import Store
from microstream.history.tape import ORDER, Entry, Tape
from microstream.model.messages import Message
from microstream.model.past import Span

ALL = Span(NOON - 1, NOON + 86_400_000)
Place = tuple[int, int, str, str]


def read(tape: Tape, span: Span = ALL) -> list[Entry]:
    """Return all entries of a span."""
    return [entry for part in tape.parts(span) for entry in tape.read(part).entries()]


def said(message: Message) -> bytes:
    """Return a message as it goes out."""
    return msgspec.json.encode(message)


places = st.tuples(
    st.integers(0, 240_000),
    st.integers(0, 2),
    st.sampled_from(["funding", "mark_price"]),
    st.sampled_from("ab"),
)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(places, st.integers(1, 3), min_size=1, max_size=30), st.integers(1, 10))
def test_entries_come_back_in_their_order_and_with_their_borders(sizes: dict[Place, int], rows: int) -> None:
    """By time, number, family, owner; fields of an entry as they stood; parts are as small as they may be."""
    make = {"funding": funding, "mark_price": mark_price}
    expected = []
    for (at, number, family, exchange), size in sizes.items():
        messages = [make[family](NOON + at, 1.0 + n, exchange=exchange, symbol=f"s{n}") for n in range(size)]
        expected.append(((NOON + at, number, ORDER.index(family), exchange), messages))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tapes, "ROWS", rows)
        patch.setattr(tapes, "CHUNK", 4)
        store = Store(folder)
        record(store, [Written(key[0], key[1], messages) for key, messages in expected])
        found = read(Tape(store))
    expected.sort(key=lambda one: one[0])
    assert [entry.written_at for entry in found] == [key[0] for key, _ in expected]
    assert [[said(message) for _, message in entry.messages] for entry in found] == [
        [said(message) for message in messages] for _, messages in expected
    ]


def test_channels_are_those_of_the_messages(tmp_path: Path) -> None:
    """A message comes with where it went out."""
    store = Store(str(tmp_path))
    record(store, minutes(1))
    channels = {where.name for entry in read(Tape(store, ["oi", "funding"])) for where, _ in entry.messages}
    assert channels == {
        f"{prefix}:bybit:{name}" for prefix in ("funding", "meta:oi") for name in ("solusdt", "btcusdt")
    }


def test_a_span_is_half_open_and_contracts_are_chosen(tmp_path: Path) -> None:
    """The end is not read, nor what is not wanted."""
    store = Store(str(tmp_path))
    record(store, minutes(1))
    tape = Tape(store, ["mark_price"], lambda _exchange, symbol, _instrument: symbol == "btcusdt")
    found = read(tape, Span(NOON + 2_020, NOON + 4_020))
    assert [(entry.written_at, [where.item for where, _ in entry.messages]) for entry in found] == [
        (NOON + 2_020, ["btcusdt"]),
        (NOON + 3_020, ["btcusdt"]),
    ]


def test_what_is_recorded_and_what_the_registry_said(tmp_path: Path) -> None:
    """First and last times; the newest row of a contract before a moment."""
    store = Store(str(tmp_path))
    assert Tape(store).recorded() is None
    assert read(Tape(store)) == []
    rows = [instrument(symbol="solusdt", tick_size=size) for size in (0.1, 0.2, 0.3)]
    record(store, [Written(NOON + at, 0, [row]) for at, row in zip((0, 5, 9), rows, strict=True)])
    tape = Tape(store)
    assert tape.recorded() == Span(NOON, NOON + 10)
    assert [row.tick_size for row in tape.registry(NOON + 9)] == [0.2]
