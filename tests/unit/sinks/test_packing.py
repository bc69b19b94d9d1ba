"""A slice holds the three forms of every message, numbered, in the order that loses nothing."""

from typing import Any

import hiredis
import msgspec
import pytest

from microstream.model.channels import channel
from microstream.model.messages import MarkPriceMessage, Message
from microstream.sinks.buffer import Batch
from microstream.sinks.packing import Packer, Slice
from microstream.sinks.settings import SinkSettings

SOL = channel("mark_price", "okx", "sol-usdt")
BTC = channel("mark_price", "okx", "btc-usdt")
GROUP = "mark_price:okx"


@pytest.fixture
def packer() -> Packer:
    """A packer whose run is 77."""
    return Packer(SinkSettings("redis://127.0.0.1", last_ttl_s=60, stream_max_length=500), run=77)


def mark(price: float) -> Message:
    """A mark price and nothing else."""
    return MarkPriceMessage(
        v=1,
        run=0,
        seq=0,
        flags=(),
        exchange="okx",
        symbol="any",
        instrument=None,
        timestamp=None,
        received_at=0,
        source="ws",
        mark_price=price,
        index_price=None,
        basis=None,
        basis_bps=None,
        index_timestamp=None,
    )


def commands(packed: list[bytes]) -> list[list[bytes]]:
    """Read packed commands as a server does, each exactly one command."""
    read = []
    for one in packed:
        reader = hiredis.Reader()
        reader.feed(one)
        read.append(reader.gets())
        assert reader.gets() is False
    return read


def verbs(packed: Slice) -> list[str]:
    """The names of the commands of a slice."""
    return [words[0].decode() for words in commands(packed.commands)]


def test_three_forms_of_one_message(packer: Packer) -> None:
    """Log, last value with its life, then publish; the payload is the same in all."""
    message = mark(1.5)
    log, last, life, live = commands(packer.pack(Batch([(SOL, message)])).commands)
    payload = msgspec.json.encode(message)
    stream = b"stream:mark_price:okx"
    assert log == [b"XADD", stream, b"MAXLEN", b"~", b"500", b"*", b"sol-usdt", payload]
    assert last == [b"HSET", b"last:mark_price:okx", b"sol-usdt", payload]
    assert life == [b"EXPIRE", b"last:mark_price:okx", b"60"]
    assert live == [b"PUBLISH", b"meta:mark_price:okx:sol-usdt", payload]
    assert msgspec.json.decode(payload)["run"] == 77
    assert msgspec.json.decode(payload)["seq"] == 1


def test_groups_share_no_command(packer: Packer) -> None:
    """Each group has its own log entry and hash, so that a cluster can spread them."""
    other = channel("mark_price", "bybit", "solusdt")
    packed = packer.pack(Batch([(SOL, mark(1.0)), (other, mark(2.0)), (BTC, mark(3.0))]))
    okx = ["XADD", "HSET", "EXPIRE", "PUBLISH", "PUBLISH"]
    bybit = ["XADD", "HSET", "EXPIRE", "PUBLISH"]
    assert verbs(packed) == okx + bybit
    assert packed.families == {"mark_price": 3}
    assert packed.count == len(packed.commands)
    assert b"".join(packed.commands) == packed.packed


def test_item_at_most_once_an_entry(packer: Packer) -> None:
    """Two messages of one item make two log entries; the last value is the second."""
    first, second, third = mark(1.0), mark(2.0), mark(3.0)
    packed = commands(packer.pack(Batch([(SOL, first), (BTC, second), (SOL, third)])).commands)
    assert [words[6::2] for words in packed if words[0] == b"XADD"] == [
        [b"sol-usdt", b"btc-usdt"],
        [b"sol-usdt"],
    ]
    [last] = [dict(zip(words[2::2], words[3::2], strict=True)) for words in packed if words[0] == b"HSET"]
    assert last == {b"sol-usdt": msgspec.json.encode(third), b"btc-usdt": msgspec.json.encode(second)}


def test_seq_counts_per_channel(packer: Packer) -> None:
    """Every channel counts from 1, whatever the others do; a dropped message spends its number."""
    messages = [mark(float(number)) for number in range(4)]
    packer.pack(Batch([(SOL, messages[0]), (BTC, messages[1])]))
    batch = Batch([(SOL, messages[2]), (BTC, messages[3])])
    batch.spent[SOL] = 2
    packer.pack(batch)
    assert [message.seq for message in messages] == [1, 1, 4, 2]


def test_removed_item_is_published_but_not_kept(packer: Packer) -> None:
    """The hash loses the item, the log and the live channel still carry its last word."""
    packer.pack(Batch([(SOL, mark(1.0)), (BTC, mark(2.0))]))
    packed = commands(packer.pack(Batch([(SOL, mark(3.0))], removed={GROUP: {"sol-usdt"}})).commands)
    assert [words[0] for words in packed] == [b"HDEL", b"XADD", b"PUBLISH"]
    assert packed[0] == [b"HDEL", b"last:mark_price:okx", b"sol-usdt"]
    assert restored(packer) == [b"btc-usdt"]


def test_number_goes_on_after_removal(packer: Packer) -> None:
    """A contract that comes back does not start again from 1 in the same run."""
    packer.pack(Batch([(SOL, mark(1.0))]))
    packer.pack(Batch([], removed={GROUP: {"sol-usdt"}}))
    back = mark(2.0)
    packer.pack(Batch([(SOL, back)]))
    assert back.seq == 2


def test_retain_removes_what_we_wrote_and_keeps_what_is_offered(packer: Packer) -> None:
    """Known items outside the list leave at once, unless they come with the same batch."""
    packer.pack(Batch([(SOL, mark(1.0)), (BTC, mark(2.0))]))
    packed = packer.pack(Batch([(BTC, mark(3.0))], retained={GROUP: frozenset()}))
    assert [words[2:] for words in commands(packed.commands) if words[0] == b"HDEL"] == [[b"sol-usdt"]]
    assert restored(packer) == [b"btc-usdt"]


def test_restore_is_cut_in_portions(packer: Packer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large hash comes back in several writes, each complete."""
    monkeypatch.setattr("microstream.sinks.packing.RESTORED_AT_ONCE", 2)
    packer.pack(Batch([(channel("mark_price", "okx", str(item)), mark(1.0)) for item in range(5)]))
    portions = [commands(portion) for portion in packer.group(GROUP).restore()]
    assert [len(hset) // 2 - 1 for hset, _ in portions] == [2, 2, 1]
    assert restored(packer) == [b"0", b"1", b"2", b"3", b"4"]


def restored(packer: Packer) -> list[Any]:
    """The items that would be set again after a reconnect."""
    return [
        item
        for portion in packer.group(GROUP).restore()
        for words in commands(portion)
        if words[0] == b"HSET"
        for item in words[2::2]
    ]


def test_numbered_payloads_keep_their_entries(packer: Packer) -> None:
    """Each sequence is an entry by itself, then its last values, then its publishes; a hash lives on once a slice."""
    packed = packer.pack_numbered([[(SOL, b"s1"), (BTC, b"b1")], [(SOL, b"s2")]])
    log = [b"XADD", f"stream:{GROUP}".encode(), b"MAXLEN", b"~", b"500", b"*"]
    last = [b"HSET", f"last:{GROUP}".encode()]
    assert commands(packed.commands) == [
        [*log, b"sol-usdt", b"s1", b"btc-usdt", b"b1"],
        [*last, b"sol-usdt", b"s1", b"btc-usdt", b"b1"],
        [b"PUBLISH", SOL.name.encode(), b"s1"],
        [b"PUBLISH", BTC.name.encode(), b"b1"],
        [*log, b"sol-usdt", b"s2"],
        [*last, b"sol-usdt", b"s2"],
        [b"PUBLISH", SOL.name.encode(), b"s2"],
        [b"EXPIRE", f"last:{GROUP}".encode(), b"60"],
    ]
    assert (packed.count, packed.families) == (8, {"mark_price": 3})
    [[restored]] = [commands(portion[:1]) for portion in packer.group(GROUP).restore()]
    assert restored == [*last, b"sol-usdt", b"s2", b"btc-usdt", b"b1"]
