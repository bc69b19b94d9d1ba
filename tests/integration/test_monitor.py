"""`microstream monitor` as a process of its own, over a real server."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import json
from redis.asyncio import Redis

from microstream.cli.monitor import command
from microstream.errors import ConfigError
from microstream.model.channels import channel
from microstream.sinks import EmbeddedServer

Eventually = Callable[..., Awaitable[None]]

MONITOR = """
import sys, typer
from microstream.cli.monitor import command
app = typer.Typer()
app.command()(command)
sys.exit(app(standalone_mode=False))
"""


async def publish(client: Redis, symbol: str, seq: int, *, family: str = "funding") -> None:
    """Write the three forms of a message."""
    place = channel(family, "okx", symbol)
    raw = json.encode({"instrument": "SOL/USDT:USDT", "run": 1, "seq": seq, "funding_rate": 0.0001})
    await client.hset(place.last_key, place.item, raw)
    await client.publish(place.name, raw)
    await client.xadd(place.stream_key, {place.item: raw})


@asynccontextmanager
async def monitoring(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command; it is over when the block is."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MONITOR, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_of(stream: asyncio.StreamReader | None) -> str:
    """Return the next line; fail where none comes."""
    assert stream is not None
    async with asyncio.timeout(10):
        return (await stream.readline()).decode().rstrip("\n")


async def end_of(process: asyncio.subprocess.Process) -> tuple[str, str, int | None]:
    """Return what is left of both outputs, and the exit code."""
    async with asyncio.timeout(10):
        out, err = await process.communicate()
    return out.decode(), err.decode(), process.returncode


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """A publisher's connection to the empty server."""
    async with Redis.from_url(valkey) as connection:
        yield connection


async def test_lines_come_as_messages_arrive_and_a_summary_at_the_end(valkey: str, client: Redis) -> None:
    """Last value, live message, hole; SIGINT ends it with the summary and 0."""
    await publish(client, "sol-usdt", 1)
    async with monitoring("--redis", valkey) as process:
        first = await line_of(process.stdout)
        await publish(client, "sol-usdt", 2)
        await publish(client, "sol-usdt", 5)
        second, third = [await line_of(process.stdout) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        out, err, code = await end_of(process)
    assert "funding:okx:sol-usdt" in first
    assert first.endswith("[last value]")
    assert "+0.0100%" in second
    assert third.endswith("[2 missing before]")
    assert "3 messages on 1 channel" in out
    assert "holes in seq: 2 numbers missing" in out
    assert (err, code) == ("", 0)


async def test_json_mode_prints_nothing_but_json(valkey: str, client: Redis) -> None:
    """The payload with its channel first; the summary goes to standard error."""
    await publish(client, "sol-usdt", 1)
    async with monitoring("--redis", valkey, "--json") as process:
        line = await line_of(process.stdout)
        process.send_signal(signal.SIGTERM)
        out, err, code = await end_of(process)
    payload = json.decode(line)
    assert next(iter(payload)) == "channel"
    assert (payload["channel"], payload["seq"]) == ("funding:okx:sol-usdt", 1)
    assert out == ""
    assert "1 message on 1 channel" in err
    assert code == 0


async def test_patterns_choose_channels_and_contracts(valkey: str, client: Redis) -> None:
    """A channel glob and a name together: only what fits both is printed."""
    for symbol in ("sol-usdt", "sol-usdc"):
        for family in ("funding", "oi"):
            await publish(client, symbol, 1, family=family)
    async with monitoring("--redis", valkey, "--json", "meta:oi:*:*", "*-usdc") as process:
        await line_of(process.stdout)
        process.send_signal(signal.SIGINT)
        out, err, code = await end_of(process)
    assert out == ""
    assert "meta:oi:okx:sol-usdc" in err
    assert "1 message on 1 channel" in err
    assert code == 0


async def test_nothing_arrived_is_exit_code_1(valkey: str) -> None:
    """After the time given with --for."""
    async with monitoring("--redis", valkey, "--for", "200ms") as process:
        out, err, code = await end_of(process)
    assert "nothing arrived" in out
    assert (err, code) == ("", 1)


async def test_a_server_that_is_away_is_told_once_and_waited_for(free_port: int) -> None:
    """Its messages are shown as soon as it is there."""
    url = f"redis://127.0.0.1:{free_port}"
    async with monitoring("--redis", url) as process:
        away = await line_of(process.stderr)
        async with EmbeddedServer(free_port), Redis.from_url(url) as client:
            back = await line_of(process.stderr)
            await publish(client, "sol-usdt", 1)
            line = await line_of(process.stdout)
            process.send_signal(signal.SIGINT)
            out, err, code = await end_of(process)
    assert away.startswith(f"127.0.0.1:{free_port} is away, trying again: ")
    assert back == f"127.0.0.1:{free_port} is there"
    assert "funding:okx:sol-usdt" in line
    assert "1 message on" in out
    assert (err, code) == ("", 0)


async def test_a_closed_pipe_ends_it_quietly(valkey: str, client: Redis, eventually: Eventually) -> None:
    """`microstream monitor | head -1` is no error."""
    await publish(client, "sol-usdt", 1)
    async with monitoring("--redis", valkey) as process:
        await line_of(process.stdout)
        transport = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]  # no public way to close it
        transport.close()
        numbers = iter(range(2, 10_000))

        async def ended() -> bool:
            await publish(client, "sol-usdt", next(numbers))
            return process.returncode is not None

        await eventually(ended, within_s=10.0)
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert process.returncode == 0


async def test_the_address_comes_from_the_configuration(free_port: int, tmp_path: Path) -> None:
    """`embedded` means the port of this machine where the service's own server listens."""
    file = tmp_path / "microstream.yaml"
    file.write_text(f"redis: {{url: embedded, port: {free_port}}}\n")
    async with monitoring("-c", str(file), "--for", "100ms") as process:
        out, _, code = await end_of(process)
    assert f"nothing arrived from 127.0.0.1:{free_port}" in out
    assert code == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"redis": "redis://:secret@host/x"}, r"--redis redis://:\*\*\*@host/x .*database"),
        ({"redis": "localhost:6379"}, "--redis localhost:6379 is not a Redis URL"),
        ({"redis": "redis://h", "for_": "10"}, "--for 10 is not a duration"),
        ({"redis": "redis://h", "for_": "0s"}, "--for 0s leaves no time"),
        ({"redis": "redis://h", "sort": "price"}, "--sort price: there is no column"),
        ({"redis": "redis://h", "patterns": ["a:[z-a]"]}, "pattern"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, object], text: str) -> None:
    """The error names the option and what would be right."""
    with pytest.raises(ConfigError, match=text):
        command(**options)  # type: ignore[arg-type]
