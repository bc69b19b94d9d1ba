"""Is somebody publishing there? Told by the logs of the server, and by its own clock."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from microstream.sinks.connection import Link
from microstream.sinks.resp import command

VALUES = ("funding", "mark_price", "oi", "spot")
"""The families that a live publisher repeats at least once per interval."""
LIVE_MS = 60_000
"""A publisher that was silent for so long is none any more."""
_SCANNED = 1_000
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Publisher(NamedTuple):
    """The newest that a live publisher wrote: where, and how long ago."""

    stream: str
    age_ms: int


async def live_publisher(url: str, timeout_s: float) -> Publisher | None:
    """Return what shows that a live publisher writes to a server, None where nothing does.

    That is an entry younger than a minute that is not from a replay. Raises `SinkDown`.
    """
    link = Link(url, timeout_s)
    try:
        await link.open()
        now = _time(await link.execute([command("TIME")]))
        streams = await _streams(link)
        newest = await link.execute([command("XREVRANGE", key, "+", "-", "COUNT", 1) for key in streams])
        found = [
            Publisher(key.decode(), age_ms)
            for key, entries in zip(streams, newest, strict=True)
            if (age_ms := _age_of_live(entries, now)) is not None
        ]
        return min(found, key=lambda one: one.age_ms, default=None)
    finally:
        await link.close()


async def _streams(link: Link) -> list[bytes]:
    """Return the logs of the families that tell."""
    heads = tuple(f"stream:{family}:".encode() for family in VALUES)
    found: set[bytes] = set()
    cursor: Any = b"0"
    while True:
        reply: Any = await link.execute([command("SCAN", cursor, "MATCH", "stream:*", "COUNT", _SCANNED)])
        [[cursor, keys]] = reply
        found |= {key for key in keys if key.startswith(heads)}
        if cursor == b"0":
            return sorted(found)


def _time(replies: Sequence[Any]) -> int:
    [[seconds, micros]] = replies
    return int(seconds) * 1000 + int(micros) // 1000


def _age_of_live(entries: Any, now: int) -> int | None:
    """Return the age of a stream's newest entry, None where it is old or from a replay."""
    for key, fields in entries:
        age_ms = now - int(key.partition(b"-")[0])
        if age_ms < LIVE_MS and any(map(_is_live, fields[1::2])):
            return age_ms
    return None


def _is_live(payload: bytes) -> bool:
    try:
        return _decode(payload).get("source") != "replay"
    except msgspec.DecodeError:
        return False  # nothing of ours
