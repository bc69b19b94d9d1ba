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
    "bars": "bars",
    "signal": "signal",
    "alert": "alert",
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


def channel(family: str, owner: str, item: str) -> Channel:
    """Return the channel of an item of a group.

    `owner` is what the group is of: an exchange, of bars exchange and timeframe (`okx:1m`), of signals and alerts the
    name of the signal or rule. `item` is the symbol (`*` where a whole venue is meant), of signals and alerts the
    subject.
    """
    head, tail = _around(family, owner)
    return Channel(f"{head}{item}{tail}", f"{family}:{owner}", item)


def head(family: str, owner: str) -> str:
    """Return what the names of all channels of a group begin with."""
    return _around(family, owner)[0]


def parts(name: str) -> tuple[str, str, str]:
    """Return family, owner and item of a channel's name; parts that it does not have are empty."""
    family, _, tail = name.removeprefix("meta:").partition(":")
    owner, _, item = tail.partition(":")
    if family == "bars" and ":" in item:
        item, _, timeframe = item.rpartition(":")
        owner = f"{owner}:{timeframe}"
    return family, owner, item


def _around(family: str, owner: str) -> tuple[str, str]:
    """Return what stands before and behind the item in a name."""
    prefix = PREFIXES[family]
    if family == "bars":
        exchange, _, timeframe = owner.partition(":")
        return f"{prefix}:{exchange}:", f":{timeframe}"
    return f"{prefix}:{owner}:", ""
