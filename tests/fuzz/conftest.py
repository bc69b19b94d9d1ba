"""Mangled text and JSON, grown from the fixtures."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

Mangled = Callable[[bytes], st.SearchStrategy[bytes]]

JUNK = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b'"\\ud800"',
            b"[" * 2000,
            b'{"a":' * 2000,
            b"9" * 5000,
            b"1e999",
            b"-0",
            b"NaN",
            b"\x00",
        ]
    ),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=-(10**400), max_value=10**400),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
        st.from_regex(r"-?[0-9]{1,24}(\.[0-9]{1,8})?(e[+-]?[0-9]{1,4})?", fullmatch=True),
        st.sampled_from(
            ["", "0", "NaN", "-inf", "1e308", "1795334400000", "BTCUSDT", "BTC-USDT-SWAP", "linear"]
        ),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _bytes_mangled(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, overwritten or stuffed somewhere."""
    start = draw(st.integers(0, len(data)))
    end = draw(st.one_of(st.just(start), st.just(len(data)), st.integers(start, len(data))))
    return data[:start] + draw(JUNK) + data[end:]


@st.composite
def _values_mangled(draw: st.DrawFn, data: bytes) -> bytes:
    """The same JSON with some values replaced by values of any kind."""
    body = copy.deepcopy(json.loads(data))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = body
        holder: Any = None
        last: Any = None
        while isinstance(place, dict | list) and place and (holder is None or draw(st.integers(0, 4))):
            keys = list(place) if isinstance(place, dict) else range(len(place))
            holder, last = place, draw(st.sampled_from(keys))
            place = holder[last]
        if holder is not None:
            holder[last] = draw(VALUES)
    return json.dumps(body).encode()


def _strategy(data: bytes) -> st.SearchStrategy[bytes]:
    try:
        json.loads(data)
    except ValueError:
        return _bytes_mangled(data)
    return _bytes_mangled(data) | _values_mangled(data)


@pytest.fixture(scope="session")
def mangled() -> Mangled:
    """`mangled(data)`: a strategy of texts that were once this one."""
    return _strategy
