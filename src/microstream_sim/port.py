"""One listening port that can be closed and opened again under the same number."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Port:
    """An HTTP server on one address."""

    def __init__(self, host: str, port: int, handler: Handler) -> None:
        self._host = host
        self._port = port
        self._handler = handler
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://{self._host}:{self._port}"

    async def open(self) -> None:
        """Listen, unless it does already; a port 0 becomes the number that it gets. Raises OSError."""
        if self._runner is not None:
            return
        server = web.Server(self._handler, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, reuse_address=True).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening and drop the connections; new ones are refused."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await asyncio.shield(runner.cleanup())
