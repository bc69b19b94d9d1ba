"""Reading bodies: typed in one pass when all is well, row by row when a row does not fit."""

from typing import Generic, TypeVar

import msgspec

from microstream.errors import WireMismatch
from microstream.model.frame import Frame

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for text that is no JSON, JSON of another shape, other encodings and absurd nesting."""

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
