"""Coverage and certificates on standard output or in files."""

import shutil
import sys
from datetime import UTC, date, datetime

import msgspec

from microstream.cli.asked import Asked
from microstream.cli.session import forsake_output, tell
from microstream.config import Config
from microstream.errors import ConfigError
from microstream.history.absence import why_nothing_recorded
from microstream.history.certificate import Certificate, certify
from microstream.history.certificate_text import markdown
from microstream.history.coverage import coverage
from microstream.history.lookup import check_exchange
from microstream.history.picture import picture, pieces_for
from microstream.history.store import Store
from microstream.model.messages import PAYLOADS
from microstream.model.past import ROWS, Span

NOTHING_THERE = 1
DAYS_MS = 30 * 86_400_000
MINUTE_MS = 60_000
PIPED_WIDTH = 120


def print_coverage(asked: Asked) -> int:
    """Print what is there and what is missing, and return the exit code: 1 if nothing is known."""
    end = asked.end if asked.end is not None else asked.now - asked.now % MINUTE_MS
    start = asked.start if asked.start is not None else end - DAYS_MS
    if start >= end:
        raise ConfigError("--from is not before --to")
    store = Store(asked.url)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH
    found = coverage(
        store,
        Span(start, end),
        pieces_for(width),
        now=asked.now,
        kinds=_kinds(asked.kind),
        instrument=asked.instrument,
        exchange=check_exchange(asked.exchange),
        summed=asked.instrument is None and not asked.everything,
    )
    if not found.lines:
        tell(f"microstream: the ledger in {store.url} has no notes of that: nothing was recorded or fetched")
        return NOTHING_THERE
    text = msgspec.json.encode(found).decode() if asked.form == "json" else "\n".join(picture(found))
    _give(asked, f"{text}\n")
    return 0


def print_certificate(asked: Asked, day: str) -> int:
    """Print or write the certificate of a day and return the exit code: 1 if nothing was recorded."""
    when = _day(day, asked.now)
    exchange = check_exchange(asked.exchange)
    store = Store(asked.url)
    found = certify(store, when, now=asked.now, intervals_ms=intervals_ms(asked.config), exchange=exchange)
    if not found.rows:
        tell(f"microstream: nothing of {when} was recorded in {store.url}")
        tell(
            f"microstream: {why_nothing_recorded(store, 'mark_price', exchange, Span(found.start, found.end))}"
        )
        return NOTHING_THERE
    texts = {
        "md": "\n".join(markdown(found)) + "\n",
        "json": msgspec.json.format(msgspec.json.encode(found)).decode() + "\n",
    }
    if asked.output is not None:
        return _write_both(asked, found, texts)
    _give(asked, texts["json" if asked.form == "json" else "md"])
    return 0


def intervals_ms(config: Config) -> dict[str, int]:
    """Return the configured interval of each family of values."""
    services = config.services
    return {
        "funding": round(services.funding_rate_aggregator.poll_interval * 1000),
        "mark_price": round(services.mark_price_poller.poll_interval * 1000),
        "oi": round(services.open_interest_poller.poll_interval * 1000),
    }


def _write_both(asked: Asked, found: Certificate, texts: dict[str, str]) -> int:
    assert asked.output is not None  # noqa: S101
    name = f"certificate-{found.day}{f'-{found.exchange}' if found.exchange else ''}"
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
        for form, text in texts.items():
            (asked.output / f"{name}.{form}").write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"--output {asked.output}: {error.strerror}") from error
    print(f"{asked.output / name}.md and .json, SHA-256 {found.sha256}")
    return 0


def _day(text: str, now: int) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--certificate {text} is no day; write for example 2026-11-24") from None
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    if day > today:
        raise ConfigError(f"--certificate {text} has not begun; today is {today} (UTC)")
    return day


def _kinds(kind: str | None) -> tuple[str, ...]:
    if kind is None:
        return ()
    known = dict.fromkeys((*ROWS, *PAYLOADS))
    if kind not in known:
        raise ConfigError(f"there is no kind '{kind}'; there are {', '.join(known)}")
    return (kind,)


def _give(asked: Asked, text: str) -> None:
    if asked.output is not None:
        try:
            asked.output.write_text(text, "utf-8")
        except OSError as error:
            raise ConfigError(f"--output {asked.output}: {error.strerror}") from error
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        forsake_output()
