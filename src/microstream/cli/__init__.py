"""The command `microstream`: one module a command, imported when it is called."""

import sys


def main() -> None:
    """Run the command line."""
    from microstream.cli.commands import app  # noqa: PLC0415

    sys.exit(app())
