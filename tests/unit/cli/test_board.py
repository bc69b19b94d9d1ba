"""What the table knows, from what arrived."""

from collections.abc import Callable

import pytest

from microstream.cli import board as board_module
from microstream.cli.board import LATE_AFTER_MS, Board
from microstream.cli.tally import OTHERS, Tally
from microstream.client.arrival import Arrival
from microstream.client.notices import Away, Connected

Arrive = Callable[..., Arrival]


@pytest.fixture
def board() -> Board:
    """A board that has seen nothing."""
    return Board(Tally())


def test_three_families_make_one_row(board: Board, arrive: Arrive) -> None:
    """Funding, prices and open interest of a contract stand in one row; a new message replaces its family."""
    board.take(arrive("funding:okx:sol-usdt", funding_rate=0.1, instrument="SOL/USDT:USDT", received_at=5), 9)
    board.take(arrive("meta:mark_price:okx:sol-usdt", mark_price=150.0, received_at=9), 9)
    board.take(arrive("meta:mark_price:okx:sol-usdt", mark_price=151.0, received_at=8), 9)
    board.take(arrive("meta:oi:okx:sol-usdt", open_value=7.0), 9)
    (row,) = board.rows.values()
    assert (row.exchange, row.symbol, row.instrument) == ("okx", "sol-usdt", "SOL/USDT:USDT")
    assert (row.funding.funding_rate, row.prices.mark_price, row.oi.open_value) == (0.1, 151.0, 7.0)
    assert row.received_at == 9


def test_prices_of_the_funding_message_serve_until_there_are_others(board: Board, arrive: Arrive) -> None:
    """With only funding channels selected the prices are not empty."""
    board.take(arrive("funding:okx:sol-usdt", mark_price=150.0), 9)
    (row,) = board.rows.values()
    assert row.prices.mark_price == pytest.approx(150.0)
    board.take(arrive("meta:mark_price:okx:sol-usdt", mark_price=None, index_price=3.0), 9)
    assert row.prices.mark_price is None
    assert row.prices.index_price == pytest.approx(3.0)


def test_flags_of_all_families_are_shown_until_they_are_gone(board: Board, arrive: Arrive) -> None:
    """Each once, in the order of the families."""
    board.take(arrive("meta:oi:okx:x", flags=["stale", "frozen"]), 9)
    board.take(arrive("funding:okx:x", flags=["stale"]), 9)
    (row,) = board.rows.values()
    assert list(row.flags) == ["stale", "frozen"]
    board.take(arrive("meta:oi:okx:x"), 9)
    assert list(row.flags) == ["stale"]


def test_a_row_is_late_when_flagged_stale_or_silent_for_long(board: Board, arrive: Arrive) -> None:
    """The age counts from the newest value."""
    board.take(arrive("meta:oi:okx:x", received_at=1000), 9)
    (row,) = board.rows.values()
    assert not row.late(1000 + LATE_AFTER_MS)
    assert row.late(1001 + LATE_AFTER_MS)
    board.take(arrive("funding:okx:x", flags=["stale"], received_at=1000), 9)
    assert row.late(1000)


def test_the_newest_quality_message_is_kept(board: Board, arrive: Arrive) -> None:
    """By its time, whatever the order in which last values are read."""
    board.take(arrive("quality:okx:*", received_at=20, detail="newer"), 9)
    board.take(arrive("quality:binance:btcusdt", received_at=10, detail="older", live=False), 9)
    assert board.quality is not None
    assert (board.quality.subject, board.quality.payload.detail) == ("okx:*", "newer")
    assert not board.rows


def test_other_families_and_unreadable_messages_are_only_counted(board: Board, arrive: Arrive) -> None:
    """They have no place in the table, but they arrived."""
    board.take(arrive("meta:spot:okx:sol-usdt", price=1), 9)
    board.take(arrive("funding:okx:sol-usdt", raw=b"hello"), 9)
    assert not board.rows
    assert (board.tally.messages, board.tally.unreadable) == (2, 1)


def test_outages_are_counted_once_something_had_arrived(board: Board, arrive: Arrive) -> None:
    """A server that is away at the start is no reconnection."""
    board.take(Away("s", "refused"), 9)
    assert (board.connected, board.away) == (False, "refused")
    board.take(Connected("s"), 9)
    assert (board.connected, board.away, board.reconnects) == (True, None, 0)
    board.take(arrive("meta:oi:okx:x"), 9)
    board.take(Away("s", "closed"), 9)
    board.take(Connected("s"), 9)
    assert board.reconnects == 1


def test_rows_are_bounded(board: Board, arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    """One contract too many is counted, not shown; the known ones go on."""
    monkeypatch.setattr(board_module, "ROW_LIMIT", 1)
    for channel in ("meta:oi:okx:a", "meta:oi:okx:b", "meta:oi:okx:a"):
        board.take(arrive(channel, open_value=1.0), 9)
    assert list(board.rows) == [("okx", "a")]
    assert board.tally.messages == 3


def test_the_tally_counts_by_channel(arrive: Arrive) -> None:
    """Messages, last values, holes, and the time of the newest."""
    tally = Tally()
    tally.count(arrive("meta:oi:okx:a", live=False, received_at=7), 100)
    tally.count(arrive("meta:oi:okx:a", missing=2, received_at=5), 100)
    tally.count(arrive("meta:oi:okx:b"), 100)
    first, second = tally.channels.values()
    assert (first.messages, first.last_values, first.missing, first.newest_ms) == (2, 1, 2, 7)
    assert second.newest_ms == 100
    assert (tally.messages, tally.last_values, tally.missing) == (3, 1, 2)


def test_the_tally_is_bounded(arrive: Arrive) -> None:
    """Channels past the limit are added up under one name."""
    tally = Tally(limit=1)
    for channel in ("meta:oi:okx:a", "meta:oi:okx:b", "meta:oi:okx:c"):
        tally.count(arrive(channel), 100)
    assert {name: channel.messages for name, channel in tally.channels.items()} == {
        "meta:oi:okx:a": 1,
        OTHERS: 2,
    }
    assert tally.messages == 3
