"""A pipeline with everything that it says written down."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import json
from msgspec.structs import replace
from tests.unit.model.contracts import NOON

from microstream.model.channels import Channel
from microstream.model.events import FundingRate, Kind, Source
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.model.messages import Message
from microstream.model.state import State, Upkeep
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES

S = 1_000
MINUTE = 60 * S
HOUR = 60 * MINUTE
INTERVALS = {"funding": 30 * S, "mark_price": 10 * S, "oi": 15 * S}
NEXT = NOON + 4 * HOUR
"""The settlement at 16:00 of every interval."""
HERE = "now"
"""The venue stamps a value with the very time at which it arrives."""

ALL: tuple[Kind, ...] = ("mark", "index", "funding", "open_interest")

Payload = dict[str, Any]


class Bench:
    """Feeds a pipeline and keeps what it offers, doubts, learns and wants to be subscribed anew.

    Learnt terms go straight back to the registry.
    """

    def __init__(
        self, *, polled: frozenset[Kind] = frozenset(), streamed: frozenset[Kind] = frozenset()
    ) -> None:
        self.offered: list[tuple[str, Payload]] = []
        self.doubts: Counter[str] = Counter()
        self.learnt: list[tuple[str, FundingRate, float | None]] = []
        self.renewed: list[str] = []
        self.hurried: list[str] = []
        self.pipeline = Pipeline(
            tuple(SERVICES.values()),
            self._offer,
            self._terms,
            self._doubt,
            silent=self._silent,
            polled=polled,
            streamed=streamed,
        )

    def follow(
        self,
        *instruments: Instrument,
        at: int = NOON,
        intervals: Mapping[str, int] = INTERVALS,
        lag_ms: int | None = None,
    ) -> None:
        """Follow contracts as the service does: what never funds has no funding channel."""
        for item in instruments:
            families = [name for name in intervals if name != "funding" or item.kind == "perpetual"]
            self.pipeline.follow(item, {name: Upkeep(intervals[name], lag_ms, at) for name in families})

    def line(
        self,
        *items: Instrument,
        topic: str = "tickers",
        kinds: Iterable[Kind] = ALL,
        whole: bool = True,
        lively_ms: int = 5 * S,
        quiet_ms: int | None = 60 * S,
    ) -> Line:
        """Let a new line of a stream bring values of contracts; one that is not whole is of the whole venue."""
        line = Line(items[0].exchange, topic, whole, lively_ms, quiet_ms)
        self.pipeline.lines.add(line, items if whole else ())
        self.pipeline.attach(line, items, kinds)
        return line

    def frame(
        self, item: Instrument, at: int, time: int | str | None = HERE, source: Source = "rest", **values: Any
    ) -> Frame:
        """Return a reply with some values of a contract, received at `at` and stamped `time`."""
        frame = Frame("tickers", at, source)
        stamp = at if isinstance(time, str) else time
        for kind, value in values.items():
            if kind in {"mark", "index"}:
                getattr(frame, kind)(item, stamp, value)
            elif kind == "rate":
                terms = value if isinstance(value, dict) else {"rate": value}
                frame.funding(item, stamp, **{"settles_at": NEXT, **terms})
            elif kind == "settled":
                frame.settled(item, stamp, rate=value[0], settled_at=value[1])
            else:
                terms = value if isinstance(value, dict) else {"contracts": value}
                frame.open_interest(item, stamp, **terms)
        return frame

    def hear(self, item: Instrument, at: int, *, period_ms: int = 0, **values: Any) -> list[Payload]:
        """Push one reply (see `frame`) and return what was published by it, quality apart."""
        before = len(self.offered)
        frame = self.frame(item, at, **values)
        self.pipeline.reject(item.exchange, [frame])
        self.pipeline.push([frame], period_ms)
        return [payload for channel, payload in self.offered[before:] if not channel.startswith("quality:")]

    def stream(
        self, line: Line, item: Instrument, at: int, *, time: int | str | None = HERE, **values: Any
    ) -> list[Payload]:
        """Push one frame of a line (see `frame`), as its desk does; return what was published, quality apart."""
        before = len(self.offered)
        frame = self.frame(item, at, time, "ws", **values)
        stamp = at if isinstance(time, str) else time
        if line.since is None:
            self.pipeline.lines.heard(line, at, stamp)
        elif stamp is None or line.stamp is None or stamp >= line.stamp:
            line.heard_at, line.stamp = at, stamp
        self.pipeline.reject(item.exchange, [frame])
        self.pipeline.push_frame(frame)
        return [payload for channel, payload in self.offered[before:] if not channel.startswith("quality:")]

    def ticks(self, begin: int, end: int) -> list[Payload]:
        """Let time pass second by second up to and with `end`; return what was published, quality apart."""
        return [payload for at in range(begin, end + 1, S) for payload in self.tick(at)]

    def one(self, item: Instrument, at: int, **values: Any) -> Payload:
        """Push one reply and return the only payload that was published by it."""
        (payload,) = self.hear(item, at, **values)
        return payload

    def tick(self, at: int) -> list[Payload]:
        """Let time pass and return what was published by it, quality apart."""
        before = len(self.offered)
        self.pipeline.tick(at)
        return [payload for channel, payload in self.offered[before:] if not channel.startswith("quality:")]

    def state(self, item: Instrument) -> State:
        """Return what is known of a contract."""
        return self.pipeline.states[item.key]

    def quality(self, kind: str | None = None) -> list[tuple[str, str, str, str | None]]:
        """Return the quality messages so far: symbol, kind, state and what they are about."""
        return [
            (payload["symbol"], payload["kind"], payload["state"], payload["about"])
            for channel, payload in self.offered
            if channel.startswith("quality:") and kind in {None, payload["kind"]}
        ]

    def _offer(self, channel: Channel, message: Message) -> None:
        self.offered.append((channel.name, json.decode(json.encode(message))))

    def _terms(self, instrument: Instrument, event: FundingRate, interval_h: float | None) -> None:
        self.learnt.append((instrument.symbol, event, interval_h))
        if interval_h is not None:
            learnt = replace(instrument, funding_interval_hours=interval_h)
            self.pipeline.update(learnt, event.received_at)

    def _silent(self, _exchange: str, topic: str, anew: bool) -> None:
        (self.renewed if anew else self.hurried).append(topic)

    def _doubt(self, exchange: str) -> None:
        self.doubts[exchange] += 1
