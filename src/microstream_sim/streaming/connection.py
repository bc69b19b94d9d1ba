"""One WebSocket connection of a client."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from microstream_sim.streaming.frames import PING, close_frame, text_frame

if TYPE_CHECKING:
    from microstream_sim.streaming.api import Talk

_SLOWEST_READER_BYTES = 32 << 20
_GOODBYE_S = 1.0
_KEPT_MESSAGES = 50
_KEPT_CHARACTERS = 1_000


class Connection:
    """A client's socket: what it subscribes to, what went in and out, and how it ends.

    `wrapped` connections get the topic's name around every push. Frames are written straight to the
    transport, each of them whole, which the frames that aiohttp writes itself allow for.
    """

    talk: "Talk"

    def __init__(self, number: int, path: str, transport: asyncio.Transport, now: int) -> None:
        self.number = number
        self.path = path
        self.wrapped = False
        self.subscriptions: dict[str, None] = {}
        self.opened_at = now
        self.heard_at = now
        self.sent_at = now
        self.received = 0
        self.messages: deque[dict[str, Any]] = deque(maxlen=_KEPT_MESSAGES)
        self.sent = 0
        self.sent_bytes = 0
        self.end: str | None = None
        self._transport = transport
        self._waiting: list[bytes] = []

    def heard(self, text: str | None, now: int) -> None:
        """Note a message of the client, or a control frame (None)."""
        self.received += 1
        self.heard_at = now
        if text is not None:
            self.messages.append({"time": now, "text": text[:_KEPT_CHARACTERS]})

    def queue(self, frame: bytes, now: int) -> None:
        """Put a frame behind those that leave with the next flush."""
        if self.end is None:
            self._waiting.append(frame)
            self.sent_at = now

    def reply(self, body: Any, now: int) -> None:
        """Queue a body as JSON."""
        self.queue(text_frame(msgspec.json.encode(body)), now)

    def flush(self) -> bool:
        """Write what is queued; return False when the client does not read what it was sent before."""
        waiting = self._waiting
        if not waiting or self._transport.is_closing():
            return True
        if self._transport.get_write_buffer_size() > _SLOWEST_READER_BYTES:
            return False
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        self.sent += len(waiting)
        self.sent_bytes += len(data)
        waiting.clear()
        self._transport.write(data)
        return True

    def ping(self) -> None:
        """Send a ping control frame at once."""
        if self.end is None and not self._transport.is_closing():
            self._transport.write(PING)

    def close(self, code: int | None, reason: str = "") -> None:
        """End the connection with a close frame, or without a word when `code` is None.

        The client has a second to answer the close frame, which ends the reading of its side.
        """
        if self.end is not None:
            return
        self.flush()
        self._waiting.clear()
        self.end = "broken off" if code is None else f"{code} {reason}".strip()
        if code is None:
            self._transport.abort()
        else:
            if not self._transport.is_closing():
                self._transport.write(close_frame(code, reason))
            asyncio.get_running_loop().call_later(_GOODBYE_S, self._transport.abort)

    def break_off(self, frame: bytes) -> None:
        """Send half of a frame, then end the TCP connection."""
        if self.end is not None:
            return
        self.flush()
        self.end = "broken off within a frame"
        self._transport.write(frame[: len(frame) // 2])
        self._transport.close()

    def hang_up(self) -> None:
        """End the TCP connection after the client's answer to a close frame."""
        self._transport.close()
