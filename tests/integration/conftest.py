"""A writer that runs for the length of a test, and services made with short intervals."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
from tests.integration.followed import Stage, now_ms, staged
from tests.integration.stage import Service

from microstream import venues
from microstream.clock import SystemClock
from microstream.services import SERVICES
from microstream.sinks import Buffer, Bus, SinkSettings


class Publisher:
    """A buffer, its writer, and the task that runs it."""

    def __init__(self, settings: SinkSettings, run: int) -> None:
        self.buffer = Buffer(settings.max_queued)
        self.bus = Bus(settings, self.buffer, SystemClock(), run)
        self.task = asyncio.create_task(self.bus.run())

    async def stop(self) -> None:
        """Cancel the writer and wait for its end."""
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
async def publish_to() -> AsyncIterator[Callable[..., Publisher]]:
    """`publish_to(url, run=1, **settings)` starts a writer, which must end by cancellation and nothing else."""
    publishers: list[Publisher] = []

    def start(url: str, run: int = 1, **settings: float) -> Publisher:
        publishers.append(Publisher(SinkSettings(url, **settings), run))  # type: ignore[arg-type]
        return publishers[-1]

    yield start
    for publisher in publishers:
        await publisher.stop()
        assert publisher.task.cancelled()


def addresses(urls: Mapping[str, str], venue: str) -> dict[str, str]:
    """Return where a venue is to be found: its streams beside its REST API, unless they have their own place."""
    stream = urls.get(f"{venue}_ws", urls[venue].replace("http", "ws", 1))
    return {
        "rest_url": urls[venue],
        "ws_url": stream,
        "spot_rest_url": urls[venue],
        "spot_ws_url": urls.get(f"{venue}_spot_ws", stream),
    }


@pytest.fixture(scope="session")
def new_service(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Service]:
    """`with new_service(sim.urls, redis_url, symbols=["BTC/USDT"]) as service`: every interval 1 s, free ports.

    Values are polled unless another `mode` is asked for, spot pairs with `spot` alone, bars and signals with their
    settings; no address but those of `urls` is ever asked.
    """

    def make(
        urls: Mapping[str, str],
        redis_url: str,
        *,
        mode: str = "poll",
        spot: bool = False,
        program: str | None = None,
        **settings: Any,
    ) -> Service:
        plain: dict[str, Any] = {
            "symbols": "all",
            "redis": {"url": redis_url},
            "exchanges": {},
            "services": {name: {"poll_interval": "1s"} for name in SERVICES},
            "bars": {"enabled": False},
            "signals": {"enabled": False},
            "server": {"port": 0},
            "log": {"format": "json"},
        }
        whole = plain | settings
        whole["services"] = {name: {"mode": mode, **whole["services"].get(name, {})} for name in SERVICES}
        if not spot:
            whole["services"]["spot_reference"]["enabled"] = False
        whole["exchanges"] = {
            name: addresses(urls, name) | whole["exchanges"].get(name, {}) for name in venues.REGISTRY
        }
        return Service(tmp_path_factory.mktemp("service"), whole, program=program)

    return make


@pytest.fixture(scope="module")
def running(new_service: Callable[..., Service], valkey_server: str) -> Iterator[Stage]:
    """Simulator, service and subscriber that the tests of one file share."""
    with staged(new_service, valkey_server) as stage:
        yield stage


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """The shared stage, well at the beginning of a test."""
    running.sim.clear()
    running.get_well(now_ms() - 1500)
    yield running
    running.sim.clear()
