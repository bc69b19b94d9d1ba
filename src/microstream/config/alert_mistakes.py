"""What can be wrong with a rule: names, channels, paths, texts, and keys that do not fit together."""

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from microstream.errors import ConfigError
from microstream.model import paths
from microstream.model.channels import PREFIXES
from microstream.model.globs import channel_regex, families
from microstream.model.messages import PAYLOADS, Message

OWN_PLACEHOLDERS = ("subject", "value", "threshold", "rule")
"""What a text can say beside what stands in the message."""

Wrong = tuple[tuple[str, ...], str]
"""A key of the rule, `()` for the whole of it, and what is wrong with it."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_THRESHOLDS = ("above", "below", "outside")
_CONDITIONS = (*_THRESHOLDS, "is", "present")


def of_name(name: str) -> Iterator[str]:
    """Yield what is wrong with the name of a rule or delivery; rules' names are part of channels and of variables."""
    if len(name) > 64 or not _NAME.fullmatch(name):
        yield "is no name for this; write small letters and digits, with single _ between"


def glob(text: str) -> str:
    """Return a channel glob. Raises `ValueError` for one that can match nothing that rules look at."""
    try:
        channel_regex(text)
    except ConfigError as error:
        raise ValueError(f"cannot be read as a glob: {str(error).rpartition(': ')[2]}") from error
    found = families(text)
    if found == ["alert"]:
        raise ValueError("is a channel of alerts, and rules do not look at alerts")
    if not found:
        known = ", ".join(f"{prefix}:*" for family, prefix in PREFIXES.items() if family != "alert")
        raise ValueError(f"matches no channel; there are {known}")
    return text


def template(text: str) -> str:
    """Return the text of an alert. Raises `ValueError` for braces that are no placeholders."""
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:
        raise ValueError("has a brace without its partner; for a brace as such write it twice") from None
    for _, name, form, conversion in pieces:
        if name is not None and (form or conversion):
            raise ValueError(
                f"has a placeholder with a format, {{{name}...}}; write the name alone, as {{value}}"
            )
        if name == "":
            raise ValueError("has a placeholder without a name; write for example {value}")
    return text


def of_rule(rule: Mapping[str, Any], alike: str | None = None) -> Iterator[Wrong]:
    """Yield what is wrong with a complete rule, as keys and values of the file; `alike` is the shipped rule of a
    similar name.
    """
    named = [key for key in _CONDITIONS if rule[key] is not None]
    if rule["on"] is None:
        hint = f"; or did you mean the shipped rule {alike}?" if alike else ""
        yield ("on",), f"is missing: the channels to look at, for example signal:basis:*{hint}"
    if rule["value"] is None:
        yield ("value",), "is missing: the path of the value in the message, for example values.z_score"
    if not named:
        yield (), f"has no condition; write one of {', '.join(_CONDITIONS)}"
    for key in named[1:]:
        yield (key,), f"cannot stand beside {named[0]}; a rule has one condition"
    if len(named) == 1:
        yield from _of_thresholds(rule, named[0])
    yield from _of_times(rule)
    if rule["on"] is not None:
        yield from _of_paths(rule)


def _of_thresholds(rule: Mapping[str, Any], condition: str) -> Iterator[Wrong]:
    threshold, clear = rule[condition], rule["clear"]
    if condition == "outside" and threshold < 0:
        yield ("outside",), "is below 0, but the size of the value is compared with it, whatever its sign"
    if clear is None:
        return
    if condition not in _THRESHOLDS:
        yield ("clear",), f"means nothing beside {condition}; remove it"
    elif condition == "below" and clear < threshold:
        yield ("clear",), f"is {clear:g}, below the threshold; write at least {threshold:g}"
    elif condition != "below" and clear > threshold:
        yield ("clear",), f"is {clear:g}, above the threshold; write at most {threshold:g}"
    elif condition == "outside" and clear < 0:
        yield ("clear",), f"is {clear:g}, below 0, which the size of a value never is"


def _of_times(rule: Mapping[str, Any]) -> Iterator[Wrong]:
    if rule["lasts"] is None:
        return
    for key, why in (("for", "an event does not go on"), ("clear", "it ends by the time alone")):
        if rule[key]:
            yield (key,), f"cannot stand beside lasts: {why}"


def _of_paths(rule: Mapping[str, Any]) -> Iterator[Wrong]:
    found = {family for text in rule["on"] for family in families(text)} - {"alert"}
    kinds = [PAYLOADS[family] for family in PAYLOADS if family in found]
    if rule["value"] is not None:
        whole = rule["present"] is not None
        yield from _of_path(("value",), rule["value"], kinds, whole=whole)
    for text in rule["where"] or ():
        yield from _of_path(("where", text), text, kinds)
    for text in rule["distinct"] or ():
        yield from _of_path(("distinct",), text, kinds)
    for _, name, _, _ in Formatter().parse(rule["text"] or ""):
        if name is not None and name not in OWN_PLACEHOLDERS:
            for _, why in _of_path((), name, kinds):
                own = ", ".join(f"{{{known}}}" for known in OWN_PLACEHOLDERS)
                yield ("text",), f"has the placeholder {{{name}}}, which {why}. Beside paths there are {own}"


def _of_path(
    key: tuple[str, ...], text: str, kinds: list[type[Message]], *, whole: bool = False
) -> Iterator[Wrong]:
    try:
        why = paths.mistake(paths.parse(text), kinds, whole=whole)
    except ValueError as error:
        why = str(error)
    if why:
        yield key, why
