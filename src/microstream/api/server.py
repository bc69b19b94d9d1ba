"""`/metrics`, `/healthz`, `/readyz` and `/rejects` over HTTP, on loopback unless told otherwise."""

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from microstream.telemetry.metrics import CONTENT_TYPE

Metrics = Callable[[], Awaitable[bytes]]
"""Returns the exposition in Prometheus' text format."""
Readiness = Callable[[], Awaitable[tuple[bool, object]]]
"""Returns whether the service is ready, and why."""


class StatusServer:
    """Serves what the callables return; `async with`. Raises OSError when it cannot listen."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics: Metrics,
        readiness: Readiness,
        rejects: Callable[[], Sequence[object]],
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._readiness = readiness
        self._rejects = rejects
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._get_metrics),
                web.get("/healthz", self._get_health),
                web.get("/readyz", self._get_readiness),
                web.get("/rejects", self._get_rejects),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def _get_health(self, _request: web.Request) -> web.Response:
        return _json({"alive": True})

    async def _get_readiness(self, _request: web.Request) -> web.Response:
        ready, body = await self._readiness()
        return _json(body, 200 if ready else 503)

    async def _get_rejects(self, _request: web.Request) -> web.Response:
        return _json(self._rejects())


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
