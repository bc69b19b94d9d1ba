"""Whatever happens between core and server, the log's numbers tell losses from conflation."""

from collections import defaultdict

import hiredis
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from microstream.model.channels import Channel, channel
from microstream.model.messages import Message
from microstream.sinks.buffer import Buffer
from microstream.sinks.packing import Packer, Slice
from microstream.sinks.settings import SinkSettings

CHANNELS = [channel(family, "okx", item) for family in ("mark_price", "quality") for item in ("a", "b")]
MAX_QUEUED = 3

steps = st.lists(
    st.one_of(
        st.sampled_from(CHANNELS),
        st.tuples(st.integers(1, 4), st.lists(st.booleans(), max_size=2)),
    ),
    max_size=60,
)
"""A channel: offer a message on it. A tuple: take so many and write them, after failures that reached the
server (True) or did not (False)."""


class Newest(Message, gc=False, kw_only=True):
    """A message that conflates."""

    family = "mark_price"


class Queued(Message, gc=False, kw_only=True):
    """A message that does not."""

    family = "quality"
    conflates = False


def message(subject: Channel, number: int) -> Message:
    """The n-th message of a test, told apart by its time of receipt."""
    kind = Queued if subject.group.startswith("quality") else Newest
    return kind(
        exchange="okx",
        symbol=subject.item,
        instrument=None,
        timestamp=None,
        received_at=number,
        source="ws",
        v=1,
        run=0,
        seq=0,
        flags=(),
    )


class Log:
    """The streams of a server as one list per channel of (seq, received_at)."""

    def __init__(self) -> None:
        self.entries: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)

    def execute(self, packed: Slice) -> None:
        """Do what the server does with the `XADD`s of a slice."""
        reader = hiredis.Reader()
        for command in packed.commands:
            reader.feed(command)
            verb, key, *words = reader.gets()
            if verb == b"XADD":
                fields = words[4::2], words[5::2]
                assert len(set(fields[0])) == len(fields[0])
                for item, payload in zip(*fields, strict=True):
                    read = msgspec.json.decode(payload)
                    place = key.decode().removeprefix("stream:"), item.decode()
                    self.entries[place].append((read["seq"], read["received_at"]))


@given(steps)
def test_holes_are_drops(script: list[Channel | tuple[int, list[bool]]]) -> None:
    """Numbers rise by one, repeat with the same payload only, and have holes exactly where one was lost."""
    buffer, packer, log = Buffer(MAX_QUEUED), Packer(SinkSettings("redis://127.0.0.1"), 1), Log()
    offered: defaultdict[Channel, list[int]] = defaultdict(list)
    last_words = dict.fromkeys(step for step in script if isinstance(step, Channel))
    for number, step in enumerate([*script, (1000, []), *last_words, (1000, [])]):
        if isinstance(step, Channel):
            offered[step].append(number)
            buffer.offer(step, message(step, number))
            continue
        limit, failures = step
        packed = packer.pack(buffer.take(limit))
        for reached in [*failures, True]:
            if reached:
                log.execute(packed)
    lost = 0
    for subject, numbers in offered.items():
        entries = list(dict.fromkeys(log.entries[subject.group, subject.item]))
        seqs = [seq for seq, _ in entries]
        received = [at for _, at in entries]
        assert seqs == sorted(set(seqs))
        assert received == sorted(received)
        assert received[-1] == numbers[-1]
        holes = seqs[-1] - len(seqs)
        if subject.group.startswith("quality"):
            assert seqs == [numbers.index(at) + 1 for at in received]
            lost += holes
        else:
            assert holes == 0
    assert lost == buffer.dropped.total()
    assert sum(map(len, offered.values())) == buffer.conflated + lost + sum(
        len(set(entries)) for entries in log.entries.values()
    )
