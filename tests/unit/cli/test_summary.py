"""The summary at the end."""

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from microstream.cli.board import Board
from microstream.cli.summary import FEW_CHANNELS, print_summary
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival
from microstream.client.notices import Away, Connected

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000


@pytest.fixture
def board() -> Board:
    """A board that is connected and has seen nothing."""
    made = Board(Tally())
    made.take(Connected("s"), NOW)
    return made


def summary(board: Board, *, verbose: bool = False) -> list[str]:
    """Return the lines as they go to a file."""
    file = StringIO()
    print_summary(Console(file=file), board, server="s:1", now_ms=NOW, verbose=verbose)
    return file.getvalue().splitlines()


def test_few_channels_are_listed_with_messages_age_and_holes(board: Board, arrive: Arrive) -> None:
    """One line a channel, one a family and exchange."""
    board.take(arrive("meta:oi:okx:sol-usdt", received_at=NOW - 8_000, live=False), NOW)
    board.take(arrive("meta:oi:okx:sol-usdt", received_at=NOW - 3_000, missing=2), NOW)
    board.take(arrive("funding:bybit:solusdt", received_at=NOW - 1_000), NOW)
    lines = summary(board)
    assert lines[0].startswith("3 messages on 2 channels of s:1 in ")
    assert lines[0].endswith("1 of them last values; holes in seq: 2 numbers missing")
    cells = [line.split() for line in lines]
    assert ["meta:oi:okx:sol-usdt", "2", "3s", "2"] in cells
    assert ["funding:bybit:solusdt", "1", "1s", "0"] in cells
    family = next(line for line in cells if line[:2] == ["oi", "okx"])
    assert (family[2], family[3], family[5:]) == ("1", "2", ["3s", "3s", "2"])


def test_many_channels_are_named_only_where_they_stand_out(board: Board, arrive: Arrive) -> None:
    """The busiest, the oldest, those with holes; all of them on request."""
    for number in range(FEW_CHANNELS + 1):
        board.take(arrive(f"meta:oi:okx:c{number:02}", received_at=NOW - number), NOW)
    board.take(arrive("meta:oi:okx:c20", missing=7, received_at=NOW), NOW)
    text = "\n".join(summary(board))
    assert "busiest of 41" in text
    assert "oldest of 41" in text
    assert "with holes of 1" in text
    assert "c30" not in text
    assert "c30" in "\n".join(summary(board, verbose=True))


def test_nothing_is_said_to_be_nothing(board: Board) -> None:
    """With the likely reason: nothing published, or the server away."""
    assert "nothing arrived from s:1" in summary(board)[0]
    assert "is the service running" in summary(board)[1]
    board.take(Away("s", "refused"), NOW)
    assert summary(board)[1] == "the server is away: refused"


def test_last_values_alone_are_told_from_live_messages(board: Board, arrive: Arrive) -> None:
    """They may be all that a stopped service left behind."""
    board.take(arrive("meta:oi:okx:x", received_at=NOW - 600_000, live=False), NOW)
    assert summary(board)[1] == "nothing arrived live; the newest last value is 10m old"


def test_outages_and_unreadable_messages_are_told(board: Board, arrive: Arrive) -> None:
    """Both explain what the numbers do not."""
    board.take(arrive("meta:oi:okx:x", raw=b"hello"), NOW)
    board.take(Away("s", "closed"), NOW)
    board.take(Connected("s"), NOW)
    text = summary(board)
    assert "1 message could not be read" in text
    assert "the server was away 1 time; what was published meanwhile counts as holes" in text
