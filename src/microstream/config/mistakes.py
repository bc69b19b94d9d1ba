"""What the model refuses -> problems in words, each at the place where the value was written."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from microstream.config.document import scalar
from microstream.config.places import Key, Place, Places, Problem, find, spelled
from microstream.config.schema import advice, is_group, members

_UNQUOTED = ("bool_type", "int_type", "float_type")

_WHOLE = ("alert", "missing")
"""Kinds of mistakes that say all, without what is written there."""

_NOWHERE = Place("configuration", 0)

_REASONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "alert": lambda context: str(context["reason"]),
    "missing": lambda _: "is missing; write the name of the environment variable that holds the URL",
    "value_error": lambda context: str(context["error"]),
    "dict_type": lambda _: "is not a group of names, each with what belongs to it",
    "bool_type": lambda _: "is not true or false",
    "int_type": lambda _: "is not a whole number",
    "float_type": lambda _: "is not a number",
    "finite_number": lambda _: "is not a finite number",
    "string_too_short": lambda _: "is empty",
    "string_too_long": lambda context: f"is too long; at most {context['max_length']} characters",
    "tuple_type": lambda _: "is not a list of names; write for example [BTC/USDT, ETH/USDT]",
    "too_short": lambda _: "has no names; name what to follow, or write all",
    "literal_error": lambda context: f"is unknown here; write {context['expected']}",
    "greater_than": lambda context: f"is too small; more than {context['gt']:g}",
    "greater_than_equal": lambda context: f"is too small; at least {context['ge']:g}",
    "less_than_equal": lambda context: f"is too large; at most {context['le']:g}",
}


def problems(error: ValidationError, places: Places) -> Iterator[Problem]:
    """Yield a problem for every refused value; texts never hold more of a value than its `Place` shows."""
    for detail in error.errors(include_url=False):
        key = tuple(map(str, detail["loc"]))
        found = (find(places, key[:length]) for length in range(len(key), 0, -1))
        place = next(filter(None, found), _NOWHERE)
        name = ".".join(part for part in detail["loc"] if isinstance(part, str))
        yield Problem(place, f"{spelled((name,))}: {_text(detail, key, place)}")


def _text(detail: ErrorDetails, key: Key, place: Place) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {advice(key)}"
    if kind in _WHOLE or (is_group(key) and kind == "value_error"):
        return _reason(detail)
    if is_group(key):
        return f"{place.shown} is not a group of keys; known here: {', '.join(members(key))}"
    return _setting_text(detail, place)


def _setting_text(detail: ErrorDetails, place: Place) -> str:
    kind, value = detail["type"], detail["input"]
    if value is None:
        return "has no value; give it one or remove the key"
    if kind == "string_type" and isinstance(value, bool | int | float):
        meaning = "true or false" if isinstance(value, bool) else "a number"
        return f"{place.shown} is read as {meaning}, not as text; put it in quotes"
    if kind in _UNQUOTED and isinstance(value, str) and not isinstance(scalar(value), str):
        return f"{place.shown} is text because of its quotes; remove them"
    return f"{place.shown} {_reason(detail)}"


def _reason(detail: ErrorDetails) -> str:
    reason = _REASONS.get(detail["type"])
    return reason(detail.get("ctx", {})) if reason else "is not text that can be used here"
