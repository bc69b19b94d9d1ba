"""`microstream simulate`: the simulated venues alone."""

import os
import sys
from typing import Annotated

import typer


def command(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="First of four ports; 0 takes free ones.")] = 9100,
) -> None:
    """Serve the simulated venues; further options go to the simulator (see `python -m microstream_sim --help`)."""
    words = [sys.executable, "-m", "microstream_sim", "--port", str(port), *context.args]
    os.execv(sys.executable, words)  # noqa: S606
