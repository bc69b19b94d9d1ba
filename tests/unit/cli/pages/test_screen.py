"""The pages on a terminal, driven by keys."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from microstream.cli.grid import Grid, Heading
from microstream.cli.live import Lines, OneLine
from microstream.cli.pages import NAMES, all_pages, signal_page
from microstream.cli.pages.desk import Desk
from microstream.cli.pages.runs import Runs
from microstream.cli.pages.screen import Screen
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival
from microstream.client.notices import Away, Connected

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000
WIDE, NARROW = (160, 20), (80, 20)


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


class Stage:
    """A screen and the desk behind it."""

    def __init__(self, page: str = "funding", sort: str = "") -> None:
        tally, runs = Tally(), Runs()
        pages = all_pages(tally, runs)
        self.desk = Desk(tally, pages, runs)
        self.clock = FixedClock()
        self.screen = Screen(self.desk, pages, page=page, server="s:1", sort=sort, clock=self.clock)
        self.desk.take(Connected("s:1"), NOW)

    def title(self) -> str:
        """Return the line of titles."""
        return self.screen.query_one(Heading).render_line(0).text.rstrip()

    def lines(self) -> list[str]:
        """Return the lines of the grid that have text."""
        grid = self.screen.query_one(Grid)
        texts = [grid.render_line(y).text.rstrip() for y in range(grid.size.height)]
        return [text for text in texts if text]

    def text(self, name: str) -> str:
        """Return the text of a line beside the table."""
        return str(self.screen.query_one(name, OneLine).render())

    def above(self) -> str:
        """Return the lines above the table."""
        lines = self.screen.query_one(Lines)
        return str(lines.render()) if lines.display else ""

    async def drawn(self, pilot: Pilot[None]) -> list[str]:
        """Draw and return the lines of the grid."""
        self.screen.sort_and_draw()
        await pilot.pause()
        return self.lines()


@pytest.fixture
def stage(arrive: Arrive) -> Stage:
    """A message or two of every page: SOL on two venues, BTC on one."""
    made = Stage()
    for venue, symbol, apr in (
        ("okx", "sol-usdt", 0.1),
        ("bybit", "solusdt", -2.0),
        ("okx", "btc-usdt", 0.3),
    ):
        common = {"instrument": f"{symbol[:3].upper()}/USDT:USDT", "received_at": NOW}
        rate = {"funding_rate": apr / 1095, "funding_rate_8h": apr / 1095, "funding_interval_hours": 8}
        regime = {"5m": {"oi_change": apr / 10, "price_change": 0.01, "regime": "long_build_up"}}
        score = {"short_squeeze": 10 * apr, "long_squeeze": 0.0, "components": {"oi": None}}
        for channel, keys in (
            (f"funding:{venue}:{symbol}", {"funding_apr": apr, **rate}),
            (f"signal:oi_regime:{venue}:{symbol}", {"values": regime}),
            (f"signal:squeeze:{venue}:{symbol}", {"values": score}),
        ):
            made.desk.take(arrive(channel, **common, **keys), NOW)
    spread = {"gross_apr": 2.1, "short": {"exchange": "okx", "symbol": "sol-usdt"}}
    made.desk.take(arrive("signal:funding_spread:sol", received_at=NOW, values=spread), NOW)
    trouble: dict[str, Any] = {"state": "raised", "severity": "critical", "since": NOW, "received_at": NOW}
    made.desk.take(arrive("alert:big:okx:sol-usdt", **trouble, text="too big"), NOW)
    made.desk.take(arrive("quality:okx:sol-usdt", **trouble, kind="stale", detail="old"), NOW)
    return made


FIRST_LINES = {
    "funding": "SOL 210.0% -200.0% -0.1826% 8h +10.00% +0.0091% 8h okx bybit",
    "spreads": "SOL okx sol-usdt - +210.0% - - - - -",
    "oi": "SOL/USDT:USDT bybit -20.00% +1.00% long build up",
    "squeeze": "BTC/USDT:USDT okx short 3.0 0.0 -",
    "alerts": "critical 12:00:00 0s big okx:sol-usdt - - too big",
    "quality": "critical 12:00:00 0s okx sol-usdt stale - old",
}


@pytest.mark.parametrize(("key", "name"), list(enumerate(NAMES, 1)))
async def test_a_key_shows_its_page(stage: Stage, key: int, name: str) -> None:
    """With its own columns and rows; the name of the page stands out."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press("6" if key != 6 else "1", str(key))
        lines = await stage.drawn(pilot)
        assert " ".join(lines[0].split()) == FIRST_LINES[name]
        assert stage.text("#head") == (" 1 funding  2 spreads  3 oi  4 squeeze  5 alerts  6 quality ")
        shown = stage.screen.query_one("#head", OneLine).render()
        assert [
            str(shown)[span.start : span.end] for span in shown.spans if getattr(span.style, "reverse", False)
        ] == [f" {key} {name} "]


async def test_a_click_on_its_name_shows_a_page(stage: Stage) -> None:
    """As the key does."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.click("#head", offset=(stage.text("#head").index("squeeze"), 0))
        await pilot.pause()
        assert "higher▼" in stage.title()


async def test_every_page_keeps_its_order(stage: Stage) -> None:
    """The arrows choose the column, r the direction."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        assert "spread▼" in stage.title()
        await pilot.press("right", "r")
        assert "bybit▲" in stage.title()
        await pilot.press("3")
        assert "OI 5m▼" in stage.title()
        assert [line.split()[1] for line in await stage.drawn(pilot)] == ["bybit", "okx", "okx"]
        await pilot.press("left")
        assert "venue▲" in stage.title()
        await pilot.press("1")
        assert "bybit▲" in stage.title()
        await pilot.press("3")
        assert "venue▲" in stage.title()


async def test_an_order_that_was_asked_for_is_taken_once_its_column_is_there(arrive: Arrive) -> None:
    """Which columns there are depends on what is published."""
    stage = Stage("oi", "oi_1h")
    async with stage.screen.run_test(size=WIDE) as pilot:
        assert "instrument▲" in stage.title()
        for symbol, change in (("a", 0.01), ("b", -0.02)):
            values = {"1h": {"oi_change": change}, "5m": {"oi_change": 0.5}}
            stage.desk.take(arrive(f"signal:oi_regime:okx:{symbol}", received_at=NOW, values=values), NOW)
        lines = await stage.drawn(pilot)
        assert "OI 1h▼" in stage.title()
        assert [line[0] for line in lines] == ["b", "a"]


async def test_a_venue_that_begins_to_publish_gets_its_columns(stage: Stage, arrive: Arrive) -> None:
    """Nobody named it before."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        assert "zeta" not in stage.title()
        stage.desk.take(
            arrive("funding:zeta:sol", instrument="SOL/USD:USD", received_at=NOW, funding_apr=0.5), NOW
        )
        lines = await stage.drawn(pilot)
        assert "zeta" in stage.title()
        assert "+50.00%" in lines[0]
        assert "- USD" in lines[0]


async def test_80_columns_keep_every_apr(stage: Stage) -> None:
    """Aligned under the venue; rates per 8 h and intervals give way together."""
    async with stage.screen.run_test(size=NARROW) as pilot:
        first, *_ = await stage.drawn(pilot)
        assert len(first) <= 80
        assert first.index("+10.00%") + 7 == stage.title().index("okx") + 3


async def test_values_move_between_two_sortings(stage: Stage, arrive: Arrive) -> None:
    """A new message of a contract is on the screen at the next drawing."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await stage.drawn(pilot)
        values = {"5m": {"oi_change": 0.777}}
        stage.desk.take(arrive("signal:oi_regime:okx:sol-usdt", received_at=NOW, values=values), NOW)
        stage.screen.draw()
        await pilot.pause()
        assert any("+77.70%" in line for line in stage.lines())


async def test_only_the_page_that_is_shown_reads_its_payloads(
    stage: Stage, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each once, however often it is drawn."""
    read: list[bytes] = []
    real = signal_page.read_signal
    monkeypatch.setattr(signal_page, "read_signal", lambda raw: (read.append(raw), real(raw))[1])
    async with stage.screen.run_test(size=WIDE) as pilot:
        await stage.drawn(pilot)
        assert read == []
        await pilot.press("4")
        await stage.drawn(pilot)
        await stage.drawn(pilot)
        assert len(read) == 3


async def test_only_visible_lines_are_drawn(
    stage: Stage, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 600 coins those on the screen, and of these the ones that changed."""
    for number in range(600):
        name = f"C{number:03}"
        for venue, apr in (("okx", 0.0), ("bybit", 1000.0 - number)):
            keys = {"instrument": f"{name}/USDT:USDT", "received_at": NOW, "funding_apr": apr}
            stage.desk.take(arrive(f"funding:{venue}:{name.lower()}", **keys), NOW)
    async with stage.screen.run_test(size=WIDE) as pilot:
        lines = await stage.drawn(pilot)
        grid = stage.screen.query_one(Grid)
        assert [line.split()[0] for line in lines] == [f"C{number:03}" for number in range(grid.size.height)]
        assert len(lines) < 20
        refreshed: list[int] = []
        monkeypatch.setattr(grid, "refresh_line", refreshed.append)
        stage.screen.draw()
        assert refreshed == []
        keys = {"instrument": "C003/USDT:USDT", "received_at": NOW, "funding_apr": 0.5}
        stage.desk.take(arrive("funding:okx:c003", **keys), NOW)
        stage.desk.take(arrive("funding:okx:c500", **keys | {"instrument": "C500/USDT:USDT"}), NOW)
        stage.screen.draw()
        assert refreshed == [3]


async def test_another_page_begins_at_its_top(stage: Stage, arrive: Arrive) -> None:
    """However far the last one was scrolled."""
    for number in range(100):
        stage.desk.take(arrive(f"signal:squeeze:okx:c{number:03}", received_at=NOW, values={}), NOW)
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        stage.screen.query_one(Grid).scroll_to(y=50, animate=False)
        await pilot.pause()
        await pilot.press("1")
        assert (await stage.drawn(pilot))[0].startswith("SOL")


async def test_lines_above_the_table_are_there_where_a_page_has_some(stage: Stage) -> None:
    """Counts and ages on quality, nothing on spreads; the last line sums up what is open."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press("6")
        await stage.drawn(pilot)
        first, titles, *venues, signals = stage.above().splitlines()
        assert first == "open: 1 critical (1 stale)"
        assert titles.split() == ["newest", "value", "funding", "contracts", "holes"]
        assert [line.split() for line in venues] == [["bybit", "0s", "1", "0"], ["okx", "0s", "2", "0"]]
        assert signals == "newest signal  funding_spread 0s, oi_regime 0s, squeeze 0s"
        await pilot.press("2")
        await stage.drawn(pilot)
        assert stage.above() == ""
        assert stage.text("#foot") == "alerts open: 1 critical   conditions open: 1 critical"


async def test_a_filter_holds_on_every_page(stage: Stage) -> None:
    """While it is typed digits belong to it."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press("slash", *"btc1", "backspace", "enter")
        assert stage.screen.query_one(Input).value == "btc"
        assert [line.split()[0] for line in await stage.drawn(pilot)] == ["BTC"]
        await pilot.press("4")
        assert [line.split()[0] for line in await stage.drawn(pilot)] == ["BTC/USDT:USDT"]
        assert "1 of 3 rows: btc" in stage.text("#status")
        await pilot.press("2")
        assert await stage.drawn(pilot) == ["no row fits 'btc': Esc shows all 1"]


@pytest.mark.parametrize("key", "123456")
async def test_an_empty_page_says_why(key: str) -> None:
    """Each for itself; and where the server is away, that."""
    stage = Stage()
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press(key)
        (hint,) = await stage.drawn(pilot)
        assert len(hint) > 20
        stage.desk.take(Away("s:1", "refused"), NOW)
        assert await stage.drawn(pilot) == ["s:1: refused"]


async def test_q_quits(stage: Stage) -> None:
    """From any page."""
    async with stage.screen.run_test(size=WIDE) as pilot:
        await pilot.press("5", "q")
        await pilot.pause()
        assert not stage.screen.is_running
    assert stage.screen.return_code == 0
