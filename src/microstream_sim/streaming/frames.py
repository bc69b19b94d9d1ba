"""WebSocket frames as a server sends them (RFC 6455, section 5.2): whole, unmasked, not packed.

A push is encoded once, whatever the number of its subscribers, and the frames of one moment leave in one write.
"""

from typing import Final

PING: Final = b"\x89\x00"


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame; the reason is cut to what a control frame holds."""
    body = code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode()
    return bytes((0x88, len(body))) + body


def text_frame(payload: bytes) -> bytes:
    """Return a text frame; `payload` is UTF-8."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
