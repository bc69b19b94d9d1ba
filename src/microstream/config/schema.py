"""The names of all settings, taken from the model."""

from collections.abc import Iterator
from typing import get_args, get_origin

from pydantic.fields import FieldInfo

from microstream.config.model import Config
from microstream.config.places import Key, nearest, spelled
from microstream.config.section import Section


def group_type(field: FieldInfo) -> type[Section] | None:
    """Return the model of a group of keys, None for a single setting."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def member_type(field: FieldInfo) -> type[Section] | None:
    """Return the model of the groups in a setting that has one by each name, None for any other setting."""
    arguments = get_args(field.annotation)
    if get_origin(field.annotation) is dict and issubclass(arguments[1], Section):
        member: type[Section] = arguments[1]
        return member
    return None


def _walk(section: type[Section], key: Key) -> Iterator[tuple[Key, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield (*key, name), field
        if group := group_type(field):
            yield from _walk(group, (*key, name))


_FIELDS = dict(_walk(Config, ()))
SETTINGS = {key: field for key, field in _FIELDS.items() if group_type(field) is None}
GROUPS = {key: field for key, field in _FIELDS.items() if group_type(field) is not None}
MEMBERS = {key: member for key, field in SETTINGS.items() if (member := member_type(field)) is not None}
"""Settings that are groups by names of the user's choice, and what such a group is."""


def members(group: Key) -> list[str]:
    """Return the names of the keys in a group; `()` is the top level."""
    if member := MEMBERS.get(group[:-1]):
        return [field.alias or name for name, field in member.model_fields.items()]
    return [key[-1] for key in _FIELDS if key[:-1] == group]


def is_group(key: Key) -> bool:
    """Return whether there is a group of keys at a place, be it one that the user has named."""
    return key in GROUPS or key[:-1] in MEMBERS


def annotation(key: Key) -> object:
    """Return the type of a setting."""
    if member := MEMBERS.get(key[:-2]):
        fields = {field.alias or name: field for name, field in member.model_fields.items()}
        return fields[key[-1]].annotation
    return SETTINGS[key].annotation


def advice(unknown: Key) -> str:
    """Return which key an unknown one was meant to be, or which there are."""
    *group, name = unknown
    if match := nearest(name.lower(), members(tuple(group))):
        return f"did you mean {spelled((*group, match))}?"
    if elsewhere := [".".join(key) for key in _FIELDS if key[-1] == name.lower()]:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"known here: {', '.join(members(tuple(group)))}"
