"""Rows of recorded messages as the JSON that was published, byte for byte, without making structs of them."""

from collections.abc import Iterator

import polars as pl
from msgspec import Raw
from msgspec.json import Encoder

from microstream.history.published import COLUMNS
from microstream.model.messages import PAYLOADS

SLICE = 20_000
"""Rows that are turned into text at a time."""


def payload_lines(frame: pl.DataFrame, family: str) -> Iterator[bytes]:
    """Yield the payload of every row, in the order of the frame; times are integers."""
    columns = COLUMNS[family]
    yield from json_lines(frame.select(PAYLOADS[family].__struct_fields__), columns.texts)


def json_lines(frame: pl.DataFrame, texts: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """Yield every row as a JSON object with the columns as keys; what is JSON already (`texts`) goes in as it is."""
    names = frame.columns
    raw = [at for at, name in enumerate(names) if name in texts]
    encode = Encoder().encode
    for piece in frame.iter_slices(SLICE):
        for row in piece.iter_rows():
            values = dict(zip(names, row, strict=True))
            for at in raw:
                text = row[at]
                values[names[at]] = None if text is None else Raw(text)
            yield encode(values)
