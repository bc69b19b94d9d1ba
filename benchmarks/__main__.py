"""Run one benchmark or all: `python -m benchmarks [NAME]`."""

import argparse
import sys
from importlib import import_module

from benchmarks.table import heading

NAMES = ("decode", "pipeline", "bus", "subscribe", "e2e", "footprint", "requests")


def main() -> int:
    """Run what is named, everything without a name; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, help="run only this one")
    chosen = parser.parse_args().name
    for name in [chosen] if chosen else NAMES:
        module = import_module(f"benchmarks.{name}")
        heading(name, (module.__doc__ or "").partition("\n")[0])
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
