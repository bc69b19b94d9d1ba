"""The matrix of coins and venues."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from microstream.cli.board import LATE_AFTER_MS
from microstream.cli.pages.funding import CONTRACT_LIMIT, FundingPage, FundingRow
from microstream.cli.pages.plain import ordered, page_lines, page_records
from microstream.client.arrival import Arrival, Payload

Arrive = Callable[..., Arrival]

NOW = 1_760_011_200_000


@pytest.fixture
def page() -> FundingPage:
    """A page that has seen nothing."""
    return FundingPage()


def rate(apr: float | None, hours: float | None = 8, settle: str = "USDT", **keys: Any) -> dict[str, Any]:
    """Return the keys of a SOL perpetual that pays every `hours`."""
    per_interval = None if apr is None or hours is None else apr * hours / 8760
    plain: dict[str, Any] = {
        "instrument": f"SOL/{'USD' if settle == 'SOL' else settle}:{settle}",
        "received_at": NOW,
        "funding_rate": per_interval,
        "funding_interval_hours": hours,
        "funding_rate_8h": None if apr is None else apr * 8 / 8760,
        "funding_apr": apr,
        "next_funding_time": NOW + 3_600_000,
    }
    return plain | keys


def table(page: FundingPage, sort: str = "") -> list[list[str]]:
    """Return the cells of the printed table, without title."""
    return [line.split() for line in list(page_lines(page, sort, NOW))[1:]]


def test_a_coin_has_one_row_and_every_venue_that_publishes_its_columns(
    page: FundingPage, arrive: Arrive
) -> None:
    """APR, rate per 8 h and interval; the spread lies between the highest and the lowest APR."""
    page.take(arrive("funding:okx:sol-usdt", **rate(0.1095)))
    page.take(arrive("funding:bybit:solusdt", **rate(0.876, 1)))
    page.take(arrive("funding:zeta:sol", **rate(-0.219, 4)))
    titles, sol = table(page)
    assert (
        " ".join(titles) == "coin spread bybit 8h rate per okx 8h rate per zeta 8h rate per short long notes"
    )
    assert sol == [
        *("SOL", "109.5%", "+87.60%", "+0.0800%", "1h", "+10.95%", "+0.0100%", "8h"),
        *("-21.90%", "-0.0200%", "4h", "bybit", "zeta"),
    ]


def test_what_is_unknown_is_a_dash_and_makes_no_spread(page: FundingPage, arrive: Arrive) -> None:
    """A rate without interval has no APR, and one venue alone no spread."""
    page.take(arrive("funding:okx:sol-usdt", **rate(None, None, funding_rate=0.0001)))
    page.take(arrive("funding:bybit:solusdt", **rate(0.1)))
    page.take(arrive("funding:bybit:btcusdt", **rate(0.1, instrument="BTC/USDT:USDT")))
    _, btc, sol = table(page)
    assert btc == ["BTC", "-", "+10.00%", "+0.0091%", "8h", "-", "-", "-", "-", "-"]
    assert sol == ["SOL", "-", "+10.00%", "+0.0091%", "8h", "-", "-", "-", "-", "-"]


def test_the_largest_spread_comes_first(page: FundingPage, arrive: Arrive) -> None:
    """Coins without one last; other columns when they are asked for."""
    for coin, other in (("AAA", 0.2), ("BBB", 0.5), ("CCC", None), ("DDD", -0.7)):
        name = f"{coin}/USDT:USDT"
        page.take(arrive(f"funding:okx:{coin.lower()}-usdt", **rate(0.1, instrument=name)))
        page.take(arrive(f"funding:bybit:{coin.lower()}usdt", **rate(other, instrument=name)))
    assert [row.coin for row in ordered(page, "", NOW)[1]] == ["DDD", "BBB", "AAA", "CCC"]
    assert [row.coin for row in ordered(page, "-coin", NOW)[1]] == ["DDD", "CCC", "BBB", "AAA"]
    assert [row.coin for row in ordered(page, "bybit", NOW)[1]] == ["BBB", "AAA", "DDD", "CCC"]
    assert [row.coin for row in ordered(page, "nothing", NOW)[1]] == ["DDD", "BBB", "AAA", "CCC"]


def test_stale_rates_count_for_nothing_and_are_noted(page: FundingPage, arrive: Arrive) -> None:
    """Flagged stale, or old without a flag; the first message after a gap is no trouble."""
    page.take(arrive("funding:okx:sol-usdt", **rate(0.1, flags=["recovered"])))
    page.take(arrive("funding:bybit:solusdt", **rate(0.9, flags=["stale", "frozen"])))
    page.take(arrive("funding:zeta:sol", **rate(0.8, received_at=NOW - LATE_AFTER_MS - 1)))
    page.take(arrive("funding:abc:sol", **rate(0.3)))
    (row,) = page.rows()
    assert row.ends(NOW) == ("abc", "okx", pytest.approx(0.2))
    assert row.notes(NOW) == "bybit stale frozen, zeta 90s old"
    assert not row.late(NOW)
    assert row.late(NOW + LATE_AFTER_MS + 1)


def test_a_venue_shows_its_usual_contract_and_names_other_settlements(
    page: FundingPage, arrive: Arrive
) -> None:
    """USDT before USDC before USD before the coin itself, dated ones last, in whatever order they come."""
    page.take(arrive("funding:okx:sol-usd", **rate(0.1, settle="SOL")))
    assert table(page)[1][1:5] == ["-", "+10.00%", "+0.0091%", "8h"]
    assert "8h SOL" in "\n".join(page_lines(page, "", NOW))
    page.take(arrive("funding:okx:sol-usd_um-310404", **rate(0.2, instrument="SOL/USD:USD-310404")))
    assert page.record(next(iter(page.rows())), NOW)["venues"]["okx"]["symbol"] == "sol-usd"
    page.take(arrive("funding:okx:sol-usdc", **rate(0.3, settle="USDC")))
    page.take(arrive("funding:okx:sol-usdt", **rate(0.4)))
    okx = page.record(next(iter(page.rows())), NOW)["venues"]["okx"]
    assert (okx["symbol"], okx["others"]) == ("sol-usdt", ["sol-usd", "sol-usd_um-310404", "sol-usdc"])


def test_a_new_message_replaces_what_is_known(page: FundingPage, arrive: Arrive) -> None:
    """The row and the columns stay the same objects."""
    page.take(arrive("funding:okx:sol-usdt", **rate(0.1)))
    columns, rows = page.columns("spread"), list(page.rows())
    page.take(arrive("funding:okx:sol-usdt", **rate(0.2)))
    assert page.columns("spread") is columns
    assert list(page.rows()) == rows
    assert rows[0].at("okx").payload.funding_apr == pytest.approx(0.2)


def test_a_message_without_instrument_goes_by_its_symbol(page: FundingPage, arrive: Arrive) -> None:
    """Another publisher may not name it."""
    page.take(arrive("funding:zeta:solx", funding_rate=0.1))
    assert table(page)[1] == ["solx", "-", "-", "-", "-", "-", "-"]


def test_records_have_the_published_numbers(page: FundingPage, arrive: Arrive) -> None:
    """One JSON object a coin."""
    page.take(arrive("funding:okx:sol-usdt", **rate(0.1095, flags=["frozen"])))
    (line,) = page_records(page, "", NOW)
    assert json.decode(line) == {
        "page": "funding",
        "coin": "SOL",
        "short": None,
        "long": None,
        "spread_apr": None,
        "venues": {
            "okx": {
                "symbol": "sol-usdt",
                "instrument": "SOL/USDT:USDT",
                "funding_rate": pytest.approx(0.0001),
                "funding_interval_hours": 8.0,
                "funding_rate_8h": pytest.approx(0.0001),
                "funding_apr": 0.1095,
                "next_funding_time": NOW + 3_600_000,
                "received_at": NOW,
                "flags": ["frozen"],
                "late": False,
                "others": [],
            }
        },
    }


def test_a_coin_goes_by_its_contracts_and_venues(page: FundingPage, arrive: Arrive) -> None:
    """What a filter may say."""
    page.take(arrive("funding:okx:sol-usdt", **rate(0.1)))
    (row,) = page.rows()
    assert {"sol", "okx", "sol-usdt", "solusdt", "sol/usdt:usdt"} <= row.names


def test_an_empty_page_says_why(page: FundingPage) -> None:
    """Before anything arrives."""
    assert list(page_lines(page, "", NOW))[1].startswith("connected, no funding rate published yet")


def test_the_contracts_of_a_coin_are_bounded() -> None:
    """The known ones go on."""
    row = FundingRow("SOL")
    for number in range(CONTRACT_LIMIT + 5):
        row.take("okx", f"sol{number}", Payload())
    row.take("okx", "sol0", Payload(funding_apr=0.5))
    assert len(row.others("okx")) == CONTRACT_LIMIT - 1
    assert row.at("okx").payload.funding_apr == pytest.approx(0.5)


@given(st.dictionaries(st.sampled_from("abcdef"), st.none() | st.floats(-10, 10), max_size=6))
def test_the_spread_is_between_two_of_the_rates_and_never_below_0(rates: dict[str, float | None]) -> None:
    """Whatever the venues say."""
    row = FundingRow("SOL")
    for venue, apr in rates.items():
        row.take(venue, "sol", Payload(funding_apr=apr, received_at=NOW))
    known = {venue: apr for venue, apr in rates.items() if apr is not None}
    ends = row.ends(NOW)
    if ends is None:
        assert len(known) < 2
    else:
        short, long, spread = ends
        assert spread == max(known.values()) - min(known.values()) >= 0
        assert (known[short], known[long]) == (max(known.values()), min(known.values()))
