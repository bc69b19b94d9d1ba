"""Dotted paths into messages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.alerts.made import START, bar, instrument, quality, signal

from microstream.model.messages import PAYLOADS
from microstream.model.paths import look, mistake, parse

SIGNAL = signal(START, {"net_return": {"24h": 0.1}, "pairs": [{"short": "okx"}], "none": None})[1]


@pytest.mark.parametrize(
    ("path", "message", "expected"),
    [
        ("values.net_return.24h", SIGNAL, 0.1),
        ("values.pairs.0.short", SIGNAL, "okx"),
        ("values.pairs.1.short", SIGNAL, None),
        ("values.pairs.first", SIGNAL, None),
        ("values.none.more", SIGNAL, None),
        ("values.net_return.24h.more", SIGNAL, None),
        ("values.nothing", SIGNAL, None),
        ("name", SIGNAL, "squeeze"),
        ("family", SIGNAL, None),
        ("name.upper", SIGNAL, None),
        ("mark.close", bar(START, 99.5)[1], 99.5),
        ("index.close", bar(START, 99.5)[1], None),
        ("changed.tick_size", instrument(START, changed={"tick_size": 0.1})[1], 0.1),
        ("state", quality(START, "raised")[1], "raised"),
    ],
)
def test_what_stands_at_a_path(path: str, message: Any, expected: object) -> None:
    """Attributes, keys and places in lists; None where it leads nowhere, and nothing but data."""
    assert look(parse(path), message) == expected


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", "a\nb", "x" * 201])
def test_what_is_no_path(text: str) -> None:
    """The error gives an example."""
    with pytest.raises(ValueError, match=r"is not a path into a message; write for example values\.score"):
        parse(text)


@pytest.mark.parametrize(
    ("family", "path", "said"),
    [
        ("funding", "funding_rate", None),
        ("funding", "funding_rat", "a message of funding has no funding_rat; did you mean funding_rate?"),
        ("funding", "Funding_Rate", "did you mean funding_rate?"),
        ("funding", "qqq", "there are v, exchange"),
        ("funding", "funding_rate.x", "funding_rate has no parts"),
        ("funding", "flags", "is no single value; flags has parts"),
        ("funding", "flags.0", None),
        ("bars", "mark.close", None),
        ("bars", "mark", "is no single value; mark has parts"),
        ("bars", "mark.clos", "mark has no clos; did you mean close?"),
        ("signal", "values.whatever.it.is", None),
        ("signal", "inputs.0.value", None),
        ("signal", "inputs.value", "inputs is a list; write the place in it, as inputs.0"),
        ("instrument", "changed.funding_interval_hours", None),
        ("instrument", "changed", "is no single value"),
        ("instrument", "changed.a.b", "changed.a has no parts"),
        ("quality", "observed", None),
        ("quality", "kind", None),
    ],
)
def test_what_is_wrong_with_a_path(family: str, path: str, said: str | None) -> None:
    """Judged by the types of the messages: misspelt keys, values without parts, and groups."""
    found = mistake(parse(path), [PAYLOADS[family]])
    assert found is None if said is None else said in (found or "")


def test_a_group_may_be_asked_for_as_a_whole() -> None:
    """Whether it is there is a question, too."""
    assert mistake(parse("mark"), [PAYLOADS["bars"]], whole=True) is None


def test_one_kind_of_message_that_has_it_is_enough() -> None:
    """A glob may match several families."""
    assert mistake(parse("funding_rate"), [PAYLOADS["oi"], PAYLOADS["funding"]]) is None
    assert mistake(parse("mark_price"), [PAYLOADS["oi"], PAYLOADS["quality"]]) is not None


@given(st.text(alphabet="abv.0l", max_size=20))
def test_no_path_raises(text: str) -> None:
    """A path is refused when it is parsed, or leads to something or nothing."""
    try:
        path = parse(text)
    except ValueError:
        return
    look(path, SIGNAL)
    assert (mistake(path, [PAYLOADS["quality"]]) is None) == (path[0] == "v" and len(path) == 1)
