"""The join over random histories: each message once and in order, or told."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import json

from microstream.client.events import Event, read_event
from microstream.client.join import Join
from microstream.client.notices import Healed, Lost
from microstream.client.scan import Scan
from microstream.model.channels import channel

STREAM = "stream:funding:okx"
ITEMS = ("a", "b", "c")
Number = tuple[int, int]


def _name(item: str) -> str:
    return channel("funding", "okx", item).name


def _raw(number: Number) -> bytes:
    return json.encode({"run": number[0], "seq": number[1]})


def covers(lost: Lost, number: Number, got: list[Number]) -> bool:
    """Return whether a loss is that of a number; with an open end up to what came next, of whatever run."""
    first = (lost.run, lost.first)
    if lost.last is None:
        return first <= number and not any(first <= other <= number for other in got)
    return first <= number <= (lost.run, lost.last)


class Reading(RuleBasedStateMachine):
    """A publisher, its log, a connection that loses messages or breaks, and the join behind it."""

    keeps: int | None = None
    """Entries that the log keeps, None for all."""

    def __init__(self) -> None:
        super().__init__()
        self.join = Join(lambda place, instrument: True)
        self.run, self.seq = 1, dict.fromkeys(ITEMS, 0)
        self.published: dict[str, list[Number]] = defaultdict(list)
        self.log: list[dict[bytes, bytes]] = []
        self.last: dict[str, Number] = {}
        self.connected = True
        self.unnoticed: set[str] = set()
        """Items whose newest message was lost with the connection standing."""
        self.scan: Scan | None = None
        self.got: dict[str, list[Event]] = defaultdict(list)
        self.told: list[Healed | Lost] = []

    def offer(self, item: str, number: Number, *, live: bool = True) -> None:
        event = read_event(_name(item), _raw(number), live=live)
        if self.join.offer(event):
            self.got[item].append(event)
        self.collect()

    def collect(self) -> None:
        for event in self.join.ready:
            self.got[event.channel.rpartition(":")[2]].append(event)
        self.told += self.join.told
        self.join.ready.clear()
        self.join.told.clear()

    @rule(items=st.sets(st.sampled_from(ITEMS), min_size=1), arrives=st.booleans(), repeats=st.booleans())
    def publish(self, items: set[str], arrives: bool, repeats: bool) -> None:
        """Write one entry and publish its messages, which arrive or are lost; a retry repeats all of it."""
        numbers: dict[str, Number] = {}
        for item in sorted(items):
            self.seq[item] += 1
            numbers[item] = self.run, self.seq[item]
            self.published[item].append(numbers[item])
        self.last |= numbers
        self.unnoticed = self.unnoticed - items if arrives else self.unnoticed | items
        for _ in range(1 + repeats):
            self.log.append({item.encode(): _raw(number) for item, number in numbers.items()})
            if arrives and self.connected:
                for item, number in numbers.items():
                    self.offer(item, number)
        if self.keeps is not None:
            del self.log[: -self.keeps]

    @precondition(lambda self: any(self.seq.values()) and (self.keeps is None or not self.unnoticed))
    @rule()
    def restart_publisher(self) -> None:
        """Count from 1 again, under a new run; what was logged and never published is found while the log has it."""
        self.run += 1
        self.seq = dict.fromkeys(ITEMS, 0)

    @rule(item=st.sampled_from(ITEMS))
    def delist(self, item: str) -> None:
        """The last value leaves the hash; the log stays."""
        self.last.pop(item, None)

    @precondition(lambda self: self.connected and not self.unnoticed)
    @rule()
    def break_connection(self) -> None:
        """Nothing arrives, and a scan under way comes to nothing."""
        self.connected, self.scan = False, None

    @precondition(lambda self: not self.connected)
    @rule()
    def connect_again(self) -> None:
        """Read the last values again."""
        self.connected = True
        self.join.was_away()
        for item, number in sorted(self.last.items()):
            self.offer(item, number, live=False)

    @precondition(lambda self: self.connected and self.scan is None and self.join.holes)
    @rule()
    def begin_scan(self) -> None:
        """The log is read; what comes from now on is not in it."""
        self.scan = self.join.begin(STREAM)
        for fields in reversed(self.log):
            if self.scan.done:
                break
            self.scan.entry(fields)

    @precondition(lambda self: self.scan is not None)
    @rule()
    def end_scan(self) -> None:
        """Release what was found."""
        assert self.scan is not None
        self.join.end(self.scan, "not there")
        self.collect()
        self.scan = None

    @invariant()
    def nothing_twice_or_out_of_order(self) -> None:
        """What was handed on is in the order of publication, without a repeat."""
        for item, events in self.got.items():
            order = {number: index for index, number in enumerate(self.published[item])}
            places = [order[event.run, event.seq] for event in events]
            assert places == sorted(set(places)), (item, places)

    def teardown(self) -> None:
        """Let everything settle, then account for every message."""
        if not self.connected:
            self.connect_again()
        for _ in range(4):
            self.publish(set(ITEMS), arrives=True, repeats=False)
            for _ in range(10):
                if self.join.holes:
                    self.begin_scan()
                    self.end_scan()
            assert not self.join.holes
        for item in ITEMS:
            self.account(item)

    def account(self, item: str) -> None:
        """Each message since the first is there or was told, and `missing` adds up to what was told."""
        events, numbers = self.got[item], self.published[item]
        got = [(event.run, event.seq) for event in events]
        lost = [one for one in self.told if isinstance(one, Lost) and one.channel == _name(item)]
        absent = set(numbers[numbers.index(got[0]) :]) - set(got)
        if self.keeps is None:
            assert (absent, lost) == (set(), []), "the log had everything"
        for number in absent:
            assert any(covers(one, number, got) for one in lost), (item, number, lost)
        for one in lost:
            if one.last is not None:
                assert not {(one.run, seq) for seq in range(one.first, one.last + 1)} & set(got)
        counted = sum(1 if one.last is None else one.last - one.first + 1 for one in lost)
        assert sum(event.missing for event in events) == counted


class ReadingAShortLog(Reading):
    """The same with a log that keeps three entries."""

    keeps = 3


TestWholeLog = Reading.TestCase
TestShortLog = ReadingAShortLog.TestCase
TestWholeLog.settings = TestShortLog.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None
)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_too_much_held_is_given_up(numbers: list[int]) -> None:
    """However few messages may be held, each is handed on once, in order."""
    join = Join(lambda place, instrument: True, held=2)
    got: list[int] = []
    for number in numbers:
        event = read_event(_name("a"), _raw((1, number)), live=True)
        got += [number] if join.offer(event) else [ready.seq for ready in join.ready]
        join.ready.clear()
        assert sum(len(hole.held) for holes in join.holes.values() for hole in holes.values()) <= 2
    join.give_up(STREAM, "the test is over")
    got += [ready.seq for ready in join.ready]
    assert got == sorted(set(got))
    assert got[0] == numbers[0]
    assert got[-1] == max(number for number in numbers if number >= numbers[0])


@pytest.mark.parametrize("seq", [1, 5])
def test_channels_past_the_limit_count_as_new(seq: int) -> None:
    """Memory is bounded: no repeat and no hole is noticed on them."""
    join = Join(lambda place, instrument: True, channels=1)
    assert join.offer(read_event(_name("a"), _raw((1, 1)), live=True))
    for _ in range(2):
        assert join.offer(read_event(_name("b"), _raw((1, seq)), live=True))
    assert not join.holes
