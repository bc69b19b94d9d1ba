"""Settings from environment variables: `MICROSTREAM_REDIS__URL` is `redis.url`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_origin

from microstream.config.document import scalar
from microstream.config.places import Key, Place, Problem, quoted, spelled
from microstream.config.schema import GROUPS, SETTINGS, nearest

PREFIX = "MICROSTREAM_"

# Container platforms write switches so.
_SWITCHES = {"0": False, "1": True}


@dataclass(slots=True)
class Environment:
    """The settings that variables make, where each stands, and what could not be read."""

    values: dict[Key, object] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def variable(key: Key) -> str:
    """Return the name of the variable that sets a key."""
    return PREFIX + "__".join(key).upper()


def read(environ: Mapping[str, str]) -> Environment:
    """Read every variable with our prefix, in any case; an empty one counts as not set."""
    keys = {variable(key): key for key in SETTINGS}
    groups = {variable(key): key for key in GROUPS}
    environment = Environment()
    for name, raw in environ.items():
        text = raw.strip()
        if not name.upper().startswith(PREFIX) or not text:
            continue
        if key := keys.get(name.upper()):
            _set(environment, key, Place(name, None, quoted(text)), text)
        else:
            unknown = _group_text(groups, name) or _unknown_text(list(keys), name)
            environment.problems.append(Problem(Place(name, None), unknown))
    return environment


def _set(environment: Environment, key: Key, place: Place, text: str) -> None:
    if key in environment.places:
        other = environment.places[key].source
        environment.problems.append(Problem(place, f"{spelled(key)}: is set by {other} too; remove one"))
        return
    try:
        environment.values[key] = _value(key, text)
    except (ValueError, RecursionError):
        reason = "is not a JSON list; write names with commas between them"
        environment.problems.append(Problem(place, f"{spelled(key)}: {place.shown} {reason}"))
    environment.places[key] = place


def _value(key: Key, text: str) -> object:
    """Return what the text stands for in a setting of this type; words that do not fit stay text."""
    annotation = SETTINGS[key].annotation
    if get_origin(annotation) is tuple:
        return json.loads(text) if text.startswith("[") else text
    if annotation is bool and text in _SWITCHES:
        return _SWITCHES[text]
    return scalar(text) if annotation in (bool, int, float) else text


def _group_text(groups: Mapping[str, Key], name: str) -> str | None:
    key = groups.get(name.upper())
    if key is None:
        return None
    example = next(setting for setting in SETTINGS if setting[: len(key)] == key)
    return f"{spelled(key)} is a group of keys; set one of them, for example {variable(example)}"


def _unknown_text(names: list[str], name: str) -> str:
    own = name.upper().removeprefix(PREFIX)
    match = nearest(own, [known.removeprefix(PREFIX) for known in names])
    alike = [PREFIX + match] if match else [known for known in names if known.endswith(f"__{own}")]
    if alike:
        return f"no such setting; did you mean {' or '.join(alike)}?"
    return f"no such setting; one is for example {names[0]}, and `microstream config` prints them all"
