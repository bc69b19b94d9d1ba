"""The venues' pasts: what is asked for, and what rows the documented replies become, trap by trap."""

import json
from typing import Any

import pytest

from microstream import venues
from microstream.errors import WireMismatch
from microstream.model.instruments import Instrument
from microstream.model.past import PastCandle, PastFunding, PastKind, PastOpenInterest, Span
from microstream.spec.history import History, Page
from microstream.spec.rest import Request

NOON = 1_795_176_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HISTORIES = [
    pytest.param(name, history, id=f"{name}/{history.kind}")
    for name in venues.REGISTRY
    for history in venues.load(name).histories
]


def history_of(venue: str, kind: PastKind) -> History:
    """Return how a venue tells one kind of the past."""
    [found] = [each for each in venues.load(venue).histories if each.kind == kind]
    return found


def contract(venue: str, name: str) -> Instrument:
    """Return the contract of a name."""
    found = venues.load(venue).guess(name)
    assert found is not None
    return found


def asked(venue: str, kind: PastKind, name: str, span: Span, now: int = NOON) -> Request | None:
    """Return the request for a span of the past of a contract."""
    return history_of(venue, kind).request(contract(venue, name), span, now)


def params(venue: str, kind: PastKind, name: str, span: Span, now: int = NOON) -> dict[str, str]:
    """Return the parameters of a request."""
    request = asked(venue, kind, name, span, now)
    assert request is not None
    return dict(request.params)


def read(venue: str, kind: PastKind, name: str, body: Any) -> Page:
    """Return the page that a history makes of a body."""
    page = Page()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    history_of(venue, kind).parse(data, contract(venue, name), page)
    return page


def bybit(rows: list[Any], **result: str) -> dict[str, Any]:
    """Return Bybit's envelope around rows."""
    return {"retCode": 0, "result": {"category": "linear", "list": rows, **result}, "time": NOON}


def okx(rows: list[Any]) -> dict[str, Any]:
    """Return OKX's envelope around rows."""
    return {"code": "0", "msg": "", "data": rows}


BTC = {"binance": "BTCUSDT", "bybit": "BTCUSDT", "okx": "BTC-USDT-SWAP"}
KLINE = ["100.5", "101.5", "99.5", "100.75"]


def candle_body(venue: str, *rows: tuple[Any, ...]) -> Any:
    """Return a reply of candles: time and four prices each."""
    if venue == "binance":
        return [[int(at), *prices, "0", int(at) + 59_999, "0", 12, "0", "0", "0"] for at, *prices in rows]
    if venue == "bybit":
        return bybit([[str(at), *prices] for at, *prices in rows], symbol="BTCUSDT")
    return okx([[str(at), *prices, "1"] for at, *prices in rows])


def funding_body(venue: str, *rows: tuple[Any, Any]) -> Any:
    """Return a reply of settled rates: time and rate each."""
    if venue == "binance":
        return [{"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": rate} for at, rate in rows]
    if venue == "bybit":
        return bybit(
            [{"symbol": "BTCUSDT", "fundingRate": rate, "fundingRateTimestamp": str(at)} for at, rate in rows]
        )
    return okx(
        [
            {"instId": "BTC-USDT-SWAP", "realizedRate": rate, "fundingRate": "0.9", "fundingTime": str(at)}
            for at, rate in rows
        ]
    )


@pytest.mark.parametrize("venue", BTC)
def test_a_settled_rate(venue: str) -> None:
    """The row stands for the minute of the settlement and keeps the venue's stamp; OKX's is what was charged."""
    page = read(venue, "funding", BTC[venue], funding_body(venue, (NOON + 7, "-0.0001")))
    assert page.rows == [
        PastFunding(
            exchange=venue,
            symbol="btc-usdt" if venue == "okx" else "btcusdt",
            instrument="BTC/USDT:USDT",
            timestamp=NOON,
            settled_time=NOON + 7,
            settled_rate=-0.0001,
        )
    ]
    assert (page.rejects, page.size) == ([], 1)


@pytest.mark.parametrize("venue", BTC)
@pytest.mark.parametrize("late_ms", [-30_000, 0, 29_999])
def test_every_settlement_is_in_the_bounds_of_its_span_alone(venue: str, late_ms: int) -> None:
    """However far off the minute a settlement is stamped, the span of its minute asks for it and no other does."""

    def within(span: Span) -> bool:
        given = params(venue, "funding", BTC[venue], span)
        if venue == "okx":
            return int(given["before"]) < NOON + late_ms < int(given["after"])
        return int(given["startTime"]) <= NOON + late_ms <= int(given["endTime"])

    spans = [Span(NOON - HOUR, NOON), Span(NOON, NOON + 1), Span(NOON + 1, NOON + HOUR)]
    assert [within(span) for span in spans] == [False, True, False]


@pytest.mark.parametrize("venue", ["bybit", "okx", "binance"])
def test_bounds_never_cross(venue: str) -> None:
    """A span that no whole minute is in is still asked for in order."""
    given = params(venue, "funding", BTC[venue], Span(NOON + 1, NOON + 2))
    low, high = ("before", "after") if venue == "okx" else ("startTime", "endTime")
    assert int(given[low]) <= int(given[high])


def test_binance_special_charges_are_no_rate() -> None:
    """A dividend's row is left out, and counts for the fullness of its page all the same."""
    row = {"symbol": "TSLAUSDT", "fundingTime": NOON + 3, "fundingRate": "0.00010000", "markPrice": "412.5"}
    body = [{**row, "rateType": "Special", "fundingRate": "0.00120000"}, {**row, "rateType": "Regular"}]
    page = read("binance", "funding", "TSLAUSDT", body)
    assert [(row.settled_rate, row.mark_price) for row in page.rows if isinstance(row, PastFunding)] == [
        (0.0001, 412.5)
    ]
    assert page.size == 2


def test_binance_marks_of_old_settlements_are_empty() -> None:
    """No mark is no mark, and nothing wrong."""
    row = {"symbol": "BTCUSDT", "fundingTime": NOON, "fundingRate": "0.0001", "markPrice": ""}
    page = read("binance", "funding", "BTCUSDT", [row])
    assert [row.mark_price for row in page.rows if isinstance(row, PastFunding)] == [None]
    assert page.rejects == []


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        (venue, kind)
        for venue in BTC
        for kind in ("mark", "index", "premium")
        if (venue, kind) != ("okx", "premium")
    ],
)
def test_a_candle(venue: str, kind: PastKind) -> None:
    """Open, high, low and close at the time of the opening; nothing of what stands behind them."""
    page = read(venue, kind, BTC[venue], candle_body(venue, (NOON, *KLINE)))
    assert page.rows == [
        PastCandle(
            exchange=venue,
            symbol="btc-usdt" if venue == "okx" else "btcusdt",
            instrument="BTC/USDT:USDT",
            timestamp=NOON,
            open=100.5,
            high=101.5,
            low=99.5,
            close=100.75,
        )
    ]
    assert (page.rejects, page.size) == ([], 1)


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_bad_candles_cost_nothing_but_themselves(venue: str) -> None:
    """Words, nothing, infinity and times of another century are rejects of the contract; the rest is read."""
    bad = [(NOON, "x", *KLINE[1:]), (NOON, "", *KLINE[1:]), (NOON, *KLINE[:3], "inf"), (12, *KLINE)]
    page = read(venue, "mark", BTC[venue], candle_body(venue, *bad, (NOON + MINUTE, *KLINE)))
    assert [row.timestamp for row in page.rows] == [NOON + MINUTE]
    assert [reject.reason for reject in page.rejects] == [
        "not_a_number",
        "empty",
        "not_a_number",
        "not_a_time",
    ]
    assert {(reject.symbol, reject.kind) for reject in page.rejects} == {
        (contract(venue, BTC[venue]).symbol, "mark")
    }
    assert page.size == 5


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_rows_of_another_shape_are_rejects(venue: str) -> None:
    """A row that is cut off, and one that is no list."""
    body = candle_body(venue, (NOON, *KLINE))
    rows = body if isinstance(body, list) else body["result"]["list"] if "result" in body else body["data"]
    rows += [["1"], {"a": 1}]
    page = read(venue, "mark", BTC[venue], body)
    assert len(page.rows) == 1
    assert [(one.symbol, one.reason) for one in page.rejects] == [(page.rows[0].symbol, "bad_row")] * 2
    assert page.size == 3


def test_okx_running_candles_are_no_rows() -> None:
    """`confirm` "0" is noted as running, and counts for the fullness of its page."""
    rows = [[str(NOON + MINUTE), *KLINE, "0"], [str(NOON), *KLINE, "1"]]
    page = read("okx", "mark", "BTC-USDT-SWAP", okx(rows))
    assert [row.timestamp for row in page.rows] == [NOON]
    assert (page.running, page.size) == ([NOON + MINUTE], 2)


def test_okx_premiums_are_points() -> None:
    """A premium is a close at an odd time; zero is a value."""
    rows = [{"instId": "BTC-USDT-SWAP", "premium": "0", "ts": str(NOON + 37_123)}]
    page = read("okx", "premium", "BTC-USDT-SWAP", okx(rows))
    [row] = page.rows
    assert isinstance(row, PastCandle)
    assert (row.timestamp, row.open, row.high, row.low, row.close) == (NOON + 37_123, None, None, None, 0.0)


def interest(page: Page) -> tuple[int, float | None, float | None, float | None, str | None]:
    """Return the values of the one row of a page."""
    [row] = page.rows
    assert isinstance(row, PastOpenInterest)
    assert page.rejects == []
    return (row.timestamp, row.open_interest, row.open_interest_base, row.open_value, row.open_value_ccy)


@pytest.mark.parametrize("timestamp", [NOON, str(NOON)])
def test_binance_open_interest(timestamp: object) -> None:
    """Units of a thousand coins, the value in quote; the stamp comes as text or number."""
    row = {
        "symbol": "1000PEPEUSDT",
        "sumOpenInterest": "20",
        "sumOpenInterestValue": "0.25",
        "timestamp": timestamp,
    }
    assert interest(read("binance", "oi", "1000PEPEUSDT", [row])) == (NOON, 20.0, 20_000.0, 0.25, "USDT")


@pytest.mark.parametrize("fields", [{"singleOpenInterest": "20"}, {"singleOpenInterest": ""}, {}])
def test_bybit_open_interest_counts_one_side(fields: dict[str, str]) -> None:
    """Rows from before June 2026 state both sides only."""
    row = {"openInterest": "40", "timestamp": str(NOON), **fields}
    page = read("bybit", "oi", "10000SATSUSDT", bybit([row], symbol="10000SATSUSDT"))
    assert interest(page) == (NOON, 20.0, 200_000.0, None, None)


def test_okx_open_interest() -> None:
    """Contracts, coins and dollars as the venue states them, of inverse contracts too."""
    page = read("okx", "oi", "BTC-USD-SWAP", okx([[str(NOON), "40829", "36.9", "4082900"]]))
    assert interest(page) == (NOON, 40_829.0, 36.9, 4_082_900.0, "USD")


def test_coins_of_inverse_contracts_are_not_invented() -> None:
    """Without coins in the row a mark would be needed; a size that is unknown makes no coins either."""
    for name in ("BTC-USD-SWAP", "BTC-USDT-SWAP"):
        page = read("okx", "oi", name, okx([[str(NOON), "40829", "", ""]]))
        assert interest(page) == (NOON, 40_829.0, None, None, None)


def test_open_interest_of_nothing_is_no_row() -> None:
    """A period without a figure says nothing."""
    page = read("okx", "oi", "BTC-USDT-SWAP", okx([[str(NOON), "", "", ""]]))
    assert (page.rows, page.rejects, page.size) == ([], [], 1)


@pytest.mark.parametrize(
    ("rows", "limit", "weight"),
    [(1, "99", 1), (99, "99", 1), (100, "499", 2), (499, "499", 2), (500, "1000", 5)],
)
def test_binance_klines_cost_as_little_as_their_span_allows(rows: int, limit: str, weight: float) -> None:
    """The weight goes by the limit, so the limit goes by the span; the bounds are the first and the last ms."""
    span = Span(NOON - rows * MINUTE, NOON)
    request = asked("binance", "mark", "BTCUSDT", span)
    assert request is not None
    assert request.costs == (("weight", weight),)
    assert dict(request.params) == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": str(span.start),
        "endTime": str(NOON - 1),
        "limit": limit,
    }


def test_binance_index_goes_by_pair() -> None:
    """The pair of a dated contract is its name before the date; its premium index and funding do not exist."""
    span = Span(NOON - HOUR, NOON)
    dated = params("binance", "index", "BTCUSDT_261225", span)
    assert (dated["pair"], "symbol" in dated) == ("BTCUSDT", False)
    assert params("binance", "mark", "BTCUSDT_261225", span)["symbol"] == "BTCUSDT_261225"
    assert asked("binance", "premium", "BTCUSDT_261225", span) is None
    assert asked("binance", "funding", "BTCUSDT_261225", span) is None


def test_binance_names_beyond_ascii_are_sent_as_they_are() -> None:
    """The client encodes them."""
    assert params("binance", "mark", "币安人生USDT", Span(NOON - HOUR, NOON))["symbol"] == "币安人生USDT"


def test_binance_statistics_are_not_asked_beyond_thirty_days() -> None:
    """A start before what is kept would be refused: it is moved, and the end with it if need be."""
    oldest = NOON - 30 * DAY
    for span in (Span(oldest - DAY, oldest + DAY), Span(oldest - 2 * DAY, oldest - DAY)):
        given = params("binance", "oi", "BTCUSDT", span)
        assert oldest < int(given["startTime"]) <= int(given["endTime"])
    kept = history_of("binance", "oi").keeps_ms
    assert kept is not None
    span = Span(NOON - kept, NOON - kept + DAY)
    assert params("binance", "oi", "BTCUSDT", span) == {
        "symbol": "BTCUSDT",
        "period": "5m",
        "startTime": str(span.start),
        "endTime": str(span.end - 1),
        "limit": "500",
    }


def test_hourly_settlements_fit_into_a_page_of_binance() -> None:
    """So that the newest window can be asked for first, though pages go forward."""
    history = history_of("binance", "funding")
    assert history.window_ms is not None
    assert history.window_ms / HOUR < history.page


def test_bybit_requests() -> None:
    """Both bounds always; premium and funding of perpetuals only, mark, index and interest of dated ones too."""
    span = Span(NOON - HOUR, NOON)
    common = {"category": "linear", "symbol": "BTCUSDT"}
    times = {"startTime": str(span.start), "endTime": str(NOON - 1)}
    assert params("bybit", "oi", "BTCUSDT", span) == {
        **common,
        "intervalTime": "5min",
        **times,
        "limit": "200",
    }
    bounds = {"start": str(span.start), "end": str(NOON - 1)}
    for kind in ("mark", "index", "premium"):
        assert params("bybit", kind, "BTCUSDT", span) == {
            **common,
            "interval": "1",
            **bounds,
            "limit": "1000",
        }
    dated = [
        kind
        for kind in ("funding", "mark", "index", "premium", "oi")
        if asked("bybit", kind, "BTC-26DEC26", span)
    ]
    assert dated == ["mark", "index", "oi"]


def test_okx_words_are_inverted_and_exclusive() -> None:
    """`after` is older than, `before` newer than, and the span is all between."""
    given = params("okx", "mark", "BTC-USDT-SWAP", Span(NOON - HOUR, NOON))
    assert given == {
        "instId": "BTC-USDT-SWAP",
        "bar": "1m",
        "before": str(NOON - HOUR - 1),
        "after": str(NOON),
        "limit": "100",
    }
    interest = params("okx", "oi", "BTC-USDT-SWAP", Span(NOON - HOUR, NOON))
    assert (interest["begin"], interest["end"], interest["period"]) == (
        str(NOON - HOUR - 1),
        str(NOON - 1),
        "5m",
    )


@pytest.mark.parametrize("kind", ["mark", "index"])
def test_okx_old_candles_have_a_path_of_their_own(kind: PastKind) -> None:
    """1440 bars are recent; well before the last of them the old ones are asked, under their own limit."""
    feeds = {}
    for minutes in (100, 1_380, 1_381, 1_500, 500_000):
        start = NOON - minutes * MINUTE
        request = asked("okx", kind, "BTC-USDT-SWAP", Span(start, start + HOUR))
        assert request is not None
        assert request.path == f"/api/v5/market/{request.feed}"
        assert request.costs == ((request.feed, 1),)
        feeds[minutes] = request.feed.startswith("history-")
    assert feeds == {100: False, 1_380: False, 1_381: True, 1_500: True, 500_000: True}


def test_okx_index_has_a_name_of_its_own() -> None:
    """Of coin-margined, dollar-margined and X-Perp contracts the same one."""
    for name in ("BTC-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USD_UM_XPERP-310404"):
        assert params("okx", "index", name, Span(NOON - HOUR, NOON))["instId"] == "BTC-USD"


def test_okx_x_perps_fund_and_dated_futures_do_not() -> None:
    """Both are of the type FUTURES."""
    span = Span(NOON - HOUR, NOON)
    for kind in ("funding", "premium"):
        assert asked("okx", kind, "BTC-USD_UM_XPERP-310404", span) is not None
        assert asked("okx", kind, "BTC-USDT-261225", span) is None


@pytest.mark.parametrize(("venue", "history"), HISTORIES)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"{}", b"5", b"[", b"\xff\xfe{}", b'{"data":5}', b"[" * 3000]
)
def test_bodies_that_are_no_history(venue: str, history: History, body: bytes) -> None:
    """A body of another shape is a mismatch, and never an empty page."""
    page = Page()
    with pytest.raises(WireMismatch):
        history.parse(body, contract(venue, BTC[venue]), page)
    assert page.rows == []


@pytest.mark.parametrize(
    ("venue", "kind", "body"),
    [
        ("binance", "funding", [{"symbol": "ETHUSDT", "fundingTime": NOON, "fundingRate": "0.0001"}]),
        ("binance", "oi", [{"symbol": "ETHUSDT", "sumOpenInterest": "1", "timestamp": NOON}]),
        ("bybit", "funding", bybit([{"symbol": "ETHUSDT", "fundingRateTimestamp": str(NOON)}])),
        ("bybit", "oi", bybit([], symbol="ETHUSDT")),
        ("bybit", "mark", bybit([], symbol="ETHUSDT")),
        ("bybit", "mark", bybit([], symbol="BTCUSDT", category="inverse")),
        ("okx", "funding", okx([{"instId": "ETH-USDT-SWAP", "fundingTime": str(NOON)}])),
        ("okx", "premium", okx([{"instId": "ETH-USDT-SWAP", "ts": str(NOON)}])),
    ],
)
def test_replies_about_another_contract(venue: str, kind: PastKind, body: Any) -> None:
    """What answers another question is a mismatch: an empty page would be taken for "there is nothing"."""
    with pytest.raises(WireMismatch):
        read(venue, kind, BTC[venue], body)
