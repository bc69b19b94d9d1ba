"""Dotted paths into messages: `values.net_return.24h`, `mark.close`, `changed.funding_interval_hours`."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin, get_type_hints

from msgspec import Struct

from microstream.model.messages import Message

Path = tuple[str, ...]
"""A path, taken apart at its dots."""

_LONGEST = 200


def parse(text: str) -> Path:
    """Take a path apart. Raises `ValueError` for text that is none."""
    path = tuple(text.split("."))
    if len(text) > _LONGEST or not all(part and part.isprintable() and " " not in part for part in path):
        raise ValueError("is not a path into a message; write for example values.score or mark.close")
    return path


def look(path: Path, message: Message) -> Any:
    """Return what stands at a path: of a struct the attribute, of an object the key, of a list the index.

    None where it leads nowhere, as where the value is unknown.
    """
    found: Any = message
    for part in path:
        if isinstance(found, Struct):
            found = getattr(found, part) if part in found.__struct_fields__ else None
        elif isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list | tuple):
            found = found[int(part)] if _is_index(part) and int(part) < len(found) else None
        else:
            return None
    return found


def mistake(path: Path, kinds: Iterable[type[Message]], *, whole: bool = False) -> str | None:
    """Return why a path leads nowhere in any message of these kinds, None where it may lead somewhere.

    It must lead to a single value, unless `whole`.
    """
    mistakes = [_mistake(kind, path, 0, whole=whole) for kind in kinds]
    return None if None in mistakes else next(iter(mistakes), None)


def _mistake(annotation: Any, path: Path, at: int, *, whole: bool) -> str | None:
    members = list(_members(annotation))
    if Any in members:
        return None
    mistakes = [_member_mistake(member, path, at, whole=whole) for member in members]
    return None if None in mistakes else max(filter(None, mistakes), key=len)


def _member_mistake(kind: Any, path: Path, at: int, *, whole: bool) -> str | None:
    here = ".".join(path[:at])
    if at == len(path):
        return None if whole or not _has_parts(kind) else f"is no single value; {here} has parts"
    if isinstance(kind, type) and issubclass(kind, Struct):
        hints = get_type_hints(kind)
        if path[at] in kind.__struct_fields__:
            return _mistake(hints[path[at]], path, at + 1, whole=whole)
        whose = here or f"a message of {kind.family}" if issubclass(kind, Message) else here
        return f"leads nowhere: {whose} has no {path[at]}; {_advice(path[at], kind.__struct_fields__)}"
    if get_origin(kind) is dict:
        return _mistake(get_args(kind)[1], path, at + 1, whole=whole)
    if get_origin(kind) in {list, tuple}:
        if _is_index(path[at]):
            return _mistake(get_args(kind)[0], path, at + 1, whole=whole)
        return f"leads nowhere: {here} is a list; write the place in it, as {here}.0"
    return f"leads nowhere: {here} has no parts"


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of a type, null apart; words are text."""
    if isinstance(annotation, type) or get_origin(annotation) in {dict, list, tuple}:
        yield annotation
        return
    for member in get_args(annotation):
        if isinstance(member, str):
            yield str
        elif member is not type(None) and member is not Ellipsis:
            yield from _members(member)


def _has_parts(kind: Any) -> bool:
    return get_origin(kind) in {dict, list, tuple} or (isinstance(kind, type) and issubclass(kind, Struct))


def _advice(part: str, known: Iterable[str]) -> str:
    names = list(known)
    match = get_close_matches(part.lower(), names, n=1)
    return f"did you mean {match[0]}?" if match else f"there are {', '.join(names)}"


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdecimal() and len(part) < 6
