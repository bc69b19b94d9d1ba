"""Simulator and service as processes of their own, on free ports."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from microstream.services import SERVICES

ROOT = Path(__file__).parents[1]
STOP_S = 15.0

_open = build_opener(ProxyHandler({})).open


def fetch(url: str, timeout_s: float = 30.0) -> bytes:
    """Return the body behind an address on this machine, uncompressed."""
    with _open(Request(url), timeout=timeout_s) as reply:  # noqa: S310 (addresses come from our own processes)
        body: bytes = reply.read()
        return body


def fetch_json(url: str) -> Any:
    """Return the decoded body behind an address on this machine."""
    return json.loads(fetch(url))


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def simulator() -> Iterator[dict[str, str]]:
    """Run the simulated venues; yield their base addresses and that of their `control` port."""
    with simulator_process() as (_, urls):
        yield urls


@contextmanager
def simulator_process() -> Iterator[tuple[int, dict[str, str]]]:
    """Run the simulated venues; yield their process id and their base addresses."""
    process = subprocess.Popen(
        [sys.executable, "-m", "microstream_sim", "--port", "0", "--exit-on-stdin-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the simulator ended with exit code {process.wait()}")
        yield process.pid, json.loads(line)["urls"]
    finally:
        _stop(process)


@contextmanager
def companion(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of the benchmarks, which says a line when it is ready and ends when its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        yield process
    finally:
        _stop(process)


def first_line(process: subprocess.Popen[bytes]) -> Any:
    """Return what a companion says when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args!r} ended with exit code {process.wait()}")
    return json.loads(line)


def last_words(process: subprocess.Popen[bytes]) -> Any:
    """End a companion and return what it has to tell."""
    output, _ = process.communicate(timeout=STOP_S * 4)
    if process.returncode:
        raise SystemExit(f"{process.args!r} ended with exit code {process.returncode}")
    return msgspec.json.decode(output)


@contextmanager
def service(
    urls: Mapping[str, str], settings: Mapping[str, str], *, streams: bool = False
) -> Iterator[tuple[int, str]]:
    """Run `microstream run` with `symbols: all` against the simulator, else with its defaults and `settings`.

    It polls only, unless `streams`. Yields its process id and the address of its status server.
    """
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MICROSTREAM_")}
    environment |= {"NO_PROXY": "127.0.0.1", "MICROSTREAM_SYMBOLS": "all"}
    environment |= {"MICROSTREAM_SERVER__PORT": str(port), "MICROSTREAM_LOG__LEVEL": "warning"}
    for venue in ("binance", "bybit", "okx"):
        group, ws_url = f"MICROSTREAM_EXCHANGES__{venue.upper()}__", urls[f"{venue}_ws"]
        environment |= {f"{group}REST_URL": urls[venue], f"{group}SPOT_REST_URL": urls[venue]}
        environment |= {f"{group}WS_URL": ws_url, f"{group}SPOT_WS_URL": urls.get(f"{venue}_spot_ws", ws_url)}
    for name in SERVICES:
        environment[f"MICROSTREAM_SERVICES__{name.upper()}__MODE"] = "auto" if streams else "poll"
    with tempfile.TemporaryDirectory(prefix="microstream-bench-") as folder:  # no microstream.yaml there
        errors = Path(folder, "stderr")
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "microstream", "run"],
                cwd=folder,
                env={**environment, **settings},
                stderr=stderr,
            )
        try:
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            ended = process.poll()
            _stop(process)
            if ended is not None:
                print(f"the service ended with exit code {ended}:\n{errors.read_text()}", file=sys.stderr)


def wait_until_ready(status_url: str, within_s: float) -> None:
    """Return when `/readyz` says that every venue is live; SystemExit if that takes longer."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if fetch_json(f"{status_url}/readyz")["ready"]:
                return
        except OSError:  # not listening yet, or 503: not ready yet
            pass
        time.sleep(0.1)
    raise SystemExit(f"the service was not ready within {within_s:g} s")


def venue_states(status_url: str) -> dict[str, Any]:
    """Return what `/readyz` says of each venue, ready or not."""
    try:
        body = fetch(f"{status_url}/readyz")
    except HTTPError as error:
        body = error.read()
    venues: dict[str, Any] = json.loads(body)["venues"]
    return venues


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
