"""HttpClient against real servers on loopback; who asks too early is seen by the server."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from microstream.clock import SystemClock
from microstream.errors import (
    Banned,
    MicrostreamError,
    RateLimited,
    TransportError,
    VenueRefused,
    WireMismatch,
)
from microstream.spec.rest import Headers, Quota, Request, Response
from microstream.transport.budget import Booking, Budget, Costs
from microstream.transport.http import HttpClient, HttpSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Eventually = Callable[..., Awaitable[None]]

TIME = Request("time", "/fapi/v1/time", costs=(("weight", 1.0),))
INTEREST = Request(
    "openInterest", "/fapi/v1/openInterest", (("symbol", "BTCUSDT"),), (("weight", 1.0),), symbol="BTCUSDT"
)
QUICK = HttpSettings(timeout_s=5.0, retries=3)


def used_weight(headers: Headers) -> float | None:
    """Read Binance's counter; header names in any case."""
    text = headers.get("x-mbx-used-weight-1m")
    return None if text is None else float(text)


QUOTAS = (Quota("weight", 10_000, 60, used=used_weight), Quota("other", 10_000, 60))


def verdict(_request: Request, response: Response) -> MicrostreamError | None:
    """Judge as Binance's pages say, with spans short enough for a test."""
    wait_s = float(response.headers.get("Retry-After", "1"))
    if response.status == 429:
        return RateLimited("too many requests", retry_after_s=wait_s, quota="weight")
    if response.status == 418:
        return Banned("banned", retry_after_s=wait_s)
    if response.status == 400:
        return VenueRefused("unknown symbol", code="-1121")
    return None


@dataclass
class Seen:
    """A request as it arrived."""

    at: float
    raw_path: str
    peer: object
    headers: Headers


class Venue:
    """A server whose answers a test sets; it notes what arrives and when."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answer: Handler = self._pong
        self.server = TestServer(self._app(), host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        self.seen.append(Seen(time.monotonic(), request.raw_path, peer, request.headers))
        return await self.answer(request)

    async def _pong(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=b'{"serverTime":1499827319559}')

    def answers(self, *replies: web.Response) -> None:
        """Give these answers in turn, then pong."""
        left = list(replies)

        async def answer(request: web.Request) -> web.StreamResponse:
            return left.pop(0) if left else await self._pong(request)

        self.answer = answer


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    """A running venue."""
    venue = Venue()
    async with venue.server:
        yield venue


@asynccontextmanager
async def client_of(
    url: str, settings: HttpSettings = QUICK, budget: Budget | None = None
) -> AsyncIterator[HttpClient]:
    """Yield an open client."""
    clock = SystemClock()
    budget = budget or Budget(QUOTAS, clock, 1.0)
    async with HttpClient("binance", url, verdict, budget, settings, clock, Random(1)) as client:
        yield client


@asynccontextmanager
async def raw_server(answer: bytes, *, then_close: bool) -> AsyncIterator[str]:
    """Serve the same bytes to every request; yield its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
                await writer.drain()
                if then_close:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def soon(seconds: float) -> float:
    """Return a moment of the monotonic clock."""
    return time.monotonic() + seconds


async def test_an_answer_comes_back_whole(venue: Venue) -> None:
    """Status, headers without regard to case, body, and both times are there; the request is counted."""
    venue.answers(web.Response(body=b"{}", headers={"X-MBX-USED-WEIGHT-1M": "700"}))
    began = time.time_ns() // 1_000_000
    clock = SystemClock()
    budget = Budget(QUOTAS, clock, 1.0)
    async with client_of(venue.url, budget=budget) as client:
        response = await client.get(TIME)
        assert (response.status, response.body) == (200, b"{}")
        assert response.headers["x-mbx-used-weight-1m"] == "700"
        assert began <= response.sent_at <= response.received_at <= time.time_ns() // 1_000_000
        assert budget.quotas()[0].used == 700
        traffic = client.traffic
        assert traffic.requests == {("time", "200"): 1}
        assert (traffic.failures, traffic.retries) == ({}, {})
        assert (traffic.body_bytes, traffic.wire_bytes, traffic.answers["time"]) == (2, 2, 1)
        assert 0 < traffic.seconds["time"] < 5
        assert (traffic.last_success_at, traffic.last_failure_at) == (response.received_at, None)


async def test_one_connection_serves_many_requests(venue: Venue) -> None:
    """Requests in a row share a connection and say who asks; no encoding but gzip is asked for."""
    async with client_of(venue.url) as client:
        for _ in range(5):
            await client.get(TIME)
    assert len({seen.peer for seen in venue.seen}) == 1
    assert venue.seen[0].headers["User-Agent"].startswith("microstream")
    assert venue.seen[0].headers["Accept-Encoding"] == "gzip"


async def test_no_more_connections_than_allowed(venue: Venue, eventually: Eventually) -> None:
    """With two connections, two of six requests are under way at a time."""
    release = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(body=b"{}")

    venue.answer = wait
    async with (
        client_of(venue.url, HttpSettings(connections=2)) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(6):
            group.create_task(client.get(TIME))
        await eventually(lambda: len(venue.seen) == 2)
        release.set()
    assert len(venue.seen) == 6
    assert len({seen.peer for seen in venue.seen}) == 2


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ("币安人生USDT", "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"),
        ("BTC-USDT-SWAP", "BTC-USDT-SWAP"),
        ("category=linear&a b+c%2C/", "category%3Dlinear%26a%20b%2Bc%252C%2F"),
    ],
)
async def test_parameters_are_encoded_once(venue: Venue, value: str, raw: str) -> None:
    """Names beyond ASCII, separators and percent signs arrive as UTF-8, encoded once."""
    request = Request("openInterest", "/fapi/v1/openInterest", (("symbol", value), ("limit", "5")))
    async with client_of(venue.url) as client:
        await client.get(request)
    assert venue.seen[0].raw_path == f"/fapi/v1/openInterest?symbol={raw}&limit=5"


async def test_a_path_of_the_base_url_is_kept(venue: Venue) -> None:
    """A base URL may have a path of its own, with or without a slash at its end."""
    for ending in ("", "/"):
        async with client_of(f"{venue.url}mirror{ending}") as client:
            await client.get(TIME)
    assert [seen.raw_path for seen in venue.seen] == ["/mirror/fapi/v1/time"] * 2


async def test_a_gzip_body_is_decompressed(venue: Venue) -> None:
    """Both sizes are counted."""
    data = json.dumps([{"symbol": "BTCUSDT"}] * 5000).encode()
    packed = gzip.compress(data, mtime=0)
    venue.answers(web.Response(body=packed, headers={"Content-Encoding": "gzip"}))
    async with client_of(venue.url) as client:
        assert (await client.get(TIME)).body == data
        assert (client.traffic.body_bytes, client.traffic.wire_bytes) == (len(data), len(packed))


@pytest.mark.parametrize("packed", [True, False])
async def test_a_body_above_the_cap_is_not_read(venue: Venue, packed: bool) -> None:
    """The cap holds for the decompressed size; the error says so and is not retried."""
    data = b"0" * 200_000
    reply = (
        web.Response(body=gzip.compress(data, mtime=0), headers={"Content-Encoding": "gzip"})
        if packed
        else web.Response(body=data)
    )
    venue.answers(reply)
    async with client_of(venue.url, HttpSettings(max_body=100_000)) as client:
        with pytest.raises(WireMismatch, match=r"^binance /fapi/v1/time: body above 100000 bytes"):
            await client.get(TIME)
        assert client.traffic.requests == {("time", "wire_mismatch"): 1}
        assert (await client.get(TIME)).status == 200


CUT = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a":'
CUT_CHUNK = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{"a":'
CUT_HEAD = b"HTTP/1.1 200 OK\r\nContent-"
NO_ANSWER = b""
NO_HTTP = b"SSH-2.0-OpenSSH_9.2\r\n\r\n"
NO_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
HALF_GZIP = (
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n"
    + gzip.compress(b"{}", mtime=0)[:12]
)
BROTLI = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (CUT, "closed"),
        (CUT_CHUNK, "closed"),
        (CUT_HEAD, "closed"),
        (NO_ANSWER, "closed"),
        (NO_HTTP, "bad_http"),
        (NO_GZIP, "bad_encoding"),
        (HALF_GZIP, "bad_encoding"),
        (BROTLI, "bad_encoding"),
    ],
)
async def test_a_broken_answer_is_retried_then_reported(answer: bytes, reason: str) -> None:
    """Each way in which an answer can be broken has its label, and is asked for again once, as set."""
    async with (
        raw_server(answer, then_close=True) as url,
        client_of(url, HttpSettings(retries=1)) as client,
    ):
        with pytest.raises(TransportError, match=r"^binance /fapi/v1/openInterest BTCUSDT: .") as caught:
            await client.get(INTEREST)
        assert caught.value.reason == reason
        assert client.traffic.requests == {("openInterest", reason): 2}
        assert client.traffic.failures == {("openInterest", reason): 2}
        assert client.traffic.retries == {"openInterest": 1}
        assert client.traffic.last_failure == str(caught.value)


async def test_a_server_that_hangs_up_is_not_asked_unseen(venue: Venue) -> None:
    """The HTTP library would repeat a GET by itself; every request that the server sees is ours to count."""

    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with client_of(venue.url, HttpSettings(retries=0)) as client:
        await client.get(TIME)
        venue.answer = hang_up
        with pytest.raises(TransportError):
            await client.get(TIME)
        assert len(venue.seen) == client.traffic.requests.total() == 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
async def test_a_hanging_server_is_left_after_the_timeout(answer: bytes) -> None:
    """Neither silence nor half a body holds a request longer than the timeout."""
    async with (
        raw_server(answer, then_close=False) as url,
        client_of(url, HttpSettings(timeout_s=0.3, retries=0)) as client,
    ):
        began = time.monotonic()
        with pytest.raises(TransportError, match=r"no complete answer within 0\.3 s") as caught:
            await client.get(TIME)
        assert caught.value.reason == "timeout"
        assert 0.25 < time.monotonic() - began < 2


async def test_waiting_for_a_connection_is_not_a_timeout(venue: Venue) -> None:
    """Ten requests of 0.1 s over one connection all succeed with a timeout of half a second."""

    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.Response(body=b"{}")

    venue.answer = slow
    async with (
        client_of(venue.url, HttpSettings(timeout_s=0.5, retries=0, connections=1)) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(10):
            group.create_task(client.get(TIME))
    assert len(venue.seen) == 10


async def test_a_dead_server_is_an_error_that_names_it(free_port: int) -> None:
    """Nobody listens: the text says where, the label says what."""
    async with client_of(f"http://127.0.0.1:{free_port}", HttpSettings(retries=1)) as client:
        with pytest.raises(TransportError, match=rf"127\.0\.0\.1:{free_port}") as caught:
            await client.get(TIME)
    assert caught.value.reason == "connect"


async def test_a_name_that_does_not_resolve_is_told_apart() -> None:
    """A wrong host name is not a dead server."""
    async with client_of("http://venue.invalid", HttpSettings(retries=0)) as client:
        with pytest.raises(TransportError, match=r"venue\.invalid") as caught:
            await client.get(TIME)
    assert caught.value.reason == "dns"


async def test_a_server_without_tls_is_told_apart(venue: Venue) -> None:
    """https where http is spoken."""
    url = venue.url.replace("http://", "https://")
    async with client_of(url, HttpSettings(retries=0)) as client:
        with pytest.raises(TransportError) as caught:
            await client.get(TIME)
    assert caught.value.reason == "tls"


async def test_a_failing_server_is_asked_again(venue: Venue) -> None:
    """Two 5xx, then success: one answer, two retries, both failures counted."""
    venue.answers(web.Response(status=500), web.Response(status=503, text="<html>busy</html>"))
    async with client_of(venue.url) as client:
        assert (await client.get(TIME)).status == 200
        assert client.traffic.retries == {"time": 2}
        assert client.traffic.requests == {("time", "500"): 1, ("time", "503"): 1, ("time", "200"): 1}
        assert client.traffic.failures == {("time", "http_500"): 1, ("time", "http_503"): 1}
        assert client.traffic.last_failure is not None
        assert "HTTP 503: <html>busy</html>" in client.traffic.last_failure


async def test_what_is_useless_to_repeat_is_not_repeated(venue: Venue) -> None:
    """A refusal is raised after one request."""
    venue.answers(web.Response(status=400))
    async with client_of(venue.url) as client:
        with pytest.raises(VenueRefused, match=r"^binance /fapi/v1/openInterest BTCUSDT: unknown symbol$"):
            await client.get(INTEREST)
        assert client.traffic.failures == {("openInterest", "refused"): 1}
    assert len(venue.seen) == 1


async def test_a_redirect_is_not_followed(venue: Venue) -> None:
    """It is an error that names the target; the target is not asked."""
    venue.answers(web.Response(status=301, headers={"Location": f"{venue.url}new"}))
    async with client_of(venue.url, HttpSettings(retries=0)) as client:
        with pytest.raises(TransportError, match="redirected to http") as caught:
            await client.get(TIME)
    assert caught.value.reason == "http_301"
    assert len(venue.seen) == 1


async def test_retry_after_is_kept_by_everybody(venue: Venue, eventually: Eventually) -> None:
    """After a 429 nobody asks within the time that the venue has named, and then all get their answer."""
    venue.answers(web.Response(status=429, headers={"Retry-After": "0.7"}))
    async with client_of(venue.url) as client:
        first = asyncio.ensure_future(client.get(TIME))
        async with asyncio.TaskGroup() as group:
            await eventually(lambda: client.traffic.failures.total() == 1)
            for _ in range(5):
                group.create_task(client.get(INTEREST))
        assert (await first).status == 200
        assert client.traffic.retries == {"time": 1}
    refused, *later = venue.seen
    assert len(later) == 6
    assert min(seen.at for seen in later) - refused.at >= 0.7


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\n{",
        b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"\r\n" + b"0" * 2000,
    ],
)
async def test_a_ban_counts_even_with_an_unreadable_body(rest: bytes) -> None:
    """Cut, wrongly packed or too large: the status and Retry-After of a refusal are heeded."""
    async with (
        raw_server(b"HTTP/1.1 418 I'm a teapot\r\nRetry-After: 90\r\n" + rest, then_close=True) as url,
        client_of(url, HttpSettings(max_body=1000)) as client,
    ):
        with pytest.raises(Banned) as caught:
            await client.get(TIME, give_up_at=soon(30))
        assert caught.value.retry_after_s == 90
        with pytest.raises(RateLimited, match="not sent"):
            await client.get(TIME, give_up_at=soon(30))


async def test_a_closed_quota_leaves_the_others_open(venue: Venue) -> None:
    """A limit on one quota does not hold up requests on another."""
    venue.answers(web.Response(status=429, headers={"Retry-After": "60"}))
    async with client_of(venue.url) as client:
        with pytest.raises(RateLimited):
            await client.get(TIME, give_up_at=soon(10))
        free = Request("funding-rate", "/funding-rate", costs=(("other", 1.0),))
        assert (await client.get(free)).status == 200


async def test_a_ban_holds_back_those_that_wait_for_a_connection(
    venue: Venue, eventually: Eventually
) -> None:
    """One connection, ten requests: the first is banned, and none of the queued ones goes out meanwhile."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def ban_once(_request: web.Request) -> web.StreamResponse:
        if arrived.is_set():
            return web.Response(body=b"{}")
        arrived.set()
        await go_on.wait()
        return web.Response(status=418, headers={"Retry-After": "0.7"})

    venue.answer = ban_once
    budget = Budget(QUOTAS, SystemClock(), 1.0)
    async with client_of(venue.url, HttpSettings(connections=1), budget) as client:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(client.get(TIME)) for _ in range(10)]
            await arrived.wait()
            await eventually(lambda: budget.quotas()[0].used == 10)
            go_on.set()
        assert {task.result().status for task in asked} == {200}
        assert client.traffic.failures == {("time", "banned"): 1}
    banned, *later = venue.seen
    assert len(later) == 10
    assert min(seen.at for seen in later) - banned.at >= 0.7
    assert len({seen.peer for seen in venue.seen}) == 1


class BannedAfterBooking(Budget):
    """A ban arrives just after the first request has been booked, and before it has a connection."""

    async def spend(self, costs: Costs, give_up_at: float | None = None) -> Booking:
        first = not self.quotas()[0].used
        booking = await super().spend(costs, give_up_at)
        if first:
            self.close(None, 0.4)
        return booking


async def test_a_ban_holds_back_a_request_whose_connection_is_being_made(venue: Venue) -> None:
    """The last look is taken with the connection at hand: a ban that came during the handshake counts."""
    budget = BannedAfterBooking(QUOTAS, SystemClock(), 1.0)
    began = time.monotonic()
    async with client_of(venue.url, budget=budget) as client:
        assert (await client.get(TIME)).status == 200
        assert client.traffic.retries.total() == 0
    assert [seen.at - began >= 0.4 for seen in venue.seen] == [True]


async def test_a_ban_longer_than_the_patience_is_raised_at_once(venue: Venue) -> None:
    """The banned request and those behind it learn it now, and the server sees no further request."""
    venue.answers(web.Response(status=418, headers={"Retry-After": "120"}))
    async with client_of(venue.url) as client:
        began = time.monotonic()
        with pytest.raises(Banned, match="binance /fapi/v1/time: banned") as caught:
            await client.get(TIME, give_up_at=soon(30))
        assert caught.value.retry_after_s == 120
        with pytest.raises(RateLimited, match=r"BTCUSDT: not sent: all quotas are closed for another 1\d\d"):
            await client.get(INTEREST, give_up_at=soon(30))
        assert time.monotonic() - began < 2
        assert client.traffic.failures == {("time", "banned"): 1, ("openInterest", "rate_limited"): 1}
    assert len(venue.seen) == 1


async def test_no_repetition_is_begun_after_the_last_moment(venue: Venue) -> None:
    """A moment that has passed still allows the first try, and only that."""
    venue.answers(*(web.Response(status=500) for _ in range(4)))
    async with client_of(venue.url) as client:
        with pytest.raises(TransportError, match="HTTP 500"):
            await client.get(TIME, give_up_at=soon(0))
        assert len(venue.seen) == 1
        with pytest.raises(TransportError, match="HTTP 500"):
            await client.get(TIME, give_up_at=soon(0.6))
        assert all(seen.at <= venue.seen[1].at + 0.7 for seen in venue.seen[1:])


async def test_a_repetition_without_room_ends_with_the_first_error(venue: Venue) -> None:
    """The budget has no room for a second try in time: the error of the first one is what there is to say."""
    venue.answers(web.Response(status=500))
    budget = Budget([Quota("weight", 1, 60)], SystemClock(), 1.0)
    async with client_of(venue.url, HttpSettings(retries=3), budget) as client:
        with pytest.raises(TransportError, match="HTTP 500"):
            await client.get(TIME, give_up_at=soon(1.0))
        assert client.traffic.failures == {("time", "http_500"): 1}
    assert (len(venue.seen), budget.waiting) == (1, 0)


async def test_the_venue_never_sees_more_than_its_limit(venue: Venue) -> None:
    """Twelve requests at four per 0.5 s, as the server counts them."""
    budget = Budget([Quota("weight", 4, 0.5)], SystemClock(), 1.0)
    async with client_of(venue.url, budget=budget) as client, asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(client.get(TIME))
    times = sorted(seen.at for seen in venue.seen)
    assert len(times) == 12
    assert all(later - earlier >= 0.5 for earlier, later in zip(times, times[4:], strict=False))


async def test_cancelling_gives_everything_back(venue: Venue, eventually: Eventually) -> None:
    """A cancelled request frees its connection and its booking."""
    hang = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        await hang.wait()
        return web.Response()

    venue.answer = wait
    budget = Budget([Quota("weight", 1, 0.2)], SystemClock(), 1.0)
    async with client_of(venue.url, HttpSettings(connections=1), budget) as client:
        asked = asyncio.ensure_future(client.get(TIME))
        await eventually(lambda: len(venue.seen) == 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        hang.set()
        assert (await client.get(TIME)).status == 200


async def test_the_proxy_of_the_environment_is_used(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request for another host reaches the proxy, in absolute form and with the proxy's password."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", venue.url.replace("http://", "http://me:secret@"))
    async with client_of("http://venue.invalid/base") as client:
        for _ in range(2):
            assert (await client.get(INTEREST)).status == 200
    assert {seen.raw_path for seen in venue.seen} == {
        "http://venue.invalid/base/fapi/v1/openInterest?symbol=BTCUSDT"
    }
    assert venue.seen[0].headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
    assert len({seen.peer for seen in venue.seen}) == 1


async def test_a_dead_proxy_is_named_without_its_password(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text says that it is the proxy, and where; secrets stay out of it."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{free_port}")
    async with client_of("http://venue.invalid", HttpSettings(retries=0)) as client:
        with pytest.raises(TransportError, match=rf"127\.0\.0\.1:{free_port}") as caught:
            await client.get(TIME)
    assert caught.value.reason == "proxy"
    assert "secret" not in str(caught.value)
