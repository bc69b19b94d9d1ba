"""Recorded WebSocket frames as they are read back: files of the tap, packed or not, and plain ones, a frame a line.

Nothing is held but a piece of the file and a line of it. Files that were joined (`cat`) are read as one.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from microstream.transport.body import GZIP
from microstream.transport.body import inflater as codec
from microstream.transport.tap_format import MARK, ROW, check_comment, parse

PIECE = 1 << 14
"""Bytes that are read at once; unpacked they are 16 MB in the very worst case."""

LONGEST_LINE = 64 << 20

GZIP_MAGIC = b"\x1f\x8b"
MEMBER = b"\x1f\x8b\x08" + bytes(5)
"""How every member of a tap begins. Found inside of another one it tells that the other was cut off."""

Complain = Callable[[int, str], None]


class Recorded(NamedTuple):
    """A frame with the number of its line; `received_at` (ms UTC) is None and `connection` empty if not recorded."""

    line: int
    received_at: int | None
    connection: str
    frame: bytes


def recorded(source: BinaryIO, exchange: str, complain: Complain) -> Iterator[Recorded]:
    """Yield the frames of a venue. What cannot be read is told with its line, and the rest goes on."""
    lines = _lines(source, complain)
    first = next(lines, None)
    if first is None:
        return
    tapped = first[1].startswith(MARK) or ROW.match(first[1]) is not None
    read = _rows if tapped else _plain
    yield from read(_again(first, lines), exchange, complain)


def _again(first: tuple[int, bytes], others: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from others


def _plain(lines: Iterator[tuple[int, bytes]], _exchange: str, _complain: Complain) -> Iterator[Recorded]:
    for number, text in lines:
        yield Recorded(number, None, "", text)


def _rows(lines: Iterator[tuple[int, bytes]], exchange: str, complain: Complain) -> Iterator[Recorded]:
    found = False
    others: set[str] = set()
    number = 1
    for number, text in lines:
        try:
            if text.startswith(b"#"):
                check_comment(text)
                continue
            row = parse(text)
        except ValueError as error:
            complain(number, str(error))
            continue
        if row.exchange != exchange:
            others.add(row.exchange)
            continue
        found = True
        if row.frame.strip():
            yield Recorded(number, row.received_at, row.connection, row.frame)
    if others and not found:
        complain(number, f"no frame of {exchange} up to here; there is {', '.join(sorted(others))}")


def _lines(source: BinaryIO, complain: Complain) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers, without their ends."""
    number, begun = 1, bytearray()
    for text in _texts(source):
        if text is None:
            complain(number, "the packed data is cut off or damaged here; what can be read of it goes on")
            begun.clear()
            continue
        first, *others = text.split(b"\n")
        begun += first
        for part in others:
            if begun.strip():
                yield number, bytes(begun).rstrip(b"\r")
            number += 1
            begun[:] = part
        if len(begun) > LONGEST_LINE:
            complain(number, f"longer than {LONGEST_LINE >> 20} MB: this is no recording of frames")
            return
    if begun.strip():
        yield number, bytes(begun).rstrip(b"\r")


def _texts(source: BinaryIO) -> Iterator[bytes | None]:
    """Yield the text in pieces, unpacked where it is packed; None where some of it is missing."""
    head = source.read(PIECE)
    if head.startswith(GZIP_MAGIC):
        yield from _unpacked(_pieces(head, source))
        return
    while head:
        yield head
        head = source.read(PIECE)


def _pieces(head: bytes, source: BinaryIO) -> Iterator[bytes]:
    """Yield the packed data in pieces; where a member of a tap begins, a piece begins."""
    overlap = len(MEMBER) - 1
    held = head
    while held:
        *whole, last = _split(held)
        yield from whole
        more = source.read(PIECE)
        cut = max(len(last) - overlap, 0) if more else len(last)
        if 0 < cut < len(MEMBER) and last.startswith(MEMBER):
            cut = 0
        if cut:
            yield last[:cut]
        held = last[cut:] + more


def _split(data: bytes) -> list[bytes]:
    first, *others = data.split(MEMBER)
    members = [MEMBER + other for other in others]
    return [first, *members] if first or not members else members


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes | None]:
    inflate = codec.decompressobj(GZIP)
    inside = lost = False
    for piece in pieces:
        if piece.startswith(MEMBER):
            if inside:
                yield None
            inflate, inside, lost = codec.decompressobj(GZIP), False, False
        data = b"" if lost else piece
        while data:
            try:
                text = inflate.decompress(data)
            except (zlib.error, codec.error):
                yield None
                inside, lost = False, True
                break
            yield text
            inside, data = not inflate.eof, inflate.unused_data
            if inflate.eof:
                inflate = codec.decompressobj(GZIP)
    if inside:
        yield None
