"""What the service does with the frames of one connection, from bytes to the buffer: the one place that calls it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from benchmarks.bodies import context_of
from benchmarks.market import BEGIN_MS, Case
from microstream import venues
from microstream.app.streams import Desk, Streams
from microstream.clock import SystemClock
from microstream.model.channels import Channel
from microstream.model.events import Kind
from microstream.model.frame import Frame
from microstream.model.messages import Message
from microstream.model.state import Upkeep
from microstream.pipeline.check import QUIET
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES
from microstream.spec.rest import Context
from microstream.spec.stream import Endpoint, Topic
from microstream.spec.venue import Venue
from microstream.transport.budget import Budget
from microstream.transport.turns import Turns

INTERVAL_MS = {"funding": 30_000, "mark_price": 10_000, "oi": 15_000}
"""How often a value is repeated at the latest: the defaults of the configuration."""
TRAVEL_MS = 20
"""From the push to the receipt."""

Offer = Callable[[Channel, Message], None]


class _Then(SystemClock):
    """The wall clock when the market begins."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds UTC."""
        return BEGIN_MS


class Core:
    """A session, the desk that takes its frames, and the pipeline behind it; no socket is opened."""

    def __init__(self, case: Case, offer: Offer) -> None:
        spec = venues.load(case.venue)
        services = tuple(SERVICES.values())
        self.pipeline = Pipeline(services, offer, lambda *_: None, lambda _: None)
        self._context = context_of([*case.followed.values()])
        for instrument in case.followed.values():
            upkeep = {}
            for service in services:
                if service.family not in case.families:
                    continue
                lag_s = spec.refresh_s.get(service.value_kind)
                lag_ms = None if lag_s is None else round(lag_s * 1000)
                upkeep[service.family] = Upkeep(INTERVAL_MS[service.family], lag_ms, BEGIN_MS)
            self.pipeline.follow(instrument, upkeep)
        kinds = [kind for service in services if service.family in case.families for kind in service.touches]
        self._desk = self._planned(spec, frozenset(kinds), case)
        self._name = self._desk.endpoint.name
        self._on_frame = self._desk.endpoint.session().on_frame

    def take(self, at: int, data: bytes) -> None:
        """Take one frame that was pushed at `at`."""
        self.push(self.read(at, data))

    def read(self, at: int, data: bytes) -> Frame:
        """Return what a frame says."""
        frame = Frame(self._name, at + TRAVEL_MS, "ws")
        self._on_frame(data, self._context, frame)
        return frame

    def push(self, frame: Frame) -> None:
        """Check, keep and publish what a frame says."""
        if frame.topic is not None or frame.events or frame.rejects:
            self._desk.push(frame)

    def tick(self, at: int) -> None:
        """Do what the service does once a second."""
        self.pipeline.tick(at + TRAVEL_MS)

    @property
    def complaints(self) -> list[str]:
        """What is wrong although all frames are good: values kept out, open conditions."""
        counts = self.pipeline.rejects.counts
        kept_out = [f"{number} x {reason}" for (*_, reason), number in counts.items() if reason not in QUIET]
        return kept_out + [str(key) for key in self.pipeline.quality.open]

    def _planned(self, spec: Venue, kinds: frozenset[Kind], case: Case) -> Desk:
        clock = _Then()
        [endpoint] = spec.endpoints
        streams = Streams(
            spec,
            [_one_topic_each(endpoint) if case.one_topic_each else endpoint],
            {endpoint.base: "ws://127.0.0.1"},
            kinds,
            lambda: self._context,
            self.pipeline,
            connects=Budget((spec.connects,), clock, 1.0),
            hurry=lambda _: None,
            doubt=lambda: None,
            clock=clock,
            random=Random(0),
            tap=None,
            turns=Turns(clock),
        )
        streams.plan()
        return streams.desks[0]


def _one_topic_each(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that subscribes contract by contract where it would take a topic of all."""

    def topics(context: Context, kinds: frozenset[Kind]) -> Sequence[Topic]:
        alone = (context_of([item]) for item in context.instruments.values())
        return [topic for one in alone for topic in endpoint.topics(one, kinds)]

    return replace(endpoint, topics=topics)
