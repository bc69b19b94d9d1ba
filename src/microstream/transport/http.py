"""One pooled HTTP client per venue: budget -> send -> read -> believe -> judge."""

import asyncio
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from microstream.clock import Clock
from microstream.errors import MicrostreamError, RateLimited, RegionBlocked, Remedy
from microstream.spec.rest import Request, Response, Verdict, retry_after_s
from microstream.transport.backoff import Backoff
from microstream.transport.body import TooLargeError, decoded
from microstream.transport.budget import Booking, Budget, Costs
from microstream.transport.connector import CheckedConnector, ClosedMeanwhileError, Sending, sending_now
from microstream.transport.failure import EXCHANGE_ERRORS, failure_of
from microstream.transport.judge import judged
from microstream.transport.proxy import proxy_for
from microstream.transport.traffic import Traffic

RETRY_BASE_S = 0.5
RETRY_CAP_S = 8.0
BLOCKED_S = 600.0
"""A venue that does not serve this address is asked again so much later: proxies and routes do change."""
READ_BUFFER = 1 << 18  # bytes; most replies are then read without pausing the socket


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """`timeout_s` holds for connecting and for a whole attempt; `max_body` is in bytes, decompressed."""

    timeout_s: float = 10.0
    retries: int = 3
    max_body: int = 64 << 20
    connections: int = 16


class HttpClient:
    """Asks one venue over pooled keep-alive connections, within its quotas.

    `budget` is the venue's; `verdict` says what an answer means. Open it with `async with`. `traffic` counts.
    """

    def __init__(
        self,
        venue_name: str,
        base_url: str,
        verdict: Verdict,
        budget: Budget,
        settings: HttpSettings,
        clock: Clock,
        random: Random,
    ) -> None:
        self.traffic = Traffic()
        self._venue_name = venue_name
        self._base_url = base_url.rstrip("/")
        self._verdict = verdict
        self._budget = budget
        self._settings = settings
        self._clock = clock
        self._random = random
        self._slots = asyncio.Semaphore(settings.connections)

    async def __aenter__(self) -> Self:
        """Open the pool; connections are made when they are needed. Raises `ConfigError` for a bad proxy."""
        timeout_s = self._settings.timeout_s
        self._session = aiohttp.ClientSession(
            connector=CheckedConnector(self._budget, self._clock, self._settings.connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "gzip", "User-Agent": _user_agent()},
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s),
            auto_decompress=False,  # body.py does it in one go, and notices a gzip body that ends early
            read_bufsize=READ_BUFFER,
            # not trust_env: that reads the environment and .netrc for every request, in a thread
            proxy=proxy_for(self._base_url),
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, request: Request, *, give_up_at: float | None = None) -> Response:
        """Return the answer to a request, once the verdict has nothing against it.

        Waits for the budget; repeats what may work on repetition, but begins no repetition after `give_up_at`
        (monotonic seconds). When the venue asks to wait longer than that, `RateLimited` is raised at once;
        without `give_up_at` the wait is as long as the venue asks. Raises `TransportError`, `RateLimited`,
        `Banned`, `VenueRefused` and `WireMismatch`; their text names venue, path and symbol.
        """
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S, self._random)
        failure: MicrostreamError | None = None
        retries = 0
        while True:
            try:
                response = await self._attempt(request, give_up_at, failure)
            except MicrostreamError as error:
                if error is failure:  # there was no room to repeat in time
                    raise
                failure = self._noted(request, error)
                if retries == self._settings.retries or not await self._may_repeat(
                    error, backoff, give_up_at
                ):
                    raise
            else:
                self.traffic.last_success_at = response.received_at
                return response
            retries += 1
            self.traffic.retries[request.feed] += 1

    async def _may_repeat(self, error: MicrostreamError, backoff: Backoff, give_up_at: float | None) -> bool:
        """Say whether to ask again after a failure, having waited the backoff.

        The rest of a longer wait that the venue has asked for is spent in the budget.
        """
        if error.remedy is not Remedy.RETRY:
            return False
        delay = backoff.next()
        asked = error.retry_after_s if isinstance(error, RateLimited) else 0.0
        if give_up_at is not None and self._clock.monotonic() + max(delay, asked) > give_up_at:
            return False
        await asyncio.sleep(delay)
        return True

    async def _attempt(
        self, request: Request, give_up_at: float | None, failure: MicrostreamError | None
    ) -> Response:
        """Wait for the budget and for a connection, and send once."""
        while True:
            booking = await self._booked(request.costs, give_up_at, failure)
            try:
                async with self._slots:
                    return await self._exchange(request)
            except ClosedMeanwhileError:
                continue
            finally:
                self._budget.settle(booking)

    async def _booked(
        self, costs: Costs, give_up_at: float | None, failure: MicrostreamError | None
    ) -> Booking:
        """Return the booking; a repetition that finds no room before `give_up_at` ends with its `failure`."""
        if give_up_at is None or failure is None:
            return await self._budget.spend(costs, give_up_at)
        try:
            async with asyncio.timeout(give_up_at - self._clock.monotonic()):
                return await self._budget.spend(costs, give_up_at)
        except TimeoutError:
            raise failure from None

    async def _exchange(self, request: Request) -> Response:
        """Send, read, count, and let the budget and the verdict see the answer."""
        sending = Sending(request.costs)
        sending_now.set(sending)
        began = self._clock.monotonic()
        try:
            async with self._session.get(self._url(request), allow_redirects=False) as reply:
                self._budget.believe(reply.headers)
                body = await self._read(reply)
        except EXCHANGE_ERRORS as error:
            failure = failure_of(error, self._settings.timeout_s, self._settings.max_body)
            self.traffic.requests[request.feed, failure.reason] += 1
            raise failure from error
        now = self._clock.now_ms()
        self.traffic.answered(request.feed, reply.status, self._clock.monotonic() - began)
        response = Response(reply.status, reply.headers, body, sending.sent_at or now, now)
        wrong = judged(request, response, self._verdict)
        if isinstance(wrong, RateLimited):
            self._budget.close(wrong.quota, wrong.retry_after_s)
        elif isinstance(wrong, RegionBlocked):
            self._budget.close(None, BLOCKED_S)
        elif wrong is not None and (asked_s := retry_after_s(response)):
            self._budget.close(None, asked_s)
        if wrong is not None:
            raise wrong
        return response

    async def _read(self, reply: aiohttp.ClientResponse) -> bytes:
        """Return the body; nothing for a refusal that breaks off: its status and headers must be heeded."""
        try:
            return await self._whole_body(reply)
        except EXCHANGE_ERRORS:
            if reply.status < 400:
                raise
            return b""

    async def _whole_body(self, reply: aiohttp.ClientResponse) -> bytes:
        """Return the decompressed body; stop reading above the size that it may have."""
        limit = self._settings.max_body
        chunks = []
        size = 0
        async for chunk in reply.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                reply.close()
                raise TooLargeError
        raw = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        body = decoded(raw, reply.headers.get("Content-Encoding"), limit)
        self.traffic.wire_bytes += size
        self.traffic.body_bytes += len(body)
        return body

    def _noted(self, request: Request, error: MicrostreamError) -> MicrostreamError:
        """Count a failure, its text now naming what was asked."""
        where = " ".join(filter(None, (self._venue_name, request.path, request.symbol)))
        if not str(error).startswith(where):
            error.args = (f"{where}: {error}",)
        self.traffic.failed(request.feed, error, self._clock.now_ms())
        return error

    def _url(self, request: Request) -> URL:
        """Return the address with every parameter percent-encoded once, as UTF-8."""
        query = f"?{urlencode(request.params, quote_via=quote, safe='')}" if request.params else ""
        return URL(f"{self._base_url}{request.path}{query}", encoded=True)


def _user_agent() -> str:
    try:
        return f"microstream/{version('p9-microstream')}"
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "microstream"
