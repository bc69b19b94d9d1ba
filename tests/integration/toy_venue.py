"""A venue of the tests' own over WebSocket: scripted server, endpoint, session, and an outlet that keeps all."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Self

import picows

from microstream.clock import SystemClock
from microstream.errors import Desynced, MicrostreamError, WireMismatch
from microstream.model.frame import Frame
from microstream.spec.rest import Context, Quota
from microstream.spec.stream import Acked, Closing, Control, Endpoint, Ping, Pong, Refused, Topic
from microstream.transport.budget import Budget
from microstream.transport.stream_feed import StreamFeed

TEXT = picows.WSMsgType.TEXT
EMPTY = Context({}, {})


def topic(name: str) -> Topic:
    """Return a topic that says nothing but its name."""
    return Topic(name, frozenset({"mark"}), None, 1.0, None)


def topics(count: int, prefix: str = "t") -> list[Topic]:
    """Return that many topics."""
    return [topic(f"{prefix}{number}") for number in range(count)]


class Session:
    """Reads the toy protocol."""

    def on_frame(self, data: bytes, _context: Context, frame: Frame) -> Control | None:
        """Read one message of the server."""
        if data == b"pong":
            return Pong()
        try:
            message = json.loads(data)
        except ValueError as error:
            raise WireMismatch(f"not JSON: {error}", sample=data) from error
        if "desync" in message:
            raise Desynced("a delta without its snapshot", topic=message["desync"])
        if "bug" in message:
            raise ZeroDivisionError("a bug")
        if "ack" in message:
            return Acked(request=message["ack"], topic=message.get("topic"))
        if "no" in message:
            return Refused(message["code"], "invalid", request=message["no"], topic=message.get("topic"))
        if "notice" in message:
            return Closing(message["notice"])
        frame.topic = message["topic"]
        frame.stamp = message["n"]
        return None


def ask(op: str) -> Callable[[Sequence[Topic], int], bytes]:
    """Return the maker of a request."""

    def make(asked: Sequence[Topic], number: int) -> bytes:
        return json.dumps({"op": op, "id": number, "topics": [item.name for item in asked]}).encode()

    return make


ENDPOINT = Endpoint(
    name="toy",
    base="ws",
    path="/toy",
    provides=frozenset({"mark"}),
    topics=lambda _context, _kinds: (),
    session=Session,
    subscribe=ask("subscribe"),
    unsubscribe=ask("unsubscribe"),
    capacity=100,
    cost=lambda _topic: 1,
    batch=50,
    batch_bytes=4096,
    requests=100,
    requests_s=0.2,
    ping=Ping(every_s=5.0, text=b"ping", dead_s=20.0),
)


@dataclass
class Script:
    """How the server behaves; tests change it at any time."""

    bad: set[str] = field(default_factory=set)
    names_culprit: bool = False
    acks: bool = True
    speaks: bool = True
    pongs: bool = True
    hears: bool = True
    closes_at_once: bool = False
    greeting: bytes | None = None
    handshake: tuple[int, Mapping[str, str], bytes] | None = None
    mute: set[str] = field(default_factory=set)


class Client(picows.WSListener):
    """One connection as the server sees it."""

    def __init__(self, venue: "ToyVenue") -> None:
        self.venue = venue
        self.subscribed: set[str] = set()
        self.requests: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.pings = 0
        self.gone = False
        self.said_goodbye = False
        self.transport: Any = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Note the connection."""
        self.transport = transport
        self.venue.clients.append(self)
        if self.venue.script.closes_at_once:
            self.close(1001, "going away")
        if self.venue.script.greeting is not None:
            transport.send(TEXT, self.venue.script.greeting)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Note the end."""
        self.gone = True

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Answer as the script says."""
        if frame.msg_type is picows.WSMsgType.CLOSE:
            self.said_goodbye = True
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif self.venue.script.hears:
            self.answer(frame.get_payload_as_bytes())

    def answer(self, data: bytes) -> None:
        """Answer a ping or a request."""
        if data == b"ping":
            self.pings += 1
            if self.venue.script.pongs:
                self.transport.send(TEXT, b"pong")
            return
        request = json.loads(data)
        self.requests.append(request)
        self.at.append(asyncio.get_running_loop().time())
        names, number, script = request["topics"], request["id"], self.venue.script
        if request["op"] == "unsubscribe":
            self.subscribed -= set(names)
            if script.acks:
                self.say(ack=number)
            return
        bad = [name for name in names if name in script.bad]
        already = [name for name in names if name in self.subscribed]
        if already or (bad and not script.names_culprit):
            self.say(no=number, code="already" if already else "invalid")
            return
        for name in bad:
            self.say(no=number, topic=name, code="invalid")
        good = [name for name in names if name not in script.bad]
        self.subscribed |= set(good)
        if script.acks:
            self.say(ack=number)
        if script.speaks:
            self.push(*(name for name in good if name not in script.mute))

    def push(self, *names: str) -> None:
        """Send data of topics, numbered over all connections."""
        for name in names:
            self.venue.pushed += 1
            self.say(topic=name, n=self.venue.pushed)

    def say(self, **message: object) -> None:
        """Send one message."""
        self.transport.send(TEXT, json.dumps(message).encode())

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.transport.underlying_transport.write(data)

    def close(self, code: int, text: str) -> None:
        """Say goodbye and hang up."""
        with suppress(ValueError):
            code = picows.WSCloseCode(code)  # type: ignore[assignment]
        self.transport.send_close(code, text.encode())
        self.transport.disconnect()

    def cut(self) -> None:
        """Hang up without a word."""
        self.transport.disconnect(graceful=False)


class ToyVenue:
    """The server."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.script = Script()
        self.clients: list[Client] = []
        self.handshakes = 0
        self.pushed = 0
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await picows.ws_create_server(self._accepted, "127.0.0.1", 0, ssl=self._tls)
        scheme = "ws" if self._tls is None else "wss"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/toy"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for client in self.clients:
            client.transport.disconnect(graceful=False)
        await self._server.wait_closed()

    @property
    def here(self) -> list[Client]:
        """The connections that are open."""
        return [client for client in self.clients if not client.gone]

    def broadcast(self, name: str) -> int:
        """Send one value of a topic to all who subscribed to it; return its number."""
        self.pushed += 1
        for client in self.here:
            if name in client.subscribed:
                client.say(topic=name, n=self.pushed)
        return self.pushed

    def _accepted(self, _request: picows.WSUpgradeRequest) -> Any:
        self.handshakes += 1
        if self.script.handshake is not None:
            status, headers, body = self.script.handshake
            refusal = picows.WSUpgradeResponse.create_error_response(status, body, headers)
            return picows.WSUpgradeResponseWithListener(refusal, None)
        return Client(self)


class Notebook:
    """An outlet that keeps all."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.on: list[str] = []
        self.no: list[tuple[str, str]] = []
        self.gone: list[tuple[list[str], str]] = []
        self.mismatches: list[WireMismatch] = []
        self.blocks: list[MicrostreamError] = []
        self.well = 0

    def push(self, frame: Frame) -> None:
        """Keep a frame."""
        self.frames.append(frame)

    def confirmed(self, topic: Topic) -> None:
        """Keep a confirmation."""
        self.on.append(topic.name)

    def refused(self, topic: Topic, refusal: Refused) -> None:
        """Keep a refusal."""
        self.no.append((topic.name, refusal.code))

    def lost(self, topics: Sequence[Topic], reason: str) -> None:
        """Keep a loss."""
        self.gone.append(([item.name for item in topics], reason))

    def mismatch(self, error: WireMismatch) -> None:
        """Keep a mismatch."""
        self.mismatches.append(error)

    def blocked(self, error: MicrostreamError) -> None:
        """Keep a block."""
        self.blocks.append(error)

    def working(self) -> None:
        """Count recoveries."""
        self.well += 1

    @property
    def stamps(self) -> set[int]:
        """Numbers of the frames that came."""
        return {frame.stamp for frame in self.frames if frame.stamp is not None}


@dataclass
class Play:
    """A feed that runs against the toy venue."""

    venue: ToyVenue
    feed: StreamFeed
    notes: Notebook
    connects: Budget
    task: "asyncio.Task[None]"


@asynccontextmanager
async def play(
    wanted: Sequence[Topic] = (),
    *,
    connects: Quota | None = None,
    script: Script | None = None,
    tap: Any = None,
    **changes: Any,
) -> AsyncIterator["Play"]:
    """Run a feed against the toy venue for the length of a block."""
    clock = SystemClock()
    budget = Budget([connects or Quota("connects", 100, 1.0)], clock, 1.0)
    async with ToyVenue() as venue:
        venue.script = script or Script()
        notes = Notebook()
        feed = StreamFeed(
            replace(ENDPOINT, **changes),
            venue.url,
            "toyland",
            budget,
            lambda: EMPTY,
            notes,
            clock,
            Random(7),
            tap,
        )
        feed.want(wanted)
        task = asyncio.create_task(feed.run())
        try:
            yield Play(venue, feed, notes, budget, task)
        finally:
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=2.0)
            assert done, "the feed does not end"
