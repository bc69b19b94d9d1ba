"""`microstream top` as a process of its own, over a real server."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
from msgspec import json
from redis.asyncio import Redis

from microstream.cli.pages import NAMES
from microstream.cli.top import command
from microstream.errors import ConfigError
from microstream.model.channels import channel

Eventually = Callable[..., Awaitable[None]]

LONG_ENOUGH = "2s"
"""Last values come at once; a machine that is busy takes longer to connect."""

PAIR: dict[str, Any] = {
    "short": {"exchange": "okx", "symbol": "sol-usdt"},
    "long": {"exchange": "zeta", "symbol": "solusd"},
    "gross_apr": 0.219,
    "costs": 0.0021,
    "break_even_hours": 84.0,
    "break_even_time": 1_900_000_000_000,
    "net_return": {"24h": -0.0015, "168h": 0.0021},
}
RAISED: dict[str, Any] = {"state": "raised", "severity": "critical"}

MESSAGES: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        "funding",
        "okx",
        "sol-usdt",
        {"funding_rate": 1e-4, "funding_rate_8h": 1e-4, "funding_interval_hours": 8, "funding_apr": 0.1095},
    ),
    ("funding", "zeta", "solusd", {"funding_apr": -0.2}),
    ("mark_price", "okx", "sol-usdt", {"mark_price": 150.0}),
    ("oi", "okx", "sol-usdt", {"open_value": 1e9}),
    ("spot", "okx", "sol-usdt", {"mid": 150.0}),
    ("instrument", "okx", "sol-usdt", {"status": "live"}),
    ("quality", "okx", "sol-usdt", RAISED | {"kind": "stale", "about": "oi", "detail": "nothing newer"}),
    ("bars", "okx:1m", "sol-usdt", {"mark": {"open": 1.0}, "coverage": 1.0}),
    ("signal", "funding_spread", "sol", {"values": PAIR}),
    (
        "signal",
        "oi_regime",
        "okx:sol-usdt",
        {"values": {"5m": {"oi_change": 0.012, "price_change": 0.004, "regime": "long_build_up"}}},
    ),
    (
        "signal",
        "squeeze",
        "okx:sol-usdt",
        {
            "values": {"short_squeeze": None, "long_squeeze": None, "components": {"oi": None}},
            "flags": ["short_squeeze:fewer_than_three_components"],
        },
    ),
    ("signal", "basis", "okx:sol-usdt", {"values": {"z_score": 2.0}}),
    ("alert", "big", "okx:sol-usdt", RAISED | {"value": 72.5, "threshold": 60, "text": "much too big"}),
]


async def publish(client: Redis, family: str, owner: str, item: str, **keys: Any) -> None:
    """Write the three forms of a message."""
    place = channel(family, owner, item)
    now = time_ns() // 1_000_000
    common = {"instrument": "SOL/USDT:USDT", "run": 1, "seq": 1, "received_at": now, "since": now}
    if item == "sol":
        common["instrument"] = None
    raw = json.encode(common | keys)
    await client.hset(place.last_key, place.item, raw)
    await client.publish(place.name, raw)
    await client.xadd(place.stream_key, {place.item: raw})


@asynccontextmanager
async def running(*arguments: str, terminal: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command; it is over when the block is."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "microstream", "top", *arguments),
        stdin=asyncio.subprocess.DEVNULL if terminal is None else terminal,
        stdout=pipe if terminal is None else terminal,
        stderr=pipe if terminal is None else terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "30"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def output_of(*arguments: str) -> tuple[str, str, int | None]:
    """Return both outputs and the exit code."""
    async with running(*arguments) as process, asyncio.timeout(20):
        out, err = await process.communicate()
    return out.decode(), err.decode(), process.returncode


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """A publisher's connection to the empty server."""
    async with Redis.from_url(valkey) as connection:
        yield connection


@pytest.fixture
async def published(client: Redis) -> None:
    """A message of every family is there."""
    for family, owner, item, keys in MESSAGES:
        await publish(client, family, owner, item, **keys)


@pytest.mark.usefixtures("published")
async def test_every_family_is_on_its_page(valkey: str) -> None:
    """Read from the last values, printed as text without colour; bars and other signals are on none."""
    out, err, code = await output_of("all", "--redis", valkey, "--for", LONG_ENOUGH)
    assert (err, code) == ("", 0)
    assert "\x1b" not in out
    pages = {text.partition(":")[0]: text.splitlines() for text in out.split("\n\n")}
    assert tuple(pages) == NAMES
    rows = {name: " ".join(lines[-1].split()) for name, lines in pages.items()}
    assert rows["funding"] == "SOL 30.95% +10.95% +0.0100% 8h -20.00% - - okx zeta"
    assert rows["spreads"].startswith(
        "SOL okx sol-usdt zeta solusd +21.90% 0.2100% 84.0h 03-17 17:46 -0.1500% +0.2100%"
    )
    assert rows["oi"] == "SOL/USDT:USDT okx +1.20% +0.40% long build up"
    assert rows["squeeze"] == "SOL/USDT:USDT okx - - - - fewer than three components: short_squeeze"
    assert rows["alerts"].startswith("critical ")
    assert rows["alerts"].endswith(" big okx:sol-usdt 72.5 60 much too big")
    assert rows["quality"].startswith("critical ")
    assert rows["quality"].endswith(" okx sol-usdt stale oi nothing newer")
    titles = next(line for line in pages["quality"] if line.startswith("newest value"))
    assert titles.split() == ["newest", "value", "funding", "mark_price", "oi", "spot", "contracts", "holes"]


async def test_one_page_subscribes_to_its_own_channels(
    valkey: str, client: Redis, eventually: Eventually
) -> None:
    """And to nothing else; what comes live is printed at the end."""

    async def subscribed() -> bool:
        return bool(await client.pubsub_numpat())

    async with running("spreads", "--redis", valkey, "--for", "3s") as process, asyncio.timeout(20):
        await eventually(subscribed, within_s=10.0)
        assert await client.pubsub_numpat() == 1
        assert await client.publish("signal:basis:okx:x", b"{}") == 0
        for family, owner, item, keys in MESSAGES:
            await publish(client, family, owner, item, **keys)
        out, err = await process.communicate()
    assert (err, process.returncode) == (b"", 0)
    assert out.decode().splitlines()[-1].startswith("SOL ")


async def test_a_signal_ends_it_early(valkey: str, client: Redis, eventually: Eventually) -> None:
    """What has arrived until then is what counts."""

    async def subscribed() -> bool:
        return bool(await client.pubsub_numpat())

    async with running("--redis", valkey, "--for", "60s") as process, asyncio.timeout(20):
        await eventually(subscribed, within_s=10.0)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert b"nothing arrived" in out
    assert (err, process.returncode) == (b"", 1)


@pytest.mark.usefixtures("published")
async def test_rows_as_json(valkey: str) -> None:
    """One object a line, with its page; `--coin` leaves the others out."""
    out, err, code = await output_of("--page", "all", "--redis", valkey, "--for", LONG_ENOUGH, "--json")
    records = [json.decode(line) for line in out.splitlines()]
    assert (err, code) == ("", 0)
    assert {record["page"] for record in records} == set(NAMES)
    assert {record["values"]["gross_apr"] for record in records if record["page"] == "spreads"} == {0.219}
    out, err, code = await output_of(
        *("squeeze", "--redis", valkey, "--for", LONG_ENOUGH, "--json", "--coin", "btc")
    )
    assert (out, err, code) == ("", "", 0)


async def test_nothing_arrived_is_exit_code_1(valkey: str, free_port: int) -> None:
    """With the reason: nothing published, and what the page needs; or no server."""
    out, err, code = await output_of("oi", "--redis", valkey, "--for", "500ms")
    assert "nothing arrived from" in out
    assert "connected, but nothing is published" in out
    assert out.splitlines()[-1].startswith(
        "no oi_regime published yet: regimes come with the first finished bars"
    )
    assert (err, code) == ("", 1)
    away = f"redis://127.0.0.1:{free_port}"
    out, err, code = await output_of("--redis", away, "--for", "500ms", "--json")
    assert "the server is away" in err
    assert (out, code) == ("", 1)


@pytest.mark.usefixtures("published")
async def test_on_a_terminal_the_pages_are_drawn_and_q_ends_it(valkey: str, eventually: Eventually) -> None:
    """Keys choose the page."""
    ours, theirs = pty.openpty()
    seen = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: seen.extend(os.read(ours, 65536)))
    try:
        async with running("--redis", valkey, terminal=theirs) as process, asyncio.timeout(20):
            for text, key in ((b"SOL", b"5"), (b"much too big", b"6"), (b"nothing newer", b"q")):
                await eventually(lambda text=text: text in seen, within_s=10.0)  # type: ignore[misc]
                seen.clear()
                os.write(ours, key)
            assert await process.wait() == 0
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


async def test_switched_off_signals_are_named(valkey: str, tmp_path: Path) -> None:
    """The configuration that also gives the address says so."""
    file = tmp_path / "microstream.yaml"
    file.write_text(f"redis: {{url: {valkey}}}\nsignals: {{enabled: false}}\n")
    out, _, code = await output_of("spreads", "-c", str(file), "--for", "500ms")
    assert out.splitlines()[-1] == f"signals are switched off: signals.enabled is false in {file}"
    assert code == 1


@pytest.mark.usefixtures("published")
async def test_a_column_that_is_not_there_is_refused(valkey: str) -> None:
    """With those that are."""
    out, err, code = await output_of("--redis", valkey, "--for", LONG_ENOUGH, "--sort", "nothing")
    assert "--sort nothing: there is no column 'nothing'; choose of coin, spread, okx" in err
    assert (out, code) == ("", 2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"page": "bars"}, "there is no page 'bars'; choose of funding, spreads"),
        ({"page": "oi", "page_option": "alerts"}, "two pages are named: oi and --page alerts"),
        ({"for_": "0s"}, "--for 0s leaves no time"),
        ({"redis": "localhost"}, "--redis localhost is not a Redis URL"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, Any], text: str) -> None:
    """The error names the option and what would be right."""
    with pytest.raises(ConfigError, match=text):
        command(**{"page": None, "redis": "redis://h", **options})
