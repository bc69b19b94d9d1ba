"""The commands, and what every one of them does with an error: a message, an exit code, no traceback."""

import sys

import typer

from microstream.cli import (
    alerts,
    backfill,
    config,
    decode,
    demo,
    doctor,
    history,
    monitor,
    record,
    replay,
    run,
    simulate,
    top,
)
from microstream.errors import ConfigError, MicrostreamError, StartError

BAD_CONFIGURATION = 2
NOTHING_STARTED = 3

cli = typer.Typer(
    name="microstream",
    help="Live funding rates, mark and index prices and open interest of perpetual futures, on Redis or Valkey.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli.command("demo")(demo.command)
cli.command("run")(run.command)
cli.command("monitor")(monitor.command)
cli.command("top")(top.command)
cli.command("decode")(decode.command)
cli.command("simulate", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    simulate.command
)
cli.command("backfill")(backfill.command)
cli.command("record")(record.command)
cli.command("config")(config.command)
cli.command("doctor")(doctor.command)
cli.command("history")(history.command)
cli.command("replay")(replay.command)
cli.add_typer(alerts.cli, name="alerts")


def app() -> int:
    """Run the command line and return the exit code."""
    try:
        code = cli(standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return 130
    except ConfigError as error:
        return _say(error, BAD_CONFIGURATION)
    except StartError as error:
        return _say(error, NOTHING_STARTED)
    except MicrostreamError as error:
        return _say(error, 1)
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # click's usage errors
            error.show()
            return int(error.exit_code)
        raise
    return code if isinstance(code, int) else 0


def _say(error: MicrostreamError, code: int) -> int:
    for line in str(error).splitlines():
        print(f"microstream: {line}", file=sys.stderr)
    return code
