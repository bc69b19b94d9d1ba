"""The recorder beside the service: a process of its own, started, watched and ended here.

Decoding and Parquet never hold up the loop so, and what they take of memory comes back with the process.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from random import Random

import msgspec
import structlog
from msgspec import Struct

from microstream.config import Config
from microstream.errors import ConfigError
from microstream.transport.backoff import Backoff

BACKOFF_S = (1.0, 30.0)
STOP_S = 10.0
"""How long the recorder may take to write what is left."""

log = structlog.get_logger()


class RecorderReport(Struct):
    """What the recorder says of itself, by family; see `microstream.history.recorder_state`."""

    rows: dict[str, int] = {}
    rejects: dict[str, int] = {}
    lost: dict[str, int] = {}
    lag_s: dict[str, float] = {}


class Recording:
    """Keeps a recorder running. It never stops or delays the service.

    `up` is whether it runs and reports; `report` is its last. Raises `ConfigError` where its libraries are missing.
    """

    def __init__(self, config: Config, random: Random, where: Callable[[tuple[str, ...]], str]) -> None:
        if any(find_spec(name) is None for name in ("deltalake", "polars")):
            raise ConfigError(
                f"{where(('history', 'record'))}: history.record: history needs two more libraries:"
                " pip install 'p9-microstream[history]'"
            )
        self.up = False
        self.report = RecorderReport()
        self._config = config.model_dump_json().encode() + b"\n"
        self._backoff = Backoff(*BACKOFF_S, random)

    async def run(self) -> None:
        """Run the recorder until cancelled, then let it write what is left; start it again when it dies."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await self._run_once()
            self._backoff.reset(loop.time() - began)
            delay_s = self._backoff.next()
            log.error("the recorder has died, it is started again", exit_code=code, in_s=round(delay_s, 1))
            await asyncio.sleep(delay_s)

    async def _run_once(self) -> int | str:
        """Return the exit code when the recorder dies, or why it cannot be started."""
        try:
            process = await _start()
        except OSError as error:
            return str(error)
        try:
            await self._hand_over(process)
            await self._listen(process)
            return await process.wait()
        finally:
            self.up = False
            await _end(process)

    async def _hand_over(self, process: Process) -> None:
        """Give it the configuration; the pipe stays open, so that it ends with this process."""
        assert process.stdin is not None  # noqa: S101
        with suppress(ConnectionError):
            process.stdin.write(self._config)
            await process.stdin.drain()

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101
        decode = msgspec.json.Decoder(RecorderReport).decode
        while line := await process.stdout.readline():
            with suppress(msgspec.DecodeError):
                self.report, self.up = decode(line), True


async def _start() -> Process:
    """Start it in a session of its own: Ctrl-C is for us, who end it after the last write."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "microstream",
        "record",
        "--child",
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
    )


async def _end(process: Process) -> None:
    """Let it write what is left; kill it when that takes too long."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await _read_out(process)
    except TimeoutError:
        log.warning("the recorder did not end in time and was killed; the next start reads the rest again")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _read_out(process: Process) -> None:
    assert process.stdout is not None  # noqa: S101
    while await process.stdout.readline():
        pass
    await process.wait()
