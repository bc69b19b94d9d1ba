"""Binance USD-M: the traps of its API, by their number in the venue page, and its WebSocket frames."""

import json
from pathlib import Path
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Decoder, Names
from microstream.errors import WireMismatch
from microstream.model.events import FundingRate, FundingSettled, IndexPrice, MarkPrice, OpenInterest
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.stream import Refused
from microstream.venues.binance.instruments import unit_coin

FIXTURES = Path(__file__).parents[1] / "fixtures" / "binance"
VENUE = venues.load("binance")
AT = 1795334400500  # half a second after a settlement


def frames(*texts: object) -> Frame:
    """Return what one connection says, frame after frame; dicts and lists are sent as JSON."""
    names = Names(VENUE, None)
    session, frame = VENUE.session(), Frame("ws", AT, "ws")
    for text in texts:
        data = text if isinstance(text, bytes) else json.dumps(text).encode()
        session.on_frame(data, Context(names, names.indexes), frame)
    return frame


def update(**changes: Any) -> dict[str, Any]:
    """Return a mark price update with some fields changed."""
    row = {"e": "markPriceUpdate", "E": AT, "s": "BTCUSDT", "p": "84000.1", "i": "84010.2", "P": "84000"}
    return {**row, "r": "0.0001", "T": 1795363200000, "st": 1, **changes}


def build(**replies: object) -> dict[str, Any]:
    """Return the contracts of some lists by name."""
    bodies = {feed: [json.dumps(body).encode()] for feed, body in replies.items()}
    return {item.name: item for item in VENUE.instruments.build(bodies).instruments}


def contract(symbol: str, **changes: Any) -> dict[str, Any]:
    """Return a row of exchangeInfo with some fields changed."""
    base = symbol.partition("_")[0].removesuffix("USDT")
    row = {
        "symbol": symbol,
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "status": "TRADING",
    }
    return {**row, "contractType": "PERPETUAL", "deliveryDate": 4133404800000, "filters": [], **changes}


@pytest.mark.parametrize(
    "text",
    [
        {"result": None, "id": 1},
        {"result": ["btcusdt@markPrice@1s"], "id": 3},
        {"stream": "btcusdt@aggTrade", "data": {"e": "aggTrade", "s": "BTCUSDT", "p": "1", "m": True}},
        {"e": "serverShutdown", "E": AT},
        {"u": 400900217, "s": "BNBUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"},
        {"stream": "!contractInfo", "data": {"e": "contractInfo", "s": "BTCUSDT", "cs": "TRADING", "st": 1}},
        [],
    ],
)
def test_other_frames_add_nothing(text: object) -> None:
    """Acknowledgements, other events and spot quotes are nothing to publish and no fault."""
    frame = frames(text)
    assert not frame.events
    assert not frame.rejects


@pytest.mark.parametrize(
    "text",
    [
        {"code": 2, "msg": "Invalid request: unknown method"},
        {"error": {"code": 2, "msg": "Invalid request: unknown method"}, "id": 5},
    ],
)
def test_refusal(text: dict[str, Any]) -> None:
    """A refusal comes bare or nested; it is told with its code, and with its request where that is named."""
    answer = VENUE.session().on_frame(json.dumps(text).encode(), Context({}, {}), Frame("ws", AT, "ws"))
    assert answer == Refused("2", "Invalid request: unknown method", text.get("id"))


@pytest.mark.parametrize(
    "text", [b"", b"pong", b"5", b"null", b'{"stream":"x","data":5}', b'{"e":"markPriceUpdate"']
)
def test_unreadable_frame(text: bytes) -> None:
    """What is neither an object nor a list of updates is a mismatch."""
    with pytest.raises(WireMismatch):
        frames(text)


def test_raw_wrapped_and_array_say_the_same() -> None:
    """An update means the same however the connection wraps it."""
    row = update()
    shapes = [
        row,
        [row],
        {"stream": "btcusdt@markPrice@1s", "data": row},
        {"stream": "!markPrice@arr", "data": [row]},
    ]
    events = [frames(shape).events for shape in shapes]
    assert len(events[0]) == 3
    assert all(other == events[0] for other in events)


def test_coin_margined_rows_are_dropped() -> None:
    """Trap 3: all-market streams mix COIN-M rows in; `st` tells them, and the names where it is missing."""
    coin_m = [
        update(st=2),
        update(s="BTCUSD_PERP", st=2),
        update(s="BTCUSD_PERP", st=None),
        update(s="BNBUSD_261225"),
    ]
    del coin_m[2]["st"]
    assert not frames(coin_m).events
    without = update()
    del without["st"]
    assert len(frames([without, *coin_m]).events) == 3


def test_estimate_belongs_to_the_coming_settlement() -> None:
    """Trap 4: `lastFundingRate` and `r` are the running estimate for the next settlement, not a paid rate."""
    events = frames(update(r="-0.00007", T=1795363200000)).events
    assert not [event for event in events if isinstance(event, FundingSettled)]
    (funding,) = [event for event in events if isinstance(event, FundingRate)]
    assert (funding.rate, funding.settles_at) == (-0.00007, 1795363200000)
    assert funding.interval_h is None


def test_contracts_missing_from_funding_info_have_eight_hours() -> None:
    """Trap 5: fundingInfo lists adjusted contracts alone; without its reply nothing is known."""
    symbols = {
        "symbols": [
            contract("AUSDT"),
            contract("BUSDT"),
            contract("BTCUSDT_270326", contractType="NEXT_QUARTER"),
        ]
    }
    info = [
        {
            "symbol": "BUSDT",
            "fundingIntervalHours": 4,
            "adjustedFundingRateCap": "0.02",
            "adjustedFundingRateFloor": "-0.03",
        }
    ]
    read = build(exchangeInfo=symbols, fundingInfo=info)
    assert read["AUSDT"].funding_interval_hours == 8
    assert read["AUSDT"].rate_cap is None
    assert (read["BUSDT"].funding_interval_hours, read["BUSDT"].rate_cap, read["BUSDT"].rate_floor) == (
        4,
        0.02,
        -0.03,
    )
    assert read["BTCUSDT_270326"].funding_interval_hours is None
    assert build(exchangeInfo=symbols)["AUSDT"].funding_interval_hours is None


@pytest.mark.parametrize("interval", [0, -8, "", None, "eight", {}, True])
def test_unreadable_interval_is_unknown(interval: object) -> None:
    """A listed contract whose interval cannot be read has none: eight hours would be invented."""
    info = [{"symbol": "AUSDT", "fundingIntervalHours": interval}]
    read = build(exchangeInfo={"symbols": [contract("AUSDT"), contract("BUSDT")]}, fundingInfo=info)
    assert read["AUSDT"].funding_interval_hours is None
    assert read["BUSDT"].funding_interval_hours == 8


def test_interval_that_flips_is_seen_at_the_settlement() -> None:
    """Trap 6: the spacing of settlements corrects a listed interval at once."""
    info = json.dumps({"symbols": [contract("BTCUSDT")]}).encode()
    listed = VENUE.instruments.build({"exchangeInfo": [info], "fundingInfo": [b"[]"]}).instruments
    decoder = Decoder(VENUE, Names(VENUE, listed), AT)
    rows = [update(E=1795334399000, T=1795334400000), update(T=1795338000000)]
    lines = [
        json.loads(line) for line in decoder.frames(b"\n".join(json.dumps(row).encode() for row in rows))
    ]
    intervals = [line["funding_interval_hours"] for line in lines if line["channel"].startswith("funding:")]
    assert intervals == [8, 1]


@pytest.mark.parametrize(
    ("rate", "settles_at"), [("", 0), ("0.00000000", 0), ("", 1795363200000), (None, None)]
)
def test_no_funding_without_rate_and_time(rate: object, settles_at: object) -> None:
    """Trap 7: dated and settling contracts have no settlement; only rate and time together are funding."""
    events = frames(update(r=rate, T=settles_at)).events
    assert [type(event) for event in events] == [MarkPrice, IndexPrice]


def test_open_interest_is_asked_one_contract_at_a_time() -> None:
    """Traps 8 and 14: no bulk open interest, one weight each; the bulk premium index costs ten."""
    single = next(poll.single for poll in VENUE.polls if poll.single)
    assert single is not None
    instrument = VENUE.guess("币安人生USDT")
    assert instrument is not None
    request = single(instrument)
    assert request.params == (("symbol", "币安人生USDT"),)
    assert (request.costs, request.symbol) == ((("weight", 1),), "币安人生usdt")
    bulk = next(poll.bulk for poll in VENUE.polls if poll.name == "premiumIndex")
    assert bulk is not None
    assert bulk(Context({}, {}))[0].costs == (("weight", 10),)


def test_open_interest_history_takes_both_kinds_of_stamp() -> None:
    """Trap 9: a period without trades has no row and none is made up; stamps come as text and as numbers."""
    names = Names(VENUE, None)
    frame = Frame("openInterestHist", AT, "backfill")
    body = (FIXTURES / "rest-openInterestHist-1.json").read_bytes()
    VENUE.feeds["openInterestHist"].parse(body, Context(names, names.indexes), frame)
    assert [event.timestamp for event in frame.events] == [1795320000000, 1795320600000]
    assert all(isinstance(event, OpenInterest) and event.value_ccy == "USDT" for event in frame.events)


@pytest.mark.parametrize(("kind", "counts"), [("Special", False), ("Regular", True), (None, True)])
def test_special_charges_are_no_funding_rate(kind: str | None, counts: bool) -> None:
    """Trap 12: a dividend charge at the same time must not take the place of the settled rate."""
    row = {"symbol": "TSLAUSDT", "fundingRate": "0.002", "fundingTime": 1795305600000, "rateType": kind}
    names = Names(VENUE, None)
    frame = Frame("fundingRate", AT, "backfill")
    VENUE.feeds["fundingRate"].parse(json.dumps([row]).encode(), Context(names, names.indexes), frame)
    assert bool(frame.events) == counts


@pytest.mark.parametrize(
    ("name", "coin", "factor"),
    [
        ("1000PEPE", "PEPE", 1e3),
        ("1000000MOG", "MOG", 1e6),
        ("1MBABYDOGE", "BABYDOGE", 1e6),
        ("1000币", "币", 1e3),
        ("1INCH", "1INCH", 1),
        ("1000", "1000", 1),
        ("100X", "100X", 1),
        ("BTC", "BTC", 1),
    ],
)
def test_multipliers(name: str, coin: str, factor: float) -> None:
    """Trap 17: the factor stands in the name alone; names that merely begin with digits have none."""
    assert unit_coin(name) == (coin, factor)


def test_a_delisting_shows_in_the_delivery_date() -> None:
    """Trap 17: the delivery date of a perpetual is rewritten when its delisting is announced."""
    read = build(exchangeInfo={"symbols": [contract("AUSDT", deliveryDate=1795600800000), contract("BUSDT")]})
    assert (read["AUSDT"].status, read["AUSDT"].delisted_at) == ("live", 1795600800000)
    assert read["BUSDT"].delisted_at is None


@pytest.mark.parametrize(
    ("symbol", "kind", "delivery", "instrument"),
    [
        ("ODDUSDT", "", 4133404800000, "ODD/USDT:USDT"),
        ("ODDUSDT", "", 1795600800000, "ODD/USDT:USDT"),
        ("BTCUSDT_270326", "", 1806048000000, "BTC/USDT:USDT-270326"),
        ("BTCUSDT_270326", "A_NEW_TERM", 1806048000000, "BTC/USDT:USDT-270326"),
        ("ODDUSDT", "A_NEW_TYPE", 1806048000000, None),
    ],
)
def test_odd_contract_types(symbol: str, kind: str, delivery: int, instrument: str | None) -> None:
    """An empty type is told by the name; a type nobody knows is not made a contract under an invented name."""
    read = build(exchangeInfo={"symbols": [contract(symbol, contractType=kind, deliveryDate=delivery)]})
    assert [item.instrument for item in read.values()] == ([instrument] if instrument else [])


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("TRADING", "live"),
        ("PENDING_TRADING", "prelaunch"),
        ("TRADING_HALT", "suspended"),
        ("DOWN", "suspended"),
        ("SOMETHING_NEW", "suspended"),
        ("PRE_DELIVERING", "settling"),
        ("DELIVERING", "settling"),
        ("PRE_SETTLE", "settling"),
        ("SETTLING", "settling"),
        ("PRE_DELISTING", "settling"),
        ("DELISTING", "settling"),
        ("DELIVERED", None),
        ("CLOSE", None),
    ],
)
def test_status(status: str, ours: str | None) -> None:
    """Only TRADING is live; what has ended is not listed any more."""
    read = build(exchangeInfo={"symbols": [contract("AUSDT", status=status)]})
    assert [item.status for item in read.values()] == ([ours] if ours else [])
