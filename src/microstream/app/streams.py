"""Streams: the WebSocket side of one venue: which topics are wanted, and what their frames and failures mean."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from microstream.clock import Clock
from microstream.errors import Banned, MicrostreamError, VenueRefused, WireMismatch
from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.pipeline.pipeline import Pipeline
from microstream.spec.rest import Context
from microstream.spec.stream import Endpoint, Refused, Topic
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.stream_feed import StreamFeed
from microstream.transport.stream_outlet import Tap
from microstream.transport.turns import Turns

Hurry = Callable[[frozenset[Kind]], None]
"""Told the kinds whose streams have just been lost or fallen silent: polls must not wait for their time."""


@dataclass(slots=True)
class FrameCounts:
    """Frames of topics that said a moment again, or an earlier one than the last; read at scrape."""

    repeats: int = 0
    backwards: int = 0


class Desk:
    """One endpoint: its feed, the topics that are wanted of it, and their lines."""

    def __init__(self, streams: "Streams", endpoint: Endpoint, feed: Callable[["Desk"], StreamFeed]) -> None:
        self.endpoint = endpoint
        self.counts = FrameCounts()
        self.lines: dict[str, Line] = {}
        self._streams = streams
        self._provides: dict[str, frozenset[Kind]] = {}
        self._lost: set[str] = set()
        self._push_frame = streams.pipeline.push_frame
        self.feed = feed(self)

    def plan(self, context: Context, kinds: frozenset[Kind], now: int) -> None:
        """Subscribe to what the followed contracts need, and to nothing else."""
        pipeline, venue = self._streams.pipeline, self._streams.venue
        topics = {topic.name: topic for topic in self.endpoint.topics(context, kinds)}
        for name in self.lines.keys() - topics.keys():
            pipeline.lines.remove(self.lines.pop(name), now)
            self._found(name, now)
        for name, topic in topics.items():
            line = self.lines.get(name)
            if line is None:
                line = self.lines[name] = _line(venue, topic)
            line.limit(*_limits(topic))
            about = _contracts(topic, context)
            pipeline.lines.add(line, about if topic.contracts is not None else ())
            pipeline.attach(line, about, topic.provides & kinds)
        self._provides = {name: topic.provides & kinds for name, topic in topics.items()}
        self.feed.want(tuple(topics.values()))

    def push(self, frame: Frame) -> None:
        """Take one frame into the core: from the socket's callback, so nothing here may wait."""
        line = self.lines.get(frame.topic or "")
        if line is not None:
            stamp, before = frame.stamp, line.stamp
            if line.since is not None and (stamp is None or before is None or stamp > before):
                line.heard_at, line.stamp = frame.received_at, stamp
            else:
                self._not_newer(line, frame.received_at, stamp)
        if frame.rejects:
            self._streams.pipeline.reject(self._streams.venue, (frame,))
        self._push_frame(frame)

    def confirmed(self, topic: Topic) -> None:
        """Await the first frame of a topic."""
        streams = self._streams
        streams.pipeline.lines.confirmed(streams.venue, topic.name, streams.clock.now_ms())

    def refused(self, topic: Topic, refusal: Refused) -> None:
        """Tell that the venue refuses one topic; the others go on."""
        streams = self._streams
        now = streams.clock.now_ms()
        streams.pipeline.lines.refused(streams.venue, topic.name, refusal.text, refusal.code, now)
        self._found(topic.name, now)
        streams.doubt()
        streams.hurry(topic.provides)

    def lost(self, topics: Sequence[Topic], reason: str) -> None:
        """Let polls have the values of topics that no connection carries, and tell the hole."""
        streams = self._streams
        now = streams.clock.now_ms()
        names = [topic.name for topic in topics if topic.name in self.lines]
        if not names:
            return
        heard = max([self.lines[name].heard_at for name in names])
        streams.pipeline.lines.lost(streams.venue, names, now)
        self._lost.update(names)
        streams.pipeline.quality.raised(
            streams.venue,
            None,
            "gap",
            self.endpoint.name,
            now=now,
            since=heard or now,
            detail=f"{len(names)} streams of {streams.venue} {self.endpoint.name} were cut off: {reason}",
        )
        streams.hurry(frozenset().union(*(topic.provides for topic in topics)))

    def mismatch(self, error: WireMismatch) -> None:
        """Count a frame that cannot be read, and keep a sample."""
        streams = self._streams
        sample = error.sample.decode("utf-8", "replace")
        streams.pipeline.rejects.add(
            streams.venue, self.endpoint.name, "?", error.reason, sample, streams.clock.now_ms()
        )

    def blocked(self, error: MicrostreamError) -> None:
        """Tell that the venue shuts this address out of its streams."""
        streams = self._streams
        code = error.code if isinstance(error, VenueRefused) else error.reason
        streams.pipeline.quality.raised(
            streams.venue,
            None,
            "refused",
            self.endpoint.name,
            now=streams.clock.now_ms(),
            detail=str(error),
            severity="critical" if isinstance(error, Banned) else "warning",
            observed=code,
        )

    def working(self) -> None:
        """Tell that it lets this address in again."""
        streams = self._streams
        now, detail = streams.clock.now_ms(), f"the streams of {streams.venue} can be reached again"
        streams.pipeline.quality.cleared(
            streams.venue, None, "refused", self.endpoint.name, now=now, detail=detail
        )

    def silent(self, topic: str, *, anew: bool) -> frozenset[Kind]:
        """Subscribe anew to a topic that has fallen silent, all of them on new connections where none speaks.

        Returns what the topic provides.
        """
        if anew and not any(line.since is not None for line in self.lines.values()):
            self.feed.reconnect("no topic says anything")
        elif anew:
            self.feed.renew(topic)
        return self._provides.get(topic, frozenset())

    def _sound(self, line: Line, now: int, stamp: int | None) -> None:
        self._streams.pipeline.lines.heard(line, now, stamp)
        self._found(line.topic, now)

    def _found(self, topic: str, now: int) -> None:
        """Note that a topic is not missing any more: it speaks, is refused or is not wanted; tell when none is."""
        if topic not in self._lost:
            return
        self._lost.discard(topic)
        if not self._lost:
            venue = self._streams.venue
            detail = f"all streams of {venue} {self.endpoint.name} are back"
            self._streams.pipeline.quality.cleared(
                venue, None, "gap", self.endpoint.name, now=now, detail=detail
            )

    def _not_newer(self, line: Line, now: int, stamp: int | None) -> None:
        """Begin to believe a topic, or count what is no news of it.

        A repeated moment shows life; an earlier one confirms nothing newer.
        """
        if line.since is None:
            self._sound(line, now, stamp)
        elif stamp == line.stamp:
            line.heard_at = now
            self.counts.repeats += 1
        else:
            self.counts.backwards += 1


class Streams:
    """All endpoints of one venue that bring wanted kinds; built without I/O, `run` until cancelled.

    `bases` are the addresses to which the endpoints' paths are appended. `hurry` and `doubt` reach the polls and the
    registry of the venue.
    """

    def __init__(
        self,
        venue: Venue,
        endpoints: Iterable[Endpoint],
        bases: Mapping[str, str],
        kinds: frozenset[Kind],
        context: Callable[[], Context],
        pipeline: Pipeline,
        *,
        connects: Budget,
        hurry: Hurry,
        doubt: Callable[[], None],
        clock: Clock,
        random: Random,
        tap: Tap | None,
        turns: Turns,
    ) -> None:
        self.venue = venue.name
        self.pipeline = pipeline
        self.hurry = hurry
        self.doubt = doubt
        self.clock = clock
        self._kinds = kinds
        self._context = context
        self.desks = [
            Desk(
                self,
                endpoint,
                lambda desk, endpoint=endpoint: StreamFeed(  # type: ignore[misc]
                    endpoint,
                    bases[endpoint.base] + endpoint.path,
                    venue.name,
                    connects,
                    context,
                    desk,
                    clock,
                    random,
                    tap,
                    turns,
                ),
            )
            for endpoint in endpoints
            if endpoint.provides & kinds
        ]

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            for desk in self.desks:
                group.create_task(desk.feed.run())

    def plan(self) -> None:
        """Subscribe to what the followed contracts need now."""
        now, context = self.clock.now_ms(), self._context()
        for desk in self.desks:
            desk.plan(context, self._kinds, now)

    def silent(self, topic: str, *, anew: bool) -> None:
        """Poll the values of a topic that says less than it should; subscribe to it anew where that is due."""
        for desk in self.desks:
            if topic in desk.lines:
                self.hurry(desk.silent(topic, anew=anew))


def _line(exchange: str, topic: Topic) -> Line:
    lively_ms, quiet_ms = _limits(topic)
    return Line(exchange, topic.name, topic.contracts is not None, lively_ms, quiet_ms)


def _limits(topic: Topic) -> tuple[int, int | None]:
    """Return the silences of a topic in ms: suspect, and the longest normal one."""
    return round(topic.lively_s * 1000), None if topic.quiet_s is None else round(topic.quiet_s * 1000)


def _contracts(topic: Topic, context: Context) -> list[Instrument]:
    """Return the followed contracts that a topic brings values of."""
    if topic.contracts is None:
        return list(context.instruments.values())
    return [context.instruments[name] for name in topic.contracts if name in context.instruments]
