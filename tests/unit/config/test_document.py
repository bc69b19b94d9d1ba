"""YAML -> values and lines."""

import pytest

from microstream.config.document import Document, parse, scalar


def read(text: str) -> Document:
    return parse(text, "f.yaml")


def problems(text: str) -> list[str]:
    return [f"{problem.place}: {problem.text}" for problem in read(text).problems]


def lines(document: Document) -> dict[str, int | None]:
    return {".".join(key): place.line for key, place in document.places.items()}


def test_values_and_lines() -> None:
    """Every key knows its line, every element of a list too."""
    document = read("a: 1\nb:\n  c: text\n  d:\n    - x\n    - 2.5\ne: {f: yes, g: null}\n")
    assert document.values == {"a": 1, "b": {"c": "text", "d": ["x", 2.5]}, "e": {"f": True, "g": None}}
    assert lines(document) == {
        "a": 1,
        "b": 2,
        "b.c": 3,
        "b.d": 4,
        "b.d.0": 5,
        "b.d.1": 6,
        "e": 7,
        "e.f": 7,
        "e.g": 7,
    }
    assert document.problems == []


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null\n", "~"])
def test_empty(text: str) -> None:
    """An empty document is one without values, not a mistake."""
    assert read(text) == Document()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", False),
        ("off", False),
        ("On", True),
        ("TRUE", True),
        ("8787", 8787),
        ("0x10", 16),
        ("0.5", 0.5),
        ("", None),
        ("~", None),
        ("n", "n"),
        ("10s", "10s"),
        ("2026-01-01", "2026-01-01"),
        ("2026-99-99", "2026-99-99"),
        ("<<", "<<"),
        ("=", "="),
        ("nope", "nope"),
    ],
)
def test_scalar(text: str, expected: object) -> None:
    """Words are read as YAML 1.1 says; dates have no place here and stay text."""
    assert scalar(text) == expected
    assert type(scalar(text)) is type(expected)


def test_quoted_words_are_text() -> None:
    """Quotes make text of anything."""
    assert read("a: 'no'\nb: \"1\"\n").values == {"a": "no", "b": "1"}


def test_keys_are_text() -> None:
    """A key called `on` or 1 keeps its name."""
    assert read("on: 1\n1: 2\n").values == {"on": 1, "1": 2}


def test_duplicate_keys() -> None:
    """The second one is reported with the line of the first, at any depth."""
    assert problems("a: 1\nb: {c: 1,\n c: 2}\na: 3\n") == [
        "f.yaml:3: b.c: is given twice; the first is in line 2",
        "f.yaml:4: a: is given twice; the first is in line 1",
    ]


def test_merges() -> None:
    """`<<` fills in what is not given, from one group or from several, the first of which wins."""
    document = read("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: *a\n  x: 9\nd:\n  <<: [*b, *a]\n")
    assert document.values["c"] == {"x": 9, "y": 2}
    assert document.values["d"] == {"y": 3, "z": 4, "x": 1}
    assert lines(document)["c.y"] == 1
    assert document.problems == []


def test_merge_of_a_value() -> None:
    """Only groups can be merged."""
    assert problems("a: &a 5\nb:\n  <<: *a\n") == ["f.yaml:1: b.<<: does not name a group of keys"]


def test_aliases() -> None:
    """An alias repeats a value."""
    assert read("a: &a [1, 2]\nb: *a\n").values == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    "tag", ["!secret", "!!python/object:os.system", "!!binary", "!!set", "!!omap", "!<x>"]
)
@pytest.mark.parametrize("value", ["x", "[x]", "{x: 1}"])
def test_foreign_tags(tag: str, value: str) -> None:
    """No tag but those of plain values; nothing is constructed."""
    document = read(f"a: 1\nb: {tag} {value}\n")
    assert document.values == {"a": 1}
    assert [problem.place.line for problem in document.problems] == [2]
    assert "b: has a YAML tag that is not allowed" in document.problems[0].text


@pytest.mark.parametrize(
    "value", ["!!int abc", "!!int ''", "!!float x", "!!bool maybe", "!!map x", "!!seq x", "9" * 5000]
)
def test_tags_that_do_not_fit(value: str) -> None:
    """A plain tag on text that it does not fit."""
    said = "is no such value as its YAML tag (such as !!int) says, or a number of endless digits"
    assert problems(f"a: {value}\nb: [1, {value}]") == [f"f.yaml:1: a: {said}", f"f.yaml:2: b: {said}"]


@pytest.mark.parametrize("text", ["just text", "[a, b]", "- a\n- b\n", "5"])
def test_not_a_mapping(text: str) -> None:
    """A document without keys is no configuration."""
    (problem,) = problems(text)
    assert (
        problem == "f.yaml:1: is not a configuration: it has no keys; write for example symbols: [BTC/USDT]"
    )


def test_keys_that_are_collections() -> None:
    """A list or group as key."""
    assert problems("a: 1\n[x]: 2\n? {y: 1}\n: 3\n") == [
        "f.yaml:2: the file: has a list or a group in the place of a key",
        "f.yaml:3: the file: has a list or a group in the place of a key",
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "look at the indentation, colons, brackets and quotes"),
        ("a:\n\t- x\n", 2, "a tab; indent with spaces"),
        ("a: 1\nb: *hunter2\n", 2, "an alias (*name) without its anchor (&name)"),
        ("a: 1\n---\nb: 2\n", 2, "a second document (---); only one is allowed"),
        ("a: 1\nb: !hunter2!x y\n", 2, "a tag (!name) or anchor (&name)"),
        ("a: &hunter2 1\nb: &hunter2 2\n", 2, "a tag (!name) or anchor (&name)"),
        ("a: 1\nb: \x07hunter2\n", 2, "a control character"),
        ('a: "\\UFFFFFFFF hunter2"\n', None, "a number or an escape that does not exist"),
        (f"%YAML 1.{'9' * 5000}\n---\na: 1\n", None, "a number or an escape that does not exist"),
    ],
)
def test_syntax_errors(text: str, line: int | None, reason: str) -> None:
    """The line and what to look for, and nothing of the text."""
    (problem,) = problems(text)
    assert problem.startswith(
        f"f.yaml:{line}: not readable as YAML: " if line else "f.yaml: not readable as YAML: "
    )
    assert reason in problem
    assert "hunter2" not in problem


def _bomb(link: str) -> str:
    levels = "".join(f"a{n}: &a{n} {link.format(f'*a{n - 1}')}\n" for n in range(1, 12))
    return "a0: &a0 {x: 1}\n" + levels


@pytest.mark.parametrize(
    "text",
    [
        _bomb("[{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]"),
        _bomb("{{<<: [{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]}}"),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "a: &a {<<: *a}\n",
        "a: " + "[" * 5000,
        "a: " + "[" * 30 + "]" * 30,
        "a: [" + "1, " * 10_001 + "]",
    ],
    ids=[
        "alias bomb",
        "merge bomb",
        "list in itself",
        "group in itself",
        "merge of itself",
        "open brackets",
        "deep",
        "long",
    ],
)
def test_too_large(text: str) -> None:
    """Nesting and repetition end at a limit, at once."""
    assert problems(text) == ["f.yaml: more than 10000 values or 20 levels, counting what aliases repeat"]
