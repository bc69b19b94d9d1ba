"""Command line: python -m microstream_sim."""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from microstream_sim.faults import Fault, read_script_file
from microstream_sim.market import STEP_MS
from microstream_sim.scenarios import SCENARIOS, Scenario, read_scenario
from microstream_sim.server import SimOptions, SimServer
from microstream_sim.targets import UnknownTarget

_USAGE_ERROR = 2
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_STANDARD_INPUT = 0


def main() -> int:
    """Run the simulator until it is told to stop; return the exit code."""
    arguments = _parser().parse_args()
    faults: list[Fault] = []
    if arguments.faults is not None:
        try:
            faults = read_script_file(arguments.faults)
        except (OSError, ValueError) as error:
            return _fail(f"cannot use the fault script: {error}")
    options = SimOptions(
        host=arguments.host,
        port=arguments.port,
        seed=arguments.seed,
        contracts=arguments.contracts,
        truth=arguments.truth,
        faults=faults,
        scenarios=arguments.scenario,
        step_ms=arguments.step,
        stream_life_s=arguments.stream_life / 1000,
    )
    try:
        asyncio.run(_serve(options, exit_on_stdin_eof=arguments.exit_on_stdin_eof))
    except UnknownTarget as error:
        return _fail(str(error))
    except OSError as error:
        if error.filename is not None:
            return _fail(f"cannot write {error.filename}: {error.strerror}")
        ports = "free ports" if options.port == 0 else f"ports {options.port} to {options.port + 3}"
        return _fail(f"cannot listen on {ports} of {options.host}: {error.strerror or error}; try --port 0")
    return 0


async def _serve(options: SimOptions, *, exit_on_stdin_eof: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if exit_on_stdin_eof:
        # A thread, because standard input may be a file, which an event loop cannot wait for.
        threading.Thread(target=_wait_for_eof, args=(loop, stop), daemon=True).start()
    async with SimServer(options) as sim:
        print(json.dumps({"event": "ready", "urls": sim.urls}), flush=True)
        ends = [asyncio.create_task(event.wait()) for event in (stop, sim.crashed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.wait(ends)


def _wait_for_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not through sys.stdin: a thread that waits inside it would break the end of the interpreter.
    with suppress(OSError):
        while os.read(_STANDARD_INPUT, 4096):
            pass
    loop.call_soon_threadsafe(stop.set)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m microstream_sim",
        description="Serve simulated Binance, Bybit and OKX market data on four ports: "
        "PORT binance, PORT+1 bybit, PORT+2 okx, PORT+3 control.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="first of four ports; 0 takes free ones")
    parser.add_argument("--seed", type=int, default=0, help="seed of the market")
    parser.add_argument("--contracts", type=int, help="ordinary perpetuals per venue (default: hundreds)")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="append a JSON line per served reply")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="YAML script of faults")
    parser.add_argument(
        "--scenario", type=_scenario, action="append", default=[], metavar="NAME[:COIN]",
        help=f"a market situation from the start on: {', '.join(SCENARIOS)}; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--step", type=_step_ms, default=STEP_MS, metavar="TIME",
        help="how long values stay as they are, 200ms for instance; a part of a second (default: 1s)",
    )  # fmt: skip
    parser.add_argument(
        "--stream-life", type=_duration_ms, default=86_400_000, metavar="TIME",
        help="how long a connection to Binance's streams lives (default: 24h)",
    )  # fmt: skip
    parser.add_argument("--exit-on-stdin-eof", action="store_true", help="end when standard input closes")
    return parser


def _duration_ms(text: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 200ms, 5s, 10m or 24h")
    return int(match[1]) * _UNITS_MS[match[2]]


def _step_ms(text: str) -> int:
    step = _duration_ms(text)
    if 1000 % step:
        raise argparse.ArgumentTypeError(f"a whole number of steps must make a second, not so with {text}")
    return step


def _scenario(text: str) -> Scenario:
    name, _, coin = text.partition(":")
    try:
        return read_scenario({"name": name, "coin": coin} if coin else {"name": name})
    except ValueError as bad:
        raise argparse.ArgumentTypeError(str(bad)) from bad


def _fail(text: str) -> int:
    print(f"microstream_sim: {text}", file=sys.stderr)
    return _USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
