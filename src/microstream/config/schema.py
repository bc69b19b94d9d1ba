"""The names of all settings, taken from the model."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pydantic.fields import FieldInfo

from microstream.config.model import Config, Section
from microstream.config.places import Key


def group_type(field: FieldInfo) -> type[Section] | None:
    """Return the model of a group of keys, None for a single setting."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _walk(section: type[Section], key: Key) -> Iterator[tuple[Key, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield (*key, name), field
        if group := group_type(field):
            yield from _walk(group, (*key, name))


_FIELDS = dict(_walk(Config, ()))
SETTINGS = {key: field for key, field in _FIELDS.items() if group_type(field) is None}
GROUPS = {key: field for key, field in _FIELDS.items() if group_type(field) is not None}


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that a misspelt one most likely means, None if none is near."""
    return next(iter(get_close_matches(name, list(names), n=1)), None)


def members(group: Key) -> list[str]:
    """Return the names of the keys in a group; `()` is the top level."""
    return [key[-1] for key in _FIELDS if key[:-1] == group]


def advice(unknown: Key) -> str:
    """Return which key an unknown one was meant to be, or which there are."""
    *group, name = unknown
    if match := nearest(name.lower(), members(tuple(group))):
        return f"did you mean {'.'.join((*group, match))}?"
    if elsewhere := [".".join(key) for key in _FIELDS if key[-1] == name.lower()]:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"known here: {', '.join(members(tuple(group)))}"
