"""YAML text -> plain values, each with the line on which it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from microstream.config.places import Key, Place, Problem, shown, spelled

_MAX_VALUES = 10_000
_MAX_DEPTH = 20

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_TEXT = frozenset(_TAG + name for name in ("str", "timestamp", "value", "merge"))
_TAGS = _TEXT | {_TAG + name for name in ("bool", "int", "float", "null", "map", "seq")}


@dataclass(slots=True)
class Document:
    """The values of a file, where each was written, and what could not be read."""

    values: dict[str, object] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class _TooLargeError(Exception):
    """More values or levels than any configuration has: aliases that multiply, or a wrong file."""


def parse(text: str, name: str) -> Document:
    """Read one YAML 1.1 document; `name` is the file's, for error texts. An empty one has no values."""
    document = Document()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if isinstance(root, yaml.MappingNode):
            _Builder(document, name).mapping(root, ())
        elif root is not None and root.tag != f"{_TAG}null":
            place = Place(name, root.start_mark.line + 1)
            problem = "is not a configuration: it has no keys; write for example symbols: [BTC/USDT]"
            document.problems.append(Problem(place, problem))
    except (_TooLargeError, RecursionError):
        too_large = f"more than {_MAX_VALUES} values or {_MAX_DEPTH} levels, counting what aliases repeat"
        return Document(problems=[Problem(Place(name, 0), too_large)])
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        return Document(problems=[_syntax_problem(error, text, name)])
    return document


def scalar(text: str) -> object:
    """Return what YAML 1.1 reads in plain text: true, false, null, a number, or the text itself.

    Digits beyond what Python turns into a number stay text.
    """
    tag = Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    try:
        return _scalar_value(yaml.ScalarNode(tag, text))
    except ValueError:
        return text


def _scalar_value(node: yaml.Node) -> object:
    """Raises `ValueError` where a tag and its text disagree, as in `!!int abc`."""
    if node.tag in _TEXT:
        return node.value
    try:
        return SafeConstructor().construct_object(node, deep=True)
    except (ValueError, LookupError, OverflowError, yaml.YAMLError):
        raise ValueError(
            "is no such value as its YAML tag (such as !!int) says, or a number of endless digits"
        ) from None


class _Builder:
    """Walks the node tree; PyYAML's own constructor would drop lines and accept repeated keys."""

    def __init__(self, document: Document, name: str) -> None:
        self._document = document
        self._name = name
        self._values = 0

    def mapping(self, node: yaml.MappingNode, key: Key) -> None:
        """Fill the document with the keys of the top level."""
        self._document.values = self._mapping(node, key)

    def _value(self, node: yaml.Node, key: Key) -> object:
        """Raises `ValueError` for a tag that is not allowed or does not fit."""
        self._count(len(key))
        if node.tag not in _TAGS:
            raise ValueError("has a YAML tag that is not allowed; put text that begins with ! in quotes")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, key)
        return _scalar_value(node)

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        values: dict[str, object] = {}
        first: dict[str, int] = {}
        for name_node, node_of_value, inherited in self._pairs(node, key, len(key)):
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                self._refuse(name_node, key, "has a list or a group in the place of a key")
                continue
            name = name_node.value
            path = (*key, name)
            if name not in first:
                first[name] = line
                self._document.places[path] = Place(self._name, line, _shown(path, node_of_value))
                try:
                    values[name] = self._value(node_of_value, path)
                except ValueError as error:
                    self._refuse(node_of_value, path, str(error))
            elif not inherited:
                self._refuse(name_node, path, f"is given twice; the first is in line {first[name]}")
        return values

    def _pairs(
        self, node: yaml.MappingNode, key: Key, depth: int
    ) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """Yield keys and values, own ones first, then those that `<<` merges in and own ones override."""
        merged: list[yaml.Node] = []
        for name_node, value_node in node.value:
            if name_node.tag != _MERGE:
                yield name_node, value_node, False
            elif isinstance(value_node, yaml.SequenceNode):
                merged.extend(value_node.value)
            else:
                merged.append(value_node)
        for source in merged:
            self._count(depth)
            if not isinstance(source, yaml.MappingNode):
                self._refuse(source, (*key, "<<"), "does not name a group of keys")
                continue
            for name_node, value_node, _ in self._pairs(source, key, depth + 1):
                self._count(depth)
                yield name_node, value_node, True

    def _sequence(self, node: yaml.SequenceNode, key: Key) -> list[object]:
        values: list[object] = []
        for item in node.value:
            path = (*key, str(len(values)))
            self._document.places[path] = Place(self._name, item.start_mark.line + 1, _shown(path, item))
            try:
                values.append(self._value(item, path))
            except ValueError as error:
                self._refuse(item, key, str(error))
        return values

    def _count(self, depth: int) -> None:
        self._values += 1
        if self._values > _MAX_VALUES or depth > _MAX_DEPTH:
            raise _TooLargeError

    def _refuse(self, node: yaml.Node, key: Key, text: str) -> None:
        place = Place(self._name, node.start_mark.line + 1)
        subject = spelled(key) if key else "the file"
        self._document.problems.append(Problem(place, f"{subject}: {text}"))


def _shown(key: Key, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shown(key, node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a group of keys"


def _syntax_problem(error: Exception, text: str, name: str) -> Problem:
    """Keep the line and say what to look for; PyYAML's full texts quote the file, passwords included."""
    line, reason = 0, "a number or an escape that does not exist"
    if isinstance(error, yaml.reader.ReaderError):
        line, reason = text.count("\n", 0, error.position) + 1, "a control character"
    elif isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line, reason = error.problem_mark.line + 1, _syntax_reason(error.problem or "")
    return Problem(Place(name, line), f"not readable as YAML: {reason}")


def _syntax_reason(problem: str) -> str:
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if "undefined alias" in problem:
        return "an alias (*name) without its anchor (&name); put text that begins with * in quotes"
    if "another document" in problem:
        return "a second document (---); only one is allowed"
    if "tag handle" in problem or "second occurrence" in problem:
        return "a tag (!name) or anchor (&name); put text that begins with ! or & in quotes"
    return f"{problem}; look at the indentation, colons, brackets and quotes here and in the line before"
