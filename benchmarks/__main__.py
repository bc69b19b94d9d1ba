"""Run one benchmark or all: `python -m benchmarks [NAME]`."""

import argparse
import re
import sys
from importlib import import_module

from benchmarks.table import heading

NAMES = (
    "decode",
    "pipeline",
    "bars",
    "bus",
    "subscribe",
    "throughput",
    "latency",
    "e2e",
    "footprint",
    "fullmarket",
    "signals",
    "requests",
    "history",
)
LONG = ("soak", "backfill")
"""Run when they are named only, for as long (or as much of the past) as `--for` says."""
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def main() -> int:
    """Run what is named, everything but the long one without a name; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=(*NAMES, *LONG), help="run only this one")
    parser.add_argument(
        "--for",
        dest="for_s",
        type=_seconds,
        metavar="TIME",
        help="how long soak runs, what backfill asks for: 10m, 1h, 30d",
    )
    options = parser.parse_args()
    if options.for_s is not None and options.name not in LONG:
        parser.error(f"--for goes with {' or '.join(LONG)}")
    for name in [options.name] if options.name else NAMES:
        module = import_module(f"benchmarks.{name}")
        heading(name, (module.__doc__ or "").partition("\n")[0])
        if options.for_s is None:
            module.main()
        else:
            module.main(options.for_s)
    return 0


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 30s, 10m or 1h")
    return float(int(match[1]) * UNITS_S[match[2]])


if __name__ == "__main__":
    sys.exit(main())
