"""The command line from outside: bad configurations, ports in use, simulated venues, the demo."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.integration.followed import now_ms, where
from tests.integration.oracle import FAMILIES
from tests.integration.stage import Recorder, Service, Simulator, wait_until

NewService = Callable[..., Service]
VENUES = ("binance", "bybit", "okx")


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """The simulator of this file."""
    with Simulator(8) as running:
        yield running


def heard(recorder: Recorder, since: float = 0) -> bool:
    """Return whether every family of the BTC contract has news on all venues."""
    return all(
        recorder.of(family, *where(venue, "BTC"), since=since) for venue in VENUES for family in FAMILIES
    )


def has_ended(service: Service) -> bool:
    """Return whether nothing of a service runs any more."""
    return not service.family()


BAD = {
    "unknown key": ("symbols: all\nexchange:\n  okx: {}\n", 2, ["exchange", "exchanges"]),
    "bad duration": (
        "services:\n  mark_price_poller:\n    poll_interval: 10 parsecs\n",
        3,
        ["poll_interval", "10s"],
    ),
    "too short": ("services:\n  mark_price_poller: {poll_interval: 10ms}\n", 2, ["poll_interval", "1s"]),
    "wrong type": ("symbols: all\nhttp: {retries: many}\n", 2, ["http.retries"]),
    "not YAML": ("symbols: [BTC\n", 2, ["YAML"]),
    "bad URL": ("redis: {url: localhost}\n", 1, ["redis.url", "redis://"]),
}


@pytest.mark.parametrize(("text", "line", "words"), BAD.values(), ids=BAD)
def test_a_bad_configuration_ends_with_2_and_its_place(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    """The message names file, line and key, and what would be right; no traceback."""
    file = tmp_path / "microstream.yaml"
    file.write_text(text)
    command = [sys.executable, "-m", "microstream", "run", "-c", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    assert ended.returncode == 2
    assert f"{file}:{line}" in ended.stderr
    assert [word for word in words if word not in ended.stderr] == []
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("key", ["server", "redis"])
def test_a_port_in_use_ends_with_2_and_its_place(
    sim: Simulator, new_service: NewService, valkey: str, free_port: int, key: str
) -> None:
    """Of the service's own server and of the embedded one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        group = {"port": free_port} if key == "server" else {"url": "embedded", "port": free_port}
        with new_service(sim.urls, valkey, **{key: group}) as service:
            assert service.process.wait(10) == 2
            line = next(
                n for n, text in enumerate(service.file.read_text().splitlines(), 1) if str(free_port) in text
            )
            assert f"{service.file}:{line}: {key}.port" in service.text


def test_an_unknown_symbol_ends_with_2_and_the_nearest_matches(
    sim: Simulator, new_service: NewService, valkey: str
) -> None:
    """Unless `strict: false`, which makes it a warning and runs the rest."""
    names = ["BTC/USDT", "BTCUSTD"]
    with new_service(sim.urls, valkey, symbols=names) as service:
        assert service.process.wait(10) == 2
        assert f"{service.file}:1: symbols: 'BTCUSTD'" in service.text
        assert "BTCUSDT" in service.text or "BTC/USDT" in service.text
    with Recorder(valkey) as recorder, new_service(sim.urls, valkey, symbols=names, strict=False) as service:
        recorder.until(lambda: heard(recorder), 8)
        assert "BTCUSTD" in service.log("symbols that no venue lists", level="warning")[0]["why"]


def test_run_simulate_brings_its_own_venues(valkey: str, tmp_path: Path) -> None:
    """They are gone when the service is, also when it is killed."""
    settings = {"symbols": "BTC/USDT", "redis": {"url": valkey}, "server": {"port": 0}}
    with Recorder(valkey) as recorder:
        for end in (signal.SIGTERM, signal.SIGKILL):
            began = now_ms()
            with Service(tmp_path, settings, ("run", "--simulate")) as service:
                recorder.until(partial(heard, recorder, since=began), 10)
                assert len(service.family()) == 2
                service.process.send_signal(end)
                service.process.wait(5)
                wait_until(partial(has_ended, service), 5)


def test_the_demo_ends_with_a_summary_and_leaves_nothing(tmp_path: Path) -> None:
    """Exit code 0, the data is called simulated, and every channel is counted."""
    with Service(tmp_path, {}, ("demo", "--for", "1s")) as service:
        wait_until(lambda: len(service.family()) == 4, 10)
        assert service.process.wait(20) == 0
        assert service.family() == []
        assert "SIMULATED" in service.text
        assert "messages on" in service.text


def test_real_venues_that_cannot_be_reached_are_an_error_that_says_so(
    new_service: NewService, valkey: str, free_port: int
) -> None:
    """Never simulated by itself; the way to a simulation is named."""
    nowhere = dict.fromkeys(VENUES, f"http://127.0.0.1:{free_port}")
    with (
        Recorder(valkey) as recorder,
        new_service(nowhere, valkey, mode="auto", http={"retries": 0}) as service,
    ):
        wait_until(lambda: service.log("no venue can be read"), 10)
        assert "--simulate" in service.log("no venue can be read")[0]["event"]
        assert not service.ready()[0]
        recorder.until(lambda: len(recorder.quality(state="raised", severity="critical")) == 3)
        assert {name.partition(":")[0] for name in recorder.channels} == {"quality"}


@pytest.mark.parametrize("broken", ["", "rest_url", "ws_url", "spot_rest_url", "spot_ws_url"])
def test_doctor_asks_every_address(sim: Simulator, tmp_path: Path, free_port: int, broken: str) -> None:
    """One that does not answer is a problem with advice and the exit code 1; the others are asked all the same."""
    lines = ["redis:", f"  port: {free_port}", "http:", "  timeout: 2s", "exchanges:"]
    for venue in VENUES:
        ws_url = sim.urls[f"{venue}_ws"]
        urls = {
            "rest_url": sim.urls[venue],
            "ws_url": ws_url,
            "spot_rest_url": sim.urls[venue].replace("127.0.0.1", "localhost"),
            "spot_ws_url": sim.urls.get(f"{venue}_spot_ws", ws_url),
        }
        if venue == "binance" and broken:
            urls[broken] = urls[broken].partition("://")[0] + "://127.0.0.1:9"
        lines += [f"  {venue}:", *(f"    {name}: {url}" for name, url in urls.items())]
    file = tmp_path / "microstream.yaml"
    file.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "microstream", "doctor", "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    problems = [text for _, verdict, text in told if verdict != "ok"]
    assert done.returncode == (1 if broken else 0), done.stdout + done.stderr
    assert {name for name, *_ in told} == {*VENUES, "redis"}
    assert len(problems) == bool(broken)
    assert all("127.0.0.1:9" in text and broken in text.rpartition(". ")[2] for text in problems)
