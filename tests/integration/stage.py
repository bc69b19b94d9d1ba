"""Simulator and service as processes of their own, and a subscriber that keeps all messages."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import redis
import yaml
from prometheus_client.parser import text_string_to_metric_families

CHANNELS = {
    "funding": "funding",
    "mark_price": "meta:mark_price",
    "oi": "meta:oi",
    "spot": "meta:spot",
    "instrument": "meta:instrument",
    "quality": "quality",
}
"""Families and how their channels begin, as the contract has them."""


def ask(url: str, path: str, *, method: str = "GET", body: object = None) -> tuple[int, bytes]:
    """Return status and body of one HTTP exchange."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def wait_until(
    condition: Callable[[], object],
    within_s: float,
    between: Callable[[], None] = lambda: time.sleep(0.01),
    or_show: Callable[[], object] = lambda: "",
) -> None:
    """Return when a condition holds; fail at the deadline and show what there is instead."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not so within {within_s} s: {or_show()}"
        between()


class Simulator:
    """The simulated venues; `urls` by venue, and `control`."""

    def __init__(self, contracts: int | None = 8, *arguments: str) -> None:
        self.contracts = contracts
        few = () if contracts is None else ("--contracts", str(contracts))
        self._command = [sys.executable, "-m", "microstream_sim", "--port", "0", "--exit-on-stdin-eof"]
        self._command += [*few, *arguments]
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.urls = json.loads(self._process.stdout.readline())["urls"]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()

    def control(self, path: str, **options: Any) -> Any:
        """Ask the control port."""
        status, body = ask(self.urls["control"], path, **options)
        assert status == 200, body
        return json.loads(body)

    def put(self, *faults: Mapping[str, object]) -> None:
        """Start faults now."""
        self.control("/faults", method="POST", body=list(faults))

    @contextmanager
    def fault(self, *faults: Mapping[str, object]) -> Iterator[None]:
        """Let faults act for the length of a block; all others end with them."""
        self.put(*faults)
        try:
            yield
        finally:
            self.clear()

    def clear(self) -> None:
        """End all faults."""
        self.control("/faults", method="DELETE")

    def requests(self, venue: str, path: str = "", since: float = 0) -> list[dict[str, Any]]:
        """Return what was asked of a venue after `since` (ms UTC) whose path ends so."""
        recent = self.control("/requests?recent=5000")["recent"]
        return [
            one
            for one in recent
            if one["venue"] == venue and one["path"].endswith(path) and one["time"] > since
        ]

    def live(self, venue: str, *, tradfi: bool = False) -> list[dict[str, Any]]:
        """Return the rows of the perpetuals and X-Perps that a client should follow under `all`."""
        return [
            row
            for row in self.control(f"/contracts?venue={venue}")
            if row["live"]
            and row["kind"] != "future"
            and not (venue == "bybit" and row["inverse"])
            and (tradfi or row["category"] == "crypto")
        ]


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as a subscriber got it; `at` in ms UTC."""

    channel: str
    raw: bytes
    payload: dict[str, Any]
    at: float


class Recorder:
    """Subscribes to everything and keeps all messages in order; reads them whenever it waits."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)
        self.all: list[Heard] = []
        self.channels: dict[str, list[Heard]] = defaultdict(list)
        self._subscription: Any = self.client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        self._subscription.psubscribe("*")
        return self

    def __exit__(self, *_: object) -> None:
        self._subscription.close()
        self.client.close()

    def pull(self, timeout_s: float = 0.0) -> None:
        """Take what has come, waiting at most so long for the first."""
        message = self._subscription.get_message(timeout=timeout_s)
        while message is not None:
            name, raw = message["channel"].decode(), message["data"]
            heard = Heard(name, raw, json.loads(raw), time.time() * 1000)
            self.all.append(heard)
            self.channels[name].append(heard)
            message = self._subscription.get_message(timeout=0)

    def until(
        self,
        condition: Callable[[], object],
        within_s: float = 5.0,
        or_show: Callable[[], object] = lambda: "",
    ) -> None:
        """Record until a condition holds; fail at the deadline and show what there is instead."""
        wait_until(condition, within_s, lambda: self.pull(0.02), or_show)

    def during(self, seconds: float) -> None:
        """Record for so long: only for what must not happen."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, seconds + 1)

    def of(self, family: str, exchange: str, symbol: str, since: float = 0) -> list[dict[str, Any]]:
        """Return the payloads of one channel whose values were received after `since` (ms UTC)."""
        heard = self.channels.get(f"{CHANNELS[family]}:{exchange}:{symbol}", [])
        return [one.payload for one in heard if one.payload["received_at"] > since]

    def arrived(
        self, family: str, exchange: str, symbol: str, since: float, until: float
    ) -> list[dict[str, Any]]:
        """Return the payloads of one channel that arrived between two times (ms UTC), whenever they were received."""
        heard = self.channels.get(f"{CHANNELS[family]}:{exchange}:{symbol}", [])
        return [one.payload for one in heard if since < one.at <= until]

    def quality(self, exchange: str = "", since: float = 0, **wanted: object) -> list[dict[str, Any]]:
        """Return the quality payloads, of one venue where named, that have the wanted values."""
        return [
            one.payload
            for one in self.all
            if one.channel.startswith(f"quality:{exchange}")
            and one.at > since
            and wanted.items() <= one.payload.items()
        ]

    def last(self, family: str, exchange: str) -> dict[str, dict[str, Any]]:
        """Return the last values of a group by symbol."""
        found: Any = self.client.hgetall(f"last:{family}:{exchange}")
        return {key.decode(): json.loads(value) for key, value in found.items()}


class Service:
    """`microstream run` (or another command line, or program) as a process; its log goes to a file."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        arguments: Sequence[str] = (),
        program: str | None = None,
    ) -> None:
        self.file = folder / "microstream.yaml"
        self.file.write_text(yaml.safe_dump(dict(settings), sort_keys=False))
        self.started_at = 0.0
        self._log = folder / "log"
        self._arguments = arguments or ("run", "-c", str(self.file))
        self._program = ("-m", "microstream") if program is None else (program,)
        self._mark = str(uuid4())

    def __enter__(self) -> Self:
        clean = {key: text for key, text in os.environ.items() if not key.startswith("MICROSTREAM_")}
        clean["STARTED_BY_TEST"] = self._mark
        self.started_at = time.time() * 1000
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self._program, *self._arguments],
                env=clean,
                cwd=self.file.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        if kind is None:
            assert "Traceback" not in self.text, self.text

    def family(self) -> list[str]:
        """Return the processes that it has started and that still run, itself included."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:  # it has ended meanwhile
                continue
        return found

    @property
    def text(self) -> str:
        """Everything that was logged."""
        return self._log.read_text()

    def log(self, event: str = "", **wanted: object) -> list[dict[str, Any]]:
        """Return the log lines whose event begins so and that have the wanted values."""
        lines = [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"].startswith(event) and wanted.items() <= line.items()]

    @property
    def url(self) -> str:
        """Where its own HTTP server listens."""
        wait_until(
            lambda: self.log("status server listens") or self.process.poll() is not None,
            10,
            or_show=lambda: self.text,
        )
        [line] = self.log("status server listens")
        return str(line["url"])

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return what `/readyz` says."""
        status, body = ask(self.url, "/readyz")
        assert status in {200, 503}
        return status == 200, json.loads(body)

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Return `/metrics`: sample name without prefix and label values in the order of their names -> value."""
        _, body = ask(self.url, "/metrics")
        return {
            (
                sample.name.removeprefix("microstream_"),
                *dict(sorted(sample.labels.items())).values(),
            ): sample.value
            for family in text_string_to_metric_families(body.decode())
            for sample in family.samples
        }

    def stop(self, number: int = signal.SIGTERM, within_s: float = 5.0) -> float:
        """Send a signal; return the seconds until it ended with 0."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(within_s) == 0, self.text
        return time.monotonic() - began
