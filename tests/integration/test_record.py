"""`microstream record` and the recorder beside `run`: killed, stopped, missing its libraries."""

import asyncio
import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.recorded import Row, logged, offer, recorded
from tests.integration.stage import Service, Simulator, wait_until

from microstream.history.store import Store

Eventually = Callable[..., Awaitable[None]]
NewService = Callable[..., Service]


@contextmanager
def record(url: str, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command; it is killed if it is still there at the end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MICROSTREAM_")}
    environ |= {"MICROSTREAM_HISTORY__URL": str(folder), "MICROSTREAM_HISTORY__FLUSH": "1s"}
    process = subprocess.Popen(
        [sys.executable, "-m", "microstream", "record", "--redis", url, *words],
        env=environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(400)])])
async def test_a_recorder_that_is_killed_loses_nothing(
    valkey: str, tmp_path: Path, publish_to: Callable[..., Any], eventually: Eventually, kills: int
) -> None:
    """kill -9 at random moments under load: the tables have what the logs have, nothing twice, nothing lost."""
    publisher, moments = publish_to(valkey), random.Random(7)
    folder = tmp_path / "history"

    async def publish() -> None:
        for number in range(1_000_000):
            offer(publisher.buffer, number, symbols=20)
            await asyncio.sleep(0.02)

    load = asyncio.create_task(publish())
    rows = 0
    for _ in range(kills):
        with record(valkey, folder) as process:
            await eventually(lambda before=rows: _rows(folder) > before, within_s=20)
            await asyncio.sleep(moments.uniform(0.0, 1.2))
            process.kill()
            process.wait()
        rows = _rows(folder)
    load.cancel()
    await eventually(lambda: publisher.bus.unwritten == 0)
    expected = logged(valkey)
    with record(valkey, folder) as process:
        await eventually(lambda: _rows(folder) == len(expected), within_s=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert recorded(folder) == expected
    ledger = Store(str(folder)).ledger.table
    assert ledger.read(ledger.scan()).filter(answer="lost").height == 0


def _rows(folder: Path) -> int:
    return sum(int(table.files()["num_records"].sum()) for table in Store(str(folder)).published.values())


async def test_a_full_disk_loses_nothing(
    valkey: str, tmp_path: Path, publish_to: Callable[..., Any], eventually: Eventually
) -> None:
    """Files cannot grow beyond some bytes for a time: it says so, and writes everything afterwards."""
    publisher, folder = publish_to(valkey), tmp_path / "history"
    with record(valkey, folder) as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        for number in range(5):
            offer(publisher.buffer, number)
            await eventually(lambda: publisher.bus.unwritten == 0)
        await asyncio.to_thread(_read_until, process, "history cannot be written, retrying")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await eventually(lambda: _rows(folder) == 5 * 45, within_s=20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert recorded(folder) == logged(valkey)


def _read_until(process: subprocess.Popen[str], event: str) -> None:
    """Read the log up to an event; the library's own complaints stand between."""
    assert process.stderr is not None
    while event not in process.stderr.readline():
        assert process.poll() is None


@pytest.mark.parametrize("command", ["record", "run"])
def test_missing_libraries_end_it_with_2(tmp_path: Path, command: str) -> None:
    """The text says what to install."""
    environ = dict(os.environ) | {"MICROSTREAM_HISTORY__RECORD": "true"}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    program = [sys.executable, "-c", _WITHOUT, command]
    ended = subprocess.run(
        program, env=environ, capture_output=True, text=True, timeout=20, check=False, cwd=tmp_path
    )
    assert ended.returncode == 2
    assert "pip install 'p9-microstream[history]'" in ended.stderr
    assert "Traceback" not in ended.stderr


_WITHOUT = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "deltalake" else found(name, *rest)
from microstream.cli import main
sys.argv[0] = "microstream"
main()
"""
"""The command line on a machine where a library is missing."""


def test_for_ends_it_with_0(valkey: str, tmp_path: Path) -> None:
    """After the time, with its counts in the log; nothing on standard output."""
    with record(valkey, tmp_path / "history", "--for", "1s") as process:
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0
    assert output == ""
    events = [json.loads(line)["event"] for line in errors.splitlines()]
    assert events == ["recording", "redis is connected", "recording has ended"]


def test_run_records_by_itself(new_service: NewService, valkey: str, tmp_path: Path) -> None:
    """All that was published until the end is in the tables; metrics tell of it; a killed recorder comes back."""
    history = {"record": True, "url": str(tmp_path / "history"), "flush": "1s"}
    settings = {"history": history, "bars": {"timeframes": "1s"}, "signals": {"enabled": True}}
    with Simulator(4) as sim, new_service(sim.urls, valkey, **settings) as service:
        wait_until(lambda: service.metrics().get(("recorder_up",)) == 1, 20)
        wait_until(lambda: _rows(tmp_path / "history") > 0, 20)
        os.kill(_child(service), signal.SIGKILL)
        wait_until(lambda: service.log("the recorder has died, it is started again"), 5)
        before = _rows(tmp_path / "history")
        wait_until(lambda: _rows(tmp_path / "history") > before, 20)
        wait_until(lambda: {"funding", "mark_price", "oi", "bars", "signal"} <= _families(service), 20)
        service.stop(within_s=15)
        assert service.process.returncode == 0
        assert service.family() == []
    assert _values(recorded(tmp_path / "history")) == _values(logged(valkey)) != []


def test_the_recorder_ends_with_a_service_that_is_killed(
    new_service: NewService, valkey: str, tmp_path: Path
) -> None:
    """It writes what is there and goes; nothing is left running."""
    history = {"record": True, "url": str(tmp_path / "history")}
    with Simulator(2) as sim, new_service(sim.urls, valkey, history=history) as service:
        wait_until(lambda: service.metrics().get(("recorder_up",)) == 1, 20)
        service.process.kill()
        service.process.wait()
        wait_until(lambda: service.family() == [], 15)
    assert _values(recorded(tmp_path / "history")) == _values(logged(valkey)) != []


def _values(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return rows with what their payloads say: a time in a column of numbers comes back as 5.0 where 5 was written."""
    return [(*place, json.loads(raw)) for *place, raw in rows]


def _families(service: Service) -> set[str]:
    return {key[1] for key, rows in service.metrics().items() if key[0] == "recorder_rows_total" and rows}


def _child(service: Service) -> int:
    pid = service.process.pid
    [child] = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return child
