"""The pool of connections, with a gate between having a connection and sending on it."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from microstream.clock import Clock
from microstream.transport.budget import Budget, Costs

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

KEEP_ALIVE_S = 75.0  # polls come every 10 to 60 s, and a TLS handshake costs more than an idle socket


@dataclass(slots=True)
class Sending:
    """The attempt that the running task makes; `sent_at` in ms UTC."""

    costs: Costs
    sent_at: int | None = None


sending_now: ContextVar[Sending] = ContextVar("sending_now")


class ClosedMeanwhileError(Exception):
    """A quota was closed while the request waited for its connection."""


class CheckedConnector(aiohttp.TCPConnector):
    """Looks once more, with the connection at hand and nothing sent yet, whether sending is still allowed."""

    def __init__(self, budget: Budget, clock: Clock, connections: int) -> None:
        super().__init__(limit=connections, keepalive_timeout=KEEP_ALIVE_S)
        self._budget = budget
        self._clock = clock

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list["Trace"],
        timeout: "ClientTimeout",  # noqa: ASYNC109 (aiohttp's signature)
    ) -> "Connection":
        """Return a connection on which the request is sent right after; raises `ClosedMeanwhileError`."""
        sending = sending_now.get()
        if sending.sent_at is not None:
            # aiohttp would repeat a GET by itself when the server hangs up: unbooked and unseen
            raise aiohttp.ServerDisconnectedError("the server hung up before it answered")
        connection = await super().connect(req, traces, timeout)
        if self._budget.closed_for(sending.costs) > 0:
            connection.release()
            raise ClosedMeanwhileError
        sending.sent_at = self._clock.now_ms()
        return connection
