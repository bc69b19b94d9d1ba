"""Messages as rows and back: every payload survives to the last byte."""

from collections.abc import Callable
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microstream.history.columns import Columns
from microstream.history.published import COLUMNS, channel_of
from microstream.model.channels import parts
from microstream.model.messages import PAYLOADS, Message, Range

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)
ANYTHING = st.recursive(
    st.none() | FINITE | TEXT | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
SHAPES: dict[str, st.SearchStrategy[Any]] = {"evidence": st.dictionaries(TEXT, ANYTHING, max_size=3)}
SHAPES["values"] = SHAPES["evidence"]


def _some(kind: type[Message]) -> st.SearchStrategy[Message]:
    st.register_type_strategy(float, FINITE)
    st.register_type_strategy(str, TEXT)
    st.register_type_strategy(int, st.integers(-(2**53), 2**53))
    own = {name: shape for name, shape in SHAPES.items() if name in kind.__struct_fields__}
    return st.builds(kind, **own)


@pytest.mark.parametrize("family", PAYLOADS)
def test_a_payload_survives_its_table(family: str) -> None:
    """A message that was a row is the same bytes again."""
    columns = COLUMNS[family]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(_some(PAYLOADS[family]), min_size=1, max_size=4))
    def check(messages: list[Message]) -> None:
        frame = pl.DataFrame(columns.series(messages))
        assert frame.schema == pl.Schema(columns.schema)
        back = columns.structs(frame)
        assert [msgspec.json.encode(one) for one in back] == [msgspec.json.encode(one) for one in messages]

    check()


def test_an_unknown_range_is_null_and_not_a_range_of_nulls() -> None:
    """A bar whose value was never known has null there, in the table as in the payload."""

    class Bar(msgspec.Struct):
        mark: Range | None

    frame = pl.DataFrame(Columns(Bar).series([Bar(None), Bar(Range(1.0, 2.0, 0.5, 1.5, 3, 7))]))
    assert frame["mark"].is_null().to_list() == [True, False]
    assert frame["mark"].struct.field("close").to_list() == [None, 1.5]


@pytest.mark.parametrize(
    ("family", "keys", "name"),
    [
        ("funding", {}, "funding:okx:sol-usdt"),
        ("mark_price", {}, "meta:mark_price:okx:sol-usdt"),
        ("bars", {"timeframe": "1m"}, "bars:okx:sol-usdt:1m"),
        ("signal", {"name": "basis", "subject": "okx:sol-usdt"}, "signal:basis:okx:sol-usdt"),
        ("alert", {"rule": "cap", "subject": "sol"}, "alert:cap:sol"),
    ],
)
def test_a_message_tells_its_channel(family: str, keys: dict[str, str], name: str) -> None:
    """What was read from a table goes out where it went before."""
    message = _blank(PAYLOADS[family], exchange="okx", symbol="sol-usdt", **keys)
    place = channel_of(message)
    assert place.name == name
    assert parts(name) == (family, place.group.partition(":")[2], place.item)


def _blank(kind: type[Message], **keys: str) -> Message:
    make: Callable[..., Message] = kind
    return make(**{name: keys.get(name) for name in kind.__struct_fields__})
