"""Which rows are shown, in which order, in which columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.cli.board import Row
from microstream.cli.column import Column
from microstream.cli.columns import COLUMNS
from microstream.cli.layout import arrange
from microstream.cli.order import matching, sort_order, sort_order_of, sorted_rows
from microstream.client.arrival import Payload

OI, _ = sort_order(COLUMNS, "oi")


def row(symbol: str, open_value: float | None = None, *, exchange: str = "okx") -> Row:
    """Return the row of a USDT perpetual."""
    made = Row(exchange, symbol)
    made.take("oi", Payload(instrument=f"{symbol[:3].upper()}/USDT:USDT", open_value=open_value))
    return made


def symbols(rows: list[Row]) -> list[str]:
    """Return the symbols in order."""
    return [row.symbol for row in rows]


@pytest.mark.parametrize(
    ("text", "name", "descending"),
    [
        ("apr", "apr", True),
        ("-apr", "apr", False),
        ("Instrument", "instrument", False),
        ("next", "next", False),
    ],
)
def test_a_sort_names_a_column_and_maybe_reverses(text: str, name: str, descending: bool) -> None:
    """Numbers start with the largest, names with the first, settlements with the next."""
    column, downwards = sort_order(COLUMNS, text)
    assert (column.name, downwards) == (name, descending)


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    """The error says what there is to choose from."""
    with pytest.raises(ValueError, match=r"no column 'price'.*mark.*oi"):
        sort_order(COLUMNS, "price")


def test_the_first_wish_that_can_be_met_counts() -> None:
    """Without any, the first column in its own direction."""
    wishes = [("apr", "oi"), ("gone", "-oi"), ("", "gone")]
    found = [sort_order_of(COLUMNS, *wish) for wish in wishes]
    assert [(column.name, downwards) for column, downwards in found] == [
        ("apr", True),
        ("oi", False),
        ("instrument", False),
    ]


@pytest.mark.parametrize(
    ("descending", "expected"), [(True, ["ccc", "aaa", "bbb"]), (False, ["aaa", "ccc", "bbb"])]
)
def test_unknown_values_come_last_in_both_directions(descending: bool, expected: list[str]) -> None:
    """A contract without open interest is neither the largest nor the smallest."""
    rows = [row("bbb"), row("aaa", 1.0), row("ccc", 2.0)]
    assert symbols(sorted_rows(rows, OI, descending=descending, now_ms=0)) == expected


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.floats(allow_nan=False)), max_size=20))
def test_sorting_keeps_every_row_and_orders_the_known(values: list[tuple[str, float | None]]) -> None:
    """Equal values are ordered by name, whatever the direction."""
    rows = [row(name * 3, value) for name, value in values]
    ordered = sorted_rows(rows, OI, descending=True, now_ms=0)
    assert sorted(map(id, ordered)) == sorted(map(id, rows))
    keys = [(-value.oi.open_value, value.instrument) for value in ordered if value.oi.open_value is not None]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["sol-usdt", "solusdt", "btcusdt"]),
        ("so", ["sol-usdt", "solusdt"]),
        ("SOL OKX", ["sol-usdt"]),
        ("binance", ["btcusdt"]),
        ("sol/", ["sol-usdt", "solusdt"]),
        ("*tc*", ["btcusdt"]),
        ("doge", []),
    ],
)
def test_every_word_of_a_filter_must_fit(text: str, expected: list[str]) -> None:
    """A word is the beginning of a contract's or venue's name, or a glob."""
    rows = [row("sol-usdt"), row("solusdt", exchange="bybit"), row("btcusdt", exchange="binance")]
    assert symbols(matching(rows, text.lower())) == expected


WIDTHS = {column.name: max(column.floor, len(column.title) + 1) for column in COLUMNS} | {"instrument": 18}


def test_a_wide_terminal_shows_everything_with_room() -> None:
    """Two blanks between columns where they fit."""
    layout = arrange(COLUMNS, WIDTHS, 160)
    assert [column for column, _ in layout.columns] == list(COLUMNS)
    assert layout.gap == 2


def test_80_columns_keep_what_matters() -> None:
    """Index, basis and age give way, long names are shortened; rate, APR, settlement, mark and flags stay."""
    layout = arrange(COLUMNS, WIDTHS | {"mark": 10}, 79)
    names = [column.name for column, _ in layout.columns]
    assert names == ["instrument", "venue", "rate", "per", "apr", "next", "mark", "oi", "flags"]
    assert layout.columns[0][1] >= 14


@given(st.integers(min_value=30, max_value=200))
def test_a_line_fits_and_a_narrower_terminal_shows_no_more(available: int) -> None:
    """However wide the terminal is."""
    layout = arrange(COLUMNS, WIDTHS, available)
    assert layout.width() <= available
    assert len(arrange(COLUMNS, WIDTHS, available - 1).columns) <= len(layout.columns)


def test_a_place_belongs_to_the_column_there() -> None:
    """What a click on the heading means."""
    layout = arrange(COLUMNS, WIDTHS, 160)
    first, width = layout.columns[0]
    assert layout.column_at(0) is first
    assert layout.column_at(width + layout.gap) is layout.columns[1][0]
    assert layout.column_at(layout.width() + 10) is None


def column(name: str, rank: int, *, cut: bool = False) -> Column[Row]:
    """Return a column of five to 40 characters."""
    return Column(
        name=name,
        title=name,
        text=lambda row, _: row.symbol,
        order=lambda *_: None,
        floor=5,
        ceiling=40,
        rank=rank,
        cut=cut,
    )


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (60, [("a", 10), ("b", 8), ("b2", 8), ("text", 28)]),
        (40, [("a", 10), ("b", 8), ("b2", 8), ("text", 8)]),
        (34, [("a", 10), ("b", 8), ("b2", 8), ("text", 5)]),
        (33, [("a", 10), ("text", 22)]),
        (12, [("a", 10)]),
    ],
)
def test_text_is_cut_before_columns_go_and_columns_of_one_rank_go_together(
    available: int, expected: list[tuple[str, int]]
) -> None:
    """What is left of the line is for the text."""
    columns = [column("a", 9), column("b", 4), column("b2", 4), column("text", 5, cut=True)]
    layout = arrange(columns, {"a": 10, "b": 8, "b2": 8, "text": 40}, available)
    assert [(column.name, width) for column, width in layout.columns] == expected
    assert layout.width() <= available


def test_one_column_is_left_however_narrow_the_terminal() -> None:
    """Also where all have one rank."""
    layout = arrange([column("a", 5), column("b", 5)], {"a": 10, "b": 10}, 4)
    assert [column.name for column, _ in layout.columns] == ["a"]
