"""The live table, driven by keys, on terminals of several sizes."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from microstream.cli.board import Board
from microstream.cli.grid import Grid, Heading
from microstream.cli.live import OneLine
from microstream.cli.table import Table
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival
from microstream.client.notices import Away, Connected

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000
WIDE, NARROW = (140, 20), (80, 20)


class FixedClock:
    """Time as the test sets it."""

    def __init__(self) -> None:
        self.ms = NOW

    def now_ms(self) -> int:
        """Wall clock."""
        return self.ms

    def monotonic(self) -> float:
        """Seconds."""
        return self.ms / 1000


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock()


@pytest.fixture
def board(arrive: Arrive) -> Board:
    """Three contracts: SOL on two venues, BTC without open interest and stale."""
    made = Board(Tally())
    made.take(Connected("server"), NOW)
    for venue, symbol, rate, value in (("okx", "sol-usdt", 0.0001, 3e9), ("bybit", "solusdt", -0.002, 5e8)):
        common = {"instrument": "SOL/USDT:USDT", "received_at": NOW - 3_000}
        made.take(
            arrive(
                f"funding:{venue}:{symbol}",
                funding_rate=rate,
                funding_interval_hours=8,
                funding_apr=rate * 1095,
                next_funding_time=NOW + 7_200_000,
                **common,
            ),
            NOW,
        )
        made.take(
            arrive(
                f"meta:mark_price:{venue}:{symbol}",
                mark_price=152.3,
                index_price=152.2,
                basis_bps=6.6,
                **common,
            ),
            NOW,
        )
        made.take(arrive(f"meta:oi:{venue}:{symbol}", open_value=value, **common), NOW)
    stale = {"instrument": "BTC/USDT:USDT", "received_at": NOW - 60_000, "flags": ["stale"]}
    made.take(arrive("meta:mark_price:binance:btcusdt", mark_price=67432.1, **stale), NOW)
    return made


@pytest.fixture
def table(board: Board, clock: FixedClock) -> Table:
    """The table of the three."""
    return Table(board, server="127.0.0.1:6399", sort="oi", notice="", clock=clock)


def title(table: Table) -> str:
    """Return the line of titles."""
    return table.query_one(Heading).render_line(0).text.rstrip()


def lines(table: Table) -> list[str]:
    """Return the lines of the grid that have text."""
    grid = table.query_one(Grid)
    texts = [grid.render_line(y).text.rstrip() for y in range(grid.size.height)]
    return [text for text in texts if text]


def text_of(table: Table, name: str) -> str:
    """Return the text of the line above or below the table."""
    return str(table.query_one(name, OneLine).render())


async def drawn(table: Table, pilot: Pilot[None]) -> list[str]:
    """Draw and return the lines."""
    table.draw()
    await pilot.pause()
    return lines(table)


async def test_a_row_has_every_value_with_its_unit(table: Table) -> None:
    """In a wide terminal all columns are there, sorted by open interest, the largest first."""
    async with table.run_test(size=WIDE) as pilot:
        first, second, third = await drawn(table, pilot)
        assert title(table).split() == [
            *("instrument", "venue", "rate", "per", "APR", "next", "mark", "index", "basis"),
            *("OI", "$▼", "age", "flags"),
        ]
        assert first.split() == [
            *("SOL/USDT:USDT", "okx", "+0.0100%", "8h", "+10.95%", "2:00:00", "152.300", "152.200", "+6.6bp"),
            *("3.00B", "3s"),
        ]
        assert "-219.0%" in second
        assert third.split() == [
            *("BTC/USDT:USDT", "binance", "-", "-", "-", "-", "67432.10", "-", "-", "-", "60s", "stale")
        ]


async def test_80_columns_drop_the_least_important(table: Table) -> None:
    """Nothing is cut off; index and basis are left out, the rest is aligned under its title."""
    async with table.run_test(size=NARROW) as pilot:
        first, *_ = await drawn(table, pilot)
        assert "index" not in title(table)
        assert "basis" not in title(table)
        assert len(title(table)) <= 80
        assert len(first) <= 80
        assert first.index("+10.95%") + len("+10.95%") == title(table).index("APR") + len("APR")
        assert len(text_of(table, "#status")) <= 80


async def test_values_and_countdown_move(
    table: Table, board: Board, clock: FixedClock, arrive: Arrive
) -> None:
    """A new message replaces its value, and time passes."""
    async with table.run_test(size=WIDE) as pilot:
        clock.ms += 5_000
        board.take(arrive("meta:mark_price:okx:sol-usdt", mark_price=153.5, received_at=clock.ms), clock.ms)
        first, *_ = await drawn(table, pilot)
        assert "153.500" in first
        assert "1:59:55" in first
        assert first.endswith("0s")


async def test_only_lines_that_changed_are_drawn(
    table: Table, board: Board, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps the table cheap with 1,500 rows."""
    async with table.run_test(size=WIDE) as pilot:
        await drawn(table, pilot)
        grid = table.query_one(Grid)
        refreshed: list[int] = []
        monkeypatch.setattr(grid, "refresh_line", refreshed.append)
        table.draw()
        assert refreshed == []
        board.take(arrive("meta:oi:bybit:solusdt", open_value=6e8, received_at=NOW - 3_000), NOW)
        table.draw()
        assert refreshed == [1]


async def test_the_arrow_keys_choose_the_column_and_r_the_direction(table: Table) -> None:
    """The title shows both."""
    async with table.run_test(size=WIDE) as pilot:
        await pilot.press("r")
        assert "OI $▲" in title(table)
        assert "500M" in lines(table)[0]
        await pilot.press("right")
        assert "age▼" in title(table)
        assert "BTC" in lines(table)[0]
        await pilot.press("left", "left", "left")
        assert "index▼" in title(table)


async def test_a_click_on_a_title_sorts_and_a_second_one_reverses(table: Table) -> None:
    """As in every other table."""
    async with table.run_test(size=WIDE) as pilot:
        place = title(table).index("APR")
        await pilot.click(Heading, offset=(place, 0))
        assert "APR▼" in title(table)
        assert "+10.95%" in lines(table)[0]
        await pilot.click(Heading, offset=(place, 0))
        assert "APR▲" in title(table)
        assert "-219.0%" in lines(table)[0]


async def test_a_filter_is_typed_kept_and_cleared(table: Table) -> None:
    """It works while it is typed; Enter gives the keys back, Esc shows all rows again."""
    async with table.run_test(size=WIDE) as pilot:
        await pilot.press("slash", *"sol", "slash", "space", *"okx")
        assert table.query_one(Input).value == "sol/ okx"
        assert [line.split()[1] for line in lines(table)] == ["okx"]
        await pilot.press("enter", "r")
        assert "OI $▲" in title(table)
        await drawn(table, pilot)
        assert "1 of 3 rows: sol/ okx" in text_of(table, "#status")
        await pilot.press("escape")
        assert len(lines(table)) == 3


async def test_a_filter_that_fits_nothing_says_so(table: Table) -> None:
    """And how to get back."""
    async with table.run_test(size=WIDE) as pilot:
        await pilot.press("slash", *"zzz")
        assert lines(table) == ["no row fits 'zzz': Esc shows all 3"]


async def test_the_status_tells_server_rows_and_holes(table: Table, board: Board, arrive: Arrive) -> None:
    """And that the server is away, when it is."""
    async with table.run_test(size=WIDE) as pilot:
        board.take(arrive("meta:oi:okx:sol-usdt", missing=4), NOW)
        await drawn(table, pilot)
        status = text_of(table, "#status")
        assert status.endswith("127.0.0.1:6399  0 msg/s  3 rows  4 holes  12:00:00 UTC")
        board.take(Away("127.0.0.1:6399", "refused"), NOW)
        await drawn(table, pilot)
        assert "127.0.0.1:6399 away, trying again" in text_of(table, "#status")


async def test_the_newest_quality_message_is_shown(table: Table, board: Board, arrive: Arrive) -> None:
    """With time, severity and whom it concerns."""
    async with table.run_test(size=WIDE) as pilot:
        warning = {"kind": "stale", "state": "raised", "severity": "warning", "detail": "no mark for 31 s"}
        board.take(arrive("quality:okx:sol-usdt", received_at=NOW, **warning), NOW)
        await drawn(table, pilot)
        assert text_of(table, "#foot") == "12:00:00  warning  okx:sol-usdt stale: no mark for 31 s"


async def test_a_notice_stands_above_everything(board: Board, clock: FixedClock) -> None:
    """The demo says there that its data is simulated."""
    table = Table(board, server="s", sort="oi", notice="SIMULATED DATA", clock=clock)
    async with table.run_test(size=NARROW):
        notice = table.query_one("#notice", Static)
        assert str(notice.render()) == "SIMULATED DATA"
        assert notice.region.y == 0


@pytest.mark.parametrize(
    ("item", "hint"),
    [
        (None, "server: connecting"),
        (Away("server", "refused"), "server: refused"),
        (Connected("server"), "connected, nothing published yet: is the service (microstream run) running?"),
    ],
)
async def test_an_empty_table_says_why(item: Connected | Away | None, hint: str, clock: FixedClock) -> None:
    """Before anything arrives."""
    board = Board(Tally())
    if item is not None:
        board.take(item, NOW)
    table = Table(board, server="server", sort="oi", notice="", clock=clock)
    async with table.run_test(size=NARROW) as pilot:
        assert await drawn(table, pilot) == [hint]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_q_quits(table: Table, key: str) -> None:
    """And so does Ctrl-C."""
    async with table.run_test(size=WIDE) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert not table.is_running
    assert table.return_code == 0


async def test_a_long_table_scrolls_and_widens(clock: FixedClock, arrive: Arrive) -> None:
    """A long price further down widens its column once it is seen, and stays aligned with the titles."""
    board = Board(Tally())
    for number in range(50):
        price = 0.00001234 if number == 40 else 100.0
        channel = f"meta:mark_price:okx:c{number:02}"
        board.take(arrive(channel, mark_price=price, received_at=NOW), NOW)
    table = Table(board, server="s", sort="instrument", notice="", clock=clock)
    async with table.run_test(size=NARROW) as pilot:
        assert (await drawn(table, pilot))[0].startswith("c00")
        table.query_one(Grid).scroll_to(y=40, animate=False)
        await pilot.pause()
        line = next(line for line in await drawn(table, pilot) if line.startswith("c40"))
        assert "0.00001234" in line
        assert line.index("0.00001234") + 10 == title(table).index("mark") + 4
