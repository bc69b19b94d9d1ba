"""Which message goes to which page."""

from collections.abc import Callable, Sequence

import pytest

from microstream.cli.pages import NAMES, all_pages
from microstream.cli.pages.desk import Desk
from microstream.cli.pages.runs import VENUE_LIMIT, Runs, venue_of
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival
from microstream.client.selection import Selection

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000

OF_PAGE = {
    "funding": ["funding:okx:sol-usdt"],
    "spreads": ["signal:funding_spread:sol"],
    "oi": ["signal:oi_regime:okx:sol-usdt"],
    "squeeze": ["signal:squeeze:okx:sol-usdt"],
    "alerts": ["alert:big:okx:sol-usdt"],
    "quality": ["quality:okx:sol-usdt"],
}
OF_NONE = [
    "meta:mark_price:okx:sol-usdt",
    "meta:instrument:okx:sol-usdt",
    "signal:basis:okx:sol-usdt",
    "bars:okx:sol-usdt:1m",
    "novel:okx:sol-usdt",
]


def make(coins: Sequence[str] = ()) -> tuple[Desk, Callable[[], dict[str, int]]]:
    """Return a desk with all pages, and what counts their rows."""
    tally, runs = Tally(), Runs()
    pages = all_pages(tally, runs)
    return Desk(tally, pages, runs, coins), lambda: {page.name: len(list(page.rows())) for page in pages}


@pytest.mark.parametrize("name", NAMES)
def test_every_family_has_its_page(name: str, arrive: Arrive) -> None:
    """And no other page gets it."""
    desk, rows = make()
    for channel in OF_PAGE[name]:
        desk.take(arrive(channel, state="raised", instrument="SOL/USDT:USDT"), NOW)
    assert rows() == dict.fromkeys(NAMES, 0) | {name: 1}


def test_other_messages_are_only_counted(arrive: Arrive) -> None:
    """Of families without a page, of signals that nobody shows, and what cannot be read."""
    desk, rows = make()
    for channel in OF_NONE:
        desk.take(arrive(channel), NOW)
    desk.take(arrive("funding:okx:sol-usdt", raw=b"hello"), NOW)
    assert rows() == dict.fromkeys(NAMES, 0)
    assert (desk.tally.messages, desk.tally.unreadable) == (len(OF_NONE) + 1, 1)


def test_pages_read_what_they_show_and_never_bars() -> None:
    """The channels that are subscribed cover each page's own messages."""
    for page in all_pages(Tally(), Runs()):
        selection = Selection(page.channels)
        assert all(map(selection.wants_channel, OF_PAGE[page.name]))
        assert not selection.wants_channel("bars:okx:sol-usdt:1m")
        assert not selection.wants_channel("signal:basis:okx:sol-usdt")
        assert not selection.wants_channel("signal:liquidity:sol")


@pytest.mark.parametrize(
    ("channel", "instrument", "coins", "kept"),
    [
        ("funding:okx:sol-usdt", "SOL/USDT:USDT", ["SOL"], True),
        ("funding:okx:sol-usdt", "SOL/USDT:USDT", ["btc"], False),
        ("funding:okx:sol-usdt", "SOL/USDT:USDT", ["BTC", "s*"], True),
        ("funding:okx:sol-usdt", None, ["SOL"], False),
        ("funding:okx:sol-usdt", None, ["sol-usdt"], True),
        ("signal:funding_spread:sol", None, ["sol"], True),
        ("signal:squeeze:okx:sol-usdt", "SOL/USDT:USDT", ["sol"], True),
        ("alert:big:okx:sol-usdt:1m", "SOL/USDT:USDT", ["sol"], True),
        ("alert:big:btc", None, ["sol"], False),
        ("quality:okx:*", None, ["sol"], True),
    ],
)
def test_coins_leave_the_others_out(
    channel: str, instrument: str | None, coins: list[str], kept: bool, arrive: Arrive
) -> None:
    """By coin or contract; what is about a whole venue concerns every coin."""
    desk, rows = make(coins)
    desk.take(arrive(channel, instrument=instrument, state="raised"), NOW)
    assert sum(rows().values()) == kept


@pytest.mark.parametrize(
    ("channel", "venue"),
    [
        ("funding:okx:sol-usdt", "okx"),
        ("signal:squeeze:okx:sol-usdt", "okx"),
        ("signal:funding_spread:sol", "*"),
        ("alert:big:okx:sol-usdt:1m", "okx"),
        ("alert:big:sol", "*"),
    ],
)
def test_a_message_is_about_a_venue(channel: str, venue: str, arrive: Arrive) -> None:
    """Or about a coin across venues."""
    assert venue_of(arrive(channel)) == venue


def test_messages_of_an_earlier_run_are_told_from_those_of_the_newest(arrive: Arrive) -> None:
    """Venue by venue; a message without run is of no earlier one."""
    runs = Runs()
    for run in (3, 7, 5):
        runs.note(arrive("funding:okx:a", run=run))
    assert runs.is_earlier(arrive("alert:big:okx:a", run=6))
    assert not runs.is_earlier(arrive("alert:big:okx:a", run=7))
    assert not runs.is_earlier(arrive("alert:big:bybit:a", run=6))
    assert not runs.is_earlier(arrive("alert:big:okx:a"))


def test_venues_are_bounded(arrive: Arrive) -> None:
    """Those that are known go on."""
    runs = Runs()
    for number in range(VENUE_LIMIT + 1):
        runs.note(arrive(f"funding:v{number}:a", run=5))
    runs.note(arrive("funding:v0:a", run=9))
    assert not runs.is_earlier(arrive(f"funding:v{VENUE_LIMIT}:a", run=1))
    assert runs.is_earlier(arrive("funding:v0:a", run=8))
