"""Bybit linear: the traps of its REST API, by their number in the venue page."""

import json
from pathlib import Path
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Names
from microstream.model.events import AnyEvent, FundingRate, IndexPrice, MarkPrice, OpenInterest
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.venues.bybit.instruments import unit_coin

FIXTURES = Path(__file__).parents[1] / "fixtures" / "bybit"
VENUE = venues.load("bybit")
AT = 1795320931000
WHOLE = {
    "markPrice": "84000.1",
    "indexPrice": "84010.2",
    "fundingRate": "0.0001",
    "nextFundingTime": "1795334400000",
    "fundingIntervalHour": "8",
    "fundingCap": "0.005",
    "openInterest": "200",
    "openInterestValue": "16800020",
    "singleOpenInterest": "100",
    "singleOpenInterestValue": "8400010",
}


def read(feed: str, result: dict[str, Any], time: object = AT) -> Frame:
    """Parse a reply."""
    names = Names(VENUE, None)
    frame = Frame(feed, AT, "rest")
    body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": time}
    VENUE.feeds[feed].parse(json.dumps(body).encode(), Context(names, names.indexes), frame)
    return frame


def ticker(**changes: Any) -> dict[str, Any]:
    """Return a ticker row with some fields changed."""
    return {"symbol": "BTCUSDT", **WHOLE, **changes}


def of(kind: type[AnyEvent], events: list[AnyEvent]) -> Any:
    """Return the only event of a kind."""
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


@pytest.mark.parametrize(
    ("fields", "contracts", "value"),
    [
        ({}, 100, 8400010),
        ({"singleOpenInterest": "", "singleOpenInterestValue": ""}, 100, 8400010),
        ({"openInterest": "", "openInterestValue": ""}, 100, 8400010),
        ({"singleOpenInterest": "0", "singleOpenInterestValue": "0"}, 0, 0),
        ({"singleOpenInterestValue": "", "openInterestValue": ""}, 100, None),
    ],
)
def test_open_interest_counts_one_side(fields: dict[str, str], contracts: float, value: float | None) -> None:
    """Trap 1: `openInterest` adds both sides; the one-sided figure is used, else half of the sum."""
    event = of(OpenInterest, read("tickers", {"category": "linear", "list": [ticker(**fields)]}).events)
    assert (event.contracts, event.value, event.value_ccy) == (contracts, value, "USDT")


def test_all_pages_of_all_statuses_are_asked() -> None:
    """Trap 2: 1000 rows a page, the cursor followed, and what is not `Trading` asked for by name."""
    asked = [dict(request.params) for request in VENUE.instruments.requests]
    assert all(params["limit"] == "1000" and params["category"] == "linear" for params in asked)
    assert [params.get("status") for params in asked] == [None, "PreLaunch", "Delivering"]


def test_cursor_is_encoded_once() -> None:
    """Trap 14: the cursor comes percent-encoded; it is decoded, as parameters are encoded when they are sent."""
    first = VENUE.instruments.requests[1]
    body = (FIXTURES / "rest-instruments-info-1.json").read_bytes()
    following = VENUE.instruments.following(first, body)
    assert following is not None
    assert dict(following.params) == {**dict(first.params), "cursor": "first=1INCHUSDT&last=BTCUSD"}
    assert (following.feed, following.path) == (first.feed, first.path)
    assert (
        VENUE.instruments.following(first, (FIXTURES / "rest-instruments-info-2.json").read_bytes()) is None
    )


def test_intervals_have_two_units() -> None:
    """Trap 3: minutes as a number in the list, hours as text in the ticker."""
    funding = of(
        FundingRate, read("tickers", {"category": "linear", "list": [ticker(fundingIntervalHour="4")]}).events
    )
    assert funding.interval_h == 4
    body = (FIXTURES / "rest-instruments-info-1.json").read_bytes()
    listed = VENUE.instruments.build({"instruments-info": [body]}).instruments
    assert [item.funding_interval_hours for item in listed] == [8, 1, 4, None]


@pytest.mark.parametrize(
    ("rate", "time"), [("", "0"), ("", ""), ("0.0001", "0"), ("", "1795334400000"), (None, None)]
)
def test_no_funding_without_rate_and_time(rate: object, time: object) -> None:
    """Trap 5: dated contracts carry empty text and "0" in the same list."""
    rows = [ticker(fundingRate=rate, nextFundingTime=time)]
    events = read("tickers", {"category": "linear", "list": rows}).events
    assert [type(event) for event in events] == [MarkPrice, IndexPrice, OpenInterest]


@pytest.mark.parametrize("category", ["inverse", "spot", "option"])
def test_other_categories_add_nothing(category: str) -> None:
    """Traps 15 and 18: a name means another product in another category."""
    rows = [ticker()]
    assert not read("tickers", {"category": category, "list": rows}).events
    history = [{"symbol": "BTCUSDT", "fundingRate": "0.1", "fundingRateTimestamp": "1795305600000"}]
    assert not read("funding/history", {"category": category, "list": history}).events
    interest = [{"openInterest": "1", "timestamp": "1795305600000"}]
    assert not read("open-interest", {"category": category, "symbol": "BTCUSDT", "list": interest}).events


def test_rows_take_the_time_of_the_reply() -> None:
    """Trap 16: ticker rows carry no time; the envelope's is the time of the observation and the venue's clock."""
    frame = read("tickers", {"category": "linear", "list": [ticker()]}, time=AT - 700)
    assert {event.timestamp for event in frame.events} == {AT - 700}
    assert frame.server_time == AT - 700


@pytest.mark.parametrize("time", [None, "", 0, "soon", 5, -1, 10**30])
def test_reply_without_a_usable_time(time: object) -> None:
    """Without a time in the envelope the values have none; a malformed one is told."""
    frame = read("tickers", {"category": "linear", "list": [ticker()]}, time=time)
    assert {event.timestamp for event in frame.events} == {None}
    assert frame.server_time is None
    assert len(frame.rejects) == (time not in (None, "", 0))


@pytest.mark.parametrize(
    ("name", "coin", "factor"),
    [
        ("1000PEPE", "PEPE", 1e3),
        ("10000SATS", "SATS", 1e4),
        ("1000000BABYDOGE", "BABYDOGE", 1e6),
        ("SHIB1000", "SHIB", 1e3),
        ("1INCH", "1INCH", 1),
        ("0G", "0G", 1),
        ("2Z", "2Z", 1),
        ("4", "4", 1),
        ("B2", "B2", 1),
        ("API3", "API3", 1),
        ("C98", "C98", 1),
    ],
)
def test_multipliers(name: str, coin: str, factor: float) -> None:
    """Trap 17: the factor stands in the name alone and differs from other venues'; not every digit is one."""
    assert unit_coin(name) == (coin, factor)


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("BTCUSDT", "BTC/USDT:USDT"),
        ("BTCPERP", "BTC/USDC:USDC"),
        ("1000BONKPERP", "BONK/USDC:USDC"),
        ("PERPUSDT", "PERP/USDT:USDT"),
        ("BTC-25DEC26", "BTC/USDC:USDC-261225"),
        ("BTCUSDT-5FEB27", "BTC/USDT:USDT-270205"),
    ],
)
def test_names(name: str, instrument: str) -> None:
    """USDC perpetuals are called PERP; dates are day, month, year."""
    guessed = VENUE.guess(name)
    assert guessed is not None
    assert guessed.instrument == instrument


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("PreLaunch", "prelaunch"),
        ("Trading", "live"),
        ("Delivering", "settling"),
        ("Closed", None),
        ("New", "suspended"),
    ],
)
def test_status(status: str, ours: str | None) -> None:
    """Only Trading is live; what is closed is not listed any more."""
    row = {
        "symbol": "AUSDT",
        "contractType": "LinearPerpetual",
        "status": status,
        "baseCoin": "A",
        "quoteCoin": "USDT",
    }
    body = {"retCode": 0, "result": {"category": "linear", "list": [row]}, "time": AT}
    listed = VENUE.instruments.build({"instruments-info": [json.dumps(body).encode()]}).instruments
    assert [item.status for item in listed] == ([ours] if ours else [])
