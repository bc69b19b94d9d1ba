"""Starts the simulated venues as a process of their own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from microstream.errors import StartError

START_S = 20.0
VENUES = ("binance", "bybit", "okx")


@asynccontextmanager
async def simulation(arguments: Sequence[str] = ()) -> AsyncIterator[dict[str, str]]:
    """Run the simulator on free ports; yield the environment that points the configuration at it.

    It is reached without a proxy, whatever the environment says, and ends when this process does. Raises
    `StartError` when it does not come up.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "microstream_sim",
        "--port",
        "0",
        "--exit-on-stdin-eof",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        urls = await _ready(process)
        os.environ["NO_PROXY"] = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1")))
        yield environment(urls)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def environment(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that point the configuration at a simulator with these addresses."""
    bases = {}
    for name in VENUES:
        prefix = f"MICROSTREAM_EXCHANGES__{name.upper()}"
        bases[f"{prefix}__REST_URL"] = bases[f"{prefix}__SPOT_REST_URL"] = urls[name]
        bases[f"{prefix}__WS_URL"] = urls[f"{name}_ws"]
        bases[f"{prefix}__SPOT_WS_URL"] = urls.get(f"{name}_spot_ws", urls[f"{name}_ws"])
    return bases


async def _ready(process: Process) -> dict[str, str]:
    assert process.stdout is not None  # noqa: S101
    try:
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
    except TimeoutError:
        raise StartError(f"the simulator did not start within {START_S:.0f} s") from None
    if not line:
        raise StartError(f"the simulator ended with exit code {await process.wait()}")
    urls: dict[str, str] = msgspec.json.decode(line)["urls"]
    return urls
