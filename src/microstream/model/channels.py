"""Family and subject -> channel, last-value hash and stream. Nothing else builds a key.

Contract: every message goes out as `PUBLISH {channel}`, as field `{item}` of the hash `last:{group}`, and as
field `{item}` of an entry of `stream:{group}`.
"""

from msgspec import Struct

PREFIXES = {
    "funding": "funding",
    "mark_price": "meta:mark_price",
    "oi": "meta:oi",
    "spot": "meta:spot",
    "instrument": "meta:instrument",
    "quality": "quality",
}


class Channel(Struct, frozen=True, gc=False):
    """Where one message goes: Pub/Sub channel, group of the last-value hash and of the stream, field in both."""

    name: str
    group: str
    item: str

    @property
    def family(self) -> str:
        """What the message is."""
        return self.group.partition(":")[0]

    @property
    def last_key(self) -> str:
        """Key of the hash that holds the newest payload of every item of the group."""
        return f"last:{self.group}"

    @property
    def stream_key(self) -> str:
        """Key of the stream that logs every write of the group."""
        return f"stream:{self.group}"


def channel(family: str, exchange: str, symbol: str) -> Channel:
    """Return the channel of a family for one contract; `symbol` is `*` where a whole venue is meant."""
    return Channel(f"{PREFIXES[family]}:{exchange}:{symbol}", f"{family}:{exchange}", symbol)
