"""One connection to Redis or Valkey: packed commands in, replies out.

redis-py reads the URL and makes the TLS context. The connection itself is an asyncio protocol with hiredis,
because awaiting every reply by itself costs as much as numbering, encoding and packing the message it answers.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

import hiredis
from redis.asyncio.connection import (
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.exceptions import RedisError

from microstream.errors import ConfigError, SinkDown
from microstream.sinks.resp import Argument, command, name_of

Target = Connection | UnixDomainSocketConnection
Reply = bytes | int | None | list[bytes] | hiredis.ReplyError

CLOSE_S = 1.0

REMEDIES = {
    "WRONGTYPE": "another program uses this key: delete or rename it, or use another database in redis.url",
    "NOPERM": "the user in redis.url needs ~last:* ~stream:* &* "
    "+ping +xadd +xtrim +hset +hdel +hkeys +hlen +expire +publish, and +select for a database other than 0",
    "WRONGPASS": "check user and password in redis.url",
    "NOAUTH": "the server wants a password: write redis://:PASSWORD@HOST or redis://USER:PASSWORD@HOST",
    "OOM": "the server's maxmemory is reached: raise it or free memory",
    "READONLY": "this server is a replica: point redis.url to the primary",
}


class Refused(SinkDown):
    """The server answers, but with an error."""


def parse(url: str) -> Target:
    """Return what a URL says, in the form of a redis-py connection that is never opened.

    Raises `ConfigError` without the text of the URL, which may hold a password.
    """
    try:
        options: dict[str, Any] = dict(parse_url(url))
        kind: type[Target] = options.pop("connection_class", Connection)
        return kind(**options)
    except (ValueError, TypeError, RedisError):
        raise ConfigError(
            "redis.url cannot be read: write redis://[USER:PASSWORD@]HOST:PORT[/DB], rediss:// for TLS, or "
            "unix:///PATH, with special characters in user and password percent-encoded and no options but "
            "those of redis-py"
        ) from None


def place(url: str) -> tuple[str, int]:
    """Return which server a URL is of, in one spelling, and which of its databases. Raises `ConfigError`."""
    target = parse(url)
    if isinstance(target, UnixDomainSocketConnection):
        return f"unix://{target.path}", int(target.db)
    host = "127.0.0.1" if target.host in {"localhost", "::1"} else target.host
    return f"{host}:{target.port}", int(target.db)


class _Session(asyncio.Protocol):
    """The life of one connection: collects the replies that one caller waits for."""

    def __init__(self, on_lost: Callable[[], None], timeout_s: float) -> None:
        self.transport: asyncio.Transport
        self._timeout_s = timeout_s
        self._asked_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.lost = asyncio.Event()
        self._on_lost = on_lost
        self._parser = hiredis.Reader()
        self._replies: list[Reply] = []
        self._expected = 0
        self._complete: asyncio.Future[None] | None = None

    async def ask(self, packed: bytes, expected: int) -> list[Reply]:
        """Send commands and return their replies. Raises `OSError`, `hiredis.ProtocolError`, `TimeoutError`."""
        if self.lost.is_set():
            raise ConnectionResetError("the server closed the connection")
        self._replies, self._expected = [], expected
        loop = asyncio.get_running_loop()
        self._complete = loop.create_future()
        self._asked_at = loop.time()
        # one timer for all questions of its time: a timer for each takes as long as packing
        if self._watch is None:
            self._watch = loop.call_later(self._timeout_s, self._look)
        self.transport.write(packed)
        await self._complete
        if len(self._replies) > expected:
            raise ConnectionResetError("the server sent more replies than there were commands")
        return self._replies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read replies; wake the caller after the last."""
        try:
            self._parser.feed(data)
            while (reply := self._parser.gets()) is not False:
                self._replies.append(reply)
        except hiredis.ProtocolError as error:
            self._end(error)
        else:
            if len(self._replies) >= self._expected:
                self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the caller, and the owner who may be asleep."""
        self.lost.set()
        if self._watch is not None:
            self._watch.cancel()
        self._end(exc or ConnectionResetError("the server closed the connection"))
        self._on_lost()

    def _look(self) -> None:
        """End the question that has waited for its answer for too long; look again when the newest will have."""
        self._watch = None
        if self._complete is None or self._complete.done():
            return
        loop = asyncio.get_running_loop()
        left_s = self._asked_at + self._timeout_s - loop.time()
        if left_s <= 0:
            self._end(TimeoutError())
        else:
            self._watch = loop.call_later(left_s, self._look)

    def _end(self, error: Exception | None) -> None:
        if self._complete is None or self._complete.done():
            return
        if error is None:
            self._complete.set_result(None)
        else:
            self._complete.set_exception(error)


class Link:
    """A connection that is opened, used by one task at a time, and given up on the first failure.

    `name` is the URL without user, password and options. Every failure is a `SinkDown` and closes the link;
    `on_lost` is called when a connection ends, also while nobody uses it.
    """

    def __init__(self, url: str, timeout_s: float, on_lost: Callable[[], None] = lambda: None) -> None:
        self._target = parse(url)
        self._timeout_s = timeout_s
        self._on_lost = on_lost
        self._session: _Session | None = None
        self.name = _name(self._target)

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent."""
        return self._session is not None and not self._session.lost.is_set()

    async def open(self) -> None:
        """Connect, authenticate, select the database, and see that the server answers. Raises `SinkDown`.

        A frozen server still takes connections and would execute later what is sent to each of them.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                self._session = await self._connect()
        except TimeoutError:
            raise SinkDown(f"{self.name}: no connection within {self._timeout_s:g} s") from None
        except OSError as error:
            raise SinkDown(f"{self.name}: {error.strerror or error}") from error
        await self.execute(self._greeting())

    async def execute(self, commands: list[bytes]) -> list[Reply]:
        """Send commands that must all succeed; raise `Refused` for the first that does not."""
        replies = await self.exchange(commands)
        for packed, reply in zip(commands, replies, strict=True):
            if isinstance(reply, hiredis.ReplyError):
                self.abort()
                raise self.refusal(packed, reply)
        return replies

    async def exchange(self, commands: list[bytes]) -> list[Reply]:
        """Send packed commands in one write and return their replies, error replies among them.

        Raises `SinkDown` if that takes longer than the timeout or the connection breaks: what was executed is
        not known then.
        """
        return await self.send(b"".join(commands), len(commands))

    async def send(self, packed: bytes, count: int) -> list[Reply]:
        """Do the same for `count` commands that stand one after the other; none has no replies to wait for."""
        if not count:
            return []
        session = self._session
        if session is None:
            raise SinkDown(f"{self.name}: not connected")
        try:
            return await session.ask(packed, count)
        except TimeoutError:
            self.abort()
            raise SinkDown(f"{self.name}: no answer within {self._timeout_s:g} s") from None
        except OSError as error:
            self.abort()
            raise SinkDown(f"{self.name}: {error.strerror or error}") from error
        except hiredis.ProtocolError as error:
            self.abort()
            raise SinkDown(f"{self.name}: this is no Redis or Valkey server ({error})") from error
        except BaseException:
            self.abort()  # the replies of this exchange would be taken for those of the next
            raise

    def refusal(self, packed: bytes, reply: hiredis.ReplyError) -> Refused:
        """Return the error for a reply: which command, what the server said, what to do."""
        text = str(reply)
        remedy = REMEDIES.get(text.partition(" ")[0])
        return Refused(f"{self.name} refuses {name_of(packed)}: {text}" + (f" ({remedy})" if remedy else ""))

    def abort(self) -> None:
        """Drop the connection at once, with what is not sent yet."""
        session, self._session = self._session, None
        if session is not None:
            session.transport.abort()

    async def close(self) -> None:
        """Close in good order."""
        session, self._session = self._session, None
        if session is not None:
            session.transport.close()
            try:
                async with asyncio.timeout(CLOSE_S):
                    await session.lost.wait()  # with TLS the server has to say goodbye, too
            except TimeoutError:
                session.transport.abort()

    async def _connect(self) -> _Session:
        loop, target = asyncio.get_running_loop(), self._target
        if isinstance(target, UnixDomainSocketConnection):
            _, session = await loop.create_unix_connection(self._new_session, target.path)
        else:
            tls = self._tls(target) if isinstance(target, SSLConnection) else None
            _, session = await loop.create_connection(self._new_session, target.host, target.port, ssl=tls)
        return session

    def _tls(self, target: SSLConnection) -> ssl.SSLContext:
        try:
            return target.ssl_context.get()
        except (OSError, ValueError) as error:
            raise SinkDown(f"{self.name}: the ssl_ options of redis.url do not work: {error}") from error

    def _new_session(self) -> _Session:
        return _Session(self._on_lost, self._timeout_s)

    def _greeting(self) -> list[bytes]:
        target = self._target
        commands = []
        if target.password or target.username:
            credentials: list[Argument] = [target.username] if target.username else []
            commands.append(command("AUTH", *credentials, target.password or ""))
        if int(target.db):
            commands.append(command("SELECT", int(target.db)))
        if target.client_name:
            commands.append(command("CLIENT", "SETNAME", target.client_name))
        commands.append(command("PING"))
        return commands


def _name(target: Target) -> str:
    if isinstance(target, UnixDomainSocketConnection):
        return f"unix://{target.path}"
    scheme = "rediss" if isinstance(target, SSLConnection) else "redis"
    return f"{scheme}://{target.host}:{target.port}/{target.db}"
