"""`microstream replay` from outside."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from tests.unit.history.recorded import minutes, record

from microstream.history.store import Store

DAY = ("--from", "2026-11-25", "--to", "2026-11-26")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history of two minutes from 2026-11-25T12:00 on."""
    path = tmp_path_factory.mktemp("replay")
    record(Store(str(path / "history")), minutes(2))
    return path


def start(folder: Path, *words: str, **environ: str) -> subprocess.Popen[str]:
    """Start the command in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "microstream", "replay", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "MICROSTREAM_SYMBOLS": "SOL", **environ},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return exit code and output when it has ended."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_the_whole_day_at_once(folder: Path, valkey: str) -> None:
    """Counts, span and sum on standard output; the messages are on the server."""
    code, out, _ = ended(start(folder, *DAY, "--speed", "max", "--redis", valkey, "--families", "oi,funding"))
    assert code == 0
    assert re.search(r"^oi +16$", out, re.MULTILINE)
    assert re.search(r"^all +32  in ", out, re.MULTILINE)
    assert "2026-11-25T12:00:01.020Z to 2026-11-25T12:01:46.020Z" in out
    assert re.search(r"^sha256 +[0-9a-f]{64}$", out, re.MULTILINE)
    with redis.Redis.from_url(valkey) as client:
        assert client.xlen("stream:oi:bybit") == 8
        assert client.hlen("last:funding:bybit") == 2


def test_an_embedded_server_is_started_and_a_signal_ends_it(folder: Path, free_port: int) -> None:
    """It is told where it is; at original speed the day is not over before the signal is."""
    process = start(folder, *DAY, MICROSTREAM_REDIS__PORT=str(free_port))
    with redis.Redis(port=free_port) as client:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if client.exists("stream:mark_price:bybit"):
                    break
            except redis.ConnectionError:
                pass
            time.sleep(0.02)
        assert client.xlen("stream:mark_price:bybit") < 30
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert code == 0
    assert f"an embedded server is started for this replay: redis://127.0.0.1:{free_port}" in err
    assert "sha256" in out


def test_a_span_without_anything_says_what_there_is(folder: Path, valkey: str) -> None:
    """Exit code 1, and the times of the first and last message."""
    code, out, err = ended(start(folder, "--from", "2026-11-26", "--redis", valkey))
    assert (code, out) == (1, "")
    assert "nothing is recorded from 2026-11-26T00:00:00.000Z to " in err
    assert "history has 2026-11-25T12:00:00.000Z to 2026-11-25T12:01:59.021Z" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "soon"), "--from soon is no time"),
        ((*DAY, "--speed", "0"), "--speed 0: write a number above 0"),
        ((*DAY, "--families", "oi,trades"), "--families trades: there is funding, mark_price"),
        (("--from", "2026-11-26", "--to", "2026-11-25"), "the end is not behind the start"),
        ((*DAY, "--redis", "redis://127.0.0.1:1"), "the server to replay to cannot be used"),
    ],
)
def test_bad_options(folder: Path, words: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what would be right."""
    code, out, err = ended(start(folder, *words))
    assert (code, out) == (2, "")
    assert told in err
