"""One connection's life: connect, subscribe, keep alive, read, end."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

import structlog

from microstream.errors import Desynced, MicrostreamError, RateLimited, Remedy, TransportError, WireMismatch
from microstream.model.frame import Frame, parts_of
from microstream.spec.stream import Acked, Closing, Control, Pong, Refused, Topic
from microstream.transport.heartbeat import Heartbeat
from microstream.transport.lifetime import replaced_after_s
from microstream.transport.sender import Sender
from microstream.transport.stream_outlet import StreamInlet
from microstream.transport.subscriptions import Outcome, Subscriptions
from microstream.transport.websocket import Websocket, connect

CONNECT_S = 10.0
WHOLE = 300
"""Events of a frame that are handed over in one go."""
PART = 150
"""Of a larger frame, the events that are."""
CONNECT_COST = (("connects", 1.0),)
FIRST_FRAMES_S = 10.0
"""How long a connection with everything confirmed waits for the first frames before it counts as ready."""
RENEW_S = 1.0
"""A topic is renewed at most once in this time."""
MISMATCHES, OF_FRAMES = 20, 1000
"""So many unreadable frames among the last so many, and the connection is replaced."""
ALL_REFUSED = 16
"""So many refusals on a connection without one topic that is taken: the venue does not want us now."""
REFUSED_S = 60.0
"""How long the venue is left alone then."""
TOLD = 20
"""Refused topics of one connection that get a line in the log."""

log = structlog.get_logger()


class StreamConnection:
    """A connection from its first attempt to its end.

    `changed` is called when `is_ready`, `replace` or `is_over` may have changed. `opened_at` is monotonic. `error` is
    why it ended, None when that was asked for. `told` are the topics that the outlet knows as confirmed here.
    """

    def __init__(
        self,
        inlet: StreamInlet,
        topics: Mapping[str, Topic],
        refusals: dict[str, float],
        random: Random,
        changed: Callable[[], None],
    ) -> None:
        self.frames = self.bytes = self.mismatches = 0
        self.opened_at: float | None = None
        self.is_ready = False
        self.is_over = False
        self.replace: str | None = None
        self.error: MicrostreamError | None = None
        self.told: dict[str, Topic] = {}
        self.subscriptions = Subscriptions(inlet.endpoint, refusals)
        self._inlet = inlet
        self._tally = inlet.tally
        self._random = random
        self._changed = changed
        self._wake = asyncio.Event()
        self._socket: Websocket | None = None
        self._finished = False
        self._failure: MicrostreamError | None = None
        self._silent: dict[str, None] = {}
        self._settled_at: float | None = None
        self._renewed: dict[str, float] = {}
        self._misread: deque[int] = deque(maxlen=MISMATCHES)
        self._refusals_told = 0
        self._refusals = 0
        self._heartbeat = Heartbeat(inlet.endpoint.ping)
        self._sender = Sender(inlet.endpoint, self.subscriptions, self._heartbeat)
        # looked up once: these are used for every frame
        self._name = inlet.endpoint.name
        self._on_frame = inlet.endpoint.session().on_frame
        self._context = inlet.context
        self._push = inlet.outlet.push
        self._tap = inlet.tap
        self._tapped_as = self._name
        self.want(topics)

    @property
    def binary(self) -> int:
        """How many binary frames were ignored."""
        return 0 if self._socket is None else self._socket.binary

    def uptime_s(self, now: float) -> float:
        """Return for how long the connection has been open."""
        return 0.0 if self.opened_at is None else now - self.opened_at

    def want(self, topics: Mapping[str, Topic]) -> None:
        """Carry these topics from now on."""
        for topic in self.subscriptions.want(topics):
            self.told.pop(topic.name, None)
        is_on, refused = self.subscriptions.is_on, self.subscriptions.refusals
        self._silent = {
            name: None for name in topics if name in self._silent or not (is_on(name) or name in refused)
        }
        self._renewed = {name: at for name, at in self._renewed.items() if name in topics}
        self.told = {name: topics[name] for name in self.told if name in topics}
        self._wake.set()

    def renew(self, name: str) -> None:
        """Unsubscribe and subscribe one confirmed topic, at most once in `RENEW_S`."""
        now = self._inlet.clock.monotonic()
        if now - self._renewed.get(name, float("-inf")) >= RENEW_S and self.subscriptions.renew(name):
            self._renewed[name] = now
            self._silent[name] = None
            self._tally.renewals += 1
            self._wake.set()

    def ask_replacement(self, reason: str) -> None:
        """Ask for a successor; this connection goes on until that is ready."""
        if self.replace is None:
            self.replace = reason
            self._changed()

    def finish(self) -> None:
        """End politely."""
        self._finished = True
        self._wake.set()

    async def run(self) -> None:
        """Live until the end; network and venue are blamed in `error`, bugs are raised."""
        try:
            await self._connect()
            await self._live()
        except MicrostreamError as error:
            if error.remedy is Remedy.STOP:
                raise
            self.error = error
        finally:
            self.is_over = True
            if self._socket is not None:
                self._socket.silence()
                await self._socket.close()
            self._changed()

    async def _connect(self) -> None:
        inlet = self._inlet
        booking = await inlet.connects.spend(CONNECT_COST)
        try:
            self._tally.attempts += 1
            self._tapped_as = f"{self._name}#{self._tally.attempts}"
            self._socket = await connect(inlet.url, self, inlet.clock, CONNECT_S, inlet.turns)
        finally:
            inlet.connects.settle(booking)
        self.opened_at = inlet.clock.monotonic()
        self._heartbeat.begin(self.opened_at)
        self._roll_at = self.opened_at + replaced_after_s(inlet.endpoint.life_s, self._random)
        inlet.blockade.end()
        self._changed()

    async def _live(self) -> None:
        """Send what is due and look after the connection until it ends."""
        assert self._socket is not None  # noqa: S101
        while not (self._socket.is_over or self._finished):
            if self._failure is not None:
                raise self._failure
            self._wake.clear()
            wait_s = self._step(self._socket, self._inlet.clock.monotonic())
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait_s, 0.0)):
                    await self._wake.wait()
        if not self._finished:
            raise await self._socket.closed()

    def _step(self, socket: Websocket, now: float) -> float:
        """Do what is due now; return the seconds until the next look."""
        silence_s = self._heartbeat.silence_s(self.frames + socket.binary, now)
        if silence_s > self._inlet.endpoint.ping.dead_s:
            raise TransportError(f"no frame and no answer to a ping for {silence_s:.1f} s", reason="dead")
        outcome, is_lost = self.subscriptions.overdue(now)
        self._apply(outcome)
        if is_lost:
            raise TransportError("no answer to a subscription request and no data", reason="no_answer")
        if now >= self._roll_at:
            self.ask_replacement("its life ends")
        send_s = self._sender.step(socket, now)
        ready_s = self._look_ready(now)
        roll_s = self._roll_at - now if self.replace is None else float("inf")
        return min(send_s, ready_s, roll_s, self._heartbeat.look_s, self.subscriptions.due_in(now))

    def _look_ready(self, now: float) -> float:
        """Note whether all is confirmed and has spoken; return the seconds until that may change by itself."""
        if self.is_ready:
            return float("inf")
        if not self.subscriptions.settled:
            self._settled_at = None
            return float("inf")
        if self._settled_at is None:
            self._settled_at = now
        left_s = self._settled_at + FIRST_FRAMES_S - now if self._silent else 0.0
        if left_s <= 0:
            self.is_ready = True
            self._changed()
            return float("inf")
        return left_s

    def text(self, data: bytes, received_at: int) -> None:
        """Read one text frame: everything that is published over WebSocket passes here."""
        self.frames += 1
        self.bytes += len(data)
        if self._tap is not None:
            self._tap(self._tapped_as, data, received_at)
        frame = Frame(self._name, received_at, "ws")
        try:
            control = self._on_frame(data, self._context(), frame)
        except (WireMismatch, Desynced) as error:
            self._unreadable(error, data)
            return
        topic = frame.topic
        if topic is not None or frame.events or frame.rejects:
            if self._silent and topic in self._silent:
                self._first(topic)
            if len(frame.events) > WHOLE and self._socket is not None:
                self._push_in_parts(frame, self._socket)
            else:
                self._push(frame)
        if control is not None:
            self._heard(control)

    def _push_in_parts(self, frame: Frame, socket: Websocket) -> None:
        """Hand over the beginning of a frame with many rows, and the rest part by part, between other work."""
        begin, *rest = parts_of(frame, PART)
        self._push(begin)
        self._inlet.turns.put_first(socket, [(self._push, (part,)) for part in rest])

    def pong(self) -> None:
        """Take the answer to a ping."""
        now = self._inlet.clock.monotonic()
        seconds = self._heartbeat.answered(now)
        if seconds is not None:
            self._tally.round_trips.note(seconds, now)

    def ended(self) -> None:
        """Take that the socket is closed."""
        self._wake.set()

    def _first(self, topic: str) -> None:
        """Take that a topic speaks that was not heard since it was asked for."""
        self._apply(self.subscriptions.spoke(topic, self._inlet.clock.monotonic()))
        if self.subscriptions.is_on(topic):
            del self._silent[topic]
            if not self._silent:
                self._wake.set()

    def _heard(self, control: Control) -> None:
        """Take an answer of the venue."""
        now = self._inlet.clock.monotonic()
        match control:
            case Pong():
                self.pong()
            case Acked():
                self._apply(self.subscriptions.acked(control, now))
                self._wake.set()
            case Closing():
                self.ask_replacement(f"the venue announces its end: {control.text}")
            case Refused():
                self._give_up_on(control)
                outcome = self.subscriptions.refused(control, now)
                self._apply(outcome)
                if control.request is None and control.topic is None:
                    self._complaint(control)
                self._wake.set()

    def _give_up_on(self, refusal: Refused) -> None:
        """End a connection on which asking on would be a storm: we are too fast, or it refuses whatever is asked."""
        is_busy = refusal.code in self._inlet.endpoint.busy
        self._refusals += 1
        if not is_busy and (self.told or self._refusals < ALL_REFUSED):
            return
        what = (
            "asks for fewer requests"
            if is_busy
            else f"has refused {self._refusals} subscriptions and taken none"
        )
        self._failure = RateLimited(
            f"{self._inlet.venue} {self._name} {what}: {refusal.code} {refusal.text[:200]}",
            retry_after_s=REFUSED_S,
            quota="connects",
        )
        self._wake.set()

    def _apply(self, outcome: Outcome) -> None:
        """Tell the outlet what an answer has changed."""
        for topic in outcome.confirmed:
            self.told[topic.name] = topic
            self._inlet.outlet.confirmed(topic)
        for topic, refusal in outcome.refused:
            self.told.pop(topic.name, None)
            self._silent.pop(topic.name, None)
            self._inlet.outlet.refused(topic, refusal)
            self._refusals_told += 1
            if self._refusals_told <= TOLD:
                log.warning("topic is refused", **self._where(), topic=topic.name, **_words(refusal))

    def _complaint(self, refusal: Refused) -> None:
        """Note a refusal that names nothing."""
        self._tally.failed(f"{refusal.code}: {refusal.text}", self._inlet.clock.now_ms())
        self._refusals_told += 1
        if self._refusals_told <= TOLD:
            log.warning("venue complains about a stream", **self._where(), **_words(refusal))

    def _unreadable(self, error: WireMismatch | Desynced, data: bytes) -> None:
        """Take a frame that cannot be used: count, renew its topic, or give the connection up."""
        if isinstance(error, Desynced):
            self._tally.desyncs += 1
            if error.topic is not None:
                self.renew(error.topic)
            elif self._failure is None:
                self._failure = error
                self._wake.set()
            return
        self.mismatches += 1
        text = f"{self._inlet.venue} {self._name}: {error}"
        self._inlet.outlet.mismatch(WireMismatch(text, sample=error.sample or data))
        self._misread.append(self.frames)
        if len(self._misread) == MISMATCHES and self.frames - self._misread[0] < OF_FRAMES:
            self.ask_replacement(f"{MISMATCHES} of its last {OF_FRAMES} frames cannot be read: {error}")

    def _where(self) -> dict[str, str]:
        return {"venue": self._inlet.venue, "endpoint": self._name}


def _words(refusal: Refused) -> dict[str, str]:
    return {"code": refusal.code, "why": refusal.text[:200]}
