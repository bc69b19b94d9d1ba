"""One WebSocket connection over picows: connecting, sending, and why it ended."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import aiohappyeyeballs
import picows
from picows.url import WSParsedURL
from python_socks import ProxyError

from microstream.clock import Clock
from microstream.errors import MicrostreamError, TransportError
from microstream.transport.handshake import refusal_of
from microstream.transport.proxy import proxy_for
from microstream.transport.turns import Turns

MAX_FRAME = 4 << 20
"""Bytes of a message; a larger one ends the connection."""
CLOSE_S = 0.5
"""How long the server may take to answer a close frame."""
SECOND_ADDRESS_S = 0.25
"""After how long the next address of a host is tried beside the first (RFC 8305)."""

TEXT = picows.WSMsgType.TEXT
CODES_OF_OURS = {picows.WSCloseCode.MESSAGE_TOO_BIG: "too_large"}

quiet = logging.getLogger("microstream.picows")
quiet.setLevel(logging.CRITICAL + 1)  # all that it would say is in the errors that are raised here


class Receiver(Protocol):
    """Who takes what a connection brings; called from the event loop's read callback."""

    def text(self, data: bytes, received_at: int) -> None:
        """Take one text message; `received_at` in ms UTC. What is raised here ends the connection."""
        ...

    def pong(self) -> None:
        """Take the answer to a control ping."""
        ...

    def ended(self) -> None:
        """Take that the connection is over; nothing comes after it."""
        ...


class Websocket(picows.WSListener):
    """An open connection, and the callbacks that picows makes. Build it with `connect`."""

    def __init__(self, receiver: Receiver, clock: Clock, turns: Turns) -> None:
        self.binary = 0
        self._receiver = receiver
        self._text: Callable[[bytes, int], None] = receiver.text
        self._now_ms = clock.now_ms
        self._turns = turns
        self._raised: Exception | None = None
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._transport: picows.WSTransport | None = None

    def send(self, text: bytes) -> None:
        """Send one text frame; nothing happens on a connection that is closing."""
        if self._transport is not None:
            self._transport.send(TEXT, text)

    def ping(self) -> None:
        """Send a control ping."""
        if self._transport is not None:
            self._transport.send_ping(b"")

    @property
    def was_open(self) -> bool:
        """Whether the handshake was completed."""
        return self._transport is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._transport is None or self._transport.is_disconnected

    def silence(self) -> None:
        """Take nothing more from the connection: what comes is dropped."""
        self._text = _drop

    def failed(self, error: Exception) -> None:
        """End the connection because the receiver has raised this for a frame that had to wait."""
        self._raised = self._raised or error
        self.silence()
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def close(self) -> None:
        """End the connection: politely if the server answers within `CLOSE_S`, else at once.

        Raises what the receiver raised.
        """
        transport = self._transport
        if transport is None:
            return
        try:
            transport.send_close(picows.WSCloseCode.OK)
            with suppress(TimeoutError, picows.WSProtocolError):
                async with asyncio.timeout(CLOSE_S):
                    await transport.wait_disconnected()
        finally:
            transport.disconnect(graceful=False)
        if self._raised is not None:
            raise self._raised

    async def closed(self) -> TransportError:
        """Wait for the end of the connection and return why it ended; raises what the receiver raised."""
        assert self._transport is not None  # noqa: S101
        try:
            await self._transport.wait_disconnected()
        except picows.WSProtocolError as error:
            return TransportError(str(error), reason=CODES_OF_OURS.get(error.code, "protocol"))
        if self._raised is not None:
            raise self._raised
        handshake: Any = self._transport.close_handshake  # None when no close frame came or went
        if handshake is None or handshake.recv is None:
            return TransportError("the connection was cut without a close frame", reason="closed")
        code, said = handshake.recv.code, handshake.recv.reason
        return TransportError(f"closed by the venue: code {code:d}, {said or 'no text'}", reason="closed")

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Hand over a message, stamped once: now, or in the next turn."""
        if frame.msg_type is TEXT and frame.fin:
            now = self._now_ms()
            if now < self._turns.until:
                self._text(frame.get_payload_as_bytes(), now)
            else:
                self._turns.take(self, self._hand_over, frame.get_payload_as_bytes(), now)
        else:
            self._rare(transport, frame)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Tell the receiver, after all that came before."""
        self._turns.flush()
        self._receiver.ended()

    def _hand_over(self, data: bytes, received_at: int) -> None:
        self._text(data, received_at)  # asked for when its turn has come: it may have been silenced by then

    def pause_writing(self) -> None:
        """Do nothing: what is sent is small and few."""

    def resume_writing(self) -> None:
        """Do nothing."""

    def _rare(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind is picows.WSMsgType.PONG:
            self._receiver.pong()
        elif kind is picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind is TEXT or (kind is picows.WSMsgType.CONTINUATION and self._parts):
            self._part(frame)
        else:
            self.binary += 1

    def _part(self, frame: picows.WSFrame) -> None:
        """Join the parts of a message that came in several frames."""
        self._parts.append(frame.get_payload_as_bytes())
        self._parts_size += frame.payload_size
        if self._parts_size > MAX_FRAME:
            raise picows.WSProtocolError(
                picows.WSCloseCode.MESSAGE_TOO_BIG, f"message in parts above {MAX_FRAME} bytes"
            )
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts, self._parts_size = [], 0
            self._turns.take(self, self._hand_over, whole, self._now_ms())


def _drop(_data: bytes, _received_at: int) -> None:
    """Take nothing."""


async def connect(
    url: str, receiver: Receiver, clock: Clock, timeout_s: float, turns: Turns | None = None
) -> Websocket:
    """Return an open connection to `url`, through the proxy that the environment asks for.

    Connections with the same `turns` share the time that frames may take in one pass of the loop.

    Raises `TransportError` (reasons dns, connect, proxy, tls, timeout, closed, bad_http, http_...), `RateLimited`,
    `Banned` and `RegionBlocked`; `ConfigError` for a proxy that cannot be used.
    """
    websocket = Websocket(receiver, clock, turns or Turns(clock))
    proxy = proxy_for("http" + url.removeprefix("ws"))
    dialled: list[socket.socket] = []
    try:
        async with asyncio.timeout(timeout_s):
            await _opened(url, websocket, proxy, dialled)
    except BaseException as error:
        for sock in dialled:  # picows leaves the connection open when it is cancelled in the handshake
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        failure = _failure_of(error, clock.now_ms(), timeout_s, by_proxy=proxy is not None)
        if failure is None:
            raise
        raise failure from error
    if not websocket.was_open:
        raise TransportError("the server hung up during the handshake", reason="closed")
    return websocket


async def _opened(url: str, websocket: Websocket, proxy: str | None, dialled: list[socket.socket]) -> None:
    async def dial(target: WSParsedURL) -> socket.socket:
        sock = await _dialled(target.host, target.port)
        dialled.append(sock)
        return sock

    await picows.ws_connect(
        lambda _request, _response: websocket,
        url,
        websocket_handshake_timeout=None,  # ours holds for all of connecting
        logger_name=quiet,
        max_frame_size=MAX_FRAME,
        max_redirects=0,
        proxy=proxy,
        socket_factory=dial,
        use_aiofastnet=False,  # the loop's own TLS: measured alike, and it does not reach into OpenSSL
    )


async def _dialled(host: str, port: int) -> socket.socket:
    """Return a connected socket; several addresses of a host race."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=SECOND_ADDRESS_S, interleave=1, loop=loop
    )


REASONS: tuple[tuple[type[BaseException], str, str], ...] = (
    (TimeoutError, "timeout", "is the network up, and is a proxy needed?"),
    (socket.gaierror, "dns", "is the venue's ws_url right, and does this machine resolve names?"),
    (ssl.SSLError, "tls", "is the venue's ws_url right, and this machine's clock and list of certificates?"),
    (ssl.CertificateError, "tls", "is the venue's ws_url right, and this machine's list of certificates?"),
    (ConnectionResetError, "closed", "the server hung up"),
    (OSError, "connect", "is the venue's ws_url right, and the network up?"),
    (picows.WSHandshakeError, "bad_http", "is the venue's ws_url right?"),
    (picows.WSError, "bad_http", "is the venue's ws_url right?"),
)
"""Labels of failures and what to look at; the first that fits."""


def _failure_of(
    error: BaseException, at: int, timeout_s: float, *, by_proxy: bool
) -> MicrostreamError | None:
    """Return our error for what connecting has raised, or None for what is not the network's fault."""
    if isinstance(error, picows.WSHandshakeError) and (status := _status_of(error)) not in {0, 101}:
        headers = {} if error.response is None else error.response.headers
        return refusal_of(status, headers, error.raw_body or b"", at)
    if isinstance(error, ProxyError):
        return TransportError(f"{error}; is the proxy in HTTP_PROXY or HTTPS_PROXY right?", reason="proxy")
    for kind, reason, advice in REASONS:
        if isinstance(error, kind):
            text = f"no connection within {timeout_s:g} s" if reason == "timeout" else str(error) or reason
            if by_proxy and reason in {"dns", "connect", "timeout"}:
                advice = "is the proxy in HTTP_PROXY or HTTPS_PROXY right?"  # noqa: PLW2901
            return TransportError(f"{text}; {advice}", reason=reason)
    return None


def _status_of(error: picows.WSHandshakeError) -> int:
    """Return the HTTP status of a refused handshake, also one that has no name; 0 where there was none."""
    words = (error.raw_header or b"").split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1][:3].isdigit() and len(words[1]) == 3 else 0
