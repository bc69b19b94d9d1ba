"""A real server for the tests that want one, and waiting by condition."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
import redis
from hypothesis import settings

from microstream.sinks import EmbeddedServer

settings.register_profile("same", derandomize=True)
settings.register_profile("explore")
settings.load_profile("same")
"""The same examples in every run, so that a change is judged by itself; `--hypothesis-profile explore` looks on."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def free_port() -> int:
    """A port of loopback on which nobody listens."""
    return _free_port()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """URL of an embedded server that lives as long as the test session."""
    with asyncio.Runner() as runner:
        server = EmbeddedServer(_free_port())
        runner.run(server.start())
        yield server.url
        runner.run(server.stop())


@pytest.fixture
def valkey(valkey_server: str) -> str:
    """URL of an embedded server that is empty."""
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """`await eventually(condition, within_s=5.0)`: wait until a condition holds, or fail at the deadline."""

    async def wait(condition: Callable[[], Awaitable[bool] | bool], within_s: float = 5.0) -> None:
        deadline = time.monotonic() + within_s
        while True:
            outcome = condition()
            if outcome if isinstance(outcome, bool) else await outcome:
                return
            assert time.monotonic() < deadline, f"not so within {within_s} s"
            await asyncio.sleep(0.01)

    return wait
