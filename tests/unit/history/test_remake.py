"""Remake: recorded values through the service's own stages, in recorded time."""

from pathlib import Path

import msgspec
import pytest
from tests.unit.analytics.said import mark_price
from tests.unit.history.recorded import NOON, minutes, record

from microstream.app.recomputation import Recomputation
from microstream.config import Config
from microstream.config.alerts import Alerts as AlertSection
from microstream.history.remake import VALUES, Made, Remake
from microstream.history.store import Store
from microstream.history.tape import Entry, Tape
from microstream.model.channels import Channel, channel
from microstream.model.messages import AlertMessage, BarMessage, Message
from microstream.model.past import Span

SPAN = Span(NOON, NOON + 180_000)
CHANNEL = channel("mark_price", "bybit", "solusdt")


class Notes:
    """Stages that write down what they are told, and make one message a tick."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self._made: Made = []

    def take(self, where: Channel, message: Message, now: int) -> None:
        """Note a message."""
        self.told.append((where.item, now - NOON))

    def tick(self, now: int) -> None:
        """Note a tick."""
        self.told.append(("tick", now - NOON))
        self._made.append((channel("signal", "test", "sol"), mark_price(now, 1.0)))

    def made(self) -> Made:
        """Return what was made since."""
        made, self._made = self._made, []
        return made


def entry(at: int) -> Entry:
    """Return an entry with a recorded mark."""
    return Entry(NOON + at, [(CHANNEL, mark_price(NOON + at, 1.0, run=7, seq=9))])


def test_ticks_lie_between_messages_as_in_the_service() -> None:
    """One at its place in every second, the first before the first message; what comes at its time comes after."""
    notes = Notes()
    remake = Remake(notes, phase_ms=250)
    made = list(remake.entries([entry(300), entry(1_249), entry(1_250), entry(3_100)]))
    assert notes.told == [
        ("tick", 250),
        ("solusdt", 300),
        ("solusdt", 1_249),
        ("tick", 1_250),
        ("solusdt", 1_250),
        ("tick", 2_250),
        ("solusdt", 3_100),
    ]
    assert [
        (one.written_at - NOON, message.run, message.seq) for one in made for _, message in one.messages
    ] == [
        (250, NOON + 250, 1),
        (300, 7, 9),
        (1_249, 7, 9),
        (1_250, NOON + 250, 2),
        (1_250, 7, 9),
        (2_250, NOON + 250, 3),
        (3_100, 7, 9),
    ]


def test_nobody_was_there_in_a_long_silence() -> None:
    """A minute without a message has no ticks; they go on just before the next message."""
    notes = Notes()
    list(Remake(notes, phase_ms=250).entries([entry(300), entry(500_000)]))
    assert notes.told == [("tick", 250), ("solusdt", 300), ("tick", 499_250), ("solusdt", 500_000)]


def test_numbers_begin_behind_the_warm_up() -> None:
    """What was made before the span has no number that counts."""
    remake = Remake(Notes(), phase_ms=250)
    list(remake.entries([entry(300), entry(2_300)]))
    remake.begin()
    made = [message for one in remake.entries([entry(3_300)]) for _, message in one.messages]
    assert [(message.run, message.seq) for message in made] == [(NOON + 3_250, 1), (7, 9)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three minutes of two contracts."""
    store = Store(str(tmp_path))
    record(store, minutes(3))
    return store


def computed(store: Store, config: Config) -> list[tuple[str, Message]]:
    """Return what a configuration makes of a recording."""
    tape = Tape(store, VALUES)
    remake = Remake(Recomputation(config), phase_ms=250)
    entries = [entry for part in tape.parts(SPAN) for entry in remake.entries(tape.read(part).entries())]
    entries += remake.end(SPAN.end)
    return [
        (where.name, message)
        for one in entries
        for where, message in one.messages
        if where.family not in VALUES
    ]


def test_bars_signals_and_alerts_are_made_anew_and_the_same_twice(store: Store) -> None:
    """A rule that never was tells when it would have been broken; the bars are those of the marks."""
    rule = {"high": {"on": "meta:mark_price:*", "value": "mark_price", "above": 109.0}}
    config = Config(symbols=["SOL"], alerts=AlertSection.model_validate({"rules": rule}))
    made = computed(store, config)
    bars = [
        message
        for name, message in made
        if name == "bars:bybit:solusdt:1m" and isinstance(message, BarMessage) and message.open_time > NOON
    ]
    assert [(bar.open_time - NOON, bar.mark and bar.mark.samples) for bar in bars] == [(60_000, 60)]
    states = [
        message.state for _, message in made if isinstance(message, AlertMessage) and message.rule == "high"
    ]
    assert sorted(states) == ["cleared", "cleared", "raised", "raised"]
    assert {name.split(":")[0] for name, _ in made} == {"bars", "signal", "alert"}
    again = computed(store, config)
    assert list(map(msgspec.json.encode, made)) == list(map(msgspec.json.encode, again))
