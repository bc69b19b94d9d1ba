"""Messages -> numbered payloads -> packed commands; keeps the last payload of every item.

A slice writes per group: the log (`XADD`), the last values (`HSET`, `EXPIRE`, `HDEL`), then `PUBLISH` for
every message. Log and last value come before the publish, so one who subscribes first and reads the last
value then misses nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import msgspec

from microstream.model.channels import Channel
from microstream.sinks.buffer import Batch, Entry
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
    families: dict[str, int] = field(default_factory=dict)

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

    def log(self, count: int, fields: bytes) -> bytes:
        """Return the `XADD` of one entry with `count` packed fields."""
        return b"*%d\r\n%b%b" % (6 + 2 * count, self._xadd, fields)

    def set_last(self, count: int, fields: bytes) -> list[bytes]:
        """Return `HSET` and `EXPIRE` for `count` packed fields, nothing for none."""
        return [b"*%d\r\n%b%b" % (2 + 2 * count, self._hset, fields), self.expire] if count else []

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
            yield self.set_last(len(portion), _joined(portion))


class _Part:
    """One group's share of a slice, in pieces: packed items and payloads in turn, and the same for `PUBLISH`."""

    __slots__ = ("family", "fields", "group", "publishes")

    def __init__(self, group: Group, family: str) -> None:
        self.group = group
        self.family = family
        self.fields: list[bytes] = []
        self.publishes: list[bytes] = []

    def entries(self) -> list[dict[bytes, bytes]]:
        """Return the fields as entries that have every item once at most."""
        entries: list[dict[bytes, bytes]] = [{}]
        for item, value in zip(self.fields[::2], self.fields[1::2], strict=True):
            if item in entries[-1]:
                entries.append({})
            entries[-1][item] = value
        return entries


class _Line:
    """What never changes of one channel's commands, its group's share of the slice that is packed, and its counter."""

    __slots__ = ("item", "part", "publish", "seq")

    def __init__(self, channel: Channel, part: _Part) -> None:
        self.item = bulk(channel.item.encode())
        self.publish = b"*3\r\n" + arguments("PUBLISH", channel.name)
        self.part = part
        self.seq = 0


def _joined(fields: dict[bytes, bytes]) -> bytes:
    return b"".join(chain.from_iterable(fields.items()))


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
        self._parts: dict[str, _Part] = {}
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
        packed = Slice()
        pieces: list[bytes] = []
        if batch.removed or batch.retained:
            for name in {**batch.removed, **batch.retained}:
                group = self.group(name)
                pieces += group.forget(_gone(group, batch))
            packed.count = len(pieces)
        for part in self._numbered(batch.messages):
            packed.count += self._pack_part(part, batch, pieces)
            written = len(part.publishes) // 2
            packed.families[part.family] = packed.families.get(part.family, 0) + written
            part.fields.clear()
            part.publishes.clear()
        packed.packed = b"".join(pieces)
        return packed

    def pack_numbered(self, entries: Iterable[Sequence[tuple[Channel, bytes]]]) -> Slice:
        """Pack payloads that have their numbers already, each sequence as the one entry of its group that it was.

        An entry is of one group and has an item once at most. They are written in the order in which they come.
        """
        packed = Slice()
        pieces: list[bytes] = []
        groups: dict[str, Group] = {}
        for entry in entries:
            part = self._put(entry)
            group = groups[part.group.name] = part.group
            fields = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
            together = b"".join(part.fields)
            group.last.update(fields)
            pieces += (group.log(len(fields), together), group.set_last(len(fields), together)[0])
            pieces += part.publishes
            packed.count += 2 + len(entry)
            packed.families[part.family] = packed.families.get(part.family, 0) + len(entry)
            part.fields.clear()
            part.publishes.clear()
        pieces += [group.expire for group in groups.values()]
        packed.count += len(groups)
        packed.packed = b"".join(pieces)
        return packed

    def _put(self, entry: Sequence[tuple[Channel, bytes]]) -> _Part:
        """Add the payloads of an entry to the share of its group."""
        for channel, payload in entry:
            line = self._lines.get(channel.name) or self._line(channel)
            value = bulk(payload)
            line.part.fields += (line.item, value)
            line.part.publishes += (line.publish, value)
        return line.part

    def _numbered(self, messages: Iterable[Entry]) -> list[_Part]:
        """Give every message its number, encode it, and add it to the share of its group; return the shares."""
        lines, encode, run = self._lines, self._encode, self._run
        touched: list[_Part] = []
        for channel, message in messages:
            line = lines.get(channel.name) or self._line(channel)
            line.seq = seq = line.seq + 1
            message.run = run
            message.seq = seq
            payload = encode(message)
            size = len(payload)
            value = (LENGTHS[size] if size < MOST_LENGTHS else b"$%d\r\n" % size) + payload + b"\r\n"
            part = line.part
            fields = part.fields
            if not fields:
                touched.append(part)
            fields.append(line.item)
            fields.append(value)
            publishes = part.publishes
            publishes.append(line.publish)
            publishes.append(value)
        return touched

    def _pack_part(self, part: _Part, batch: Batch, pieces: list[bytes]) -> int:
        """Add the commands of a group's share in pieces; return their number."""
        group = part.group
        newest = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
        if 2 * len(newest) == len(part.fields):
            fields = b"".join(part.fields)
            entries = [group.log(len(newest), fields)]
        else:
            fields = _joined(newest)
            entries = [group.log(len(entry), _joined(entry)) for entry in part.entries()]
        pieces += entries
        if batch.removed and (removed := batch.removed.get(group.name)):
            gone = {bulk(item.encode()) for item in removed}
            newest = {item: value for item, value in newest.items() if item not in gone}
            fields = _joined(newest)
        group.last.update(newest)
        kept = group.set_last(len(newest), fields)
        pieces += kept
        pieces += part.publishes
        return len(entries) + len(kept) + len(part.publishes) // 2

    def _line(self, channel: Channel) -> _Line:
        line = self._lines.get(channel.name)
        if line is None:
            part = self._parts.get(channel.group)
            if part is None:
                part = self._parts[channel.group] = _Part(self.group(channel.group), channel.family)
            line = self._lines[channel.name] = _Line(channel, part)
        return line


def _gone(group: Group, batch: Batch) -> set[bytes]:
    """Return the packed items that leave the hash of a group: not those of messages that are written now."""
    gone = {bulk(item.encode()) for item in batch.removed.get(group.name, ())}
    if group.name in batch.retained:
        kept = {bulk(item.encode()) for item in batch.retained[group.name]}
        offered = {
            bulk(channel.item.encode()) for channel, _ in batch.messages if channel.group == group.name
        }
        gone |= group.last.keys() - kept - offered
    return gone
