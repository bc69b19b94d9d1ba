"""The command `microstream`: one module a command, imported when it is called."""

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C while modules are loaded ends it without a traceback."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from microstream.cli.commands import app  # noqa: PLC0415

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(app())
