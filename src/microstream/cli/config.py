"""`microstream config`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from microstream.config import dump, load


def command(
    file: Annotated[
        Path | None, typer.Argument(help="Configuration file; default: microstream.yaml, if there.")
    ] = None,
) -> int:
    """Print the effective configuration, or what is wrong with it."""
    print(dump(load(file, os.environ).config), end="")
    return 0
