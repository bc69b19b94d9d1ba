"""Reading bodies: typed in one pass when all is well, row by row when a row does not fit."""

import math
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import UnsetType

from microstream.errors import WireMismatch
from microstream.model.frame import Frame
from microstream.model.units import FIRST_MS, LAST_MS, BadNumber, Text, millis

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for text that is no JSON, JSON of another shape, other encodings and absurd nesting."""

Number = float | Literal[""] | UnsetType
"""A number as a lax decoder (`strict=False`) makes it of text, in the same pass. It takes "NaN" and infinity too."""
Time = int | str | None | UnsetType
"""A time as a lax decoder makes it: text stays text, since a lax integer may be written with a fraction."""
INF = math.inf

_RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


class Body(Generic[T]):
    """Decoder of a whole body into `kind`."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def read(self, data: bytes | msgspec.Raw) -> T:
        """Return the decoded body; raises `WireMismatch` when it does not fit."""
        try:
            return self._decoder.decode(data)
        except UNREADABLE as error:
            name = getattr(self._kind, "__name__", "body")
            raise WireMismatch(f"{name}: {error}", sample=bytes(data)) from error

    def peek(self, data: bytes) -> T | None:
        """Return the decoded body, or None when it does not fit."""
        try:
            return self._decoder.decode(data)
        except UNREADABLE:
            return None


class Rows(Generic[T]):
    """Decoder of a JSON list of `kind`; `name` is the field that names a row's contract."""

    def __init__(self, kind: type[T], name: str) -> None:
        self._row = msgspec.json.Decoder(kind)
        self._rows = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        self._name = name

    def read(self, data: bytes | msgspec.Raw, frame: Frame) -> list[T]:
        """Return the rows that fit; the others are noted in `frame`. Raises `WireMismatch` for what is no list."""
        try:
            return self._rows.decode(data)
        except UNREADABLE:
            return self._one_by_one(data, frame)

    def _one_by_one(self, data: bytes | msgspec.Raw, frame: Frame) -> list[T]:
        try:
            raws = _RAW_ROWS.decode(data)
        except UNREADABLE as error:
            raise WireMismatch(f"{frame.feed}: not a list of rows: {error}", sample=bytes(data)) from error
        rows = []
        for raw in raws:
            try:
                rows.append(self._row.decode(raw))
            except UNREADABLE as error:
                frame.reject(self._name_of(raw), None, "bad_row", error)
        return rows

    def _name_of(self, raw: msgspec.Raw) -> str:
        try:
            return str(_ANY.decode(raw)[self._name])[:40]
        except (*UNREADABLE, TypeError, KeyError):
            return "?"


def moment(text: Text) -> int | None:
    """Return a time in ms UTC of 13 digits, the way all are written; None for all else, which `millis` judges."""
    if isinstance(text, str) and len(text) == 13 and text.isdecimal() and text.isascii():
        value = int(text)
        return value if FIRST_MS <= value < LAST_MS else None
    return None


def stamp(raw: Text) -> int | None:
    """Return the time of a push in ms UTC, None for what is no time."""
    try:
        return millis(raw)
    except BadNumber:
        return None


def request_number(text: str) -> int | None:
    """Return the number of one of our requests as an answer repeats it, None for what is none of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
