"""A stream feed against a venue of the tests' own: how connections fail, end and follow one another."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import picows
import pytest
from tests.integration.toy_venue import EMPTY, ENDPOINT, Notebook, Play, Script, ToyVenue, play, topics

from microstream.clock import SystemClock
from microstream.errors import Banned, ConfigError, RegionBlocked
from microstream.spec.rest import Quota
from microstream.spec.stream import Ping
from microstream.transport.budget import Budget
from microstream.transport.stream_feed import StreamFeed

Eventually = Callable[..., Awaitable[None]]
LIVELY = Ping(every_s=0.05, text=b"ping", dead_s=0.3)


async def started(on: Play, eventually: Eventually, count: int = 3) -> None:
    """Wait until the topics are confirmed and have spoken."""
    await eventually(lambda: len(on.notes.on) >= count and len(on.notes.frames) >= count)


async def recovered(on: Play, eventually: Eventually, count: int = 3) -> None:
    """Wait until all topics were confirmed a second time, on a second connection."""
    await eventually(lambda: len(on.notes.on) == 2 * count)
    assert on.venue.handshakes == 2


def certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1, and the server's side of TLS with it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    wish = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    wish += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*wish, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


@asynccontextmanager
async def running(url: str) -> AsyncIterator[tuple[StreamFeed, "asyncio.Task[None]"]]:
    """Run a feed of three topics at an address for the length of a block."""
    clock = SystemClock()
    budget = Budget([Quota("connects", 100, 1.0)], clock, 1.0)
    feed = StreamFeed(ENDPOINT, url, "toyland", budget, lambda: EMPTY, Notebook(), clock, Random(7))
    feed.want(topics(3))
    task = asyncio.create_task(feed.run())
    try:
        yield feed, task
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def bare_server(says: bytes = b"") -> AsyncIterator[tuple[str, list[asyncio.StreamReader]]]:
    """Accept connections, say one thing or nothing, and keep what was accepted."""
    accepted: list[asyncio.StreamReader] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(reader)
        writer.write(says)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", accepted


async def test_a_close_frame_is_a_loss_with_its_reason(eventually: Eventually) -> None:
    """Code and text of the venue's close frame reach the outlet; the topics come back on a new connection."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        on.venue.clients[0].close(4004, "nothing subscribed")
        await recovered(on, eventually)
        assert on.notes.gone == [(["t0", "t1", "t2"], "closed by the venue: code 4004, nothing subscribed")]
        assert on.feed.state.reconnects == 1
        assert on.feed.state.failing_since is None


async def test_a_cut_in_the_middle_of_a_frame_gives_no_half_frame(eventually: Eventually) -> None:
    """What came of an unfinished frame is dropped with its connection."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        before = len(on.notes.frames)
        on.venue.clients[0].raw(b"\x81\x7e\x01\x00" + b'{"topic": "t0"')
        on.venue.clients[0].cut()
        await recovered(on, eventually)
        assert on.notes.gone[0][1] == "the connection was cut without a close frame"
        assert not on.notes.mismatches
        await eventually(lambda: len(on.notes.frames) == before + 3)


async def test_no_sign_of_life_is_a_dead_connection(eventually: Eventually) -> None:
    """A server that freezes answers no ping: the connection is replaced after `dead_s` and a little."""
    async with play(topics(3), ping=LIVELY) as on:
        await started(on, eventually)
        await eventually(lambda: on.feed.state.round_trip_s is not None)
        on.venue.script.hears = False
        await eventually(lambda: bool(on.notes.gone))
        on.venue.script.hears = True
        await eventually(lambda: len(on.notes.on) == 6)
        assert "no frame and no answer to a ping" in on.notes.gone[0][1]


async def test_pongs_alone_keep_a_quiet_connection(eventually: Eventually) -> None:
    """Silence of all topics is no death as long as pings are answered, by text or by control frames."""
    control = Ping(every_s=0.05, text=None, dead_s=0.3)
    async with play(topics(3), ping=LIVELY) as by_text, play(topics(3), ping=control) as by_control:
        for on in (by_text, by_control):
            await started(on, eventually)
            begun = on.feed.state.up_since
            await eventually(lambda on=on: on.feed.state.uptime_s > 0.7)  # type: ignore[misc]
            assert on.feed.state.up_since == begun
            assert 0 < (on.feed.state.least_round_trip_s or 0) <= (on.feed.state.round_trip_s or 0) < 0.3


async def test_a_frame_above_the_limit_ends_the_connection(eventually: Eventually) -> None:
    """A frame above 4 MiB is not read; the reason says so."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        on.venue.clients[0].raw(b"\x81\x7f" + (5 << 20).to_bytes(8, "big"))
        await recovered(on, eventually)
        assert "exceeding max allowed size" in on.notes.gone[0][1]
        assert (on.feed.state.last_error or "").startswith("too_large: ")


async def test_parts_are_joined_and_binary_is_counted(eventually: Eventually) -> None:
    """A message in several frames is one message; binary frames are passed over and counted."""
    async with play(topics(1)) as on:
        await started(on, eventually, 1)
        send = on.venue.clients[0].transport.send
        send(picows.WSMsgType.BINARY, b"\x00\x01")
        send(picows.WSMsgType.TEXT, b'{"topic": "t0", ', False)
        send(picows.WSMsgType.PING, b"")
        send(picows.WSMsgType.CONTINUATION, b'"n": 77}')
        await eventually(lambda: 77 in on.notes.stamps)
        assert on.feed.state.binary == 1
        assert on.venue.handshakes == 1


async def test_parts_above_the_limit_end_the_connection(eventually: Eventually) -> None:
    """The limit holds for a message however many frames it comes in."""
    async with play(topics(1)) as on:
        await started(on, eventually, 1)
        send = on.venue.clients[0].transport.send
        send(picows.WSMsgType.TEXT, b"x" * (3 << 20), False)
        send(picows.WSMsgType.CONTINUATION, b"x" * (3 << 20), False)
        await recovered(on, eventually, 1)
        assert (on.feed.state.last_error or "").startswith("too_large: ")


async def test_garbage_is_counted_and_then_replaces_the_connection(eventually: Eventually) -> None:
    """Unreadable frames are told with a sample; twenty among a thousand replace the connection without a gap."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        for _ in range(19):
            on.venue.clients[0].transport.send(picows.WSMsgType.TEXT, b"<html>")
        await eventually(lambda: len(on.notes.mismatches) == 19)
        assert str(on.notes.mismatches[0]).startswith("toyland toy: not JSON")
        assert on.notes.mismatches[0].sample == b"<html>"
        assert on.venue.handshakes == 1
        on.venue.clients[0].transport.send(picows.WSMsgType.TEXT, b"<html>")
        await recovered(on, eventually)
        await eventually(lambda: len(on.venue.here) == 1)
        assert not on.notes.gone
        assert on.feed.state.mismatches == 20


async def test_closing_at_once_is_no_storm(eventually: Eventually) -> None:
    """A server that accepts and hangs up sees no more connects than the cap, shared by all connections."""
    cap = Quota("connects", 4, 1.6)
    async with play(topics(350), script=Script(closes_at_once=True), connects=cap) as on:
        await eventually(lambda: on.venue.handshakes == 4)
        begun = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.get_running_loop().time() > begun + 1.0)
        assert on.venue.handshakes == 4
        on.venue.script.closes_at_once = False
        await eventually(lambda: len(on.venue.here) == 4 and len(on.notes.on) == 350, within_s=15)


async def test_delays_grow_while_connections_end_at_once(eventually: Eventually) -> None:
    """Without a cap the backoff alone keeps the connects few."""
    async with play(topics(3), script=Script(closes_at_once=True)) as on:
        begun = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.get_running_loop().time() > begun + 1.2)
        assert 2 <= on.venue.handshakes <= 9
        assert (on.feed.state.last_error or "").endswith("code 1001, going away")
        assert on.feed.state.connections_open == 0
        assert on.feed.state.failing_since is not None


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "away_s"),
    [
        (429, {}, b"", None, 60),
        (429, {"Retry-After": "120"}, b"slow down", None, 120),
        (418, {"Retry-After": "1800"}, b"", Banned, 1800),
        (403, {}, b"denied", Banned, 600),
        (403, {"Content-Type": "text/html"}, b"<html>not in your country", RegionBlocked, 600),
        (451, {}, b"", RegionBlocked, 600),
    ],
)
async def test_a_refused_handshake_keeps_everyone_away(
    eventually: Eventually, status: int, headers: dict[str, str], body: bytes, kind: type | None, away_s: int
) -> None:
    """After 429, 418, 403 and 451 no connection of the venue is tried for as long as it asks, or a minute and more."""
    async with play(topics(3), script=Script(handshake=(status, headers, body))) as on:
        await eventually(lambda: on.feed.state.last_error is not None)
        closed_s = on.connects.closed_for((("connects", 1.0),))
        assert away_s - 2 < closed_s <= away_s
        assert f"HTTP {status}" in (on.feed.state.last_error or "")
        assert [type(error) for error in on.notes.blocks] == ([] if kind is None else [kind])
        on.feed.want(topics(150))
        begun = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.get_running_loop().time() > begun + 0.1)
        assert on.venue.handshakes == 1


async def test_a_block_ends_with_the_first_connection(
    eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outlet is told once that the address is shut out, and once that it is let in again."""
    monkeypatch.setattr("microstream.transport.handshake.SHUT_OUT_S", 0.05)
    async with play(topics(3), script=Script(handshake=(451, {}, b""))) as on:
        await eventually(lambda: on.venue.handshakes >= 2)
        on.venue.script.handshake = None
        await started(on, eventually)
        assert (len(on.notes.blocks), on.notes.well) == (1, 1)


async def test_a_server_error_in_the_handshake_is_retried(eventually: Eventually) -> None:
    """A 503 is a failure like any other."""
    async with play(topics(3), script=Script(handshake=(503, {}, b"maintenance"))) as on:
        await eventually(lambda: on.venue.handshakes >= 2)
        assert (on.feed.state.last_error or "").startswith(
            "http_503: handshake refused with HTTP 503: maintenance"
        )
        on.venue.script.handshake = None
        await started(on, eventually)


async def test_rollover_ahead_of_the_end_misses_nothing(eventually: Eventually) -> None:
    """Before a connection's life ends a successor takes over; every value sent meanwhile arrives."""
    async with play(topics(20), life_s=1.0) as on:
        await started(on, eventually, 20)
        sent: list[int] = []

        def send_and_look() -> bool:
            sent.extend(on.venue.broadcast(f"t{number}") for number in range(20))
            return len([client for client in on.venue.clients if client.gone]) >= 2

        await eventually(send_and_look, within_s=8)
        await eventually(lambda: set(sent) <= on.notes.stamps)
        assert not on.notes.gone
        assert all(client.said_goodbye for client in on.venue.clients if client.gone)


async def test_a_notice_of_the_venue_brings_a_successor(eventually: Eventually) -> None:
    """An announced end is met before it comes."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        on.venue.clients[0].say(notice="service upgrade")
        await recovered(on, eventually)
        await eventually(lambda: on.venue.clients[0].gone)
        assert not on.notes.gone


async def test_reconnect_replaces_every_connection(eventually: Eventually) -> None:
    """Asked for from outside, all connections are replaced, each after its successor is ready."""
    async with play(topics(150)) as on:
        await started(on, eventually, 150)
        on.feed.reconnect("for the test")
        await eventually(lambda: len(on.notes.on) == 300 and len(on.venue.here) == 2)
        assert not set(on.venue.here) & set(on.venue.clients[:2])
        assert not on.notes.gone


async def test_the_old_connection_lives_while_the_successor_fails(eventually: Eventually) -> None:
    """A successor that does not come up takes nothing away; it is tried again until it does."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        on.venue.script.closes_at_once = True
        on.feed.reconnect("for the test")
        await eventually(lambda: on.venue.handshakes >= 3)
        stamp = on.venue.broadcast("t0")
        await eventually(lambda: stamp in on.notes.stamps)
        assert not on.notes.gone
        on.venue.script.closes_at_once = False
        await eventually(lambda: on.venue.clients[0].gone and len(on.notes.on) == 6)
        assert not on.notes.gone


async def test_a_successor_waits_for_the_first_frames(
    eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old connection ends when all topics have spoken on the new one, or after a time for those that do not."""
    monkeypatch.setattr("microstream.transport.stream_connection.FIRST_FRAMES_S", 0.4)
    async with play(topics(3)) as on:
        await started(on, eventually)
        on.venue.script.mute = {"t1"}
        on.feed.reconnect("for the test")
        await eventually(lambda: len(on.notes.on) == 6)
        assert not on.venue.clients[0].gone
        await eventually(lambda: on.venue.clients[0].gone)


async def test_a_silent_handshake_is_given_up(
    eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes the connection and says nothing costs the connect timeout, not more."""
    monkeypatch.setattr("microstream.transport.stream_connection.CONNECT_S", 0.1)
    async with bare_server() as (url, accepted), running(url) as (feed, _task):
        await eventually(lambda: feed.state.last_error is not None)
        assert (feed.state.last_error or "").startswith("timeout: no connection within 0.1 s")
        await eventually(accepted[0].at_eof)


async def test_cancelled_while_connecting_leaves_nothing_behind(eventually: Eventually) -> None:
    """Cancelling ends a feed that is in the handshake at once, and its socket with it."""
    async with bare_server() as (url, accepted):
        async with running(url) as (_feed, task):
            await eventually(lambda: len(accepted) == 1)
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
            assert task.cancelled()
        await eventually(accepted[0].at_eof)


async def test_cancelling_closes_politely(eventually: Eventually) -> None:
    """A cancelled feed says goodbye to the venue, waits for no server that freezes, and stays cancelled."""
    async with play(topics(150)) as on:
        await started(on, eventually, 150)
        on.venue.clients[1].transport.underlying_transport.pause_reading()
        begun = asyncio.get_running_loop().time()
        on.task.cancel()
        await asyncio.wait([on.task], timeout=1.0)
        assert on.task.cancelled()
        assert asyncio.get_running_loop().time() < begun + 1.0
        await eventually(lambda: on.venue.clients[0].said_goodbye)


async def test_a_bug_in_the_session_ends_the_feed(eventually: Eventually) -> None:
    """An exception that is none of ours is raised by `run`, not swallowed by the callback."""
    async with play(topics(3)) as on:
        await started(on, eventually)
        on.venue.clients[0].say(bug=True)
        await asyncio.wait([on.task], timeout=2.0)
        with pytest.raises(ExceptionGroup) as caught:
            on.task.result()
        assert caught.value.subgroup(ZeroDivisionError) is not None


async def test_a_bug_in_the_outlet_ends_the_feed(eventually: Eventually) -> None:
    """The same holds for what takes the frames."""
    async with play(topics(3)) as on:
        await started(on, eventually)

        def broken(_topic: object) -> None:
            raise ZeroDivisionError

        on.notes.confirmed = broken  # type: ignore[method-assign]
        on.feed.want(topics(4))
        await asyncio.wait([on.task], timeout=2.0)
        with pytest.raises(ExceptionGroup) as caught:
            on.task.result()
        assert caught.value.subgroup(ZeroDivisionError) is not None


async def test_the_tap_sees_every_frame_as_it_came(eventually: Eventually) -> None:
    """Recording gets connection, payload and receipt of each text frame, answers and garbage included."""
    seen: list[tuple[str, bytes, int]] = []
    async with play(topics(2), tap=lambda *frame: seen.append(frame)) as on:
        await started(on, eventually, 2)
        on.venue.clients[0].transport.send(picows.WSMsgType.TEXT, b"garbage")
        await eventually(lambda: ("toy#1", b"garbage") in [(name, data) for name, data, _ in seen])
        stamped = {frame.received_at for frame in on.notes.frames}
        assert stamped <= {at for _, _, at in seen}


@pytest.mark.parametrize(
    ("url", "reason"),
    [("ws://127.0.0.1:{port}/", "connect"), ("ws://no-such-host.invalid/", "dns"), ("{plain}", "tls")],
)
async def test_failures_have_a_name(eventually: Eventually, free_port: int, url: str, reason: str) -> None:
    """Where it failed is told apart: name, port, TLS."""
    async with bare_server(b"HTTP/1.1 400 this is not TLS\r\n\r\n") as (plain, _):
        target = url.format(port=free_port, plain=plain.replace("ws://", "wss://"))
        async with running(target) as (feed, _task):
            await eventually(lambda: feed.state.last_error is not None, within_s=10)
            assert (feed.state.last_error or "").startswith(f"{reason}: ")
            assert "ws_url" in (feed.state.last_error or "")


async def test_what_is_no_websocket_says_so(eventually: Eventually) -> None:
    """An answer that is not HTTP, and a hang-up before any answer, are failures with a name."""
    async with bare_server(b"220 mail.example ESMTP\r\n\r\n") as (url, _), running(url) as (feed, _task):
        await eventually(lambda: feed.state.last_error is not None)
        assert (feed.state.last_error or "").startswith("bad_http: ")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
async def test_tls_is_verified_and_works(
    eventually: Eventually, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody vouches for is refused; one that this machine trusts is taken."""
    certificate, context = certified(tmp_path)
    async with ToyVenue(context) as venue:
        async with running(venue.url) as (feed, _task):
            await eventually(lambda: feed.state.last_error is not None)
            assert (feed.state.last_error or "").startswith("tls: ")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with running(venue.url) as (feed, _task):
            await eventually(lambda: feed.state.topics_confirmed == 3)


async def test_a_proxy_of_the_environment_is_used(
    eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY leads the connection through the proxy, by CONNECT."""
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        host, _, port = asked[-1].split()[1].decode().rpartition(":")
        there, away = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(reader, away))
            group.create_task(pump(there, writer))

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
        finally:
            target.close()

    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    async with proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with play(topics(3)) as on:
            await started(on, eventually)
            assert asked[0].startswith(b"CONNECT 127.0.0.1:")
            on.feed.want([])
            await eventually(lambda: not on.venue.here)


async def test_a_proxy_that_cannot_be_used_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the environment is not retried."""
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with play(topics(3)) as on:
        await asyncio.wait([on.task], timeout=2.0)
        with pytest.raises(ExceptionGroup) as caught:
            on.task.result()
        assert caught.value.subgroup(ConfigError) is not None
