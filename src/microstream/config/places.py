"""Where a value was written, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from microstream.config.urls import redact

Key = tuple[str, ...]
"""The path of a setting: `("redis", "url")`; an element of a list has its index as text at the end."""

_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the file (0: the file as a whole), or an environment variable (`line` None).

    `shown` is what was written there, fit for an error text.
    """

    source: str
    line: int | None
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, as a sentence."""

    place: Place
    text: str


Places = Mapping[Key, Place]


_HARMLESS = ("enabled", "severity")


def shown(key: Key, text: str) -> str:
    """Return what was written for a key, fit for an error text: URLs of deliveries are secrets as a whole."""
    if key[:1] == ("alerts",) and (
        "://" in text or (key[1:2] == ("deliveries",) and key[-1] not in _HARMLESS)
    ):
        return "what is written there"
    return quoted(text)


def find(places: Places, key: Key) -> Place | None:
    """Return where a key was written, for a group also where the first of its keys was; None: it was not."""
    if place := places.get(key):
        return place
    return next((place for written, place in places.items() if written[: len(key)] == key), None)


def quoted(text: str) -> str:
    """Return a value in quotes on one line, shortened and without passwords."""
    text = redact(text)
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…")


def spelled(key: Key) -> str:
    """Return a key with its dots, on one line, shortened."""
    name = redact(".".join(key))
    return name if name.isprintable() and len(name) <= 2 * _LONGEST_SHOWN else quoted(name)


def listing(problems: Iterable[Problem]) -> str:
    """Return the problems line by line: those of the file by line, then those of the environment."""
    ordered = sorted(problems, key=lambda p: (p.place.line is None, p.place.line or 0, p.place.source))
    return "\n".join(f"{problem.place}: {problem.text}" for problem in ordered)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that a misspelt one most likely means, None if none is near."""
    return next(iter(get_close_matches(name, list(names), n=1)), None)
