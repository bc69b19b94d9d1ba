"""Entries of logs -> rows of the table of their family."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import polars as pl

from microstream.client.log_position import Entry
from microstream.history.published import COLUMNS, PLACE
from microstream.model.messages import PAYLOADS, Message


class Reject(NamedTuple):
    """A payload that is none of its family."""

    group: str
    item: str
    why: str


class Read(NamedTuple):
    """What stood in entries: messages with group, item and time of writing (ms UTC), in order; their rows."""

    messages: list[tuple[str, bytes, int, Message]]
    frame: pl.DataFrame
    rejects: list[Reject]


class Payloads:
    """Reads the payloads of one family."""

    def __init__(self, family: str) -> None:
        self._columns = COLUMNS[family]
        self._decode = msgspec.json.Decoder(PAYLOADS[family]).decode

    def read(self, entries: Iterable[Entry]) -> Read:
        """Return what stands in entries; what does not fit is left out."""
        decode = self._decode
        messages: list[tuple[str, bytes, int, Message]] = []
        places: list[tuple[int, int, int]] = []
        rejects: list[Reject] = []
        for group, (written_at, number), _, fields in entries:
            for index, (item, raw) in enumerate(fields.items()):
                try:
                    message = decode(raw)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    rejects.append(Reject(group, item.decode(errors="replace"), str(error)))
                    continue
                messages.append((group, item, written_at, message))
                places.append((written_at, number, index))
        series = self._columns.series([message for *_, message in messages])
        return Read(messages, pl.DataFrame([*_places(places), *series]), rejects)


def _places(places: list[tuple[int, int, int]]) -> list[pl.Series]:
    columns = zip(*places, strict=True) if places else ((), (), ())
    return [
        pl.Series(name, list(values), dtype=dtype)
        for (name, dtype), values in zip(PLACE.items(), columns, strict=True)
    ]
