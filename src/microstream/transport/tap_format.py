"""How received frames are written down: text, one frame a line, for people and for `microstream decode`.

A file begins with `HEADER`. Lines that begin with `#` are comments. Every other line is

    received_at TAB exchange TAB connection TAB frame

`received_at` is milliseconds UTC. The frame stands there byte for byte. Only one that would break the line, is not
UTF-8 or begins with `escaped:` itself is written as `escaped:` and the frame with `\\\\`, `\\n`, `\\r` and `\\xNN` for
a backslash, a line feed, a carriage return and a byte that is no UTF-8.
"""

import re
from typing import NamedTuple

MARK = b"# microstream tap "
"""How the first line of a file begins; the version of the format follows."""

VERSION = b"1"

HEADER = (
    MARK + VERSION + b": received_at (ms UTC), exchange, connection and frame, separated by tabs;"
    b" a frame behind 'escaped:' has \\\\ \\n \\r \\xNN for backslash, line feed, carriage return, other bytes\n"
)

ROW = re.compile(rb"([0-9]{1,15})\t([a-z0-9]+)\t([^\t]+)\t(.*)", re.DOTALL)

_ESCAPED = b"escaped:"
_SOUND = re.compile(rb"(?:[^\\]|\\(?:[\\nr]|x[0-9a-f]{2}))*", re.DOTALL)
_SEQUENCE = re.compile(rb"\\(?:[\\nr]|x[0-9a-f]{2})")
_SINGLE = {rb"\\": b"\\", rb"\n": b"\n", rb"\r": b"\r"}


class Row(NamedTuple):
    """One received frame; `received_at` in ms UTC. The two names have no tab and no line break in them."""

    received_at: int
    exchange: str
    connection: str
    frame: bytes


def line(row: Row) -> bytes:
    """Return the line of a frame, its line feed included."""
    source = f"{row.exchange}\t{row.connection}".encode()
    return b"%d\t%b\t%b\n" % (row.received_at, source, _written(row.frame))


def parse(text: bytes) -> Row:
    """Return the frame of a line without its line feed. Raises `ValueError` with the reason."""
    match = ROW.fullmatch(text)
    if match is None:
        raise ValueError("not received_at, exchange, connection and frame with tabs between")
    received_at, exchange, connection, written = match.groups()
    return Row(int(received_at), exchange.decode(), connection.decode(errors="replace"), _read(written))


def check_comment(text: bytes) -> None:
    """Raise `ValueError` if a comment is the first line of a format that is not known here."""
    if text.startswith(MARK):
        version = text.removeprefix(MARK).partition(b":")[0]
        if version != VERSION:
            shown = version[:20].decode(errors="replace")
            raise ValueError(
                f"written in format {shown}, known here is {VERSION.decode()}: update microstream"
            )


def _written(frame: bytes) -> bytes:
    plain = b"\n" not in frame and b"\r" not in frame and not frame.startswith(_ESCAPED)
    if plain and (frame.isascii() or _is_utf8(frame)):
        return frame
    text = frame.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return _ESCAPED + text.replace("\n", r"\n").replace("\r", r"\r").encode()


def _read(written: bytes) -> bytes:
    if not written.startswith(_ESCAPED):
        return written
    text = written.removeprefix(_ESCAPED)
    if _SOUND.fullmatch(text) is None:
        raise ValueError("a backslash in an escaped frame stands for nothing known")
    return _SEQUENCE.sub(lambda found: _SINGLE.get(found[0]) or bytes.fromhex(found[0][2:].decode()), text)


def _is_utf8(frame: bytes) -> bool:
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return True
