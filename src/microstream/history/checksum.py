"""Checksums of recorded days: of what was published, not of the files that hold it.

The checksum of one contract (or subject) of one family is the SHA-256 of its payloads in their original order, each
followed by a line feed. A payload is the JSON that was published, byte for byte. Those of many are combined as the
SHA-256 of lines `family key checksum`, each with a line feed, sorted.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import polars as pl

from microstream.history.payloads import payload_lines

Key = tuple[str, str]
"""Exchange and symbol; of signals name and subject, of alerts rule and subject."""
ORDER = ("written_at", "entry", "place")


def combined(checksums: Iterable[tuple[str, Key, str]]) -> str:
    """Return one checksum of many: family, key and checksum of each."""
    lines = sorted(f"{family} {' '.join(key)} {each}\n" for family, key, each in checksums)
    return sha256("".join(lines).encode()).hexdigest()


def checksums(rows: pl.DataFrame, family: str, names: Sequence[str]) -> dict[Key, str]:
    """Return the checksum of every key among rows in any order; `names` are the key's columns."""
    found: dict[Key, str] = {}
    for (owner, item), part in rows.sort(ORDER).partition_by(names, as_dict=True).items():
        digest = sha256()
        for line in payload_lines(part, family):
            digest.update(line + b"\n")
        found[owner, item] = digest.hexdigest()
    return found
