"""What the service does with the frames of one connection, from bytes to the buffer: the one place that calls it."""

from collections.abc import Callable, Sequence

from benchmarks.bodies import context_of
from benchmarks.market import BEGIN_MS, Case
from microstream import venues
from microstream.model.channels import Channel
from microstream.model.frame import Frame
from microstream.model.messages import Message
from microstream.model.state import Upkeep
from microstream.pipeline.check import QUIET
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES

INTERVAL_MS = {"funding": 30_000, "mark_price": 10_000, "oi": 15_000}
"""How often a value is repeated at the latest: the defaults of the configuration."""
TRAVEL_MS = 20
"""From the push to the receipt."""

Offer = Callable[[Channel, Message], None]


class Core:
    """A session and the pipeline behind it."""

    def __init__(self, case: Case, offer: Offer) -> None:
        spec = venues.load(case.venue)
        services = tuple(SERVICES.values())
        self.venue = case.venue
        self.pipeline = Pipeline(services, offer, lambda *_: None, lambda _: None)
        self._session = spec.session()
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

    def take(self, at: int, data: bytes) -> None:
        """Take one frame that was pushed at `at`."""
        self.push(self.read(at, data))

    def read(self, at: int, data: bytes) -> Frame:
        """Return what a frame says."""
        frame = Frame("ws", at + TRAVEL_MS, "ws")
        self._session.on_frame(data, self._context, frame)
        return frame

    def push(self, frame: Frame) -> None:
        """Check, keep and publish what a frame says."""
        frames: Sequence[Frame] = (frame,)
        self.pipeline.reject(self.venue, frames)
        self.pipeline.push(frames)

    def tick(self, at: int) -> None:
        """Do what the service does once a second."""
        self.pipeline.tick(at + TRAVEL_MS)

    @property
    def complaints(self) -> list[str]:
        """What is wrong although all frames are good: values kept out, open conditions."""
        counts = self.pipeline.rejects.counts
        kept_out = [f"{number} x {reason}" for (*_, reason), number in counts.items() if reason not in QUIET]
        return kept_out + [str(key) for key in self.pipeline.quality.open]
