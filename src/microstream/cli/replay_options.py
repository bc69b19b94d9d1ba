"""What the options of `microstream replay` mean."""

from math import inf

from microstream.cli.replay_progress import iso
from microstream.config import Config, seconds
from microstream.config.urls import redact, store_url
from microstream.errors import ConfigError
from microstream.model.past import Span

FASTEST = "max"


def span(start: int, end: int) -> Span:
    """Return the span between two moments."""
    if end <= start:
        raise ConfigError(f"--from {iso(start)} --to {iso(end)}: the end is not behind the start")
    return Span(start, end)


def speed(text: str) -> float | None:
    """Return how many times as fast; None is as fast as can be."""
    if text == FASTEST:
        return None
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < inf:
        raise ConfigError(f"--speed {text}: write a number above 0, as 1 or 10 or 0.5, or max")
    return factor


def store(url: str | None, config: Config) -> str:
    """Return where the history is: what the option says, else the configuration."""
    if url is None:
        return config.history.url
    try:
        return store_url(url)
    except ValueError as error:
        raise ConfigError(f"--url {redact(url)} {error}") from None


def seconds_of(option: str, text: str) -> float:
    """Return the seconds of an option."""
    try:
        return seconds(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text} {error}") from None


def listed(text: str | None) -> list[str]:
    """Return the words of a list with commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def known_ones(option: str, names: list[str], known: list[str]) -> list[str]:
    """Return the names, all of which must be known ones."""
    for name in names:
        if name not in known:
            raise ConfigError(f"{option} {name}: there is {', '.join(known)}")
    return names
