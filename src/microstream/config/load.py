"""File and environment -> `Config`, or every mistake in them at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from microstream.config import environment
from microstream.config.document import Document, parse
from microstream.config.environment import Environment
from microstream.config.mistakes import problems
from microstream.config.model import Config
from microstream.config.places import Key, Place, Places, Problem, find, listing
from microstream.errors import ConfigError

DEFAULT_FILE = Path("microstream.yaml")
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where it came from; `path` is None if no file was read."""

    config: Config
    path: Path | None
    places: Places

    def where(self, key: Key) -> str:
        """Return `file:line` or the variable that set a key such as `("server", "port")`, or `default`."""
        place = find(self.places, key)
        return "default" if place is None else str(place)


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read the file and the environment, which wins.

    Without `path`, `microstream.yaml` of the current directory is read if there is one. Raises `ConfigError`
    with one line for each mistake.
    """
    if path is None and DEFAULT_FILE.exists():
        path = DEFAULT_FILE
    document = Document() if path is None else _read(path)
    settings = environment.read(environ)
    _overlay(document, settings)
    mistakes = document.problems + settings.problems
    try:
        config = Config.model_validate(document.values)
    except ValidationError as error:
        mistakes += problems(error, document.places)
        raise ConfigError(listing(mistakes)) from None
    if mistakes:
        raise ConfigError(listing(mistakes))
    return Loaded(config, path, document.places)


def _read(path: Path) -> Document:
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            return _unreadable(name, "is longer than 1 MB: this is no configuration")
        return parse(data.decode("utf-8-sig"), name)
    except FileNotFoundError:
        return _unreadable(name, "there is no such file; name another, or none for the defaults")
    except OSError as error:
        return _unreadable(name, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Document(problems=[Problem(Place(name, line), "is not UTF-8 text; save it as UTF-8")])


def _unreadable(name: str, text: str) -> Document:
    return Document(problems=[Problem(Place(name, 0), text)])


def _overlay(document: Document, settings: Environment) -> None:
    """Put the environment's settings over those of the file."""
    for key, value in sorted(settings.values.items(), key=lambda item: len(item[0])):
        group: object = document.values
        for name in key[:-1]:
            if not isinstance(group, dict):
                break
            if group.get(name) is None:
                group[name] = {}
            group = group[name]
        if not isinstance(group, dict):
            continue  # the file has no group there: that is reported instead
        group[key[-1]] = value
        for stale in [written for written in document.places if written[: len(key)] == key]:
            del document.places[stale]
        document.places |= {
            inner: place for inner, place in settings.places.items() if inner[: len(key)] == key
        }
