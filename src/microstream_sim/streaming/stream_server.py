"""Takes the WebSocket connections of one venue and listens to them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from microstream_sim.fault_replies import ready_made
from microstream_sim.faults import Active
from microstream_sim.limits import SlidingWindow
from microstream_sim.streaming.board import Board, connection_row
from microstream_sim.streaming.connection import Connection
from microstream_sim.streaming.hub import Hub

_LONGEST_MESSAGE = 1 << 20  # bytes; the venues' own limits are below


class StreamServer:
    """The WebSocket face of one exchange; `handle` takes the requests whose path `serves` knows."""

    def __init__(self, hub: Hub, board: Board, clock: Callable[[], int]) -> None:
        self.hub = hub
        self._api = hub.exchange.streams
        self._venue = hub.exchange.name
        self._board = board
        self._clock = clock
        self._windows: dict[str, SlidingWindow] = {}
        self._numbers = count(1)

    def serves(self, path: str) -> bool:
        """Return whether a path is one of the venue's streams."""
        return self._api.host(path) is not None

    def connections(self) -> list[dict[str, Any]]:
        """Return the open connections."""
        return [connection_row(self._venue, one) for one in self.hub.connections.values()]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one connection from the handshake to its end."""
        host, now = self._api.host(request.path) or "", self._clock()
        refusal = await self._refusal(request, host, now)
        socket = web.WebSocketResponse(
            autoping=False, autoclose=False, compress=False, max_msg_size=_LONGEST_MESSAGE
        )
        if refusal is None and not socket.can_prepare(request):
            refusal = web.Response(status=400, text="this path is a WebSocket")
        if refusal is not None:
            self._board.count(self._venue, host, "refused", now)
            return refusal
        self._board.count(self._venue, host, "made", now)
        with suppress(ConnectionResetError):  # the client may have gone in the meantime
            await socket.prepare(request)
        transport = request.transport
        if transport is None or not socket.prepared:
            return socket
        connection = Connection(next(self._numbers), request.path, transport, now)
        connection.talk = self._api.talk(self.hub, connection, request.query)
        closing = self._drawn(request.path, now, "close_on_connect")
        if closing is not None:
            connection.close(closing.fault.code, closing.fault.raw or "")
        try:
            self.hub.enter(connection)
            connection.talk.begin(now)
            connection.flush()
            await self._listen(socket, connection, host)
            if connection.end is not None:
                connection.hang_up()
        finally:
            self.hub.leave(connection)
            self._board.count(self._venue, host, "ended", self._clock())
            self._board.ended(self._venue, connection, self._clock())
        return socket

    async def _listen(self, socket: web.WebSocketResponse, connection: Connection, host: str) -> None:
        async for message in socket:
            now = self._clock()
            text = message.data if message.type is WSMsgType.TEXT else None
            connection.heard(text, now)
            self._board.count(self._venue, host, "message", now)
            if text is not None:
                connection.talk.text(text, now)
            elif message.type in {WSMsgType.PING, WSMsgType.PONG}:
                connection.talk.control(pong=message.type is WSMsgType.PONG, now=now)
                if message.type is WSMsgType.PING and connection.end is None:
                    await socket.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                connection.close(1003, "text only")
            connection.flush()

    async def _refusal(self, request: web.BaseRequest, host: str, now: int) -> web.Response | None:
        if self._drawn(request.path, now, "hang") is not None:
            await asyncio.Event().wait()
        fault = self._drawn(request.path, now, "status")
        if fault is not None:
            answer = ready_made(fault.fault, self._venue, now)
            page = isinstance(answer.body, str)
            body = answer.body.encode() if page else msgspec.json.encode(answer.body)
            kind = "text/html" if page else "application/json"
            return web.Response(status=answer.status, body=body, headers=answer.headers, content_type=kind)
        limit, span = self._api.connects
        window = self._windows.setdefault(host, SlidingWindow(limit, span))
        open_now = sum(self._api.host(one.path) == host for one in self.hub.connections.values())
        if (self._api.most_open is not None and open_now >= self._api.most_open) or not window.spend(now):
            return web.Response(status=self._api.refused, text="too many connections")
        return None

    def _drawn(self, path: str, now: int, kind: Any) -> Active | None:
        for one in self.hub.book.drawn(self._venue, path, now, kind, over="stream"):
            one.hits += 1
            return one
        return None
