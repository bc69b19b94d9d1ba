"""Messages -> numbered payloads -> packed commands; keeps the last payload of every item.

A slice writes per group: the log (`XADD`), the last values (`HSET`, `EXPIRE`, `HDEL`), then `PUBLISH` for
every message. Log and last value come before the publish, so one who subscribes first and reads the last
value then misses nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

import msgspec

from microstream.model.channels import Channel
from microstream.sinks.buffer import Batch
from microstream.sinks.resp import arguments, bulk, command, split
from microstream.sinks.settings import SinkSettings

MOST_LENGTHS = 2048
LENGTHS = [b"$%d\r\n" % size for size in range(MOST_LENGTHS)]
"""How a bulk string of so many bytes begins: looked up in a third of the time that formatting takes."""

RESTORED_AT_ONCE = 1000
"""Fields of one `HSET` when a hash is restored: some 0.5 MB."""


@dataclass(slots=True)
class Slice:
    """Commands that are written together, one after the other, and the messages of each family in them."""

    packed: bytes = b""
    count: int = 0
    families: Counter[str] = field(default_factory=Counter)

    @property
    def commands(self) -> list[bytes]:
        """The commands by themselves."""
        return split(self.packed)


class Group:
    """What is known of one group: its commands, packed as far as they never change, and its last payloads."""

    def __init__(self, name: str, settings: SinkSettings) -> None:
        keys = Channel("", name, "")
        last = keys.last_key
        self.name = name
        self.stream = keys.stream_key
        self.last: dict[bytes, bytes] = {}
        """Packed item -> packed payload."""
        self.expire = command("EXPIRE", last, settings.last_ttl_s)
        self.length = command("HLEN", last)
        self.keys = command("HKEYS", last)
        self._xadd = arguments("XADD", self.stream, "MAXLEN", "~", settings.stream_max_length, "*")
        self._hset = arguments("HSET", last)
        self._hdel = arguments("HDEL", last)

    def log(self, fields: dict[bytes, bytes], pieces: list[bytes]) -> None:
        """Add the `XADD` of one entry, in pieces."""
        pieces.append(b"*%d\r\n" % (6 + 2 * len(fields)))
        pieces.append(self._xadd)
        pieces.extend(chain.from_iterable(fields.items()))

    def keep(self, fields: dict[bytes, bytes], pieces: list[bytes]) -> int:
        """Add `HSET` and `EXPIRE` in pieces, nothing for no field; return the number of commands."""
        if not fields:
            return 0
        pieces.append(b"*%d\r\n" % (2 + 2 * len(fields)))
        pieces.append(self._hset)
        pieces.extend(chain.from_iterable(fields.items()))
        pieces.append(self.expire)
        return 2

    def set_last(self, fields: dict[bytes, bytes]) -> list[bytes]:
        """Return `HSET` and `EXPIRE`, nothing for no field."""
        pieces: list[bytes] = []
        return [b"".join(pieces[:-1]), pieces[-1]] if self.keep(fields, pieces) else []

    def forget(self, items: Iterable[bytes]) -> list[bytes]:
        """Return the `HDEL` of packed items, nothing for none; they are not restored any more."""
        packed = sorted(items)
        for item in packed:
            self.last.pop(item, None)
        return [b"*%d\r\n%b%b" % (2 + len(packed), self._hdel, b"".join(packed))] if packed else []

    def restore(self) -> Iterator[list[bytes]]:
        """Yield the commands that set all last payloads again, in portions."""
        items = iter(list(self.last.items()))
        while portion := dict(islice(items, RESTORED_AT_ONCE)):
            yield self.set_last(portion)


class _Line:
    """What never changes of one channel's commands, and its counter."""

    __slots__ = ("item", "publish", "seq")

    def __init__(self, channel: Channel) -> None:
        self.item = bulk(channel.item.encode())
        self.publish = b"*3\r\n" + arguments("PUBLISH", channel.name)
        self.seq = 0


class _Part:
    """One group's share of a slice."""

    __slots__ = ("entries", "family", "fields", "publishes")

    def __init__(self, family: str) -> None:
        self.family = family
        self.fields: dict[bytes, bytes] = {}
        self.entries = [self.fields]
        self.publishes: list[bytes] = []
        """In pieces, two a message: what never changes, and the payload."""

    def begin_entry(self) -> dict[bytes, bytes]:
        """Begin a further entry of the log, and return it."""
        self.fields = {}
        self.entries.append(self.fields)
        return self.fields

    def newest(self) -> dict[bytes, bytes]:
        """Return the newest payload of every item."""
        if len(self.entries) == 1:
            return self.fields
        return dict(chain.from_iterable(fields.items() for fields in self.entries))


class Packer:
    """Numbers and packs; owns the counters of all channels and the last payloads of all items.

    Both are bounded by the number of channels. A counter outlives the removal of its item, because the number
    goes on if the contract comes back.
    """

    def __init__(self, settings: SinkSettings, run: int) -> None:
        self.groups: dict[str, Group] = {}
        self._settings = settings
        self._run = run
        self._lines: dict[str, _Line] = {}
        self._encode = msgspec.json.Encoder().encode

    def group(self, name: str) -> Group:
        """Return a group, known from now on."""
        if name not in self.groups:
            self.groups[name] = Group(name, self._settings)
        return self.groups[name]

    def pack(self, batch: Batch) -> Slice:
        """Number, encode and pack what was taken from the buffer."""
        for channel, dropped in batch.spent.items():
            self._line(channel).seq += dropped
        parts = self._parts(batch)
        packed = Slice()
        pieces: list[bytes] = []
        for name in {**parts, **dict.fromkeys(batch.removed), **dict.fromkeys(batch.retained)}:
            packed.count += self._pack_group(self.group(name), parts.get(name), batch, pieces)
        for part in parts.values():
            packed.families[part.family] += len(part.publishes) // 2
        packed.packed = b"".join(pieces)
        return packed

    def _parts(self, batch: Batch) -> dict[str, _Part]:
        lines, encode, run = self._lines, self._encode, self._run
        parts: dict[str, _Part] = {}
        for channel, message in batch.messages:
            line = lines.get(channel.name) or self._line(channel)
            line.seq += 1
            message.run = run
            message.seq = line.seq
            payload = encode(message)
            size = len(payload)
            head = LENGTHS[size] if size < MOST_LENGTHS else b"$%d\r\n" % size
            value = b"".join((head, payload, b"\r\n"))
            part = parts.get(channel.group)
            if part is None:
                part = parts[channel.group] = _Part(message.family)
            fields, item = part.fields, line.item
            if item in fields:  # an item at most once an entry
                fields = part.begin_entry()
            fields[item] = value
            publishes = part.publishes
            publishes.append(line.publish)
            publishes.append(value)
        return parts

    def _pack_group(self, group: Group, part: _Part | None, batch: Batch, pieces: list[bytes]) -> int:
        """Add the commands of a group in pieces; return their number."""
        newest = part.newest() if part else {}
        gone = {bulk(item.encode()) for item in batch.removed.get(group.name, ())}
        if group.name in batch.retained:
            kept = {bulk(item.encode()) for item in batch.retained[group.name]}
            gone |= group.last.keys() - kept - newest.keys()
        if gone:
            newest = {item: value for item, value in newest.items() if item not in gone}
        count = 0
        if part:
            for fields in part.entries:
                group.log(fields, pieces)
            count += len(part.entries)
        group.last.update(newest)
        count += group.keep(newest, pieces)
        forgotten = group.forget(gone)
        pieces += forgotten
        count += len(forgotten)
        if part:
            pieces += part.publishes
            count += len(part.publishes) // 2
        return count

    def _line(self, channel: Channel) -> _Line:
        line = self._lines.get(channel.name)
        if line is None:
            line = self._lines[channel.name] = _Line(channel)
        return line
