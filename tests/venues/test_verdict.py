"""What answers mean: every row of the venues' error tables, status, headers and body."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from microstream import venues
from microstream.errors import (
    Banned,
    MicrostreamError,
    RateLimited,
    RegionBlocked,
    TransportError,
    VenueRefused,
)
from microstream.spec.rest import Request, Response

FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = 1795320930000  # 30 s into a minute
PAGE = b"<html><head><title>403 Forbidden</title></head><body>access denied</body></html>"


class Row(NamedTuple):
    """One row of a table: an answer and what it stands for."""

    status: int
    body: bytes
    kind: type[MicrostreamError] | None
    text: str = ""
    code: str | None = None
    wait_s: float | None = None
    quota: str | None = None
    headers: Mapping[str, str] = {}


def _binance(code: int, text: str) -> bytes:
    return f'{{"code": {code}, "msg": "{text}"}}'.encode()


def _bybit(code: int, text: str) -> bytes:
    return f'{{"retCode":{code},"retMsg":"{text}","result":{{}},"retExtInfo":{{}},"time":{AT}}}'.encode()


def _okx(code: str, text: str) -> bytes:
    return f'{{"code":"{code}","msg":"{text}","data":[]}}'.encode()


BAN = _binance(
    -1003, "Way too many requests; IP(203.0.113.7) banned until 1795321530000. Please use the websocket."
)
GEO = (FIXTURES / "binance" / "rest-error-3.json").read_bytes()
BINANCE = [
    Row(200, b"[]", None),
    Row(200, b'{"serverTime":1795320930017}', None),
    Row(200, PAGE, None),
    Row(429, _binance(-1003, "Too many requests"), RateLimited, "Too many requests", wait_s=31),
    Row(429, _binance(-1003, "x"), RateLimited, wait_s=7, headers={"Retry-After": "7"}),
    Row(429, b"", RateLimited, "HTTP 429", wait_s=31),
    Row(429, PAGE, RateLimited, wait_s=31, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    Row(429, PAGE, RateLimited, wait_s=40, headers={"Retry-After": "Sun, 22 Nov 2026 04:16:10 GMT"}),
    Row(429, b"", RateLimited, wait_s=2.5, headers={"Retry-After": "2.5"}),
    Row(400, _binance(-1003, "Too many requests"), RateLimited, wait_s=31),
    Row(418, BAN, Banned, "banned until 1795321530000", wait_s=601),
    Row(418, BAN, Banned, wait_s=900, headers={"Retry-After": "900"}),
    Row(418, b"", Banned, wait_s=120),
    Row(418, _binance(-1003, "banned until 1795320000000"), Banned, wait_s=120),
    Row(418, _binance(-1003, "banned until 9999999999999"), Banned, wait_s=3 * 86_400),
    Row(429, BAN, Banned, wait_s=601),
    Row(403, PAGE, Banned, "firewall", wait_s=300),
    Row(451, GEO, RegionBlocked, "restricted location", code="451"),
    Row(451, b"", RegionBlocked, code="451"),
    Row(200, GEO, VenueRefused, "restricted location", code="0"),
    Row(400, _binance(-1121, "Invalid symbol."), VenueRefused, "Invalid symbol. for btcusdt", code="-1121"),
    Row(200, _binance(-1121, "Invalid symbol."), VenueRefused, code="-1121"),
    Row(400, _binance(-1100, "Illegal characters"), VenueRefused, code="-1100"),
    Row(400, _binance(-1102, "Mandatory parameter"), VenueRefused, code="-1102"),
    Row(400, _binance(-1130, "Data sent for parameter startTime"), VenueRefused, code="-1130"),
    Row(400, _binance(-1023, "Start time is after end time"), VenueRefused, code="-1023"),
    Row(400, _binance(-1000, "unknown"), TransportError),
    Row(400, _binance(-1001, "disconnected"), TransportError),
    Row(400, _binance(-1007, "timeout"), TransportError),
    Row(408, b"", TransportError, "HTTP 408"),
    Row(500, PAGE, TransportError, "HTTP 500"),
    Row(503, _binance(-1008, "overload"), TransportError, "overload"),
    Row(503, b"", TransportError),
    Row(404, b"<html></html>", VenueRefused, "HTTP 404", code="404"),
]
RESET = {"X-Bapi-Limit-Reset-Timestamp": str(AT + 2500)}
BYBIT = [
    Row(200, _bybit(0, "OK"), None),
    Row(200, b'{ "retMsg": "OK", "retCode": 0 }', None),
    Row(200, PAGE, None),
    Row(403, b"access too frequent", Banned, "10 minutes", wait_s=600),
    Row(403, _bybit(10018, "access too frequent"), Banned, "access too frequent", wait_s=600),
    Row(403, b"<html>403 Forbidden: access too frequent</html>", Banned, wait_s=600),
    Row(403, b"", Banned, wait_s=600),
    Row(403, PAGE, RegionBlocked, "does not serve this address", code="403"),
    Row(
        403,
        b"The Amazon CloudFront distribution is configured to block access from your country.",
        RegionBlocked,
        code="403",
        headers={"Content-Type": "text/html"},
    ),
    Row(403, _bybit(10024, "compliance"), RegionBlocked, "compliance", code="10024"),
    Row(404, b"404 page not found", VenueRefused, code="404"),
    Row(429, b"", RateLimited, wait_s=5),
    Row(429, _bybit(10006, "Too many visits!"), RateLimited, "Too many visits!", wait_s=5),
    Row(429, b"", RateLimited, wait_s=2, headers={"Retry-After": "2"}),
    Row(451, b"", RegionBlocked, code="451"),
    Row(500, PAGE, TransportError, "HTTP 500"),
    Row(503, b"", TransportError),
    Row(408, b"", TransportError),
    Row(200, _bybit(10000, "Server Timeout"), TransportError, "retCode 10000"),
    Row(200, _bybit(10016, "Internal error"), TransportError, "retCode 10016"),
    Row(200, _bybit(10001, "params error: Symbol Invalid"), VenueRefused, "Symbol Invalid", code="10001"),
    Row(200, _bybit(10006, "Too many visits!"), RateLimited, wait_s=1),
    Row(200, _bybit(10006, "Too many visits!"), RateLimited, wait_s=3.5, headers=RESET),
    Row(
        200,
        _bybit(10006, "x"),
        RateLimited,
        wait_s=1,
        headers={"X-Bapi-Limit-Reset-Timestamp": "1795320930000000"},
    ),
    Row(
        200, _bybit(10006, "x"), RateLimited, wait_s=1, headers={"X-Bapi-Limit-Reset-Timestamp": str(AT - 9)}
    ),
    Row(200, _bybit(10009, "region"), RegionBlocked, "region", code="10009"),
    Row(200, _bybit(10024, "compliance"), RegionBlocked, code="10024"),
    Row(200, _bybit(10017, "Route not found"), VenueRefused, code="10017"),
    Row(200, _bybit(10029, "symbol not allowed"), VenueRefused, "for btcusdt", code="10029"),
    Row(200, _bybit(10018, "IP rate limit"), Banned, "IP rate limit", wait_s=600),
]
OKX = [
    Row(200, _okx("0", ""), None),
    Row(200, b'{ "data": [], "msg": "", "code": "0" }', None),
    Row(200, PAGE, None),
    Row(429, _okx("50011", "Too Many Requests"), RateLimited, "Too Many Requests", wait_s=2, quota="mark-price"),
    Row(200, _okx("50011", "Rate limit reached"), RateLimited, wait_s=2, quota="mark-price"),
    Row(429, _okx("50011", "x"), RateLimited, wait_s=4, quota="mark-price", headers={"Retry-After": "4"}),
    Row(429, _okx("50013", "System is busy"), RateLimited, wait_s=2, quota="mark-price"),
    Row(200, _okx("50040", "Too frequent operations"), RateLimited, wait_s=2, quota="mark-price"),
    Row(429, PAGE, RateLimited, wait_s=2, quota="mark-price"),
    Row(503, _okx("50001", "Service unavailable"), TransportError, "50001"),
    Row(400, _okx("50004", "Endpoint request timeout"), TransportError, "50004"),
    Row(500, _okx("50026", "System error"), TransportError, "50026"),
    Row(502, PAGE, TransportError, "HTTP 502"),
    Row(408, b"", TransportError),
    Row(410, _okx("50005", "API is offline"), VenueRefused, code="50005"),
    Row(400, _okx("50014", "Parameter instType can not be empty"), VenueRefused, "instType", code="50014"),
    Row(400, _okx("50015", "Either parameter"), VenueRefused, code="50015"),
    Row(400, _okx("51000", "Parameter instId error"), VenueRefused, code="51000"),
    Row(200, _okx("50039", "before not supported"), VenueRefused, code="50039"),
    Row(200, _okx("50051", "compliance"), RegionBlocked, "compliance", code="50051"),
    Row(403, _okx("50052", "local laws"), RegionBlocked, code="50052"),
    Row(200, _okx("50059", "region"), RegionBlocked, code="50059"),
    Row(200, _okx("50121", "IP not allowed"), RegionBlocked, code="50121"),
    Row(200, _okx("51001", "Instrument ID does not exist"), VenueRefused, "for btcusdt", code="51001"),
    Row(200, _okx("51014", "Index does not exist"), VenueRefused, code="51014"),
    Row(403, PAGE, RegionBlocked, "does not serve this address", code="403"),
    Row(403, b"", RegionBlocked, code="403"),
    Row(451, b"", RegionBlocked, code="451"),
    Row(404, PAGE, VenueRefused, code="404"),
]  # fmt: skip
CASES = [
    pytest.param(venue, row, id=f"{venue}-{number}-{row.status}")
    for venue, rows in {"binance": BINANCE, "bybit": BYBIT, "okx": OKX}.items()
    for number, row in enumerate(rows)
]
REQUEST = Request("mark-price", "/x/mark-price", costs=(("mark-price", 1),), symbol="btcusdt")


@pytest.mark.parametrize(("venue", "row"), CASES)
def test_error_table(venue: str, row: Row) -> None:
    """An answer stands for exactly one error of ours, with the wait, the quota and the text that belong to it."""
    response = Response(row.status, row.headers, row.body, AT - 80, AT)
    error = venues.load(venue).verdict(REQUEST, response)
    assert type(error) is (row.kind or type(None))
    assert row.text in str(error)
    if isinstance(error, RateLimited):
        assert error.retry_after_s == row.wait_s
        assert error.quota == row.quota
    if isinstance(error, VenueRefused):
        assert error.code == row.code


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_good_fixtures_pass(venue: str) -> None:
    """No fixture of a good reply is taken for an error; every error body is one even with HTTP 200."""
    for path in (FIXTURES / venue).glob("rest-*.json"):
        error = venues.load(venue).verdict(REQUEST, Response(200, {}, path.read_bytes(), AT, AT))
        assert (error is not None) == path.name.startswith("rest-error"), path.name


@pytest.mark.parametrize("venue", venues.REGISTRY)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"code"',
        b'{"code":null,"retCode":null,"msg":[]}',
        b'{"code":' * 3000,
    ],
    ids=["empty", "encoding", "null", "list", "text", "nulls", "deep"],
)
@pytest.mark.parametrize("header", ["", "²", "-1", "1e9", "9" * 5000, "soon"])
def test_nothing_breaks_a_verdict(venue: str, body: bytes, header: str) -> None:
    """Whatever a proxy puts in the place of an answer, the verdict is an error of ours or none."""
    names = ("Retry-After", "X-Bapi-Limit-Reset-Timestamp", "X-MBX-USED-WEIGHT-1M")
    headers = dict.fromkeys(names, header)
    for status in (200, 400, 403, 418, 429, 451, 500):
        error = venues.load(venue).verdict(REQUEST, Response(status, headers, body, AT, AT))
        assert error is None or isinstance(error, MicrostreamError)
        assert (error is None) <= (status == 200)
        if isinstance(error, RateLimited):
            assert 0 < error.retry_after_s <= 3 * 86_400
    for quota in venues.load(venue).quotas:
        assert quota.used is None or quota.used(headers) is None


def test_binance_counts_its_weight() -> None:
    """The used weight of the current minute is read from Binance's header."""
    weight = next(quota for quota in venues.load("binance").quotas if quota.used)
    assert weight.used is not None
    assert weight.used({"X-MBX-USED-WEIGHT-1M": "1234"}) == 1234
    assert weight.used({}) is None
