"""Settings from environment variables: `MICROSTREAM_REDIS__URL` is `redis.url`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from microstream.config.document import scalar
from microstream.config.places import Key, Place, Problem, nearest, shown, spelled
from microstream.config.schema import GROUPS, MEMBERS, SETTINGS, annotation, members

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
        if key := keys.get(name.upper()) or _of_member(name.upper()):
            _set(environment, key, name, text)
        else:
            unknown = _group_text(groups, name) or _member_text(name) or _unknown_text(list(keys), name)
            environment.problems.append(Problem(Place(name, None), unknown))
    return environment


def _named(name: str) -> tuple[Key, list[str]] | None:
    """Return the setting that has groups by name and what follows it in a variable, None for other variables."""
    for key in MEMBERS:
        head = f"{variable(key)}__"
        if name.startswith(head):
            return key, name.removeprefix(head).lower().split("__")
    return None


def _of_member(name: str) -> Key | None:
    """Return the key in a group that the user has named: `MICROSTREAM_ALERTS__RULES__CAP_HIT__ENABLED`."""
    found = _named(name)
    if found is None or len(found[1]) != 2 or not all(found[1]):
        return None
    key, (member, own) = found
    return (*key, member, own) if own in members((*key, member)) else None


def _set(environment: Environment, key: Key, name: str, text: str) -> None:
    place = Place(name, None, shown(key, text))
    if key in environment.places:
        other = environment.places[key].source
        environment.problems.append(Problem(place, f"{spelled(key)}: is set by {other} too; remove one"))
        return
    try:
        value = environment.values[key] = _value(_kinds(annotation(key)), text)
        environment.places |= _places(key, name, value)
    except (ValueError, RecursionError):
        reason = "is not a JSON list; write names with commas between them"
        if dict in _kinds(annotation(key)):
            reason = 'is not a JSON object; write for example {"NAME": {"enabled": false}}'
        environment.problems.append(Problem(place, f"{spelled(key)}: {place.shown} {reason}"))
    environment.places[key] = place


def _places(key: Key, name: str, value: object) -> dict[Key, Place]:
    """Return the places of what stands in a JSON object; all are the variable's."""
    places = {key: Place(name, None, shown(key, _spelt(value)))}
    if isinstance(value, dict):
        for inner, member in value.items():
            places |= _places((*key, inner), name, member)
    return places


def _spelt(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kinds(kind: Any) -> set[Any]:
    """Return the plain types that a setting may have, null apart."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _kinds(get_args(kind)[0])
    if origin in {Union, UnionType}:
        return set().union(*map(_kinds, get_args(kind))) - {NoneType}
    return {origin or kind}


def _value(kinds: set[Any], text: str) -> object:
    """Return what the text stands for in a setting of these types; words that do not fit stay text."""
    if dict in kinds:
        return json.loads(text)
    if tuple in kinds:
        return json.loads(text) if text.startswith("[") else text
    if kinds == {bool} and text in _SWITCHES:
        return _SWITCHES[text]
    return scalar(text) if kinds & {bool, int, float} else text


def _group_text(groups: Mapping[str, Key], name: str) -> str | None:
    key = groups.get(name.upper())
    if key is None:
        return None
    example = next(setting for setting in SETTINGS if setting[: len(key)] == key)
    return f"{spelled(key)} is a group of keys; set one of them, for example {variable(example)}"


def _member_text(name: str) -> str | None:
    """Return what is said of a variable that begins as one of a named group does, and sets nothing."""
    found = _named(name.upper())
    if found is None:
        return None
    key, parts = found
    known = members((*key, parts[0]))
    match = nearest(parts[-1], known) or known[0]
    example = variable((*key, parts[0] or "name", match))
    return f"no such setting; write {variable(key)}__NAME__KEY, for example {example}"


def _unknown_text(names: list[str], name: str) -> str:
    own = name.upper().removeprefix(PREFIX)
    match = nearest(own, [known.removeprefix(PREFIX) for known in names])
    alike = [PREFIX + match] if match else [known for known in names if known.endswith(f"__{own}")]
    if alike:
        return f"no such setting; did you mean {' or '.join(alike)}?"
    return f"no such setting; one is for example {names[0]}, and `microstream config` prints them all"
