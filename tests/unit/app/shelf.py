"""An instrument book with a reader that says what a test wants."""

from random import Random
from typing import Any

from msgspec import json
from tests.unit.model.contracts import NOON

from microstream.app.book import InstrumentBook
from microstream.errors import MicrostreamError
from microstream.model.instruments import Instrument
from microstream.model.state import Upkeep
from microstream.model.symbols import Selection
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES
from microstream.sinks.buffer import Batch, Buffer
from microstream.spec.rest import Listed
from microstream.transport.listing import ListReader


class Reader(ListReader):
    """Answers with the next of `answers`, the last one for ever; `reads` counts."""

    def __init__(self, *answers: list[Instrument] | MicrostreamError) -> None:
        self.missing = frozenset()
        self.limits: dict[str, float] = {}
        self.answers = list(answers)
        self.reads = 0

    async def read(self) -> Listed:
        """Return or raise the next answer."""
        self.reads += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, MicrostreamError):
            raise answer
        return Listed(answer, limits=self.limits)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def now_ms(self) -> int:
        """Return what was set, noon at first."""
        return self.now

    def monotonic(self) -> float:
        """Return the same in seconds."""
        return self.now / 1000


class Shelf:
    """A book with its pipeline and buffer."""

    def __init__(
        self,
        *names: str,
        reader: Reader,
        venue: str = "bybit",
        tradfi: bool = False,
        refresh_s: float = 600.0,
    ) -> None:
        self.reader = reader
        self.clock = Clock()
        self.buffer = Buffer(1000)
        self.doubts: list[str] = []
        self.pipeline = Pipeline(
            tuple(SERVICES.values()),
            self.buffer.offer,
            terms=lambda instrument, event, hours: self.book.learn(event, instrument, hours),
            doubt=self.doubts.append,
        )
        self.book = InstrumentBook(
            venue,
            reader,
            Selection(names, tradfi=tradfi),
            self.pipeline,
            self.buffer,
            upkeep_of=lambda _item, now: {name: Upkeep(10_000, None, now) for name in FAMILIES},
            refresh_s=refresh_s,
            clock=self.clock,
            random=Random(1),
        )

    async def read(self) -> float:
        """Read the lists once, as `run` does; return the seconds until the next time."""
        return await self.book._refresh()

    def followed(self) -> set[str]:
        """Return the symbols that the pipeline follows; the parsers see the same ones."""
        symbols = {state.instrument.symbol for state in self.pipeline.states.values()}
        assert symbols == {item.symbol for item in self.book.context.instruments.values()}
        return symbols

    def taken(self) -> Batch:
        """Return what the writer would take now."""
        return self.buffer.take(1000)

    def told(self) -> dict[str, dict[str, Any]]:
        """Return the payloads of channels `meta:instrument:` that wait, by symbol."""
        return {
            channel.item: json.decode(json.encode(message))
            for channel, message in self.taken().messages
            if message.family == "instrument"
        }


FAMILIES = tuple(service.family for service in SERVICES.values() if not service.of_spot)
