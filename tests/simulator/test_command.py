"""The command: its ready line, its ends, its errors."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import aiohttp
import pytest


async def _start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "microstream_sim", "--contracts", "5", *arguments,
        stdin=PIPE, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip


async def _ready(process: Process) -> dict[str, str]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    assert line["event"] == "ready"
    urls: dict[str, str] = line["urls"]
    return urls


async def _ended(process: Process) -> int:
    return await asyncio.wait_for(process.wait(), 5)


async def test_free_ports_and_end_of_input() -> None:
    """Port 0 takes four free ports; the end of standard input ends it."""
    process = await _start("--port", "0", "--exit-on-stdin-eof")
    urls = await _ready(process)
    assert list(urls)[:4] == ["binance", "bybit", "okx", "control"]
    assert len(set(urls.values())) == len(urls) == 8
    assert urls["okx_ws"] == urls["okx"].replace("http", "ws")
    async with aiohttp.ClientSession() as http, http.get(f"{urls['okx']}/api/v5/public/time") as reply:
        assert reply.status == 200
    assert process.stdin is not None
    process.stdin.close()
    assert await _ended(process) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_end_it(number: signal.Signals) -> None:
    """SIGTERM and SIGINT end it at once with 0, even while a client waits for an answer."""
    process = await _start("--port", "0", "--exit-on-stdin-eof")
    urls = await _ready(process)
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        async with http.post(f"{urls['control']}/faults", json=[{"kind": "hang", "venue": "okx"}]) as reply:
            assert reply.status == 200
        waiting = tasks.create_task(_broken_off(http, f"{urls['okx']}/api/v5/public/time"))
        async with asyncio.timeout(5):
            while not await _asked(http, urls["control"]):
                pass
        process.send_signal(number)
        assert await _ended(process) == 0
        assert await waiting


async def _broken_off(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as reply:
            await reply.read()
    except aiohttp.ClientError:
        return True
    return False


async def _asked(http: aiohttp.ClientSession, control: str) -> bool:
    async with http.get(f"{control}/requests") as reply:
        return bool((await reply.json())["total"])


async def test_port_in_use() -> None:
    """A port in use ends it with 2 and says which ports it wanted."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await _start("--port", str(port))
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert f"{port} to {port + 3}" in errors.decode()


async def test_truth_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A truth file in no folder ends it with 2 and is named."""
    process = await _start("--port", "0", "--truth", str(tmp_path / "none" / "truth.jsonl"))
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert "truth.jsonl" in errors.decode()


async def test_wrong_script(tmp_path: Path) -> None:
    """A wrong fault script ends it with 2 and names file and entry."""
    script = tmp_path / "faults.yaml"
    script.write_text("- kind: nonsense\n")
    process = await _start("--port", "0", "--faults", str(script))
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert f"{script}: fault 1" in errors.decode()


async def test_script_about_nothing(tmp_path: Path) -> None:
    """A move of a coin that nobody lists ends it with 2 and names the coin."""
    script = tmp_path / "faults.yaml"
    script.write_text("- {kind: market, coin: NOPE, field: premium, value: 0.01}\n")
    process = await _start("--port", "0", "--faults", str(script))
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert "'NOPE'" in errors.decode()


async def test_scenarios() -> None:
    """`--scenario` starts situations from the start on, each with its coin if one is named."""
    process = await _start("--port", "0", "--scenario", "squeeze:eth", "--scenario", "venue_off")
    urls = await _ready(process)
    async with aiohttp.ClientSession() as http, http.get(f"{urls['control']}/faults") as reply:
        rows = await reply.json()
    assert [row["fault"]["coin"] for row in rows] == ["ETH"] * 4 + ["SOL"]
    assert all(row["acting"] for row in rows)
    process.terminate()
    assert await _ended(process) == 0


@pytest.mark.parametrize(
    ("scenario", "reason"), [("panic", "there are cap_hit, spread"), ("squeeze:NOPE", "'NOPE'")]
)
async def test_wrong_scenario(scenario: str, reason: str) -> None:
    """An unknown name or coin ends it with 2 and the reason."""
    process = await _start("--port", "0", "--scenario", scenario)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert reason in errors.decode()


async def test_truth_log_and_script(tmp_path: Path) -> None:
    """Every reply leaves a line in the truth file; a script acts from the start."""
    log, script = tmp_path / "truth.jsonl", tmp_path / "faults.yaml"
    script.write_text("- {kind: status, venue: binance, status: 500, count: 1}\n")
    process = await _start("--port", "0", "--truth", str(log), "--faults", str(script))
    urls = await _ready(process)
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.get(f"{urls['binance']}/fapi/v1/premiumIndex?symbol=BTCUSDT") as reply:
                await reply.read()
    process.terminate()
    await _ended(process)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["status"] for row in rows] == [500, 200]
    assert rows[1]["path"] == "/fapi/v1/premiumIndex"
    assert rows[1]["query"] == "symbol=BTCUSDT"
    assert rows[1]["step"] % 1000 == 0
    assert 0 <= rows[1]["time"] - rows[1]["step"] < 2000


async def test_step_and_life_of_streams() -> None:
    """`--step` sets how often values move, `--stream-life` when Binance ends a connection."""
    process = await _start("--port", "0", "--step", "50ms", "--stream-life", "1s")
    urls = await _ready(process)
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{urls['okx_ws']}/ws/v5/public") as okx:
            arg = {"channel": "index-tickers", "instId": "BTC-USDT"}
            await okx.send_json({"op": "subscribe", "args": [arg]})
            stamps: set[int] = set()
            async with asyncio.timeout(5):
                while len({stamp % 1000 for stamp in stamps}) < 3:
                    body = json.loads(await okx.receive_str())
                    stamps |= {int(row["ts"]) for row in body.get("data", [])}
        assert all(stamp % 50 == 0 for stamp in stamps)
        async with http.ws_connect(f"{urls['binance_ws']}/market/ws") as binance:
            assert (await binance.receive(5)).type is aiohttp.WSMsgType.CLOSE
            assert binance.close_code == 1001
    process.terminate()
    assert await _ended(process) == 0


@pytest.mark.parametrize("step", ["300ms", "fast"])
async def test_wrong_step(step: str) -> None:
    """A step that does not divide a second is refused with the reason."""
    process = await _start("--step", step)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert step in errors.decode()
